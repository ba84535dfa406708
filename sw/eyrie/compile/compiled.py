"""A compiled network: what goes into the engine's memories, and what the host must know."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eyrie.compile.schedule import HostSchedule
from eyrie.compile.table import TableLayout, column_words
from eyrie.eie.config import EieConfig
from eyrie.eie.load_format import Memory, Packet

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class LayerInfo:
    """What a person or a report wants to know of a layer.

    Parameters
    ----------
    name : str
    rows, columns : int
        Outputs and inputs.
    relu : bool
    weight_scale, output_scale : float
        What one unit of a codebook entry, and of an output activation, stands for.
    column_base : int
        First column of its first tile; the columns from there to the next layer's are its own.
    slot_of_row : tuple of int
    n_slots : int
        Slot of each row, and slots with the idle ones, see `eyrie.compress.interleave.Placement`.
    apart : bool
        Its columns are split over groups of PEs.
    """

    name: str
    rows: int
    columns: int
    relu: bool
    weight_scale: float
    output_scale: float
    column_base: int
    slot_of_row: tuple[int, ...]
    n_slots: int
    apart: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class CompiledNetwork:
    """A network for one configuration of the engine.

    Parameters
    ----------
    config : EieConfig
    name : str
    layers : tuple of LayerInfo
    schedule : HostSchedule
    program : int64 (words,)
        Steps and codebooks, words of 32 bits.
    counts : uint16 (n_pes, columns)
        Entries of every column of all tiles of all layers; each tile is padded with empty ones to a multiple of four.
    entries : tuple of uint16 arrays, one a PE
        Code in the low bits, run above.
    bias : int64 (n_pes, rows)
    scale : int64 (n_pes, rows of the layers that are scaled)
        Multiplier in the low bits, shift above.
    input_scale, output_scale : float
        What one unit of an input, and of an output activation, stands for.
    clip : (int, int)
        Lowest and highest input activation for which the accumulators are certified.
    host_operators : tuple of str
        What the host does with the outputs, in order.
    """

    config: EieConfig
    name: str
    layers: tuple[LayerInfo, ...]
    schedule: HostSchedule
    program: IntArray
    counts: npt.NDArray[np.uint16]
    entries: tuple[npt.NDArray[np.uint16], ...]
    bias: IntArray
    scale: IntArray
    input_scale: float
    output_scale: float
    clip: tuple[int, int]
    host_operators: tuple[str, ...]

    @property
    def inputs(self) -> int:
        """Elements of an input."""
        return self.schedule.sizes[0]

    @property
    def outputs(self) -> int:
        """Elements of an output."""
        return self.schedule.sizes[-1]

    @property
    def table(self) -> TableLayout:
        """Where counts, biases and scales lie in the table."""
        return TableLayout(n_columns=self.counts.shape[1], n_biases=self.bias.shape[1], n_scales=self.scale.shape[1])

    def packets(self) -> list[Packet]:
        """Packets for `eyrie.eie.load_format.load_stream`, which write every memory as far as the network needs it."""
        biases = self.bias & (1 << self.config.accumulator_width) - 1
        table = np.concatenate([column_words(self.counts, self.config), biases, self.scale], axis=1)
        packets = [Packet(memory=Memory.PROGRAM, pe=0, address=0, elements=self.program)]
        for pe in range(self.config.n_pes):
            entries = self.entries[pe].astype(np.int64)
            packets.append(Packet(memory=Memory.ENTRY, pe=pe, address=0, elements=entries))
            packets.append(Packet(memory=Memory.TABLE, pe=pe, address=0, elements=table[pe]))
        return [packet for packet in packets if len(packet.elements)]
