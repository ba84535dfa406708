"""What travels between the parts of the engine."""

from typing import Any

from amaranth.hdl import Value, signed, unsigned
from amaranth.lib import data, enum

from eyrie.eie.config import QUAD, EieConfig


class Op(enum.Enum, shape=unsigned(4)):  # type: ignore[call-arg]
    """What a command asks of the PEs; those from 8 up concern one PE alone, see `for_one_pe`."""

    NONE = 0
    BROADCAST = 1
    """``data`` is a non-zero activation, ``address`` its column."""
    DRAIN = 2
    """Requantise an accumulator or set it to a bias, see `drain_layout`; ``address`` is four times that of the word of
    the table."""
    OPEN = 3
    """Write to bank ``data[0]`` from local index ``address`` on; forget what it holds unless ``data[1]``."""
    REWIND = 4
    """Read bank ``data[0]`` from its start: towards the broadcast if ``data[1]``, else for EMIT from local index
    ``address`` on. With several groups of PEs, they broadcast apart if ``data[2]``."""
    WRITE_CODEBOOK = 5
    """Write ``data`` to codebook entry ``address``."""
    EMIT = 8
    """Offer the next activation of the bank if it is not zero."""
    STORE = 9
    """``data`` is the next activation of the open bank, and not zero."""
    SKIP = 10
    """The next activation of the open bank is zero."""
    WRITE_ENTRY = 11
    """Write ``data`` to sparse-matrix memory at ``address``."""
    WRITE_TABLE = 12
    """Write ``data`` to the table; ``address`` is four times that of the word."""


def for_one_pe(op: Any) -> Value:
    """Whether a command's ``op`` concerns one PE alone."""
    return Value.cast(op)[3]


def command_layout(config: EieConfig) -> data.StructLayout:
    """A command to all PEs."""
    address = max(config.entry_address_width, config.column_width, config.codebook_bits, config.local_width)
    width = max(
        config.entry_width,
        config.table_width,
        config.activation_width,
        config.weight_width,
        drain_layout(config).size,
    )
    return data.StructLayout({"op": Op, "address": unsigned(address), "data": unsigned(width)})


def drain_layout(config: EieConfig) -> data.StructLayout:
    """``data`` of a DRAIN command.

    ``row`` is the accumulator. ``first`` and ``last`` tell this cycle's place among those of the row: in the first of a
    scaled row the word of the table is its scale; in the last, which may be the first, it is the accumulator's next
    bias. ``store`` asks for an activation, ``shift`` counts for rows that are not ``scaled``. With ``apart``, which is
    there if the engine has several groups, partners' sums are added, and one of them alone is to ``store``.
    """
    fields = {
        "row": unsigned(config.row_width),
        "first": unsigned(1),
        "last": unsigned(1),
        "store": unsigned(1),
        "scaled": unsigned(1),
        "relu": unsigned(1),
        "shift": unsigned(config.shift_width),
    }
    return data.StructLayout(fields | {"apart": unsigned(1)} if config.column_groups > 1 else fields)


def quad_layout(config: EieConfig) -> data.StructLayout:
    """A word of the table that describes the slices of four columns, see `eyrie.eie.load_format.Memory.TABLE`."""
    return data.StructLayout(
        {
            "base": unsigned(config.entry_address_width),
            "counts": data.ArrayLayout(unsigned(config.count_bits), QUAD),
        }
    )


def scale_layout(config: EieConfig) -> data.StructLayout:
    """A word of the table that holds a scale."""
    return data.StructLayout({"multiplier": unsigned(config.multiplier_width), "shift": unsigned(config.shift_width)})


def local_activation_layout(config: EieConfig) -> data.StructLayout:
    """An activation as its own PE knows it."""
    return data.StructLayout({"value": signed(config.activation_width), "local": unsigned(config.local_width)})


def located_activation_layout(config: EieConfig, pe_width: int) -> data.StructLayout:
    """An activation on its way up the tree: ``pe`` is the PE's number among those below. All is 0 where none is."""
    return data.StructLayout(
        {
            "valid": unsigned(1),
            "value": signed(config.activation_width),
            "local": unsigned(config.local_width),
            "pe": unsigned(pe_width),
        }
    )


def broadcast_layout(config: EieConfig) -> data.StructLayout:
    """A non-zero activation on its way to all PEs, and the number of its column."""
    return data.StructLayout({"value": signed(config.activation_width), "column": unsigned(config.column_width)})


def slice_layout(config: EieConfig) -> data.StructLayout:
    """One column's entries on one PE: address of the first, how many, and the activation that they meet."""
    return data.StructLayout(
        {
            "value": signed(config.activation_width),
            "begin": unsigned(config.entry_address_width),
            "count": unsigned(config.count_bits),
        }
    )


def entry_layout(config: EieConfig) -> data.StructLayout:
    """A sparse-matrix entry: the code, and the zeros between it and the entry before."""
    return data.StructLayout({"code": unsigned(config.codebook_bits), "run": unsigned(config.index_bits)})
