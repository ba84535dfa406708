"""How evenly a network's work falls on the PEs, counted on images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from eyrie.compress.interleave import Placement
from eyrie.errors import InputError
from eyrie.train.network import Network

BoolMatrix = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class LayerLoad:
    """Work of one layer: one cycle for each weight that is not zero and whose input is not zero.

    Parameters
    ----------
    name : str
        Of the layer.
    n_pes : int
    most_kept : int
        Weights that are not zero on the PE that has most.
    n_kept : int
        Weights that are not zero on all PEs.
    largest : int
        Cycles of the PE that works longest, image by image, summed over the images.
    total : int
        Cycles of all PEs, summed over the images.
    """

    name: str
    n_pes: int
    most_kept: int
    n_kept: int
    largest: int
    total: int

    @property
    def imbalance(self) -> float:
        """Cycles of the PE that works longest over the mean of all; 1.0 where all work as long, or none at all."""
        return self.largest * self.n_pes / self.total if self.total else 1.0

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "weights_kept": self.n_kept,
            "most_weights_on_a_pe": self.most_kept,
            "cycles_of_all_pes": self.total,
            "cycles_of_the_longest": self.largest,
            "imbalance": self.imbalance,
        }


def active_inputs(network: Network, inputs: np.ndarray) -> tuple[BoolMatrix, ...]:
    """Which inputs of each layer are not zero: bool (n, inputs of the layer) for float inputs (n, pixels)."""
    hidden = (Network(layers=network.layers[:n]).outputs(inputs) for n in range(1, len(network.layers)))
    return (inputs != 0, *(values > 0 for values in hidden))


def layer_loads(
    network: Network, active: Sequence[BoolMatrix], placements: Sequence[Placement]
) -> tuple[LayerLoad, ...]:
    """Count the work of each layer.

    Parameters
    ----------
    network : Network
    active : sequence of bool (n, inputs of the layer)
        For each layer, which inputs of it are not zero, image by image; see `active_inputs`.
    placements : sequence of Placement
        For each layer, of its rows.

    Raises
    ------
    InputError
        If a placement has another number of rows than its layer.
    """
    loads = []
    for layer, columns, placement in zip(network.layers, active, placements, strict=True):
        if placement.rows != len(layer.weight):
            raise InputError(f"{layer.name} has {len(layer.weight)} rows, but its placement {placement.rows}")
        # Weights of each column on each PE; float64 holds the sums exactly.
        on_pe = np.zeros((placement.n_pes, layer.weight.shape[1]))
        np.add.at(on_pe, placement.pe_of_row, layer.weight != 0)
        cycles = columns.astype(np.float64) @ on_pe.T
        loads.append(
            LayerLoad(
                name=layer.name,
                n_pes=placement.n_pes,
                most_kept=int(on_pe.sum(axis=1).max()),
                n_kept=layer.n_kept,
                largest=int(cycles.max(axis=1).sum()),
                total=int(cycles.sum()),
            )
        )
    return tuple(loads)
