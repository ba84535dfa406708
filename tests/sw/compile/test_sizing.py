"""Depths that are chosen, and refusals that name memory, need and capacity."""

from dataclasses import replace

import numpy as np
import pytest

from eyrie.compile.mapping import map_network
from eyrie.compile.quantised import QuantisedLayer, QuantisedNetwork
from eyrie.compile.sizing import LARGEST_DEPTHS, MAX_COUNT_BITS, SMALLEST_DEPTHS
from eyrie.compress.interleave import Placement
from eyrie.eie.config import EieConfig
from eyrie.eie.program import STEP_WORDS
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


CHOSEN = ("entry_depth", "table_depth", "activation_depth", "accumulator_depth", "program_depth", "count_bits")


def chosen(net: QuantisedNetwork, n_pes: int) -> dict[str, int]:
    config = map_network(net, EieConfig(n_pes=n_pes)).compiled.config
    return {field: getattr(config, field) for field in CHOSEN}


def test_depths_are_the_powers_of_two_that_fit() -> None:
    """Per PE: 5 * 17 + 3 * 20 entries; 5 + 5 words for columns, 8 biases; 5 inputs; 5 and 3 rows; 21 + 4 words."""
    assert chosen(network(17, 20, 12), 4) == {
        "entry_depth": 256,
        "table_depth": 32,
        "activation_depth": 8,
        "accumulator_depth": 8,
        "program_depth": 32,
        "count_bits": 3,
    }


def test_exact_powers_of_two_are_not_doubled() -> None:
    """On one PE: 8 * 4 + 4 * 8 entries; 1 + 2 words for columns and 8 + 4 + 1 biases, with a layer of one column."""
    depths = chosen(network(4, 8, 4), 1)
    assert (depths["entry_depth"], depths["table_depth"]) == (64, 16)
    assert (depths["activation_depth"], depths["accumulator_depth"]) == (8, 8)
    assert chosen(network(4, 8, 3, 1), 1)["table_depth"] == 16
    assert chosen(network(4, 8, 4, 1), 1)["table_depth"] == 32


def test_scales_take_a_place_in_the_table() -> None:
    """8 + 4 biases, 3 words for columns; four rows more with multipliers do not fit sixteen."""
    net = network(4, 8, 4)
    scaled = replace(net.layers[1], multiplier=np.full(4, 3))
    assert chosen(replace(net, layers=(net.layers[0], scaled)), 1)["table_depth"] == 32


def test_long_vectors_run_in_passes_and_batches() -> None:
    depths = chosen(network(700, 300), 1)
    assert (depths["activation_depth"], depths["accumulator_depth"]) == (512, 256)


def test_largest_and_smallest_depths_are_those_of_the_configuration() -> None:
    for limits, step in ((LARGEST_DEPTHS | {"count_bits": MAX_COUNT_BITS}, 1), (SMALLEST_DEPTHS, -1)):
        for memory, depth in limits.items():
            EieConfig(**{memory: depth})
            with pytest.raises(ValueError, match=memory):
                EieConfig(**{memory: depth + step})


EXACT = EieConfig(
    n_pes=4,
    entry_depth=5 * 17 + 3 * 20,
    table_depth=5 + 5 + 5 + 3,
    activation_depth=5,
    accumulator_depth=5,
    program_depth=3 * STEP_WORDS + 4,
    count_bits=3,
)


def test_a_configuration_that_just_fits_is_taken_as_it_is() -> None:
    assert map_network(network(17, 20, 12), EXACT, sized=False).compiled.config == EXACT


@pytest.mark.parametrize(
    ("memory", "message"),
    [
        ("entry_depth", "the network has 145 entries on its fullest PE, but entry_depth is 144"),
        ("table_depth", "the network has 18 words for columns, biases and scales, but table_depth is 17"),
        (
            "program_depth",
            "the network has 25 words of steps and codebooks, but program_depth is 24; a deeper memory would",
        ),
    ],
)
def test_one_less_is_refused(memory: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        map_network(network(17, 20, 12), replace(EXACT, **{memory: getattr(EXACT, memory) - 1}), sized=False)


def test_counts_that_are_too_narrow_take_passes_instead() -> None:
    """Three rows a pass, or one, of five and three: each pass has its own words for columns, and its own step."""
    for count_bits, passes in ((2, 2 + 1), (1, 5 + 3)):
        with pytest.raises(InputError, match=f"the network has {5 * passes + 8} words for columns"):
            map_network(network(17, 20, 12), replace(EXACT, count_bits=count_bits), sized=False)
        config = replace(EXACT, count_bits=count_bits, table_depth=5 * passes + 8, program_depth=7 * (1 + passes) + 4)
        assert map_network(network(17, 20, 12), config, sized=False).compiled.config == config


def test_a_network_beyond_every_configuration_is_refused() -> None:
    """A word for columns in each of 257 passes, and a bias for each row."""
    with pytest.raises(InputError, match=r"65794 words .* but table_depth is 65536; .* more PEs would hold it"):
        map_network(network(1, 65537), EieConfig(n_pes=1))


def test_a_width_of_zero_runs_is_chosen_only_with_the_memories() -> None:
    with pytest.raises(InputError, match="index_bits are those of the configuration, 4, and not to be chosen"):
        map_network(network(17, 20, 12), EXACT, sized=False, index_aim="bits")


@pytest.mark.parametrize(("multiplier", "shift"), [([1, 2], [4, 4]), ([1, 1], [4, 8])])
def test_layers_that_are_scaled_need_multipliers(multiplier: list[int], shift: list[int]) -> None:
    net = network(3, 2)
    layer = replace(net.layers[0], multiplier=np.array(multiplier), shift=np.array(shift))
    with pytest.raises(InputError, match="layer fc0 has requantisation multipliers, or shifts that differ"):
        map_network(replace(net, layers=(layer,)), EieConfig(n_pes=2, multipliers=False))
    same = replace(layer, multiplier=np.array([1, 1]), shift=np.array([4, 4]))
    map_network(replace(net, layers=(same,)), EieConfig(n_pes=2, multipliers=False))


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
