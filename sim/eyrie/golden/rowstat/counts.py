"""What a run costs: accesses at every level of the storage hierarchy, and multiplies."""

import dataclasses
from dataclasses import dataclass
from typing import Self


@dataclass(kw_only=True)
class Counts:
    """Work done, over all PEs. A scratch pad's word is one value; elsewhere the unit is said.

    Every PE takes part in every pass; a *place* is a PE and a slot. A place whose row and column IDs match no value
    that is delivered is unused.

    Parameters
    ----------
    passes : int
    multiplies : int
        With values that are not zero, in places that are used.
    gated : int
        Not done because the value is zero, in places that are used.
    unused : int
        In places that are not used.
    ifmap_reads, ifmap_writes : int
        Ifmap scratch pads.
    filter_reads, filter_writes : int
        Filter scratch pads, each access once for all columns that share the pad. A multiply that is gated, or whose
        place is not used, reads none; a shared pad is read where any of its columns multiplies.
    psum_reads, psum_writes : int
        Psum scratch pads.
    ifmap_network : int
        Values on the ifmap bus, each once for all PEs that take it.
    id_network : int
        Row IDs on the ifmap bus.
    filter_network : int
        Words on the filter bus, of four weights each.
    codebook_reads : int
        Weights that were codes before.
    psum_network : int
        Psums from a PE to the next above it, or to the bank at the top.
    ifmap_bank_writes : int
        64-bit words into the global buffer's ifmap bank.
    ifmap_bank_reads : int
        Values out of it; zeros around a tile are not read.
    ifmap_bank_words : int
        64-bit words that are read for them, once for values that follow each other.
    pool_words : int
        64-bit words that pools read from the ifmap bank.
    filter_fifo : int
        64-bit words through the global buffer's filter FIFO, each written and read once.
    psum_bank_reads, psum_bank_writes : int
        Psums of the passes.
    drain_reads : int
        Psums that drains read.
    map_reads, map_writes : int
        64-bit words of feature maps from and to external memory.
    filter_words : int
        64-bit words of filters from external memory.
    tape_words : int
        64-bit words of the tape.
    """

    passes: int = 0
    multiplies: int = 0
    gated: int = 0
    unused: int = 0
    ifmap_reads: int = 0
    ifmap_writes: int = 0
    filter_reads: int = 0
    filter_writes: int = 0
    psum_reads: int = 0
    psum_writes: int = 0
    ifmap_network: int = 0
    id_network: int = 0
    filter_network: int = 0
    codebook_reads: int = 0
    psum_network: int = 0
    ifmap_bank_writes: int = 0
    ifmap_bank_reads: int = 0
    ifmap_bank_words: int = 0
    pool_words: int = 0
    filter_fifo: int = 0
    psum_bank_reads: int = 0
    psum_bank_writes: int = 0
    drain_reads: int = 0
    map_reads: int = 0
    map_writes: int = 0
    filter_words: int = 0
    tape_words: int = 0

    def __iadd__(self, other: Self) -> Self:
        for field in dataclasses.fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))
        return self
