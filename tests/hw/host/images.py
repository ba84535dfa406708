"""Small networks as images for the loader in hardware, and the load streams that it must make of them."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from eyrie.compile.compiled import CompiledNetwork
from eyrie.compile.mapping import map_network
from eyrie.compile.random_network import draw_case
from eyrie.compile.table import column_words
from eyrie.eie.config import TINY, EieConfig
from eyrie.eie.load_format import Memory, Packet, load_stream

SMALL = replace(TINY, n_pes=3, entry_depth=1 << 9, table_depth=1 << 8, program_depth=1 << 10)
"""An engine with room for the networks here."""

ODD = replace(
    SMALL,
    n_pes=2,
    codebook_bits=3,
    index_bits=2,
    count_bits=3,
    accumulator_width=40,
    activation_width=11,
)
"""Biases of two words, entries of five bits, six to a word."""

NARROW = replace(SMALL, n_pes=1, count_bits=3, index_bits=2, codebook_bits=2, accumulator_width=24, multipliers=False)
"""A table of one word an element, eight entries to a word, nothing scaled."""


def draw_network(seed: int, config: EieConfig, *, largest_side: int = 8) -> CompiledNetwork:
    """A network of up to three layers, drawn at random."""
    case = draw_case(seed, config=config, largest_side=largest_side, most_layers=3)
    return map_network(case.network, config, sized=False, placements=case.placements).compiled


def packets_in_order(compiled: CompiledNetwork) -> list[Packet]:
    """The packets that the loader makes: a memory after the other, an entry at least for each PE."""
    table, pes = compiled.table, range(compiled.config.n_pes)
    columns = column_words(compiled.counts, compiled.config)
    bias = compiled.bias & (1 << compiled.config.accumulator_width) - 1

    def packets(memory: Memory, address: int, elements: npt.NDArray[np.int64]) -> list[Packet]:
        return [Packet(memory=memory, pe=pe, address=address, elements=elements[pe]) for pe in pes]

    entries = [own.astype(np.int64) if own.size else np.zeros(1, np.int64) for own in compiled.entries]
    return [
        Packet(memory=Memory.PROGRAM, pe=0, address=0, elements=compiled.program),
        *packets(Memory.TABLE, 0, columns),
        *(Packet(memory=Memory.ENTRY, pe=pe, address=0, elements=entries[pe]) for pe in pes),
        *packets(Memory.TABLE, table.bias_base, bias),
        *(packets(Memory.TABLE, table.scale_base, compiled.scale) if compiled.scale.size else []),
    ]


def expected_stream(compiled: CompiledNetwork) -> list[int]:
    """The load stream that the loader makes, word for word."""
    return [int(word) for word in load_stream(compiled.config, packets_in_order(compiled))]


def image_words(image: bytes) -> list[int]:
    """An image as the words that go into the loader."""
    return [int(word) for word in np.frombuffer(image, "<u4")]
