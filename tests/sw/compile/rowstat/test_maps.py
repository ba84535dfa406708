"""Feature maps in the external memory."""

from dataclasses import replace

import numpy as np
import pytest

from eyrie.compile.rowstat.maps import MapPlace
from eyrie.errors import InputError
from tests.sim.golden.coded_rows import code

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


CODED = replace(PLACE, width=40, coded=True)


def draw_sparse() -> np.ndarray:
    rng = np.random.default_rng(1)
    return rng.integers(-(1 << 15), 1 << 15, (2, 3, 4, 40)) * (rng.random((2, 3, 4, 40)) < [[[0.0], [0.1], [0.5], [1]]])


def test_coded_round_trip() -> None:
    memory = np.full(CODED.end + 1, 7, np.uint64)
    CODED.write(memory, draw_sparse())
    assert (CODED.read(memory) == draw_sparse()).all()
    assert (memory[: CODED.base] == 7).all()
    assert memory[CODED.end] == 7


def test_coded_rows_begin_at_their_slots() -> None:
    """Forty values take at most fourteen words; what a row leaves of them is zero."""
    memory = np.zeros(CODED.end, np.uint64)
    maps = draw_sparse()
    CODED.write(memory, maps)
    assert (CODED.row_words, CODED.channel_words, CODED.words) == (14, 56, 336)
    for image, channel, row in np.ndindex(2, 3, 4):
        address = CODED.address(image, channel, row)
        words = code(maps[image, channel, row].tolist())
        assert memory[address : address + 14].tolist() == words + [0] * (14 - len(words))


def test_words_that_are_no_coded_rows_are_refused() -> None:
    with pytest.raises(InputError, match="feature maps at word 5 are no coded ones: row 0 has no last word among 14"):
        CODED.read(np.zeros(CODED.end, np.uint64))


def test_what_does_not_fit_is_refused() -> None:
    memory = np.zeros(PLACE.end, np.uint64)
    with pytest.raises(InputError, match=r"feature maps must have shape \(2, 3, 4, 6\), not \(2, 3, 4, 5\)"):
        PLACE.write(memory, draw()[..., :5])
    with pytest.raises(InputError, match="activations must fit 16 bits, not range from 0 to 32768"):
        PLACE.write(memory, np.where(draw() > 0, 1 << 15, 0))
    with pytest.raises(InputError, match=f"does not hold feature maps up to word {PLACE.end - 1}"):
        PLACE.read(memory[:-1])
