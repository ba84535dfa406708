"""What compilation did, layer by layer."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from eyrie.compile.calibrate import Ranges
from eyrie.compile.certify import Certificate
from eyrie.compile.evaluate import Cost
from eyrie.compile.load_balance import LoadBalance, overall
from eyrie.compile.place import PlacedLayer
from eyrie.compile.quantise import Quantisation
from eyrie.compress.interleave import Placement
from eyrie.compress.relative_index import encode_array
from eyrie.compress.share import SharingError
from eyrie.compress.sparse_columns import SparseColumns
from eyrie.compress.storage import StorageReport, storage_report
from eyrie.eie.config import EieConfig


@dataclass(frozen=True, kw_only=True)
class LayerReport:
    """One layer.

    Parameters
    ----------
    name : str
    rows, columns : int
    nonzeros : int
        Weights that have an entry.
    sharing : SharingError
        Distinct values before and after sharing, and what it cost.
    weight_bits : int
        Bits, sign included, of the largest codebook entry.
    weight_scale, output_scale : float
        What one unit of a codebook entry, and of an output activation, stands for.
    certificate : Certificate
    passes, batches : int
    round_trip : bool
        Its outputs go through the host to the next layer.
    entries, fillers : int
        In the sparse-matrix memories of all PEs.
    entries_of_fullest_pe, entries_of_emptiest_pe : int
    load, interleaved_load : LoadBalance
        Work of the PEs on the calibration inputs, or without any on inputs that are never zero; with the rows where
        they are, and if they were interleaved. For the whole layer in one piece.
    storage : StorageReport
        Size in every form, for the whole layer in one piece. Each column takes a quarter of a word of `quad_width` bits
        on every PE, the last word filled up.
    """

    name: str
    rows: int
    columns: int
    nonzeros: int
    sharing: SharingError
    weight_bits: int
    weight_scale: float
    output_scale: float
    certificate: Certificate
    passes: int
    batches: int
    round_trip: bool
    entries: int
    fillers: int
    entries_of_fullest_pe: int
    entries_of_emptiest_pe: int
    load: LoadBalance
    interleaved_load: LoadBalance
    storage: StorageReport

    @property
    def density(self) -> float:
        """Weights that have an entry, as a fraction of all."""
        return self.nonzeros / (self.rows * self.columns)

    @property
    def shared(self) -> bool:
        """Whether sharing changed a weight."""
        return self.sharing.max_absolute > 0


@dataclass(frozen=True, kw_only=True)
class CompileReport:
    """A network.

    Parameters
    ----------
    name : str
    config : EieConfig
    ranges : str
        Where the ranges of activations come from.
    layers : tuple of LayerReport
    cost : Cost or None
        At the outputs; None without calibration inputs.
    """

    name: str
    config: EieConfig
    ranges: str
    layers: tuple[LayerReport, ...]
    cost: Cost | None

    @property
    def load(self) -> LoadBalance:
        """Work of the PEs in all layers."""
        return overall(layer.load for layer in self.layers)

    @property
    def interleaved_load(self) -> LoadBalance:
        """The same if rows were interleaved."""
        return overall(layer.interleaved_load for layer in self.layers)

    def as_dict(self) -> dict[str, Any]:
        """All figures, as JSON can hold them."""
        layers = []
        for layer in self.layers:
            storage = layer.storage
            layers.append(
                asdict(layer)
                | {
                    "density": layer.density,
                    "certificate": asdict(layer.certificate) | {"bits": layer.certificate.bits},
                    "load": layer.load.as_json(),
                    "interleaved_load": layer.interleaved_load.as_json(),
                    "storage": {
                        "dense_bits": storage.dense_bits,
                        "csc_bits": storage.csc.bits,
                        "huffman_bits": storage.huffman.bits,
                    },
                }
            )
        return {
            "name": self.name,
            "config": asdict(self.config),
            "config_hash": f"{self.config.hash:016x}",
            "ranges": self.ranges,
            "load": self.load.as_json(),
            "interleaved_load": self.interleaved_load.as_json(),
            "layers": layers,
            "cost": asdict(self.cost) if self.cost else None,
        }


def report_network(
    quantisation: Quantisation,
    placed: Sequence[PlacedLayer],
    config: EieConfig,
    ranges: Ranges,
    densities: Sequence[npt.NDArray[np.float64]] | None,
    cost: Cost | None,
) -> CompileReport:
    """Collect the figures of one compilation.

    ``densities`` are those of each layer's columns on the calibration inputs; None without any.
    """
    return CompileReport(
        name=quantisation.network.name,
        config=config,
        ranges=ranges.source,
        layers=tuple(
            _report_layer(quantisation, number, layer, source, density, round_trip, config)
            for number, (layer, source, density, round_trip) in enumerate(
                zip(
                    placed,
                    [None, *placed[:-1]],
                    [None] * len(placed) if densities is None else densities,
                    [*(layer.tiling.streamed for layer in placed[1:]), False],
                    strict=True,
                )
            )
        ),
        cost=cost,
    )


def _report_layer(
    quantisation: Quantisation,
    number: int,
    placed: PlacedLayer,
    source: PlacedLayer | None,
    density: npt.NDArray[np.float64] | None,
    round_trip: bool,
    config: EieConfig,
) -> LayerReport:
    layer = placed.layer
    loads, stored = _in_one_piece(placed, source, config.index_bits)
    interleaved = encode_array(layer.codes, Placement.interleaved(layer.rows, config.n_pes), config.index_bits)
    return LayerReport(
        name=layer.name,
        rows=layer.rows,
        columns=layer.columns,
        nonzeros=int(np.count_nonzero(layer.codes)),
        sharing=quantisation.sharing[number],
        weight_bits=int(np.abs(layer.codebook).max()).bit_length() + 1,
        weight_scale=layer.weight_scale,
        output_scale=quantisation.network.scales[number + 1],
        certificate=quantisation.certificates[number],
        passes=len(placed.tiling.passes),
        batches=len(placed.tiling.batches),
        round_trip=round_trip,
        entries=int(placed.entries.sum()),
        fillers=placed.n_fillers,
        entries_of_fullest_pe=int(placed.entries.max()),
        entries_of_emptiest_pe=int(placed.entries.min()),
        load=LoadBalance.of(loads, density),
        interleaved_load=LoadBalance.of(interleaved, density),
        storage=replace(
            storage_report(
                stored,
                rows=layer.rows,
                codebook_bits=config.codebook_bits,
                n_codebook_entries=layer.codebook.size,
                codebook_entry_bits=config.weight_width,
                quad_bits=config.quad_width,
            ),
            dense_bits=32 * layer.rows * layer.columns,
        ),
    )


def _in_one_piece(
    placed: PlacedLayer, source: PlacedLayer | None, index_bits: int
) -> tuple[Sequence[SparseColumns], Sequence[SparseColumns]]:
    """A layer's part on every PE: with all columns, for the load, and with those that it stores.

    ``source`` is the layer before, in whose slots the inputs lie unless the host sends them.
    """
    codes, placement = placed.layer.codes, placed.placement
    if not placed.apart:
        whole = encode_array(codes, placement, index_bits)
        return whole, whole
    resident = None if placed.tiling.streamed else source
    slots = np.arange(codes.shape[1]) if resident is None else resident.placement.slot_of_row
    group = slots % placed.tiling.n_pes // placement.n_pes
    most = int(np.bincount(group).max())
    loads: list[SparseColumns] = []
    stored: list[SparseColumns] = []
    for number in range(placed.n_groups):
        own = codes[:, group == number]
        loads += encode_array(codes * (group == number), placement, index_bits)
        stored += encode_array(np.pad(own, ((0, 0), (0, most - own.shape[1]))), placement, index_bits)
    return loads, stored
