"""Files that are either whole or not there."""

import os
import tempfile
from pathlib import Path

from eyrie.errors import InputError


def write_atomic(path: Path, data: bytes | str) -> None:
    """Write ``data`` to ``path`` under a temporary name beside it and rename, so that no reader sees half a file.

    Missing folders are made. Text is written as UTF-8 with ``\\n`` line ends.

    Raises
    ------
    InputError
        If the folder or the file cannot be written (no permission, disk full); nothing is left behind.
    """
    if isinstance(data, str):
        data = data.encode()
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)


def read_bytes(path: Path) -> bytes:
    """Read a whole file.

    Raises
    ------
    InputError
        If it does not exist or cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
