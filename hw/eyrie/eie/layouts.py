"""What travels between the parts of the engine."""

from amaranth.hdl import signed, unsigned
from amaranth.lib import data, enum

from eyrie.eie.config import EieConfig


class Op(enum.Enum, shape=unsigned(4)):  # type: ignore[call-arg]
    """What a command asks of the PEs; those marked * concern the selected PE alone."""

    NONE = 0
    WRITE_ENTRY = 1
    """* Write ``data`` to sparse-matrix memory at ``address``."""
    WRITE_POINTER = 2
    """* Write ``data`` to pointer memory at ``address``."""
    WRITE_BIAS = 3
    """* Write ``data`` to bias memory at ``address``."""
    WRITE_SCALE = 4
    """* Write ``data`` to scale memory at ``address``."""
    WRITE_CODEBOOK = 5
    """Write ``data`` to codebook entry ``address``."""
    STORE = 6
    """* ``data`` is the next activation of the open bank."""
    OPEN = 7
    """Write to bank ``data[0]`` from local index ``address`` on; forget what it holds unless ``data[1]``."""
    REWIND = 8
    """Read bank ``data[0]`` from its start: towards the broadcast if ``data[1]``, else for EMIT from local index
    ``address`` on."""
    CLEAR = 9
    """Set accumulator ``address`` to zero."""
    DRAIN = 10
    """Requantise an accumulator, see `drain_layout`; the table row is ``address``."""
    EMIT = 11
    """* Offer the next activation of the bank, zero or not."""


def command_layout(config: EieConfig) -> data.StructLayout:
    """A command to all PEs."""
    address = max(
        config.entry_depth.bit_length(), config.column_width, config.table_width, config.row_width, config.local_width
    )
    width = max(
        config.entry_width,
        config.pointer_width,
        config.accumulator_width,
        config.scale_width,
        drain_layout(config).size,
    )
    return data.StructLayout({"op": Op, "address": unsigned(address), "data": unsigned(width)})


def drain_layout(config: EieConfig) -> data.StructLayout:
    """``data`` of a DRAIN command: accumulator, and the place of this cycle among those of the row."""
    return data.StructLayout(
        {
            "row": unsigned(config.row_width),
            "first": unsigned(1),
            "last": unsigned(1),
            "scaled": unsigned(1),
            "relu": unsigned(1),
        }
    )


def scale_layout(config: EieConfig) -> data.StructLayout:
    """A word of the scale memory."""
    return data.StructLayout({"multiplier": unsigned(config.multiplier_width), "shift": unsigned(config.shift_width)})


def local_activation_layout(config: EieConfig) -> data.StructLayout:
    """An activation as its own PE knows it."""
    return data.StructLayout({"value": signed(config.activation_width), "local": unsigned(config.local_width)})


def located_activation_layout(config: EieConfig, pe_width: int) -> data.StructLayout:
    """An activation on its way up the tree: ``pe`` is the PE's number among those below."""
    return data.StructLayout(
        {
            "value": signed(config.activation_width),
            "local": unsigned(config.local_width),
            "pe": unsigned(pe_width),
        }
    )


def broadcast_layout(config: EieConfig) -> data.StructLayout:
    """A non-zero activation on its way to all PEs: ``column`` is the pointer address of its column."""
    return data.StructLayout({"value": signed(config.activation_width), "column": unsigned(config.column_width)})


def slice_layout(config: EieConfig) -> data.StructLayout:
    """One column's entries on one PE, at least one, and the activation that they meet."""
    address = max(1, (config.entry_depth - 1).bit_length())
    return data.StructLayout(
        {"value": signed(config.activation_width), "begin": unsigned(address), "last": unsigned(address)}
    )


def entry_layout(config: EieConfig) -> data.StructLayout:
    """A sparse-matrix entry: the code, and the zeros between it and the entry before."""
    return data.StructLayout({"code": unsigned(config.codebook_bits), "run": unsigned(config.index_bits)})
