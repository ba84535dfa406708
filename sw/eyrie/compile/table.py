"""The table of every PE: words for columns first, then biases, then scales."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eyrie.compile.place import PlacedLayer
from eyrie.eie.config import QUAD, EieConfig

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class TableLayout:
    """Where each kind of word lies; the same on all PEs.

    Parameters
    ----------
    n_columns : int
        Columns of all tiles of all layers, a multiple of `QUAD`.
    n_biases : int
        Rows of all layers.
    n_scales : int
        Rows of the layers that are scaled.
    """

    n_columns: int
    n_biases: int
    n_scales: int

    @classmethod
    def of(cls, layers: Sequence[PlacedLayer]) -> "TableLayout":
        """What placed layers take."""
        return cls(
            n_columns=sum(placed.n_columns for placed in layers),
            n_biases=sum(placed.placement.local_rows for placed in layers),
            n_scales=sum(placed.placement.local_rows for placed in layers if placed.layer.scaled),
        )

    @property
    def bias_base(self) -> int:
        """Address of the first bias."""
        return self.n_columns // QUAD

    @property
    def scale_base(self) -> int:
        """Address of the first scale."""
        return self.bias_base + self.n_biases

    @property
    def n_words(self) -> int:
        """Words in all."""
        return self.scale_base + self.n_scales


def column_words(counts: npt.NDArray[np.uint16], config: EieConfig) -> IntArray:
    """Words that describe the columns, int64 (n_pes, columns / 4), from the entries of each, uint16 (n_pes, columns).

    The slices of a PE follow each other in its entry memory, from address 0 on. See `eyrie.eie.load_format.Memory`.
    """
    lengths = counts.astype(np.int64)
    begins = np.cumsum(lengths, axis=1) - lengths
    words = begins[:, 2::QUAD] & (1 << config.entry_address_width) - 1
    for place in range(QUAD):
        words |= lengths[:, place::QUAD] << config.entry_address_width + place * config.count_bits
    return words
