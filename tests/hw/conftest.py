"""Settings for the tests of hardware."""

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="package", autouse=True)
def rare_garbage_collection() -> Iterator[None]:
    """Elaboration makes many objects that live; looking through them again and again takes a quarter of the time."""
    before = gc.get_threshold()
    gc.set_threshold(200_000, 50, 100)
    yield
    gc.set_threshold(*before)
