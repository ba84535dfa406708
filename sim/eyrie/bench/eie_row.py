"""What every row of the benchmark says of a layer that was run."""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, kw_only=True)
class LayerRow:
    """One layer, run once.

    Parameters
    ----------
    layer : str
    pes, seed : int
    index_bits : int
        Bits of a zero run.
    column_groups : int
        Groups of PEs over which the columns are split; 1 if one broadcast serves all PEs.
    useful_multiplies : int
        Non-zero weights that meet a non-zero activation.
    cycles : int
        See `eyrie.bench.eie_bench.DEFINITION_OF_CYCLES`.
    paper_cycles : int or None
        The paper's actual time; None for other than the paper's number of PEs.
    bits_per_weight : float
        Entries and what finds them, over non-zero weights.
    differences : tuple of str
        What is not as it should be.
    """

    layer: str
    pes: int
    seed: int
    index_bits: int
    column_groups: int
    useful_multiplies: int
    cycles: int
    paper_cycles: int | None
    bits_per_weight: float
    differences: tuple[str, ...]

    _DERIVED: ClassVar = ("bound", "cycles_over_bound", "utilisation", "paper_over_cycles", "matches")

    @property
    def bound(self) -> float:
        """Cycles of a perfect array: useful multiplies over PEs."""
        return self.useful_multiplies / self.pes

    @property
    def cycles_over_bound(self) -> float:
        """1 for a perfect array."""
        return self.cycles / self.bound

    @property
    def utilisation(self) -> float:
        """Share of the cycles in which a multiplier does useful work."""
        return self.bound / self.cycles

    @property
    def paper_over_cycles(self) -> float | None:
        """How many times the paper's cycles are ours; None where there are none of the paper."""
        return None if self.paper_cycles is None else self.paper_cycles / self.cycles

    @property
    def matches(self) -> bool:
        """Whether every output bit is that of plain matrices and, in RTL, every cycle that of the cycle model."""
        return not self.differences

    def as_dict(self) -> dict[str, Any]:
        """All figures, as JSON can hold them."""
        return asdict(self) | {name: getattr(self, name) for name in self._DERIVED}
