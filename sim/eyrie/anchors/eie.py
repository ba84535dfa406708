"""The figures of EIE (Han et al., ISCA 2016): its nine benchmark layers, and the design point that ran them."""

from dataclasses import dataclass

from eyrie.anchors.published import rows

SOURCE = "Han et al., EIE, ISCA 2016, arXiv:1602.01528v2"
"""Where all figures here come from; each file names the sections or tables."""


@dataclass(frozen=True, kw_only=True)
class PublishedLayer:
    """One benchmark layer, tables III and IV of the paper.

    Parameters
    ----------
    name : str
    inputs, outputs : int
        Columns and rows of the matrix.
    weight_density, activation_density : float
        Fraction of weights, and of inputs, that are not zero.
    theoretical_us, actual_us : float
        Microseconds that the paper computes for perfect balance, and that its simulation took.
    clock_mhz : int
    pes : int
        Processing elements of that run.
    mark : str
        How the figures are known: V is seen in the paper's own text.
    """

    name: str
    inputs: int
    outputs: int
    weight_density: float
    activation_density: float
    theoretical_us: float
    actual_us: float
    clock_mhz: int
    pes: int
    mark: str

    @property
    def cycles(self) -> int:
        """Clock cycles of the actual time."""
        return round(self.actual_us * self.clock_mhz)

    @property
    def expected_multiplies(self) -> float:
        """Weights that meet a non-zero activation, as the published densities have it."""
        return self.inputs * self.outputs * self.weight_density * self.activation_density

    @property
    def bound(self) -> float:
        """Cycles of a perfect array with so many PEs, from the published densities."""
        return self.expected_multiplies / self.pes

    @property
    def utilisation(self) -> float:
        """Share of the paper's cycles in which a multiplier does useful work, from its densities and actual time."""
        return self.bound / self.cycles


@dataclass(frozen=True, kw_only=True)
class PublishedDesign:
    """The design point of the paper's times, sections III to VI.

    Parameters
    ----------
    pes : int
        Processing elements.
    queue_depth : int
        Activations in a PE's queue.
    codebook_entries : int
        Shared weights, the zero included.
    code_bits, index_bits, pointer_bits : int
        Widths of a code, of the zero run beside it, and of a column pointer, of which every PE has one a column.
    """

    pes: int
    queue_depth: int
    codebook_entries: int
    code_bits: int
    index_bits: int
    pointer_bits: int


def published_layers() -> tuple[PublishedLayer, ...]:
    """The nine layers in the paper's order."""
    return tuple(
        PublishedLayer(
            name=row["layer"],
            inputs=int(row["inputs"]),
            outputs=int(row["outputs"]),
            weight_density=float(row["weight_density"]),
            activation_density=float(row["activation_density"]),
            theoretical_us=float(row["theoretical_us"]),
            actual_us=float(row["actual_us"]),
            clock_mhz=int(row["clock_mhz"]),
            pes=int(row["pes"]),
            mark=row["mark"],
        )
        for row in rows("eie_layers.csv")
    )


def published_design() -> PublishedDesign:
    """The design point."""
    return PublishedDesign(**{row["figure"]: int(row["value"]) for row in rows("eie_design.csv")})
