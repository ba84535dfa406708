"""Arrays in ``.npy`` files, read without trust."""

import io
from pathlib import Path

import numpy as np

from eyrie.errors import InputError
from eyrie.files import read_bytes, write_atomic

_MAGIC = b"\x93NUMPY"


def read_array(path: Path) -> np.ndarray:
    """An array of numbers.

    Raises
    ------
    InputError
        If the file cannot be read, is no ``.npy`` file, is cut off, or holds anything but real numbers.
    """
    data = read_bytes(path)
    if not data.startswith(_MAGIC):
        raise InputError(f"{path} is not a .npy file")
    try:
        array = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, OSError, MemoryError, SyntaxError, TypeError) as error:
        raise InputError(f"{path} is not a whole .npy file of numbers: {error}") from error
    if array.dtype.kind not in "biuf":
        raise InputError(f"{path} holds {array.dtype}, not real numbers")
    return array


def write_array(path: Path, array: np.ndarray) -> None:
    """Write a ``.npy`` file, whole or not at all."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    write_atomic(path, buffer.getvalue())
