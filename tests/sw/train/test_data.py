"""The reader of Fashion-MNIST's four files."""

import gzip
import os
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest

from eyrie.errors import InputError
from eyrie.train.data import LabelledImages, read_fashion_mnist, scale_pixels

IMAGES = {"train": "train-images-idx3-ubyte.gz", "t10k": "t10k-images-idx3-ubyte.gz"}
LABELS = {"train": "train-labels-idx1-ubyte.gz", "t10k": "t10k-labels-idx1-ubyte.gz"}
SIZES = {"train": 60_000, "t10k": 10_000}


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def labels(n: int) -> np.ndarray:
    return (np.arange(n) % 10).astype(np.uint8)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a data set of the right size: image i is blank but for its pixel i mod 784, which is i mod 256."""
    folder = tmp_path_factory.mktemp("fashion-mnist")
    for part, n in SIZES.items():
        pixels = np.zeros((n, 784), dtype=np.uint8)
        pixels[np.arange(n), np.arange(n) % 784] = np.arange(n) % 256
        (folder / IMAGES[part]).write_bytes(gzip.compress(idx(pixels.reshape(n, 28, 28)), compresslevel=1))
        (folder / LABELS[part]).write_bytes(gzip.compress(idx(labels(n))))
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """Links to the files of ``whole``, each of which a test may replace."""
    for path in whole.iterdir():
        os.symlink(path, tmp_path / path.name)
    return tmp_path


def replace(path: Path, data: bytes) -> None:
    path.unlink()
    path.write_bytes(data)


def test_all_four_files_are_read(whole: Path) -> None:
    data = read_fashion_mnist(whole)
    for images, n in ((data.training, 60_000), (data.test, 10_000)):
        assert len(images) == n
        assert images.pixels.shape == (n, 784)
        assert np.array_equal(images.labels, labels(n))
        assert np.array_equal(images.pixels[np.arange(n), np.arange(n) % 784], np.arange(n) % 256)
        assert np.count_nonzero(images.pixels) == np.count_nonzero(np.arange(n) % 256)


def test_plain_files_are_read_like_compressed_ones(folder: Path) -> None:
    path = folder / LABELS["t10k"]
    plain = path.with_suffix("")
    plain.write_bytes(gzip.decompress(path.read_bytes()))
    path.unlink()
    assert np.array_equal(read_fashion_mnist(folder).test.labels, labels(10_000))


@pytest.mark.parametrize("name", [*IMAGES.values(), *LABELS.values()])
def test_missing_file_names_the_debian_package(folder: Path, name: str) -> None:
    (folder / name).unlink()
    plain = name.removesuffix(".gz")
    with pytest.raises(InputError, match=rf"{folder} holds no {plain} or {name}; .* dataset-fashion-mnist ") as caught:
        read_fashion_mnist(folder)
    assert "\n" not in str(caught.value)


def test_missing_folder_names_the_debian_package(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="package dataset-fashion-mnist"):
        read_fashion_mnist(tmp_path / "absent")


def test_label_that_is_no_class_is_refused(folder: Path) -> None:
    wrong = labels(10_000)
    wrong[1234] = 10
    path = folder / LABELS["t10k"]
    replace(path, gzip.compress(idx(wrong)))
    with pytest.raises(InputError, match=rf"^{path}: label 10 of image 1234 "):
        read_fashion_mnist(folder)


@pytest.mark.parametrize("n", [9_999, 10_001])
def test_other_number_of_items_is_refused(folder: Path, n: int) -> None:
    path = folder / LABELS["t10k"]
    replace(path, gzip.compress(idx(labels(n))))
    with pytest.raises(InputError, match=rf"^{path} has dimensions {n}; 10000 expected"):
        read_fashion_mnist(folder)


def test_parts_that_are_mixed_up_are_refused(folder: Path) -> None:
    replace(folder / IMAGES["t10k"], (folder / IMAGES["train"]).read_bytes())
    with pytest.raises(InputError, match="has dimensions 60000 x 28 x 28; 10000 x 28 x 28 expected"):
        read_fashion_mnist(folder)


def test_images_in_place_of_labels_are_refused(folder: Path) -> None:
    shutil.copyfile(folder / IMAGES["t10k"], folder / "t10k-labels-idx1-ubyte.gz.new")
    os.replace(folder / "t10k-labels-idx1-ubyte.gz.new", folder / LABELS["t10k"])
    with pytest.raises(InputError, match=r"magic number 0x00000803; .* 0x00000801"):
        read_fashion_mnist(folder)


def test_every_pixel_value_is_scaled_exactly() -> None:
    scaled = scale_pixels(np.arange(256, dtype=np.uint8))
    assert scaled.dtype == np.float32
    # Division in float64, then one rounding: a quotient of such small integers never lies at a tie of float32.
    assert np.array_equal(scaled, (np.arange(256) / 255).astype(np.float32))
    assert scaled[0] == 0
    assert scaled[255] == 1


@pytest.mark.parametrize(
    ("pixels", "classes", "message"),
    [
        (np.zeros((2, 784), np.float32), np.zeros(2, np.uint8), "pixels of 2 images must be uint8"),
        (np.zeros((3, 784), np.uint8), np.zeros(2, np.uint8), r"not uint8 \(3, 784\)"),
        (np.zeros((2, 28, 28), np.uint8), np.zeros(2, np.uint8), r"not uint8 \(2, 28, 28\)"),
        (np.zeros((2, 784), np.uint8), np.zeros(2, np.int64), "labels must be uint8"),
        (np.zeros((2, 784), np.uint8), np.zeros((2, 1), np.uint8), r"not uint8 \(2, 1\)"),
        (np.zeros((2, 784), np.uint8), np.array([9, 255], np.uint8), "label 255 of image 1 "),
    ],
)
def test_images_that_do_not_fit_are_refused(pixels: np.ndarray, classes: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        LabelledImages(pixels=pixels, labels=classes)
