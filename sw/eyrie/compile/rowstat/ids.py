"""Where the pairs of a channel and a filter row sit: row ids, slot tables, column ids and column sets."""

from dataclasses import dataclass

from eyrie.compile.rowstat.layer import ConvShape
from eyrie.compile.rowstat.mapping import MAX_SETS, Mapping, channel_span, pass_rows, set_columns
from eyrie.rowstat.commands import NO_CHANNEL, pack
from eyrie.rowstat.config import BUS_WORDS, RowstatConfig


@dataclass(frozen=True, kw_only=True)
class SlotIds:
    """What one slot of a pass works on.

    Parameters
    ----------
    first_channel : int
        Of the slot, counted from the first channel of the pass.
    channels : int
        Channels that are delivered for the slot.
    row_ids : tuple of (int, int), one a row of the array
        Channel, counted from the slot's first one, and filter row; `NO_CHANNEL` and 0 for a row without a pair.
    """

    first_channel: int
    channels: int
    row_ids: tuple[tuple[int, int], ...]

    def id_words(self) -> tuple[int, ...]:
        """The row ids in words of 64 bits, row 0 lowest."""
        ids = [pack("row_id", channel=channel, offset=offset)[0] for channel, offset in self.row_ids]
        return words_of_four(ids)


def words_of_four(values: list[int]) -> tuple[int, ...]:
    """Values of 16 bits in words of 64, the first lowest; what is missing in the last word is 0."""
    return tuple(
        sum(value << 16 * lane for lane, value in enumerate(values[begin : begin + BUS_WORDS]))
        for begin in range(0, len(values), BUS_WORDS)
    )


def place_pairs(shape: ConvShape, config: RowstatConfig, mapping: Mapping, channel_group: int) -> tuple[SlotIds, ...]:
    """Slots of a pass: its pairs in order, channel by channel, row by row.

    A slot without any pair takes the first channel, which no row listens to.
    """
    first_pair = channel_group * mapping.pass_pairs
    first_channel = first_pair // shape.kernel[0]
    slots = []
    for slot in range(mapping.slots):
        begin = first_pair + slot * mapping.slot_pairs
        if begin >= shape.pairs:
            slots.append(SlotIds(first_channel=0, channels=1, row_ids=((NO_CHANNEL, 0),) * config.rows))
            continue
        channel, channels = channel_span(shape, begin, mapping.slot_pairs)
        pairs = [divmod(pair, shape.kernel[0]) for pair in range(begin, begin + mapping.slot_pairs)]
        ids = [
            (pair_channel - channel, row) if pair_channel < shape.group_channels else (NO_CHANNEL, 0)
            for pair_channel, row in pairs
        ]
        ids += [(NO_CHANNEL, 0)] * (config.rows - len(ids))
        slots.append(SlotIds(first_channel=channel - first_channel, channels=channels, row_ids=tuple(ids)))
    return tuple(slots)


def column_ids(shape: ConvShape, config: RowstatConfig, mapping: Mapping) -> list[int]:
    """Ids of the columns: the first ifmap row of a column's output row; a column without one takes an id of no row."""
    nowhere = [pass_rows(shape, mapping)]
    rows = [row * shape.stride[0] for row in range(mapping.strip_rows)]
    rows += nowhere * (set_columns(config, mapping.strip_rows) - len(rows))
    return rows * mapping.sets + nowhere * (config.columns - mapping.sets * len(rows))


def column_sets(config: RowstatConfig, mapping: Mapping) -> list[int]:
    """Filter set of each column; a column without one takes the number that is never loaded."""
    sets = [number for number in range(mapping.sets) for _ in range(set_columns(config, mapping.strip_rows))]
    return sets + [MAX_SETS] * (config.columns - len(sets))
