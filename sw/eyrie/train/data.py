"""The data set Fashion-MNIST (Xiao, Rasul and Vollgraf, arXiv:1708.07747)."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eyrie.errors import InputError
from eyrie.train.idx import read_idx

DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package ``dataset-fashion-mnist`` puts the files."""

N_TRAINING = 60_000
N_TEST = 10_000
CLASS_NAMES = ("t-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
N_CLASSES = len(CLASS_NAMES)
IMAGE_SHAPE = (28, 28)
N_PIXELS = IMAGE_SHAPE[0] * IMAGE_SHAPE[1]


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledImages:
    """Images and what they show.

    Parameters
    ----------
    pixels : uint8 (n, 784)
        0 is background; row-major, the top row first.
    labels : uint8 (n,)
        Class, 0 to 9.

    Raises
    ------
    InputError
        If a type or shape is another one, or a label is above 9.
    """

    pixels: np.ndarray
    labels: np.ndarray

    def __post_init__(self) -> None:
        n = len(self.labels)
        if self.pixels.dtype != np.uint8 or self.pixels.shape != (n, N_PIXELS):
            raise InputError(
                f"pixels of {n} images must be uint8 ({n}, {N_PIXELS}), not {self.pixels.dtype} {self.pixels.shape}"
            )
        if self.labels.dtype != np.uint8 or self.labels.shape != (n,):
            raise InputError(f"labels must be uint8 ({n},), not {self.labels.dtype} {self.labels.shape}")
        wrong = np.flatnonzero(self.labels >= N_CLASSES)
        if wrong.size:
            raise InputError(
                f"label {self.labels[wrong[0]]} of image {wrong[0]} is not a class; classes are 0 to {N_CLASSES - 1}"
            )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: slice | np.ndarray) -> "LabelledImages":
        return LabelledImages(pixels=self.pixels[index], labels=self.labels[index])

    @property
    def inputs(self) -> np.ndarray:
        """What the network sees: float32 (n, 784), 0 to 1."""
        return scale_pixels(self.pixels)


@dataclass(frozen=True, kw_only=True, eq=False)
class FashionMnist:
    """Both parts of the data set; ``test`` measures and must not guide the training."""

    training: LabelledImages
    test: LabelledImages


def scale_pixels(pixels: np.ndarray) -> np.ndarray:
    """Pixels 0 to 255 as float32, 0 to 1: each divided by 255 and rounded once."""
    return pixels.astype(np.float32) / np.float32(255)


def read_fashion_mnist(folder: Path = DEBIAN_FOLDER) -> FashionMnist:
    """Read the data set's four IDX files, each as it is or compressed by gzip (``.gz``).

    Raises
    ------
    InputError
        If a file is missing or unreadable, is not IDX, is cut or too long, does not hold exactly the 60,000 training or
        10,000 test items of 28 x 28 pixels, or holds a label above 9.
    """
    files = {
        name: _find(folder, name)
        for name in ("train-labels-idx1", "t10k-labels-idx1", "train-images-idx3", "t10k-images-idx3")
    }
    return FashionMnist(
        training=_read_part(files["train-images-idx3"], files["train-labels-idx1"], N_TRAINING),
        test=_read_part(files["t10k-images-idx3"], files["t10k-labels-idx1"], N_TEST),
    )


def _find(folder: Path, name: str) -> Path:
    for candidate in (folder / f"{name}-ubyte", folder / f"{name}-ubyte.gz"):
        if os.path.isfile(candidate):
            return candidate
    raise InputError(
        f"{folder} holds no {name}-ubyte or {name}-ubyte.gz; it must hold the four IDX files of Fashion-MNIST "
        f"(Debian's package dataset-fashion-mnist puts them into {DEBIAN_FOLDER})"
    )


def _read_part(images: Path, labels: Path, n: int) -> LabelledImages:
    pixels = read_idx(images, (n, *IMAGE_SHAPE)).reshape(n, N_PIXELS)
    classes = read_idx(labels, (n,))
    try:
        return LabelledImages(pixels=pixels, labels=classes)
    except InputError as error:
        raise InputError(f"{labels}: {error}") from error
