"""From external memory to the PEs: the ifmap bank, and the IDs by which rows and columns take values from it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eyrie.errors import InputError
from eyrie.golden.memories import sign_extended
from eyrie.golden.rowstat.contract import Pass
from eyrie.golden.rowstat.counts import Counts
from eyrie.golden.rowstat.memory import Memory
from eyrie.golden.rowstat.order import Known, SharedWords
from eyrie.golden.rowstat.tape import Command
from eyrie.rowstat.commands import FIELDS, NO_CHANNEL, Unit
from eyrie.rowstat.config import BUS_WORDS, RowstatConfig

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

_UNWRITTEN = np.int32(-(1 << 31))
"""Stands in the bank where nothing was fetched to; no activation has this value."""

_CHANNEL_BITS, _OFFSET_BITS = (width for _, width in FIELDS["row_id"][0])


@dataclass(frozen=True, kw_only=True, eq=False)
class Delivered:
    """What a pass finds in the ifmap scratch pads.

    Parameters
    ----------
    windows : float64 (columns, steps, slots, rows, window)
        0 in places that are not used.
    used : bool (columns, slots, rows)
        Places that take the values that their window is made of.
    """

    windows: npt.NDArray[np.float64]
    used: BoolArray


class Delivery:
    """The ifmap bank, row IDs, column IDs and the slot table, and what FETCH and DELIVER do with them.

    Parameters
    ----------
    config : RowstatConfig
    counts : Counts
        Where accesses are counted.
    """

    def __init__(self, config: RowstatConfig, counts: Counts) -> None:
        self._config, self._counts = config, counts
        self._bank = np.full(BUS_WORDS * config.ifmap_bank_words, _UNWRITTEN, np.int32)
        self._column_ids: IntArray | None = None
        self._channel = np.full((config.max_slots, config.rows), NO_CHANNEL)
        self._offset = np.zeros((config.max_slots, config.rows), np.int64)
        self._slots: dict[int, tuple[int, int]] = {}
        self._shared = SharedWords("ifmap bank", config.ifmap_bank_words, writer=Unit.FETCH, reader=Unit.DELIVER)
        self._pooled = SharedWords("ifmap bank", config.ifmap_bank_words, writer=Unit.FETCH, reader=Unit.DRAIN)
        self._port = SharedWords(
            "read port of the ifmap bank", 1, writer=Unit.DRAIN, reader=Unit.DELIVER, verbs=("takes", "takes")
        )

    def fetch(self, command: Command, number: int, known: Known, memory: Memory) -> None:
        """Take words of external memory into the bank; the command is number ``number`` of its kind.

        Raises
        ------
        InputError
            If the memory has no such words, they are no coded rows of the bank's words although they should be, or
            passes may still take what lies in their place.
        """
        if command.name == "coded_fetch":
            self._fetch_coded(command, number, known, memory)
            return
        channels, words, stride = command["channels"], command["words"], command["channel_stride"]
        end = command["map_address"] + (channels - 1) * stride + words
        if end > len(memory.words):
            raise InputError(f"{command}: reads word {end - 1} of a memory of {len(memory.words)} words")
        places = command["map_address"] + stride * np.arange(channels)[:, None] + np.arange(words)
        memory.shared.read(command, number, known, places)
        values = np.ascontiguousarray(memory.words[places]).view("<i2").ravel()
        self._counts.map_reads += channels * words
        self._fill(command, number, known, values.astype(np.int64))

    def _fetch_coded(self, command: Command, number: int, known: Known, memory: Memory) -> None:
        """Decode rows on their way."""
        rows = memory.read_coded_rows(command, number, known)
        try:
            values = rows.values(BUS_WORDS * command["words"])
        except ValueError as error:
            raise InputError(f"{command}: {error}") from error
        self._counts.map_reads += int(rows.lengths.sum())
        self._fill(command, number, known, values.ravel())

    def _fill(self, command: Command, number: int, known: Known, values: IntArray) -> None:
        """Put what comes from external memory into the bank."""
        first, words = command["bank_address"], values.size // BUS_WORDS
        self._shared.write(command, number, known, slice(first, first + words))
        self._pooled.write(command, number, known, slice(first, first + words))
        begin = BUS_WORDS * first
        self._bank[begin : begin + values.size] = sign_extended(values, self._config.activation_width)
        self._counts.ifmap_bank_writes += words

    def set_columns(self, command: Command) -> None:
        """Take a COLUMNS command: one ID a column.

        Raises
        ------
        InputError
            If an ID is wider than the number of a row.
        """
        ids = command.quarters[: self._config.columns]
        if (widest := int(ids.max())) >> _OFFSET_BITS:
            raise InputError(f"{command}: a column's ID must be at most {(1 << _OFFSET_BITS) - 1}, not {widest}")
        self._column_ids = ids

    def begin_layer(self) -> None:
        """Take a LAYER command: the slots have no IDs."""
        self._slots.clear()

    def set_ids(self, command: Command) -> None:
        """Take an IDS command: the row IDs and the channels of one slot."""
        slot, ids = command["slot"], command.quarters[: self._config.rows]
        self._channel[slot] = ids & (1 << _CHANNEL_BITS) - 1
        self._offset[slot] = ids >> _CHANNEL_BITS
        self._slots[slot] = command["first_channel"], command["channels"]
        self._counts.id_network += self._config.rows

    def deliver(self, one: Pass, number: int, known: Known) -> Delivered:
        """The windows of pass ``number``.

        Raises
        ------
        InputError
            If column or row IDs were never set, or values lie outside the bank, were never fetched or may not have
            been fetched yet.
        """
        layer, command = one.deliver_layer, one.deliver
        slots, window, steps, stride = layer["slots"], layer["window"], layer["steps"], layer["stride"]
        if self._column_ids is None:
            raise InputError(f"{command}: the columns have no IDs")
        if missing := set(range(slots)) - self._slots.keys():
            raise InputError(f"{command}: slot {min(missing)} has no row IDs")
        self._require_in_bank(one)
        first_channel, channels = np.array([self._slots[slot] for slot in range(slots)]).T

        # Places (column, slot, row): which row of the tile each of them takes.
        channel, offset = self._channel[:slots], self._offset[:slots]
        row = self._column_ids[:, None, None] + offset
        used = (channel < channels[:, None]) & (row < layer["rows"])
        tile_row = row + command["first_row"]
        inside = used & (tile_row >= 0) & (tile_row < layer["tile_rows"])
        address = (channel + first_channel[:, None]) * layer["channel_pitch"] + tile_row * layer["row_pitch"]
        lines, line_of = np.unique(np.where(inside, address, -1), return_inverse=True)

        # Rows of the tile with the zeros around them, and the windows in them.
        x = command["first_x"] + stride * np.arange(steps)[:, None] + np.arange(window)
        in_line = (x >= 0) & (x < layer["width"])
        values = np.zeros((len(lines), steps, window))
        start = 1 if lines[0] < 0 else 0  # the line of zeros
        lanes = BUS_WORDS * (command["base"] + lines[start:, None]) + x[in_line]
        self._port.read(command, number, known, slice(0, 1))
        self._shared.read(command, number, known, lanes // BUS_WORDS)
        values[start:, in_line] = self._taken(command, lanes)
        windows = values[line_of.reshape(used.shape)].transpose(0, 3, 1, 2, 4)
        self._count(one, channels, int(used.sum()))
        return Delivered(windows=np.ascontiguousarray(windows), used=used)

    def pool(self, command: Command, number: int, known: Known, values: IntArray) -> IntArray:
        """Values of the bank that a POOL takes, int64 like their places, of which a word has four.

        The command is number ``number`` of those that DRAIN counts.

        Raises
        ------
        InputError
            If values were never fetched or may not have been fetched yet, or a pass may still read the bank.
        """
        self._port.write(command, number, known, slice(0, 1))
        self._pooled.read(command, number, known, values // BUS_WORDS)
        return self._taken(command, values).astype(np.int64)

    def _taken(self, command: Command, values: IntArray) -> npt.NDArray[np.int32]:
        taken = self._bank[values]
        if (taken == _UNWRITTEN).any():
            worst = int(values[taken == _UNWRITTEN].min()) // BUS_WORDS
            raise InputError(f"{command}: takes bank word {worst}, which nothing was fetched to")
        return taken

    def _require_in_bank(self, one: Pass) -> None:
        """Everything inside the tile that is delivered, wanted or not, must lie in the bank."""
        layer, command = one.deliver_layer, one.deliver
        last_row = min(command["first_row"] + layer["rows"], layer["tile_rows"]) - 1
        last_x = command["first_x"] + (layer["steps"] - 1) * layer["stride"] + layer["window"] - 1
        last_x = min(last_x, layer["width"] - 1)
        ends = [first + n for first, n in (self._slots[slot] for slot in range(layer["slots"])) if n]
        if last_row < 0 or last_x < 0 or not ends:
            return
        last = command["base"] + (max(ends) - 1) * layer["channel_pitch"] + last_row * layer["row_pitch"]
        last += last_x // BUS_WORDS
        if last >= self._config.ifmap_bank_words:
            raise InputError(f"{command}: takes bank word {last} of {self._config.ifmap_bank_words}")

    def _count(self, one: Pass, channels: IntArray, n_used: int) -> None:
        layer, first_row = one.deliver_layer, one.deliver["first_row"]
        n_channels, steps, advance = int(channels.sum()), layer["steps"], layer["advance"]
        a_row = layer["window"] + (steps - 1) * advance
        rows_inside = max(0, min(first_row + layer["rows"], layer["tile_rows"]) - max(first_row, 0))
        # What a step adds: the last values of its window, but all of the first one's.
        end = one.deliver["first_x"] + layer["stride"] * np.arange(steps) + layer["window"]
        begin = end - advance
        begin[0] = one.deliver["first_x"]
        begin, end = np.maximum(begin, 0), np.minimum(end, layer["width"])
        words = (end - 1) // BUS_WORDS - begin // BUS_WORDS + 1
        self._counts.ifmap_network += n_channels * layer["rows"] * a_row
        self._counts.ifmap_bank_reads += n_channels * rows_inside * int(np.maximum(end - begin, 0).sum())
        self._counts.ifmap_bank_words += n_channels * rows_inside * int(words[end > begin].sum())
        self._counts.ifmap_writes += n_used * a_row
