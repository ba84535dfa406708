"""The row-stationary engine's configuration: limits, derived sizes, identity."""

from dataclasses import fields, replace

import pytest

from eyrie.rowstat.config import PAPER, TINY, RowstatConfig


def test_json_round_trip() -> None:
    for config in (PAPER, TINY, RowstatConfig()):
        assert RowstatConfig.from_json(config.as_json()) == config


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "must be JSON"),
        ("[]", "must be a JSON object, not list"),
        ('{"colour": 1}', "has no field 'colour'"),
        ('{"rows": 0}', "rows must be an integer from 1 to 64, not 0"),
        ('{"rows": true}', "rows must be an integer from 1 to 64, not True"),
    ],
)
def test_malformed_json_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RowstatConfig.from_json(text)


def test_memories_in_two_halves_powers_of_two_and_divisors() -> None:
    with pytest.raises(ValueError, match="psum_bank_words must be even, for two halves, not 9"):
        replace(TINY, psum_bank_words=9)
    with pytest.raises(ValueError, match="filter_fifo_words must be a power of two, not 12"):
        replace(TINY, filter_fifo_words=12)
    with pytest.raises(ValueError, match="drain_lanes must be a power of two, not 3"):
        replace(TINY, drain_lanes=3)
    with pytest.raises(ValueError, match="filter_columns must be a divisor of columns, which are 4, not 3"):
        replace(TINY, filter_columns=3)
    with pytest.raises(ValueError, match="codebook_entries must be a power of two, not 12"):
        replace(TINY, codebook_entries=12)


def test_every_field_is_part_of_the_identity() -> None:
    doubled = [
        replace(TINY, **{field.name: 2 * getattr(TINY, field.name)})
        for field in fields(TINY)
        if field.name not in ("activation_width", "weight_width", "accumulator_width")
    ]
    narrower = [
        replace(TINY, **{name: getattr(TINY, name) - 1})
        for name in ("activation_width", "weight_width", "accumulator_width")
    ]
    hashes = {config.hash for config in (TINY, *doubled, *narrower)}
    assert len(hashes) == len(fields(TINY)) + 1


def test_filter_scratch_pads_of_their_own_are_no_part_of_the_identity() -> None:
    # Programs that were compiled before there was a choice say nothing of it.
    assert "filter_columns" not in PAPER.as_json()
    assert f"{PAPER.hash:016x}" == "e6595b8e140c9cfc"
    assert RowstatConfig.from_json('{"filter_columns": 1}') == RowstatConfig()
    shared = replace(PAPER, filter_columns=7)
    assert RowstatConfig.from_json(shared.as_json()) == shared
    assert shared.hash != PAPER.hash


def test_the_papers_memories() -> None:
    assert (PAPER.n_pes, PAPER.filter_depth, PAPER.ifmap_depth, PAPER.psum_depth) == (168, 224, 12, 24)
    assert PAPER.buffer_bytes == 108 * 1024
    pads = (224 + 12 + 4) * 2 + 24 * 4
    assert PAPER.codebook_bytes == 2 * 256 * 2
    assert PAPER.on_chip_bytes == PAPER.buffer_bytes + PAPER.codebook_bytes + 168 * pads
    assert replace(PAPER, codebook_entries=0).codebook_bytes == 0
    shared = replace(PAPER, filter_columns=7)
    assert (PAPER.n_filter_pads, shared.n_filter_pads) == (168, 24)
    assert PAPER.on_chip_bytes - shared.on_chip_bytes == (168 - 24) * 224 * 2


def test_derived_widths() -> None:
    assert (TINY.row_groups, PAPER.row_groups) == (1, 3)
    assert TINY.psum_half_words == 64
    assert TINY.psum_bank_address_width == 7
    assert TINY.activation_range == (-32768, 32767)
    assert PAPER.ifmap_words == 16
    assert (PAPER.ifmap_address_width, PAPER.filter_address_width, PAPER.psum_address_width) == (4, 8, 5)
    assert (PAPER.slot_width, PAPER.bank_address_width, PAPER.product_width) == (4, 13, 32)
    assert replace(TINY, weight_width=8).weight_range == (-128, 127)
    assert [replace(TINY, codebook_entries=n).codebook_address_width for n in (0, 1, 2, 16, 256)] == [1, 1, 1, 4, 8]
    narrow = replace(TINY, weight_width=9)
    assert (narrow.filter_lane_width, replace(narrow, codebook_entries=0).filter_lane_width) == (16, 9)
