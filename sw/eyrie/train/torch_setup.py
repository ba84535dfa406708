"""PyTorch made ready for training that can be repeated; imported only when it is needed."""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager

from eyrie.errors import InputError, MissingToolError


def require_torch() -> None:
    """Check that PyTorch is installed, without importing it.

    Raises
    ------
    MissingToolError
        If it is not.
    """
    if importlib.util.find_spec("torch") is None:
        raise MissingToolError("training needs PyTorch, which is not installed: pip install 'eyrie[train]'")


@contextmanager
def deterministic_torch(threads: int) -> Iterator[str]:
    """Let PyTorch use ``threads`` threads and deterministic algorithms alone; afterwards as before.

    Yields PyTorch's version.

    Raises
    ------
    InputError
        If ``threads`` is below 1.
    MissingToolError
        If PyTorch is not installed.
    """
    if threads < 1:
        raise InputError(f"threads must be 1 or more, not {threads}")
    require_torch()
    import torch

    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    try:
        yield str(torch.__version__)
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])
