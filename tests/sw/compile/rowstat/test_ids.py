"""Places of pairs and columns."""

from dataclasses import replace

import numpy as np
import pytest

from eyrie.compile.rowstat.ids import column_ids, column_sets, place_pairs
from eyrie.compile.rowstat.layer import ConvShape
from eyrie.compile.rowstat.mapping import Mapping, pass_rows, require_mapping
from eyrie.errors import InputError
from eyrie.rowstat.commands import NO_CHANNEL
from eyrie.rowstat.config import TINY

SHAPE = ConvShape(name="conv", channels=5, height=12, width=9, filters=4, kernel=(3, 2), stride=(2, 1))
MAPPING = Mapping(filters=2, slots=2, slot_pairs=4, sets=2, strip_rows=2, steps=8, region=4, ring=4)
CONFIG = replace(TINY, rows=5, columns=6)


@pytest.mark.parametrize("slot_pairs", [1, 3, 4, 5])
@pytest.mark.parametrize("slots", [1, 2, 3])
def test_every_pair_has_one_place(slots: int, slot_pairs: int) -> None:
    mapping = replace(MAPPING, slots=slots, slot_pairs=slot_pairs)
    found = []
    for channel_group in range(-(-SHAPE.pairs // (slots * slot_pairs))):
        first = channel_group * slots * slot_pairs // 3
        for slot in place_pairs(SHAPE, CONFIG, mapping, channel_group):
            assert len(slot.row_ids) == CONFIG.rows
            used = [(channel, row) for channel, row in slot.row_ids if channel != NO_CHANNEL]
            assert all(channel < slot.channels for channel, _ in used)
            found += [(first + slot.first_channel + channel, row) for channel, row in used]
    assert found == [(channel, row) for channel in range(5) for row in range(3)]


def test_ids_in_words() -> None:
    """Four pairs, the last row without one: channel in the low 6 bits, filter row above."""
    slots = place_pairs(SHAPE, CONFIG, MAPPING, 1)
    assert slots[0].row_ids == ((0, 2), (1, 0), (1, 1), (1, 2), (NO_CHANNEL, 0))
    assert (slots[0].first_channel, slots[0].channels) == (0, 2)
    words = [2 << 6 | (1 | 0) << 16 | (1 | 1 << 6) << 32 | (1 | 2 << 6) << 48, NO_CHANNEL]
    assert list(slots[0].id_words()) == words


def test_values_reach_the_columns_that_look_at_them() -> None:
    """Tile row h of filter row i is that of output row y if h = 2 y + i; other columns never hear it."""
    ids, sets = column_ids(SHAPE, CONFIG, MAPPING), column_sets(CONFIG, MAPPING)
    assert sets == [0, 0, 1, 1, 31, 31]
    reached = {
        (h, i): [column for column in range(6) if ids[column] == h - i]
        for h in range(pass_rows(SHAPE, MAPPING))
        for i in range(3)
    }
    for row in range(2):
        for i in range(3):
            assert reached[2 * row + i, i] == [row, 2 + row]
    assert sum(map(len, reached.values())) == 2 * 2 * 3
    assert np.mod(ids[4] + np.arange(3), 1024).min() >= pass_rows(SHAPE, MAPPING)


def test_columns_that_share_filter_scratch_pads_are_of_one_set() -> None:
    """A set takes whole groups of columns; what is left over in its last group has its filters and no values."""
    nowhere = pass_rows(SHAPE, MAPPING)
    for sharing, ids, sets in (
        (2, [0, 2, 0, 2, nowhere, nowhere], [0, 0, 1, 1, 31, 31]),
        (3, [0, 2, nowhere, 0, 2, nowhere], [0, 0, 0, 1, 1, 1]),
    ):
        config = replace(CONFIG, filter_columns=sharing)
        assert column_ids(SHAPE, config, MAPPING) == ids
        assert column_sets(config, MAPPING) == sets
        require_mapping(SHAPE, config, MAPPING)
    with pytest.raises(InputError, match="columns in use, 6 to a filter scratch pad, must be 1 to 6, not 12"):
        require_mapping(SHAPE, replace(CONFIG, filter_columns=6), MAPPING)
