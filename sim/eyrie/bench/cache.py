"""Results that take long to make, kept in the user's cache folder under a hash of everything they depend on."""

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from eyrie.errors import InputError

Progress = Callable[[str], None]
"""Takes one line that says what is being done."""


def cache_folder() -> Path:
    """``$EYRIE_CACHE``, or the platform's folder for caches; it need not exist yet."""
    if folder := os.environ.get("EYRIE_CACHE"):
        return Path(folder)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "eyrie"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "eyrie"


def content_key(*parts: str | bytes) -> str:
    """Hash of the parts and of where one ends and the next begins, as 32 hexadecimal digits."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:32]


def cached(kind: str, key: str, make: Callable[[Path], None]) -> Path:
    """The folder that ``make`` filled for this key, now or at an earlier time.

    Parameters
    ----------
    kind : str
        Folder within the cache.
    key : str
        What `content_key` gives for everything that the result depends on.
    make : callable
        Fills the empty folder it is given. If it raises, nothing is kept. Two processes may make the same result
        at once; one of them is kept.

    Raises
    ------
    InputError
        If the cache folder cannot be written.
    """
    target = cache_folder() / kind / key
    if target.is_dir():
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        working = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{key}."))
    except OSError as error:
        raise InputError(
            f"cannot write the cache folder {target.parent}: {error.strerror}; set EYRIE_CACHE to another folder"
        ) from error
    try:
        make(working)
        working.chmod(0o755)
        try:
            working.rename(target)
        except OSError:
            if not target.is_dir():  # otherwise another process was first
                raise
    finally:
        shutil.rmtree(working, ignore_errors=True)
    return target
