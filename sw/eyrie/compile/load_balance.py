"""How evenly the entries of a layer lie on the PEs."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from eyrie.compress.sparse_columns import SparseColumns


@dataclass(frozen=True, kw_only=True)
class LoadBalance:
    """Entries that the PEs read for an input, fillers included, on average over the inputs.

    Parameters
    ----------
    longest : float
        Of the PE that reads most.
    mean : float
        Over all PEs.
    """

    longest: float
    mean: float

    @classmethod
    def of(cls, parts: Iterable[SparseColumns], density: npt.NDArray[np.float64] | None) -> Self:
        """Count them.

        Parameters
        ----------
        parts : iterable of SparseColumns
            A layer in one piece, one part a PE.
        density : float64 (columns,) or None
            Share of the inputs in which a column is broadcast; None takes them all to be.
        """
        counts = np.stack([np.diff(part.pointers) for part in parts])
        loads = counts.sum(axis=1) if density is None else counts @ density
        return cls(longest=float(loads.max()), mean=float(loads.mean()))

    @property
    def imbalance(self) -> float:
        """Longest over mean; 1.0 where there is no work."""
        return self.longest / self.mean if self.mean else 1.0

    def as_json(self) -> dict[str, Any]:
        return {"longest": self.longest, "mean": self.mean, "imbalance": self.imbalance}


def overall(layers: Iterable[LoadBalance]) -> LoadBalance:
    """Of layers that run one after the other: every PE waits for the longest of each."""
    loads = list(layers)
    return LoadBalance(longest=sum(load.longest for load in loads), mean=sum(load.mean for load in loads))
