"""The engine's commands: what its units execute, one after the other, without the host.

The *tape* is a stream of 64-bit words. A packet is a header word and the words for one unit, which go into that unit's
queue as they are; every unit takes its commands in order and waits where a command says so, for a count of things that
other units have finished. One table of fields serves both sides: `pack` for the mapper, the layouts made of
`FIELDS` for the hardware.
"""

from enum import IntEnum
from typing import Final


class Unit(IntEnum):
    """Where a packet goes. END stops the engine once all units have done what they were told."""

    END = 0
    FETCH = 1
    DELIVER = 2
    LOAD = 3
    COMPUTE = 4
    DRAIN = 5


class Opcode(IntEnum):
    """What a unit is to do: take the parameters of a layer, its codebook, or work; DRAIN's other work is to POOL. Other
    values are reserved."""

    LAYER = 1
    IDS = 2
    COLUMNS = 3
    WORK = 4
    CODED = 6
    CODEBOOK = 7
    POOL = 5


COUNT_BITS: Final = 16
"""Bits of the counters that commands wait for; they wrap around. A command waits until ``counter - wait``, taken modulo
2**16 as a signed number, is not negative."""

FIELDS: Final[dict[str, tuple[tuple[tuple[str, int], ...], ...]]] = {
    "header": ((("unit", 3), ("count", 8)),),
    "fetch": (
        (("opcode", 4), ("wait_delivered", 16), ("bank_address", 16), ("channels", 12), ("words", 16)),
        (("map_address", 32), ("channel_stride", 16), ("wait_drained", 16)),
    ),
    "coded_fetch": (
        (("opcode", 4), ("wait_delivered", 16), ("bank_address", 16), ("channels", 12), ("words", 16)),
        (("map_address", 32), ("channel_stride", 16), ("wait_drained", 16)),
        (("rows", 12), ("slot_words", 16)),
    ),
    "deliver_layer": (
        (
            ("opcode", 4),
            ("slots", 6),
            ("window", 6),
            ("advance", 6),
            ("stride", 6),
            ("region", 8),
            ("steps", 12),
            ("rows", 10),
        ),
        (("tile_rows", 12), ("row_pitch", 10), ("channel_pitch", 16), ("width", 12)),
    ),
    "deliver_ids": ((("opcode", 4), ("slot", 6), ("first_channel", 8), ("channels", 6)),),
    "deliver_columns": ((("opcode", 4),),),
    "deliver_pass": (
        (("opcode", 4), ("wait_fetched", 16), ("wait_computed", 16), ("base", 16)),
        (("first_row", -12), ("first_x", -12)),
    ),
    "load_layer": (
        (
            ("opcode", 4),
            ("wait_computed", 16),
            ("block", 12),
            ("sets", 5),
            ("ring", 6),
            ("blocks", 16),
            ("coded", 1),
        ),
    ),
    "load_codebook": ((("opcode", 4), ("entries", 9)),),
    "compute_layer": (
        (
            ("opcode", 4),
            ("slots", 6),
            ("window", 6),
            ("advance", 6),
            ("region", 8),
            ("steps", 12),
            ("filters", 8),
        ),
        (("block", 12), ("ring", 6)),
    ),
    "compute_pass": ((("opcode", 4), ("wait_drained", 16), ("psum_base", 16), ("first", 1), ("last_of_set", 1)),),
    "drain": (
        (
            ("opcode", 4),
            ("wait_computed", 16),
            ("psum_base", 16),
            ("first_column", 8),
            ("columns", 8),
            ("relu", 1),
            ("filters", 8),
            ("coded", 1),
        ),
        (("map_address", 32), ("channel_stride", 16), ("row_stride", 16)),
        (("steps", 12), ("filter_stride", 8)),
    ),
    "pool": (
        (
            ("opcode", 4),
            ("wait_fetched", 16),
            ("bank_address", 16),
            ("channels", 12),
            ("scales", 5),
            ("mean", 1),
            ("coded", 1),
        ),
        (("map_address", 32), ("channel_stride", 16), ("row_stride", 16)),
        (("steps", 12), ("rows", 12), ("first_x", -13), ("edge", 12), ("stride", 10)),
        (("row_advance", 16), ("channel_pitch", 16), ("row_pitch", 10), ("kernel", 10), ("window", 10)),
    ),
    "pool_scale": ((("multiplier", 16), ("shift", 6), ("behind", 12)),),
    "requantise": ((("bias", -42), ("multiplier", 16), ("shift", 6)),),
    "row_id": ((("channel", 6), ("offset", 10)),),
}
"""Words of every command and the fields in them, the lowest bits first; a negative width is a signed field. `row_id` is
16 bits wide, everything else 64."""

POOL_SCALES: Final = 16
"""Most `pool_scale` words of a POOL: a row of windows has as many multipliers, one behind the other."""

NO_CHANNEL: Final = 63
"""`row_id.channel` of a row that takes no part in a slot."""


def pack(command: str, **values: int) -> tuple[int, ...]:
    """The words of a command.

    Parameters
    ----------
    command : str
        A key of `FIELDS`.
    **values : int
        All of its fields, nothing else.

    Raises
    ------
    ValueError
        If a field is missing, unknown, or its value does not fit.
    """
    words = FIELDS[command]
    names = [name for word in words for name, _ in word]
    if wrong := sorted(set(names) ^ set(values)):
        raise ValueError(f"command {command!r}: field {wrong[0]!r} is missing or unknown")
    packed = []
    for word in words:
        bits, first = 0, 0
        for name, width in word:
            low, high = (0, (1 << width) - 1) if width > 0 else (-(1 << -width - 1), (1 << -width - 1) - 1)
            if not low <= values[name] <= high:
                raise ValueError(f"command {command!r}: {name} must be from {low} to {high}, not {values[name]}")
            bits |= (values[name] & (1 << abs(width)) - 1) << first
            first += abs(width)
        packed.append(bits)
    return tuple(packed)


def unpack(command: str, words: tuple[int, ...] | list[int]) -> dict[str, int]:
    """The fields of a command whose words are the first of ``words``.

    Raises
    ------
    ValueError
        If there are too few words.
    """
    layout = FIELDS[command]
    if len(words) < len(layout):
        raise ValueError(f"command {command!r} has {len(layout)} words, here are {len(words)}")
    values = {}
    for word, fields in zip(words, layout, strict=False):
        first = 0
        for name, width in fields:
            value = int(word) >> first & (1 << abs(width)) - 1
            values[name] = value - (1 << -width) if width < 0 and value >> -width - 1 else value
            first += abs(width)
    return values
