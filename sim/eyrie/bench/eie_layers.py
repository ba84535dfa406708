"""The layers of EIE's benchmark, drawn at random with the published shapes and densities."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from eyrie.anchors.eie import PublishedLayer, published_design
from eyrie.compile.quantised import QuantisedLayer, QuantisedNetwork
from eyrie.golden.dense import forward

IntArray = npt.NDArray[np.int64]

ACTIVATION_WIDTH = 16
ACCUMULATOR_WIDTH = 32

_BLOCK = 1 << 22
"""Weights that are expanded at a time."""


@dataclass(frozen=True, kw_only=True, eq=False)
class BenchLayer:
    """One layer, as a network of its own, and one input.

    Parameters
    ----------
    published : PublishedLayer
        Shape and densities that it was drawn with.
    seed : int
    network : QuantisedNetwork
        Its accumulators cannot overflow.
    x : int64 (inputs,)
        Activations.
    """

    published: PublishedLayer
    seed: int
    network: QuantisedNetwork
    x: IntArray

    @property
    def name(self) -> str:
        """Of the layer."""
        return self.published.name

    @property
    def codes(self) -> npt.NDArray[np.uint8]:
        """uint8 (outputs, inputs); 0 is a weight of zero."""
        return self.network.layers[0].codes

    @property
    def n_nonzeros(self) -> int:
        """Weights that are not zero."""
        return int(np.count_nonzero(self.codes))

    @property
    def useful_multiplies(self) -> int:
        """Weights that are not zero and meet an activation that is not."""
        return int(np.count_nonzero(self.codes, axis=0) @ (self.x != 0))

    def outputs(self) -> IntArray:
        """What plain matrices make of the input, int64 (outputs,), a block of rows at a time."""
        whole = self.network.layers[0]
        step = max(1, _BLOCK // whole.columns)
        parts = []
        for begin in range(0, whole.rows, step):
            rows = slice(begin, begin + step)
            block = replace(
                whole,
                codes=whole.codes[rows],
                bias=whole.bias[rows],
                multiplier=whole.multiplier[rows],
                shift=whole.shift[rows],
            )
            parts.append(forward([block], self.x[None], activation_width=self.network.activation_width)[0])
        return np.concatenate(parts)


def draw_layer(published: PublishedLayer, seed: int) -> BenchLayer:
    """Draw matrix and input of one layer; the same seed draws the same, whatever other layers are drawn.

    Every weight is non-zero with the published probability and then has one of all non-zero codes, each as likely. The
    published share of the activations is non-zero, exactly, and covers the whole range. So that no sum of such
    activations can leave 32 bits, codebook entries are only as large as the fullest row permits. One shift for all rows
    spreads the outputs over the range; few saturate.

    Parameters
    ----------
    published : PublishedLayer
    seed : int
    """
    rng = np.random.default_rng([seed, *published.name.encode()])
    rows, columns = published.outputs, published.inputs
    n_codes = published_design().codebook_entries
    positions = _positions(rng, rows * columns, published.weight_density)
    codes = np.zeros(rows * columns, np.uint8)
    codes[positions] = rng.integers(1, n_codes, positions.size, np.uint8)

    # Three quarters of the accumulator's range for the products, the rest for the bias.
    quarter = 1 << ACCUMULATOR_WIDTH - 3
    fullest = int(np.bincount(positions // columns, minlength=1).max())
    largest = 3 * quarter // (max(fullest, 1) << ACTIVATION_WIDTH - 1)
    codebook = rng.integers(1, largest + 1, n_codes) * rng.choice([-1, 1], n_codes)
    codebook[0] = 0
    spread = float(np.sqrt(np.mean(codebook[1:] ** 2) * published.expected_multiplies / rows / 3)) * 2**15
    bias = np.rint(rng.normal(0, 0.3 * spread, rows)).clip(-quarter, quarter - 1).astype(np.int64)
    layer = QuantisedLayer(
        name=published.name,
        codes=codes.reshape(rows, columns),
        codebook=codebook,
        weight_scale=1.0,
        bias=bias,
        multiplier=np.ones(rows, np.int64),
        shift=np.full(rows, max(0, round(np.log2(3 * spread)) - ACTIVATION_WIDTH + 1)),
        relu=False,
    )
    lowest, highest = -(1 << ACTIVATION_WIDTH - 1), (1 << ACTIVATION_WIDTH - 1) - 1
    network = QuantisedNetwork(
        name=published.name,
        layers=(layer,),
        activation_width=ACTIVATION_WIDTH,
        scales=(1.0, 1.0),
        clip=(lowest, highest),
    )
    return BenchLayer(published=published, seed=seed, network=network, x=_activations(rng, published, lowest, highest))


def _positions(rng: np.random.Generator, size: int, density: float) -> IntArray:
    """Positions below ``size``, ascending, each there with the same probability, independent of all others.

    The gaps between such positions are geometric, so that only what is there need be drawn.
    """
    expected = size * density
    n_drawn = int(expected + 6 * expected**0.5) + 16
    positions = np.cumsum(rng.geometric(density, n_drawn)) - 1
    while positions[-1] < size:
        positions = np.concatenate([positions, positions[-1] + np.cumsum(rng.geometric(density, n_drawn))])
    return positions[: np.searchsorted(positions, size)]


def _activations(rng: np.random.Generator, published: PublishedLayer, lowest: int, highest: int) -> IntArray:
    n_nonzeros = round(published.inputs * published.activation_density)
    values = rng.integers(lowest, highest, n_nonzeros)
    values[values >= 0] += 1
    x = np.zeros(published.inputs, np.int64)
    x[rng.permutation(published.inputs)[:n_nonzeros]] = values
    return x
