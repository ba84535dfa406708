"""Columns split over groups of PEs: when the compiler does it, and that the engine's values stay the same."""

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

from eyrie.compile.column_groups import LayerInputs, place_in_groups, place_network, predicted_cycles
from eyrie.compile.compiled import CompiledNetwork
from eyrie.compile.compiler import compile_network
from eyrie.compile.image import pack_image, unpack_image
from eyrie.compile.mapping import map_network
from eyrie.compile.metadata import pack_metadata
from eyrie.compile.quantised import QuantisedLayer, QuantisedNetwork
from eyrie.compile.random_network import draw_inputs, draw_layer
from eyrie.compile.verify import verify_compiled
from eyrie.compress.interleave import Placement
from eyrie.cycles.model import CycleModel
from eyrie.driver.schedule import run_schedule
from eyrie.eie.config import EieConfig
from eyrie.eie.program import STEP_WORDS, Step
from eyrie.errors import InputError
from eyrie.golden.dense import forward
from eyrie.golden.engine import EngineModel
from eyrie.model.dense import DenseLayer
from eyrie.model.network import Network

CONFIG = EieConfig(n_pes=8, column_groups=2, table_depth=4096)


def sparse_layer(
    rows: int, columns: int, density: float, seed: int = 1, config: EieConfig = CONFIG, *, scaled: bool = False
) -> QuantisedLayer:
    rng = np.random.default_rng(seed)
    layer = draw_layer(rng, config, rows=rows, columns=columns, scaled=scaled, name=f"layer_{seed}")
    codes = rng.integers(1, max(2, layer.codebook.size), (rows, columns), np.uint8)
    codes *= rng.random((rows, columns)) < density
    codebook = layer.codebook if layer.codebook.size > 1 else np.array([0, 3])
    return dataclasses.replace(layer, codes=codes, codebook=codebook)


def network(*layers: QuantisedLayer) -> QuantisedNetwork:
    return QuantisedNetwork(
        name="split",
        layers=layers,
        activation_width=CONFIG.activation_width,
        scales=(1.0,) * (len(layers) + 1),
        clip=CONFIG.activation_range,
    )


def compiled(*layers: QuantisedLayer, sizes: list[int], config: EieConfig = CONFIG) -> CompiledNetwork:
    placements = [Placement.interleaved(layer.rows, size) for layer, size in zip(layers, sizes, strict=True)]
    return map_network(network(*layers), config, placements=placements).compiled


def inputs(layer: QuantisedLayer, density: float = 1.0) -> LayerInputs:
    return LayerInputs(slots=np.arange(layer.columns), density=density)


@pytest.mark.parametrize("balance", [False, True])
def test_a_short_wide_layer_is_split_and_others_are_not(balance: bool) -> None:
    # Eight rows of 0.1: less than an entry for each PE and activation, so that one broadcast is too slow.
    for rows, density, size in ((8, 0.1, 4), (200, 0.3, 8)):
        layer = sparse_layer(rows, 160, density)
        assert place_in_groups(layer, CONFIG, inputs(layer), balance=balance, sized=True).n_pes == size
    alone = dataclasses.replace(CONFIG, column_groups=1)
    layer = sparse_layer(8, 160, 0.1)
    assert place_in_groups(layer, alone, inputs(layer), balance=balance, sized=True).n_pes == 8


@pytest.mark.parametrize(("rows", "density"), [(8, 0.1), (40, 0.1), (40, 0.5), (200, 0.3)])
def test_the_prediction_comes_close_to_the_cycles(rows: int, density: float) -> None:
    layer = sparse_layer(rows, 160, density)
    config = dataclasses.replace(CONFIG, queue_depth=64, index_bits=8)
    for size in (4, 8):
        placement = Placement.interleaved(rows, size)
        predicted = predicted_cycles(layer, config, inputs(layer), placement)
        image = map_network(network(layer), config, placements=[placement]).compiled
        cycles = CycleModel(image.config, image.packets()).run(np.full(160, 7)).cycles
        # The way to the first entry, the end of the broadcast, and that of the drain.
        assert predicted <= cycles <= 1.05 * predicted + 30


def test_a_layer_that_needs_the_accumulators_of_more_groups_is_not_split() -> None:
    layer = sparse_layer(8, 160, 0.1)
    shallow = dataclasses.replace(CONFIG, accumulator_depth=1)
    assert place_in_groups(layer, shallow, inputs(layer), balance=False, sized=False).n_pes == 8
    assert place_in_groups(layer, shallow, inputs(layer), balance=False, sized=True).n_pes == 4
    with pytest.raises(InputError, match=r"^layer 0: its columns cannot be split over 2 groups of PEs, since a pass"):
        map_network(network(layer), shallow, sized=False, placements=[Placement.interleaved(8, 4)])


def test_inputs_lie_where_the_layer_before_leaves_them() -> None:
    first, second = sparse_layer(40, 60, 0.1, 1), sparse_layer(8, 40, 0.1, 2)
    placements = place_network((first, second), CONFIG, None, balance=True, sized=True)
    assert [placement.rows for placement in placements] == [40, 8]
    own = LayerInputs(slots=placements[0].slot_of_row)
    expected = place_in_groups(second, CONFIG, own, balance=True, sized=True)
    assert placements[1].slot_of_row.tolist() == expected.slot_of_row.tolist()


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("groups", [2, 4])
@pytest.mark.parametrize("pattern", ["apart together", "together apart", "apart apart"])
def test_values_are_those_of_plain_matrices(groups: int, pattern: str, scaled: bool) -> None:
    config = dataclasses.replace(CONFIG, column_groups=groups)
    layers = [sparse_layer(21, 30, 0.4, 3, config, scaled=scaled), sparse_layer(13, 21, 0.5, 4, config, scaled=scaled)]
    sizes = [config.group_pes if how == "apart" else 8 for how in pattern.split()]
    image = compiled(*layers, sizes=sizes, config=config)
    verify_compiled(image)
    assert [layer.apart for layer in image.layers] == [how == "apart" for how in pattern.split()]
    x = draw_inputs(1, network(*layers))
    run = EngineModel(image.config, image.packets()).start(len(x))
    outputs = run_schedule(image.schedule, x, run.exchange)
    run.finish()
    assert np.array_equal(outputs, forward(layers, x, activation_width=16))


def test_split_columns_take_fewer_words_of_the_table() -> None:
    layer = sparse_layer(8, 160, 0.1)
    one, two = (compiled(layer, sizes=[size]) for size in (8, 4))
    assert (one.counts.shape[1], two.counts.shape[1]) == (160, 80)
    assert (one.bias.shape[1], two.bias.shape[1]) == (1, 2)
    # Of the partners, the one that stores a row has its bias.
    assert (np.count_nonzero(two.bias.reshape(2, 4, 2), axis=0) <= 1).all()
    assert two.bias.sum() == one.bias.sum() == layer.bias.sum()


def test_the_image_says_which_layers_are_split() -> None:
    layers = [sparse_layer(21, 30, 0.4, 3), sparse_layer(13, 21, 0.5, 4)]
    image = compiled(*layers, sizes=[4, 8])
    described = json.loads(pack_metadata(image))["layers"]
    assert [layer.get("apart") for layer in described] == [True, None]
    assert [layer.apart for layer in unpack_image(pack_image(image)).layers] == [True, False]


def changed(image: CompiledNetwork, number: int, **fields: Any) -> CompiledNetwork:
    program = image.program.copy()
    at = slice(STEP_WORDS * number, STEP_WORDS * (number + 1))
    program[at] = dataclasses.replace(Step.unpack(program[at].tolist()), **fields).pack()
    return dataclasses.replace(image, program=program)


def test_a_program_that_mixes_the_two_is_refused() -> None:
    image = compiled(sparse_layer(21, 30, 0.4, 3), sizes=[4])
    one = compiled(sparse_layer(21, 30, 0.4, 3), sizes=[8], config=dataclasses.replace(CONFIG, column_groups=1))
    with pytest.raises(InputError, match=r"^step 1 of the program: its groups work apart, but there is only one$"):
        verify_compiled(changed(one, 1, apart=True))
    with pytest.raises(InputError, match=r"^step 1 of the program: groups work apart, but there is only one$"):
        EngineModel(one.config, changed(one, 1, apart=True).packets())
    with pytest.raises(InputError, match=r"^step 1 of the program: it sends 30 activations to a tile of 16 columns$"):
        verify_compiled(changed(image, 1, apart=False))


def test_a_bias_that_two_partners_have_is_refused() -> None:
    image = compiled(sparse_layer(21, 30, 0.4, 3), sizes=[4])
    with pytest.raises(InputError, match=r"^a row without work has a bias, or one that is added up has two$"):
        verify_compiled(dataclasses.replace(image, bias=np.ones_like(image.bias)))


def test_the_report_counts_each_pe_and_each_column_once() -> None:
    weight = np.random.default_rng(1).normal(size=(8, 160)) * (np.random.default_rng(2).random((8, 160)) < 0.1)
    layer = DenseLayer(name="wide", weight=weight, bias=np.zeros(8), relu=False)
    one, two = (
        compile_network(Network(name="wide", layers=(layer,)), n_pes=8, column_groups=groups) for groups in (1, 2)
    )
    assert [layer.apart for layer in two.compiled.layers] == [True]
    (before,), (after,) = one.report.layers, two.report.layers
    # As many entries, for as many PEs; half the words for columns, a quarter of four each.
    assert after.load.mean == before.load.mean == before.nonzeros / 8 == after.nonzeros / 8
    assert (before.storage.dense_bits, after.storage.dense_bits) == (32 * 8 * 160, 32 * 8 * 160)
    columns = [
        found.storage.csc.columns // result.compiled.config.quad_width
        for found, result in zip((before, after), (one, two), strict=True)
    ]
    assert columns == [8 * 40, 8 * 20]
