"""A simulated board behind a pseudo-terminal."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from eyrie.bench.host_system import simulate_system
from eyrie.bench.rehearsal import served
from eyrie.compile.folder import CONFIGURATION, IMAGE
from eyrie.compile.image import write_image
from eyrie.files import write_atomic
from eyrie.host.config import FASTEST
from tests.hw.host.images import SMALL, draw_network


@pytest.fixture(scope="session")
def port() -> Iterator[str]:
    """What a driver opens; the same running design for all tests."""
    with served(simulate_system(SMALL, FASTEST), FASTEST) as name:
        yield name


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the compiler writes it, with a network for that design."""
    path = tmp_path_factory.mktemp("network")
    write_image(path / IMAGE, draw_network(1, SMALL, largest_side=40))
    write_atomic(path / CONFIGURATION, SMALL.as_json())
    return path
