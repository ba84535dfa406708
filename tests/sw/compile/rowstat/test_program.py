"""Compiled layers on the golden model against plain convolutions, and what is refused."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from eyrie.compile.rowstat.coding import Coding
from eyrie.compile.rowstat.layer import ConvShape
from eyrie.compile.rowstat.mapping import Mapping
from eyrie.compile.rowstat.program import compile_layers
from eyrie.compile.rowstat.random_layers import draw_coded_maps, draw_inputs, draw_layer, draw_mapping, draw_shape
from eyrie.errors import InputError
from eyrie.golden.convolution import forward
from eyrie.golden.rowstat.model import RowstatModel
from eyrie.rowstat.config import TINY, RowstatConfig
from tests.sw.compile.rowstat.rowstat_cases import CONFIGS

NAMED = {
    "one value": ConvShape(name="conv", channels=1, height=1, width=1, filters=1, kernel=(1, 1)),
    "1 x 1": ConvShape(name="conv", batch=2, channels=9, height=5, width=5, filters=7, kernel=(1, 1)),
    "stride beyond the kernel": ConvShape(
        name="conv", channels=2, height=17, width=16, filters=3, kernel=(2, 3), stride=(4, 5)
    ),
    "depthwise": ConvShape(
        name="conv", channels=5, height=8, width=8, filters=5, kernel=(3, 3), padding=(1,) * 4, groups=5
    ),
    "fully connected": ConvShape(name="fc", batch=3, channels=6, height=4, width=3, filters=11, kernel=(4, 3)),
    "fully connected, 1 x 1": ConvShape(name="fc", channels=40, height=1, width=1, filters=10, kernel=(1, 1)),
    "padding larger than the map": ConvShape(
        name="conv", channels=1, height=2, width=2, filters=2, kernel=(3, 3), padding=(3, 4, 2, 5)
    ),
    "a whole map of padding below": ConvShape(
        name="conv", channels=1, height=3, width=3, filters=1, kernel=(2, 2), padding=(0, 0, 9, 9)
    ),
    "tall and narrow": ConvShape(name="conv", channels=2, height=40, width=1, filters=2, kernel=(3, 1)),
    "flat and wide": ConvShape(name="conv", channels=2, height=1, width=150, filters=2, kernel=(1, 3)),
    "kernel rows beyond the array's": ConvShape(
        name="conv", channels=2, height=9, width=9, filters=2, kernel=(7, 3), padding=(3, 1, 3, 1)
    ),
}


@pytest.mark.parametrize("name", NAMED)
def test_corner_cases(name: str) -> None:
    rng = np.random.default_rng(len(name))
    for config in CONFIGS:
        layer = draw_layer(rng, NAMED[name], config)
        x = draw_inputs(rng, layer.shape, config)
        program = compile_layers([layer], config)
        result = RowstatModel(config, program.tape).run(program.filters, program.memory(x))
        expected = forward([layer], x, activation_width=config.activation_width)
        assert (program.outputs(result.memory) == expected).all()


@pytest.mark.parametrize("seed", range(60))
def test_random_layers_on_random_mappings(seed: int) -> None:
    """One layer or two, each on any mapping that fits."""
    rng = np.random.default_rng(seed)
    config = CONFIGS[seed % len(CONFIGS)]
    shapes = [draw_shape(rng, "first")]
    if seed % 2:
        shapes.append(draw_shape(rng, "second", shapes[0].output_maps))
    layers = [draw_layer(rng, shape, config) for shape in shapes]
    x = draw_inputs(rng, shapes[0], config)
    program = compile_layers(layers, config, [draw_mapping(rng, shape, config) for shape in shapes])
    memory = program.memory(x)
    result = RowstatModel(config, program.tape).run(program.filters, memory)
    expected = forward(layers, x, activation_width=config.activation_width)
    assert (program.outputs(result.memory) == expected).all()
    assert (result.memory[: program.maps[0].end] == memory[: program.maps[0].end]).all()


@pytest.mark.parametrize("seed", range(40))
def test_random_layers_with_coded_maps(seed: int) -> None:
    """Layers whose maps are coded or not make what they make with plain maps, and words that say so."""
    rng = np.random.default_rng(seed)
    config = CONFIGS[seed % len(CONFIGS)]
    while True:
        shapes = [draw_shape(rng, "first")]
        shapes.append(draw_shape(rng, "second", shapes[0].output_maps))
        coded = draw_coded_maps(rng, 2)
        layers = [draw_layer(rng, shape, config) for shape in shapes]
        try:
            mappings = [
                draw_mapping(rng, shape, config, Coding(inputs=inputs, outputs=outputs))
                for shape, (inputs, outputs) in zip(shapes, pairwise(coded), strict=True)
            ]
            program = compile_layers(layers, config, mappings, coded=coded)
        except InputError:
            continue
        break
    assert [place.coded for place in program.maps] == [share is not None for share in coded]
    x = draw_inputs(rng, shapes[0], config)
    result = RowstatModel(config, program.tape).run(program.filters, program.memory(x))
    for number in range(1, 3):
        expected = forward(layers[:number], x, activation_width=config.activation_width)
        assert (program.maps[number].read(result.memory) == expected).all()


def test_coded_maps_that_do_not_fit_are_refused() -> None:
    layer = draw_layer(np.random.default_rng(0), NAMED["flat and wide"], TINY)
    half = Mapping(filters=1, slots=1, slot_pairs=1, sets=1, strip_rows=1, steps=60, region=4, ring=1)
    with pytest.raises(InputError, match="coded input maps need tiles of whole rows, 38 words, not 16"):
        compile_layers([layer], TINY, [half], coded=[0.5, None])
    with pytest.raises(InputError, match="coded output maps need strips of whole rows, 148 output columns, not 60"):
        compile_layers([layer], TINY, [half], coded=[None, 0.5])
    with pytest.raises(InputError, match="1 layers have 2 maps that may be coded, not 1"):
        compile_layers([layer], TINY, coded=[0.5])
    lanes = replace(TINY, drain_lanes=4)
    with pytest.raises(InputError, match="drain_lanes for coded output maps must be at most 2 for this engine, not 4"):
        compile_layers([draw_layer(np.random.default_rng(0), NAMED["1 x 1"], lanes)], lanes, coded=[None, 0.5])


def test_most_negative_numbers() -> None:
    config: RowstatConfig = replace(TINY, activation_width=8, weight_width=8)
    shape = NAMED["stride beyond the kernel"]
    layer = draw_layer(np.random.default_rng(0), shape, config)
    layer = replace(layer, weight=np.full_like(layer.weight, -128), shift=np.full(3, 12), multiplier=np.ones(3, int))
    x = np.full(shape.input_maps, -128)
    program = compile_layers([layer], config)
    memory = RowstatModel(config, program.tape).run(program.filters, program.memory(x)).memory
    assert (program.outputs(memory) == forward([layer], x, activation_width=8)).all()


def test_what_does_not_fit_is_refused() -> None:
    rng = np.random.default_rng(0)
    first, second = (draw_layer(rng, NAMED[name], TINY) for name in ("1 x 1", "depthwise"))
    with pytest.raises(InputError, match="a program needs at least one layer"):
        compile_layers([], TINY)
    with pytest.raises(InputError, match=r"layer conv takes maps of shape \(1, 5, 8, 8\), conv makes \(2, 7, 5, 5\)"):
        compile_layers([first, second], TINY)
    with pytest.raises(InputError, match="1 layers need as many mappings, not 2"):
        compile_layers([first], TINY, [None, None])
    program = compile_layers([first], replace(TINY, activation_width=8))
    with pytest.raises(InputError, match="activations must be -128 to 127, not 0 to 128"):
        program.memory(np.arange(2 * 9 * 25).reshape(2, 9, 5, 5) % 129)
