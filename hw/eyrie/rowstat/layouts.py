"""What travels between the parts of the engine."""

from amaranth.hdl import signed, unsigned
from amaranth.lib import data

from eyrie.rowstat.commands import FIELDS
from eyrie.rowstat.config import BUS_WORDS, LONGEST_RUN, PAIRS, RowstatConfig


def command_layout(command: str, word: int = 0) -> data.StructLayout:
    """A word of a command of the tape, a key of `FIELDS`; as wide as its fields are."""
    return data.StructLayout(
        {name: unsigned(width) if width > 0 else signed(-width) for name, width in FIELDS[command][word]}
    )


def row_id_layout() -> data.StructLayout:
    """What a row takes in a slot: the channel's number within the slot, and the filter row."""
    return command_layout("row_id")


def column_id_width() -> int:
    """Bits of a column's id, of the number of an ifmap row, and of a filter row."""
    return _field_width("row_id", "offset")


def set_width() -> int:
    """Bits of a filter set's number."""
    return _field_width("load_layer", "sets")


def ifmap_bus_layout(config: RowstatConfig) -> data.StructLayout:
    """A value for all PEs whose row takes ``channel`` in ``slot`` and whose column wants its ``row``.

    It is written to ``address`` of their scratch pads. With ``is_id``, ``data`` is the row id that the row controller
    of number ``row`` takes for ``slot``; ``channel`` and ``address`` have no meaning. Values are the low bits of
    ``data``, which is as wide as an id.
    """
    return data.StructLayout(
        {
            "valid": unsigned(1),
            "is_id": unsigned(1),
            "slot": unsigned(config.slot_width),
            "channel": unsigned(_field_width("row_id", "channel")),
            "row": unsigned(column_id_width()),
            "address": unsigned(config.ifmap_address_width),
            "data": signed(row_id_layout().size),
        }
    )


def ifmap_x_layout(config: RowstatConfig) -> data.StructLayout:
    """A value for the PEs of a row whose column has the id ``column``."""
    return data.StructLayout(
        {
            "valid": unsigned(1),
            "column": unsigned(column_id_width()),
            "address": unsigned(config.ifmap_address_width),
            "value": signed(config.activation_width),
        }
    )


def filter_bus_layout(config: RowstatConfig) -> data.StructLayout:
    """A weight for each row of a group of `BUS_WORDS` rows, for the columns of a filter set.

    ``weights[0]`` is for the lowest row of the group where the bus enters.
    """
    return data.StructLayout(
        {
            "valid": unsigned(1),
            "group": unsigned(max(1, (config.row_groups - 1).bit_length())),
            "set": unsigned(set_width()),
            "address": unsigned(config.filter_address_width),
            "weights": data.ArrayLayout(signed(config.weight_width), BUS_WORDS),
        }
    )


def filter_row_layout(config: RowstatConfig) -> data.StructLayout:
    """A weight for each row of a group of `BUS_WORDS` rows, for the scratch pads whose bits in ``pads`` are set.

    Bit k is that of the pad for the columns from ``k * filter_columns`` on. ``weights[0]`` is for the row where the bus
    is, if it belongs to the group.
    """
    return data.StructLayout(
        {
            "pads": unsigned(config.row_filter_pads),
            "group": unsigned(max(1, (config.row_groups - 1).bit_length())),
            "address": unsigned(config.filter_address_width),
            "weights": data.ArrayLayout(signed(config.weight_width), BUS_WORDS),
        }
    )


def filter_x_layout(config: RowstatConfig) -> data.StructLayout:
    """A weight for the filter scratch pads of a row whose bit in ``pads`` is set."""
    return data.StructLayout(
        {
            "pads": unsigned(config.row_filter_pads),
            "address": unsigned(config.filter_address_width),
            "weight": signed(config.weight_width),
        }
    )


def command_bus_layout(config: RowstatConfig) -> data.StructLayout:
    """One multiply of all PEs.

    ``first_word`` and ``last_word`` are those of a window, ``first_slot`` and ``last_slot`` those of an output
    position. The last word of the last slot sends a psum up each column and on to ``bank_address`` of the column's
    psum bank, the half being its highest bit; there it is added, or written if ``bank_first``. ``pass_end`` comes with
    the last of these psums of a pass. The three fields of the bank have no meaning in other words, but for
    ``pass_end``, which is 0.
    """
    return data.StructLayout(
        {
            "valid": unsigned(1),
            "ifmap_address": unsigned(config.ifmap_address_width),
            "filter_address": unsigned(config.filter_address_width),
            "psum_address": unsigned(config.psum_address_width),
            "first_word": unsigned(1),
            "last_word": unsigned(1),
            "first_slot": unsigned(1),
            "last_slot": unsigned(1),
            "bank_address": unsigned(config.psum_bank_address_width),
            "bank_first": unsigned(1),
            "pass_end": unsigned(1),
        }
    )


def pe_command_layout(config: RowstatConfig) -> data.StructLayout:
    """What the stages of a PE are to do, each in its own cycle, so that PEs delay no addresses.

    In the cycles after that of ``read``, ``multiply`` is for the word read 1 cycle ago, and its weight is read in the
    same cycle, ``restore`` 3, ``accumulate`` 4, ``save`` and ``send`` 5.
    """
    return data.StructLayout(
        {
            "read": unsigned(1),
            "ifmap_address": unsigned(config.ifmap_address_width),
            "multiply": unsigned(1),
            "restore": unsigned(1),
            "restore_address": unsigned(config.psum_address_width),
            "accumulate": unsigned(1),
            "first_word": unsigned(1),
            "first_slot": unsigned(1),
            "save": unsigned(1),
            "save_address": unsigned(config.psum_address_width),
            "send": unsigned(1),
        }
    )


def psum_update_layout(config: RowstatConfig) -> data.StructLayout:
    """A psum of each column is to be added to what is at ``address`` of its bank, or written there if ``first``."""
    return data.StructLayout(
        {"valid": unsigned(1), "first": unsigned(1), "address": unsigned(config.psum_bank_address_width)}
    )


def drained_layout(config: RowstatConfig) -> data.StructLayout:
    """A psum of each of the columns that are drained at the same time: ``column_0`` is that of the lowest one.

    No array: its elements would have the names that Yosys gives to the bits of a port.
    """
    return data.StructLayout({f"column_{lane}": signed(config.accumulator_width) for lane in range(config.drain_lanes)})


def activations_layout(config: RowstatConfig) -> data.StructLayout:
    """An activation of each of the columns that are drained at the same time, as `drained_layout` has psums."""
    return data.StructLayout({f"column_{lane}": signed(config.activation_width) for lane in range(config.drain_lanes)})


def value_end_layout(config: RowstatConfig) -> data.StructLayout:
    """What ends with a value: its row, and its command. ``columns_above`` columns over the lowest one have values."""
    return data.StructLayout(
        {"row": unsigned(1), "command": unsigned(1), "columns_above": unsigned((config.drain_lanes - 1).bit_length())}
    )


def pair_layout() -> data.StructLayout:
    """A pair of a run-length coded row: zeros, and the level behind them."""
    return data.StructLayout({"run": unsigned(LONGEST_RUN.bit_length()), "level": signed(16)})


def coded_word_layout() -> data.StructLayout:
    """A word of a run-length coded row; ``last`` is the highest bit."""
    return data.StructLayout({"pairs": data.ArrayLayout(pair_layout(), PAIRS), "last": unsigned(1)})


map_row_layout = data.StructLayout({"address": unsigned(32), "stride": unsigned(16), "coded": unsigned(1)})
"""Rows of neighbouring columns in the external memory: where that of the lowest column begins, how many words further
that of each next one, and whether they are run-length coded."""


def bank_word_layout(config: RowstatConfig) -> data.ArrayLayout:
    """A word of the ifmap bank: values of a row, the lowest position first."""
    return data.ArrayLayout(signed(config.activation_width), BUS_WORDS)


def _field_width(command: str, field: str) -> int:
    return next(abs(width) for word in FIELDS[command] for name, width in word if name == field)
