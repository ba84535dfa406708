"""A compiled network: what goes into the engine's memories, and what the host must know."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eyrie.compile.schedule import HostSchedule
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
        Pointer address of its first table; the entries from there to the next layer's are its own.
    slot_of_row : tuple of int
    n_slots : int
        Slot of each row, and slots with the idle ones, see `eyrie.compress.interleave.Placement`.
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
    pointers : int64 (n_pes, columns + 1)
        Column pointers of all tables of all layers.
    entries : tuple of uint16 arrays, one a PE
        Code in the low bits, run above.
    bias : int64 (n_pes, rows)
    scale : int64 (n_pes, rows)
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
    pointers: IntArray
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

    def packets(self) -> list[Packet]:
        """Packets for `eyrie.eie.load_format.load_stream`, which write every memory as far as the network needs it."""
        packets = [Packet(memory=Memory.PROGRAM, pe=0, address=0, elements=self.program)]
        for pe in range(self.config.n_pes):
            for memory, elements in (
                (Memory.ENTRY, self.entries[pe].astype(np.int64)),
                (Memory.POINTER, self.pointers[pe]),
                (Memory.BIAS, self.bias[pe]),
                (Memory.SCALE, self.scale[pe]),
            ):
                packets.append(Packet(memory=memory, pe=pe, address=0, elements=elements))
        return [packet for packet in packets if len(packet.elements)]
