"""The reader of IDX files: what is written comes back, and what is damaged is refused."""

import gzip
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from eyrie.errors import InputError
from eyrie.train.idx import read_idx

ARRAYS = hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5))
SHAPE = (3, 4, 5)
CONTENT = np.random.default_rng(1).integers(0, 256, SHAPE, dtype=np.uint8)
MEGABYTE = 1 << 20

on_one_folder = settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def write(folder: Path, data: bytes, *, compressed: bool) -> Path:
    path = folder / ("data-ubyte.gz" if compressed else "data-ubyte")
    path.write_bytes(gzip.compress(data) if compressed else data)
    return path


@on_one_folder
@given(array=ARRAYS, compressed=st.booleans())
def test_what_is_written_comes_back(tmp_path: Path, array: np.ndarray, compressed: bool) -> None:
    read = read_idx(write(tmp_path, idx(array), compressed=compressed), array.shape)
    assert read.dtype == np.uint8
    assert np.array_equal(read, array)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("length", range(len(idx(CONTENT))))
def test_file_cut_at_any_byte_is_refused(tmp_path: Path, length: int, compressed: bool) -> None:
    path = write(tmp_path, idx(CONTENT)[:length], compressed=compressed)
    with pytest.raises(InputError, match=f"^{path} is cut short: "):
        read_idx(path, SHAPE)


def test_gzip_stream_cut_at_any_byte_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress(idx(CONTENT))
    path = tmp_path / "data.gz"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=f"^{path} is "):
            read_idx(path, SHAPE)


@on_one_folder
@given(byte=st.integers(0, len(gzip.compress(idx(CONTENT), mtime=0)) - 1), bit=st.integers(0, 7))
def test_flipped_bit_in_gzip_never_changes_the_content(tmp_path: Path, byte: int, bit: int) -> None:
    # Some bits of gzip's own mean nothing (time and system in its header, padding after the last block).
    data = bytearray(gzip.compress(idx(CONTENT), mtime=0))
    data[byte] ^= 1 << bit
    path = tmp_path / "data.gz"
    path.write_bytes(data)
    try:
        read = read_idx(path, SHAPE)
    except InputError:
        return
    assert np.array_equal(read, CONTENT)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("bit", range(8 * 16))
def test_flipped_bit_in_the_header_is_refused(tmp_path: Path, bit: int, compressed: bool) -> None:
    data = bytearray(idx(CONTENT))
    data[bit // 8] ^= 1 << bit % 8
    path = write(tmp_path, bytes(data), compressed=compressed)
    with pytest.raises(InputError, match="magic number" if bit < 32 else r"dimensions .*; 3 x 4 x 5 expected"):
        read_idx(path, SHAPE)


@pytest.mark.parametrize("compressed", [False, True])
def test_longer_file_is_refused(tmp_path: Path, compressed: bool) -> None:
    path = write(tmp_path, idx(CONTENT) + b"\0", compressed=compressed)
    with pytest.raises(InputError, match=r"too long: more than the 60 bytes"):
        read_idx(path, SHAPE)


def test_claims_of_the_header_are_not_allocated(tmp_path: Path) -> None:
    path = write(tmp_path, struct.pack(">IIII", 0x0803, *[2**32 - 1] * 3), compressed=False)
    with _at_most(MEGABYTE), pytest.raises(InputError, match="dimensions 4294967295 x"):
        read_idx(path, SHAPE)


def test_gzip_that_expands_without_end_is_not_expanded(tmp_path: Path) -> None:
    path = write(tmp_path, idx(CONTENT) + bytes(64 * MEGABYTE), compressed=True)
    with _at_most(MEGABYTE), pytest.raises(InputError, match="too long"):
        read_idx(path, SHAPE)


def test_file_that_is_not_gzip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.gz"
    path.write_bytes(idx(CONTENT))
    with pytest.raises(InputError, match=r"data\.gz is not a sound gzip file"):
        read_idx(path, SHAPE)


@pytest.mark.parametrize("name", ["absent", "absent.gz"])
def test_missing_file_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=rf"cannot read {tmp_path / name}: No such file"):
        read_idx(tmp_path / name, SHAPE)


class _at_most:
    """Fails if the block has more than ``limit`` bytes allocated at once."""

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def __enter__(self) -> None:
        tracemalloc.start()

    def __exit__(self, *_: object) -> None:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak <= self.limit, f"{peak} bytes allocated, {self.limit} allowed"
