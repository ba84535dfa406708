"""Feature maps in the external memory."""

import numpy as np
import pytest

from eyrie.compile.rowstat.maps import MapPlace
from eyrie.errors import InputError

PLACE = MapPlace(base=5, batch=2, channels=3, height=4, width=6)


def draw() -> np.ndarray:
    return np.random.default_rng(0).integers(-(1 << 15), 1 << 15, (2, 3, 4, 6))


def test_round_trip() -> None:
    memory = np.full(PLACE.end + 1, 7, np.uint64)
    PLACE.write(memory, draw())
    assert (PLACE.read(memory) == draw()).all()
    assert (memory[: PLACE.base] == 7).all()
    assert memory[PLACE.end] == 7


def test_addresses() -> None:
    """Six values a row are two words; the rest of the second one is zero."""
    memory = np.full(PLACE.end, (1 << 64) - 1, np.uint64)
    maps = draw()
    PLACE.write(memory, maps)
    for image, channel, row in np.ndindex(2, 3, 4):
        address = PLACE.address(image, channel, row)
        assert memory[address : address + 2].view(np.int16).tolist() == [*maps[image, channel, row].tolist(), 0, 0]
    assert PLACE.address(1, 2, 3, 1) == PLACE.end - 1
    assert PLACE.words == 2 * 3 * 4 * 2


def test_what_does_not_fit_is_refused() -> None:
    memory = np.zeros(PLACE.end, np.uint64)
    with pytest.raises(InputError, match=r"feature maps must have shape \(2, 3, 4, 6\), not \(2, 3, 4, 5\)"):
        PLACE.write(memory, draw()[..., :5])
    with pytest.raises(InputError, match="activations must fit 16 bits, not range from 0 to 32768"):
        PLACE.write(memory, np.where(draw() > 0, 1 << 15, 0))
    with pytest.raises(InputError, match=f"does not hold feature maps up to word {PLACE.end - 1}"):
        PLACE.read(memory[:-1])
