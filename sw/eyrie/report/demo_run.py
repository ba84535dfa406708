"""What both networks of the demo share: folders, images, time-keeping, and rows of accuracy."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eyrie.compile.network.folder import image_digest
from eyrie.files import read_bytes
from eyrie.synth.cells import Target
from eyrie.train.artefacts import CALIBRATION_FILE, IMAGES_FILE, LABELS_FILE
from eyrie.train.data import scale_pixels

FLOAT = "float, before compression"
COMPRESSED = "compressed, in float"
FIXED_POINT = "fixed point"


@dataclass(frozen=True, kw_only=True)
class DemoRun:
    """One run of the demo.

    Parameters
    ----------
    output : Path
        Folder to write.
    models : Path
        Folder with the shipped models and images.
    results : Path
        Folder with accuracies recorded on the whole test set.
    n_pes : int
        Processing elements of the EIE engine.
    target : str
        What to synthesise for.
    say, count : callable
        Told what is being done, and how much of it.
    seconds : dict of str to float
        Wall-clock time of every part so far.
    """

    output: Path
    models: Path
    results: Path
    n_pes: int
    target: Target
    say: Callable[[str], None]
    count: Callable[[int, int], None]
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Say what the block does, and keep its time."""
        self.say(name)
        begin = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - begin

    @property
    def pixels(self) -> npt.NDArray[np.uint8]:
        """The shipped test images, uint8 (images, 784)."""
        return np.load(self.models / IMAGES_FILE, allow_pickle=False)

    @property
    def labels(self) -> npt.NDArray[np.uint8]:
        """What they show, uint8 (images,)."""
        return np.load(self.models / LABELS_FILE, allow_pickle=False)

    @property
    def inputs(self) -> npt.NDArray[np.float32]:
        """They as the networks take them, (images, 784)."""
        return scale_pixels(self.pixels)

    @property
    def calibration(self) -> npt.NDArray[np.float32]:
        """Training images to find the ranges of activations with, likewise."""
        return scale_pixels(np.load(self.models / CALIBRATION_FILE, allow_pickle=False))

    def accuracy(self, name: str, folder: Path, compressed: np.ndarray, outputs: np.ndarray) -> dict[str, Any]:
        """Accuracies of a network: recorded on the whole test set, and of this run.

        Where none of the fixed-point network is recorded, that of this run stands for it.

        Parameters
        ----------
        name : str
            Of the files in ``models`` and ``results``.
        folder : Path
            Of the compiled network.
        compressed, outputs : (images, classes)
            Of the compressed network in float, and in fixed point.

        Raises
        ------
        InputError
            If the report of the training is missing.
        """
        trained = json.loads(read_bytes(self.models / f"{name}.json"))
        n_test, n, shipped = trained["data_set"]["test_images"], len(self.labels), trained["shipped_images"]
        whole_float = _row(FLOAT, trained["stages"][0]["right_after"], n_test, "recorded by eyrie train")
        run = _row(FIXED_POINT, self._right(outputs), n, "this run")
        recorded = self._recorded(name, folder)
        rows = [
            whole_float,
            _row(COMPRESSED, trained["stages"][-1]["right_after"], n_test, "recorded by eyrie train"),
            *recorded,
            _row(FLOAT, shipped["right_float"], n, "recorded by eyrie train"),
            _row(COMPRESSED, self._right(compressed), n, "this run"),
            run,
        ]
        return {"float": whole_float, "fixed_point": (*recorded, run)[0], "rows": rows}

    def _recorded(self, name: str, folder: Path) -> list[dict[str, Any]]:
        """The row that `eyrie evaluate` has left in ``results``, if it has."""
        path = self.results / f"{name}-test-set.json"
        if not path.is_file():
            return []
        record = json.loads(read_bytes(path))
        same = "this image" if record["image_sha256"] == image_digest(folder) else "another image"
        return [_row(FIXED_POINT, record["right"], record["samples"], f"recorded by eyrie evaluate on {same}")]

    def _right(self, outputs: np.ndarray) -> int:
        return int(np.count_nonzero(outputs.argmax(axis=1) == self.labels))


def _row(network: str, right: int, total: int, source: str) -> dict[str, Any]:
    return {"network": network, "right": right, "total": total, "fraction": right / total, "source": source}
