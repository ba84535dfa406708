"""What a load stream leaves in the engine's memories."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from eyrie.eie.config import EieConfig
from eyrie.eie.load_format import Memory, Packet, element_width, memory_depth
from eyrie.errors import InputError

UNWRITTEN = np.iinfo(np.int64).min
"""Stands in the memories where no packet wrote; no element has this value."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Memories:
    """Contents of all memories, up to the last address that a packet wrote.

    Parameters
    ----------
    contents : dict
        int64 arrays, ``(1, depth)`` for the program and ``(n_pes, depth)`` for the others; no element is negative. A
        place that no packet wrote holds `UNWRITTEN`.
    """

    contents: dict[Memory, npt.NDArray[np.int64]]

    @classmethod
    def from_packets(cls, config: EieConfig, packets: Iterable[Packet]) -> Self:
        """Do what the loader does; a later packet writes over an earlier one.

        Raises
        ------
        InputError
            If a packet names a PE that is not there or leaves its memory.
        """
        packets = list(packets)
        contents = {}
        for memory in Memory:
            n_pes = 1 if memory is Memory.PROGRAM else config.n_pes
            own = [packet for packet in packets if packet.memory is memory]
            for packet in own:
                _require_inside(packet, n_pes, memory_depth(config, memory))
            depth = max((packet.address + len(packet.elements) for packet in own), default=0)
            array = np.full((n_pes, depth), UNWRITTEN, np.int64)
            width = element_width(config, memory)
            for packet in own:
                elements = packet.elements.astype(np.int64) & ((1 << width) - 1)
                array[packet.pe, packet.address : packet.address + len(elements)] = elements
            contents[memory] = array
        return cls(contents=contents)

    def read(self, memory: Memory, begin: int, end: int, pes: range | None = None) -> npt.NDArray[np.int64]:
        """Elements ``begin`` to ``end - 1`` of all PEs, or of some, int64 (PEs, end - begin).

        Raises
        ------
        InputError
            If one of them was never written.
        """
        array = self.contents[memory]
        elements = array[:, begin:end] if pes is None else array[pes.start : pes.stop, begin:end]
        if elements.shape[1] < end - begin or (elements == UNWRITTEN).any():
            raise InputError(
                f"the program reads {memory.name} memory from {begin} to {end - 1}, which was not written whole"
            )
        return elements


def sign_extended(values: npt.NDArray[np.int64], width: int) -> npt.NDArray[np.int64]:
    """The low ``width`` bits as two's complement numbers."""
    sign = np.int64(1 << width - 1)
    return ((values & ((1 << width) - 1)) ^ sign) - sign


def _require_inside(packet: Packet, n_pes: int, depth: int) -> None:
    if not 0 <= packet.pe < n_pes:
        raise InputError(f"packet for {packet.memory.name} names PE {packet.pe} of {n_pes}")
    if packet.address < 0 or packet.address + len(packet.elements) > depth:
        raise InputError(
            f"{len(packet.elements)} elements from address {packet.address} do not fit {packet.memory.name} memory "
            f"of {depth}"
        )
