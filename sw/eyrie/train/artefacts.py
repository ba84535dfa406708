"""The files that a training leaves behind. The same content gives the same bytes: no time, no path."""

import gzip
import io
import json
from pathlib import Path

import numpy as np

from eyrie.errors import InputError
from eyrie.files import write_atomic
from eyrie.train.data import FashionMnist
from eyrie.train.network import Network
from eyrie.train.onnx_file import to_onnx
from eyrie.train.report import TrainingReport

N_SHIPPED = 500
"""The first test images, for demonstrations and tests without the data set."""

N_CALIBRATION = 256
"""The first training images, to find the ranges of the activations with."""

MODEL_FILE = "lenet-300-100.onnx.gz"
REPORT_FILE = "lenet-300-100.json"
"""Of LeNet-300-100."""

IMAGES_FILE = f"fashion-mnist-{N_SHIPPED}-images.npy"
LABELS_FILE = f"fashion-mnist-{N_SHIPPED}-labels.npy"
CALIBRATION_FILE = f"fashion-mnist-{N_CALIBRATION}-calibration.npy"


def require_shippable(data: FashionMnist) -> None:
    """Check that there are images enough to ship.

    Raises
    ------
    InputError
        If there are fewer than `N_SHIPPED` test images or `N_CALIBRATION` training images.
    """
    for images, name, n in ((data.test, "test", N_SHIPPED), (data.training, "training", N_CALIBRATION)):
        if len(images) < n:
            raise InputError(f"the data set has {len(images)} {name} images; at least {n} are needed")


def write_artefacts(folder: Path, network: Network, report: TrainingReport, data: FashionMnist) -> tuple[Path, ...]:
    """Write the model, its report and some images into ``folder`` and return their paths.

    The model and its report have the name of the network, such as ``lenet-5.onnx.gz`` and ``lenet-5.json``. Images are
    uint8 (n, 784), their labels uint8 (n,), both as NumPy files.

    Raises
    ------
    InputError
        If there are too few images, or a file cannot be written.
    """
    require_shippable(data)
    shipped, name = data.test[:N_SHIPPED], report.model.lower()
    files: dict[str, bytes | str] = {
        f"{name}.onnx.gz": compress_gzip(to_onnx(network, name)),
        f"{name}.json": json.dumps(report.as_json(), indent=2) + "\n",
        IMAGES_FILE: _npy(shipped.pixels),
        LABELS_FILE: _npy(shipped.labels),
        CALIBRATION_FILE: _npy(data.training.pixels[:N_CALIBRATION]),
    }
    for file, content in files.items():
        write_atomic(folder / file, content)
    return tuple(folder / file for file in files)


def compress_gzip(data: bytes) -> bytes:
    """Compress without a name or a time in the header, so that it depends on ``data`` and the zlib release alone."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=buffer, mtime=0) as file:
        file.write(data)
    return buffer.getvalue()


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()
