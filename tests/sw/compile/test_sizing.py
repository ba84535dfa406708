"""Depths that are chosen, and refusals that name memory, need and capacity."""

from dataclasses import replace

import numpy as np
import pytest

from eyrie.compile.mapping import map_network
from eyrie.compile.quantised import QuantisedLayer, QuantisedNetwork
from eyrie.compile.sizing import LARGEST_DEPTHS, SMALLEST_DEPTHS
from eyrie.compress.interleave import Placement
from eyrie.eie.config import EieConfig
from eyrie.errors import InputError


def network(*sides: int) -> QuantisedNetwork:
    layers = tuple(
        QuantisedLayer(
            name=f"fc{index}",
            codes=np.ones((rows, columns), np.uint8),
            codebook=np.array([0, index + 1]),
            weight_scale=1.0,
            bias=np.zeros(rows, np.int64),
            multiplier=np.ones(rows, np.int64),
            shift=np.zeros(rows, np.int64),
            relu=False,
        )
        for index, (columns, rows) in enumerate([(sides[i], sides[i + 1]) for i in range(len(sides) - 1)])
    )
    return QuantisedNetwork(name="net", layers=layers, activation_width=16, scales=(1.0,) * len(sides), clip=(-1, 1))


DEPTHS = ("entry_depth", "pointer_depth", "activation_depth", "accumulator_depth", "row_depth", "program_depth")


def chosen(net: QuantisedNetwork, n_pes: int) -> dict[str, int]:
    config = map_network(net, EieConfig(n_pes=n_pes)).compiled.config
    return {memory: getattr(config, memory) for memory in DEPTHS}


def test_depths_are_the_powers_of_two_that_fit() -> None:
    """Per PE: 5 * 17 + 3 * 20 entries; 17 + 20 + 1 pointers; 5 inputs; 5 and 3 rows; 12 + 4 words."""
    assert chosen(network(17, 20, 12), 4) == {
        "entry_depth": 256,
        "pointer_depth": 64,
        "activation_depth": 8,
        "accumulator_depth": 8,
        "row_depth": 8,
        "program_depth": 16,
    }


def test_exact_powers_of_two_are_not_doubled() -> None:
    """On one PE: 8 * 4 + 4 * 8 entries, 8 + 4 rows, 4 + 8 + 1 pointers."""
    depths = chosen(network(4, 8, 4), 1)
    assert (depths["entry_depth"], depths["row_depth"], depths["pointer_depth"]) == (64, 16, 16)
    assert (depths["activation_depth"], depths["accumulator_depth"]) == (8, 8)


def test_long_vectors_run_in_passes_and_batches() -> None:
    depths = chosen(network(700, 300), 1)
    assert (depths["activation_depth"], depths["accumulator_depth"]) == (512, 256)


def test_largest_and_smallest_depths_are_those_of_the_configuration() -> None:
    for limits, step in ((LARGEST_DEPTHS, 1), (SMALLEST_DEPTHS, -1)):
        for memory, depth in limits.items():
            EieConfig(**{memory: depth})
            with pytest.raises(ValueError, match=memory):
                EieConfig(**{memory: depth + step})


EXACT = EieConfig(
    n_pes=4,
    entry_depth=5 * 17 + 3 * 20,
    pointer_depth=17 + 20 + 1,
    activation_depth=5,
    accumulator_depth=5,
    row_depth=5 + 3,
    program_depth=16,
)


def test_a_configuration_that_just_fits_is_taken_as_it_is() -> None:
    assert map_network(network(17, 20, 12), EXACT, sized=False).compiled.config == EXACT


@pytest.mark.parametrize(
    ("memory", "message"),
    [
        ("entry_depth", "the network has 145 entries on its fullest PE, but entry_depth is 144"),
        ("pointer_depth", "the network has 38 column pointers, but pointer_depth is 37"),
        ("row_depth", "the network has 8 rows on each PE, but row_depth is 7"),
    ],
)
def test_one_less_is_refused(memory: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        map_network(network(17, 20, 12), replace(EXACT, **{memory: getattr(EXACT, memory) - 1}), sized=False)


def test_too_small_a_program_memory_is_refused() -> None:
    with pytest.raises(InputError, match="the network has 22 words of steps and codebooks, but program_depth is 21"):
        map_network(
            network(17, 20, 12), replace(EXACT, accumulator_depth=4, program_depth=21, pointer_depth=64), sized=False
        )


def test_a_network_beyond_every_configuration_is_refused() -> None:
    with pytest.raises(InputError, match=r"16385 rows on each PE, but row_depth is 16384; .* more PEs would hold it"):
        map_network(network(1, 16385), EieConfig(n_pes=1))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"activation_width": 8}, "activations of 16 bits, the configuration of 8"),
        ({"n_pes": 3}, "a placement of 20 rows on 4 PEs does not fit 20 rows on 3"),
    ],
)
def test_widths_and_placements_must_fit(changes: dict[str, int], message: str) -> None:
    net = network(17, 20, 12)
    placements = [Placement.interleaved(layer.rows, 4) for layer in net.layers]
    with pytest.raises(InputError, match=message):
        map_network(net, EieConfig(**({"n_pes": 4} | changes)), placements=placements)


def test_as_many_placements_as_layers() -> None:
    with pytest.raises(InputError, match="2 layers need as many placements, not 1"):
        map_network(network(3, 4, 5), EieConfig(n_pes=2), placements=[Placement.interleaved(4, 2)])


@pytest.mark.parametrize(
    ("field", "values", "message"),
    [
        ("codebook", [0, 40000], "codebook must be -32768 to 32767, not 0 to 40000"),
        ("codebook", [0] * 17, "17 codebook entries, the configuration only 16"),
        ("bias", [1 << 31, 0], "bias must be"),
        ("multiplier", [0, 1], "multiplier must be 1 to 32767"),
        ("multiplier", [1, 1 << 15], "multiplier must be 1 to 32767"),
        ("shift", [64, 0], "shift must be 0 to 63"),
    ],
)
def test_numbers_must_fit_their_words(field: str, values: list[int], message: str) -> None:
    net = network(3, 2)
    layer = replace(net.layers[0], **{field: np.array(values)})
    with pytest.raises(InputError, match=f"layer fc0.*{message}"):
        map_network(replace(net, layers=(layer,)), EieConfig(n_pes=2))
