"""Memory depths: what a network needs, a configuration that has it, and a refusal where one has not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eyrie.compile.place import PlacedLayer
from eyrie.compile.table import TableLayout
from eyrie.compress.interleave import Placement
from eyrie.eie.config import EieConfig
from eyrie.eie.program import STEP_WORDS
from eyrie.errors import InputError

MAX_ACCUMULATOR_DEPTH = 256
MAX_ACTIVATION_DEPTH = 512
"""Deepest memories that are chosen without being asked for; longer vectors run in passes and batches."""

SMALLEST_DEPTHS = {"entry_depth": 2, "table_depth": 2, "program_depth": 16}
"""Depths below which a configuration is not valid."""

LARGEST_DEPTHS = {"entry_depth": 1 << 20, "table_depth": 1 << 16, "program_depth": 1 << 14}
"""Depths beyond which a configuration is not valid."""

MAX_COUNT_BITS = 10
"""Width of a slice's number of entries beyond which a configuration is not valid."""

_CONTENTS = {
    "entry_depth": "entries on its fullest PE",
    "table_depth": "words for columns, biases and scales",
    "program_depth": "words of steps and codebooks",
}


@dataclass(frozen=True, kw_only=True)
class Needs:
    """Elements that a network takes in each memory of which it needs all at once, and the bits that count a slice's."""

    entry_depth: int
    table_depth: int
    program_depth: int
    count_bits: int

    @classmethod
    def of(cls, layers: Sequence[PlacedLayer]) -> "Needs":
        """Count what placed layers take."""
        entries = np.sum([placed.entries for placed in layers], axis=0)
        codebooks = {tuple(placed.layer.codebook.tolist()) for placed in layers}
        n_steps = 1 + sum(len(placed.tiles) for placed in layers)
        return cls(
            entry_depth=int(entries.max()),
            table_depth=TableLayout.of(layers).n_words,
            program_depth=STEP_WORDS * n_steps + sum(map(len, codebooks)),
            count_bits=max(1, max(placed.fullest_slice for placed in layers).bit_length()),
        )

    def require(self, capacity: dict[str, int]) -> None:
        """Check that every memory is deep enough.

        Raises
        ------
        InputError
            Naming the memory, the need and the capacity.
        """
        for memory, contents in _CONTENTS.items():
            need = getattr(self, memory)
            if need > capacity[memory]:
                raise InputError(
                    f"the network has {need} {contents}, but {memory} is {capacity[memory]}; "
                    f"a deeper memory{' or more PEs' if memory != 'program_depth' else ''} would hold it"
                )

    def require_config(self, config: EieConfig) -> None:
        """Check that a configuration is deep enough; raises as `require`."""
        self.require({memory: getattr(config, memory) for memory in _CONTENTS})


def choose_vector_depths(inputs: int, placements: Sequence[Placement], n_pes: int) -> tuple[int, int]:
    """Activation and accumulator depth for which as much as possible runs in one batch and one pass.

    Powers of two, up to `MAX_ACTIVATION_DEPTH` and `MAX_ACCUMULATOR_DEPTH`, for an engine of ``n_pes`` PEs.
    """
    local_rows = max(placement.local_rows for placement in placements)
    longest = -(-max(inputs, *(placement.n_slots for placement in placements)) // n_pes)
    return min(_power_of_two(longest), MAX_ACTIVATION_DEPTH), min(_power_of_two(local_rows), MAX_ACCUMULATOR_DEPTH)


def fit_memories(config: EieConfig, needs: Needs) -> EieConfig:
    """The configuration with other depths, powers of two that fit, and as few bits as count the slices' entries.

    Raises
    ------
    InputError
        If a memory would be larger than a configuration allows.
    """
    needs.require(LARGEST_DEPTHS)
    depths: dict[str, Any] = {
        memory: max(_power_of_two(getattr(needs, memory)), low) for memory, low in SMALLEST_DEPTHS.items()
    }
    return replace(config, count_bits=needs.count_bits, **depths)


def _power_of_two(value: int) -> int:
    return 1 << max(value - 1, 0).bit_length()
