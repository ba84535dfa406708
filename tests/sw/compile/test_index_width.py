"""The width of zero runs that is chosen, against layers that were encoded with each of the eight."""

from itertools import pairwise

import numpy as np
import pytest

from eyrie.compile.compiler import compile_network
from eyrie.compile.index_width import choose_index_bits
from eyrie.compile.mapping import map_network
from eyrie.compile.place import PlacedLayer
from eyrie.compile.quantised import QuantisedLayer, QuantisedNetwork
from eyrie.compile.random_network import draw_case
from eyrie.eie.config import EieConfig
from eyrie.errors import InputError
from eyrie.model.network import DenseLayer, Network

WIDTHS = range(1, 9)


def network(*matrices: np.ndarray) -> QuantisedNetwork:
    layers = tuple(
        QuantisedLayer(
            name=f"fc{index}",
            codes=codes.astype(np.uint8),
            codebook=np.arange(2),
            weight_scale=1.0,
            bias=np.zeros(len(codes), np.int64),
            multiplier=np.ones(len(codes), np.int64),
            shift=np.zeros(len(codes), np.int64),
            relu=False,
        )
        for index, codes in enumerate(matrices)
    )
    return QuantisedNetwork(
        name="net", layers=layers, activation_width=16, scales=(1.0,) * (len(layers) + 1), clip=(-1, 1)
    )


def encoded(net: QuantisedNetwork, width: int, n_pes: int = 1) -> tuple[PlacedLayer, ...]:
    return map_network(net, EieConfig(n_pes=n_pes, index_bits=width)).layers


def by_hand(net: QuantisedNetwork, n_pes: int, codebook_bits: int) -> dict[str, int]:
    """Both choices from the fillers that are there when the network is encoded with each width."""
    useful, fillers, bits = 0, {}, {}
    for width in WIDTHS:
        layers = encoded(net, width, n_pes)
        fillers[width] = sum(placed.n_fillers for placed in layers)
        useful = sum(int(placed.entries.sum()) for placed in layers) - fillers[width]
        bits[width] = (useful + fillers[width]) * (codebook_bits + width)
    few = [width for width in WIDTHS if 50 * fillers[width] <= useful]
    return {
        "bits": min(WIDTHS, key=lambda width: (bits[width], width)),
        "cycles": few[0] if few else min(WIDTHS, key=lambda width: (fillers[width], width)),
    }


@pytest.mark.parametrize("seed", range(30))
def test_choices_are_those_of_trying_all(seed: int) -> None:
    """Whatever width the layers were encoded with; sparse enough for long runs."""
    rng = np.random.default_rng(seed)
    sides = rng.integers(1, 200, 3)
    density = 10.0 ** rng.uniform(-3, -0.3)
    net = network(*(rng.random((rows, columns)) < density for columns, rows in pairwise(sides)))
    n_pes, codebook_bits = int(rng.integers(1, 5)), int(rng.integers(1, 9))
    expected = by_hand(net, n_pes, codebook_bits)
    for width in (1, 4, 8):
        layers = encoded(net, width, n_pes)
        assert choose_index_bits(layers, codebook_bits, "bits") == expected["bits"]
        assert choose_index_bits(layers, codebook_bits, "cycles") == expected["cycles"]


def column(rows: int, *nonzeros: int) -> np.ndarray:
    codes = np.zeros((rows, 1))
    codes[list(nonzeros)] = 1
    return codes


@pytest.mark.parametrize(
    ("codes", "cycles"),
    [
        (np.zeros((9, 3)), 1),
        (np.ones((9, 3)), 1),
        (column(600, 1), 1),
        (column(600, 2), 2),
        (np.concatenate([np.ones((49, 1)), column(3, 2)]), 1),
        (np.concatenate([np.ones((48, 1)), column(3, 2)]), 2),
    ],
    ids=["empty", "dense", "run of 1", "run of 2", "one for 50", "one for 49"],
)
def test_few_fillers_are_one_for_fifty(codes: np.ndarray, cycles: int) -> None:
    assert choose_index_bits(encoded(network(codes), 4), 4, "cycles") == cycles


def test_where_every_width_has_many_fillers_the_one_with_the_fewest_is_taken() -> None:
    """600 rows in one pass, which no engine has that is sized for the network; nine bits would hold the run."""
    config = EieConfig(n_pes=1, activation_depth=600, accumulator_depth=600)
    layers = map_network(network(column(600, 599)), config, sized=False).layers
    assert choose_index_bits(layers, 4, "cycles") == 8


def test_another_aim_is_refused() -> None:
    with pytest.raises(InputError, match=r"index_bits must be an integer or one of \('cycles', 'bits'\), not 'speed'"):
        choose_index_bits(encoded(network(np.ones((2, 2))), 4), 4, "speed")  # type: ignore[arg-type]


@pytest.mark.parametrize("aim", ["cycles", "bits"])
@pytest.mark.parametrize("seed", range(4))
def test_the_memories_are_encoded_with_the_chosen_width(aim: str, seed: int) -> None:
    case = draw_case(seed, largest_side=100)
    mapped = map_network(case.network, case.config, placements=case.placements, index_aim=aim)  # type: ignore[arg-type]
    width = choose_index_bits(mapped.layers, case.config.codebook_bits, aim)  # type: ignore[arg-type]
    assert mapped.compiled.config.index_bits == width
    assert {part.index_bits for placed in mapped.layers for parts in placed.tiles for part in parts} == {width}


def test_the_compiler_takes_a_width_or_an_aim() -> None:
    """One weight of 90 rows, on one PE: a run of 70 zeros."""
    weight = np.zeros((90, 2))
    weight[70, 0] = 1
    net = Network(name="net", layers=(DenseLayer(name="fc", weight=weight, bias=np.zeros(90), relu=False),))
    chosen = {
        choice: compile_network(net, n_pes=1, index_bits=choice).compiled.config.index_bits  # type: ignore[arg-type]
        for choice in (3, "cycles", "bits")
    }
    assert chosen == {3: 3, "cycles": 7, "bits": 7}
    config = compile_network(net, n_pes=1, index_bits=5).compiled.config
    assert compile_network(net, config=config, index_bits="cycles").compiled.config == config
    with pytest.raises(InputError, match="index_bits must be an integer or one of"):
        compile_network(net, n_pes=1, index_bits="speed")  # type: ignore[arg-type]
