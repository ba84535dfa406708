"""Engines for the tests of the row-stationary compiler."""

from dataclasses import replace

from eyrie.rowstat.config import TINY

CONFIGS = (
    TINY,
    replace(TINY, rows=1, columns=1),
    replace(TINY, rows=5, columns=2, activation_width=8, weight_width=8, accumulator_width=24),
    replace(TINY, rows=4, columns=7, ifmap_ahead=10, filter_depth=60, max_slots=8, command_depth=4),
    replace(TINY, rows=8, columns=5, ifmap_bank_words=40, psum_bank_words=64, ifmap_ahead=0),
    replace(TINY, rows=4, columns=6, filter_columns=3, ifmap_ahead=6),
)
