"""The layouts of the hardware against the fields that the mapper packs."""

import random

import pytest
from amaranth.lib import data

from eyrie.rowstat.commands import FIELDS, pack
from eyrie.rowstat.layouts import column_id_width, command_layout, row_id_layout, set_width


@pytest.mark.parametrize("command", FIELDS)
def test_commands_read_what_was_packed(command: str) -> None:
    draw = random.Random(command)
    for _ in range(20):
        values = {}
        for name, width in (field for word in FIELDS[command] for field in word):
            low, high = (0, (1 << width) - 1) if width > 0 else (-(1 << -width - 1), (1 << -width - 1) - 1)
            values[name] = draw.choice([low, high, draw.randint(low, high)])
        read = {}
        for number, word in enumerate(pack(command, **values)):
            layout = command_layout(command, number)
            assert word < 1 << layout.size
            fields = data.Const(layout, word)
            read |= {name: fields[name] for name, _ in layout}
        assert read == values


def test_widths_that_several_buses_share() -> None:
    assert row_id_layout().size == 16
    assert column_id_width() == row_id_layout()["offset"].width
    assert set_width() == command_layout("load_layer")["sets"].width
