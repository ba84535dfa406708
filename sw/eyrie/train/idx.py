"""IDX files: the format in which MNIST and its successors come."""

import gzip
import struct
import zlib
from math import prod
from pathlib import Path

import numpy as np

from eyrie.errors import InputError

_UNSIGNED_BYTES = 0x08
"""Third byte of the magic number: the type of the elements. The fourth is the number of dimensions."""


def read_idx(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Read an IDX file of unsigned bytes that must have the given shape.

    The header is compared with ``shape`` before anything is allocated, so a file can claim whatever it likes: no more
    than the expected bytes are read. A name that ends in ``.gz`` is decompressed.

    Parameters
    ----------
    path : Path
        The file.
    shape : tuple of 1 to 255 ints
        Every dimension from 0 to 2**32 - 1.

    Returns
    -------
    uint8 array of that shape, read-only

    Raises
    ------
    InputError
        If the file cannot be read or decompressed, its magic number or a dimension is another one, or it has fewer or
        more bytes than its header says.
    """
    header = struct.Struct(f">I{len(shape)}I")
    size = prod(shape)
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb") as file:
            _check_header(path, header, file.read(header.size), shape)
            # One byte more than expected, so that a longer file shows and gzip reaches its check sum.
            data = file.read(size + 1)
    except gzip.BadGzipFile as error:
        raise InputError(f"{path} is not a sound gzip file ({error})") from error
    except (EOFError, zlib.error) as error:
        raise InputError(f"{path} is cut short or damaged: gzip cannot decompress it ({error})") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    if len(data) < size:
        raise InputError(f"{path} is cut short: {len(data):,} bytes after the header, {size:,} expected")
    if len(data) > size:
        raise InputError(f"{path} is too long: more than the {size:,} bytes after the header that its dimensions need")
    return np.frombuffer(data, dtype=np.uint8).reshape(shape)


def _check_header(path: Path, header: struct.Struct, data: bytes, shape: tuple[int, ...]) -> None:
    if len(data) < header.size:
        raise InputError(f"{path} is cut short: {len(data)} bytes, its IDX header alone takes {header.size}")
    magic, *dimensions = header.unpack(data)
    expected = _UNSIGNED_BYTES << 8 | len(shape)
    if magic != expected:
        raise InputError(
            f"{path} has magic number 0x{magic:08x}; an IDX file of bytes with {len(shape)} dimensions has "
            f"0x{expected:08x}"
        )
    if tuple(dimensions) != shape:
        raise InputError(f"{path} has dimensions {_by(dimensions)}; {_by(shape)} expected")


def _by(dimensions: list[int] | tuple[int, ...]) -> str:
    return " x ".join(str(dimension) for dimension in dimensions)
