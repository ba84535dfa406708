"""Engines without requantisation multipliers: every layer is requantised by a shift that they have."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eyrie.compile.calibrate import Ranges, measure_ranges
from eyrie.compile.certify import certify_network
from eyrie.compile.compiled import CompiledNetwork
from eyrie.compile.compiler import CompileResult, compile_network
from eyrie.compile.image import pack_image, unpack_image
from eyrie.compile.mapping import map_network
from eyrie.compile.quantise import Quantisation, quantise_network
from eyrie.compile.quantised import QuantisedLayer, QuantisedNetwork
from eyrie.compile.scaling import quantise_input
from eyrie.compile.verify import verify_compiled
from eyrie.driver.schedule import run_network
from eyrie.eie.config import TINY, EieConfig
from eyrie.errors import InputError
from eyrie.golden.dense import forward
from eyrie.model.network import DenseLayer, Network
from eyrie.model.onnx_import import load_onnx

MODELS = Path(__file__).parents[3] / "models"
PLAIN = EieConfig(multipliers=False)


def one_weight(weight: float, inputs: float, outputs: float, config: EieConfig) -> Quantisation:
    """A layer of one weight between activations that reach ``inputs`` and ``outputs``."""
    layer = DenseLayer(name="fc", weight=np.array([[weight]]), bias=np.zeros(1), relu=False)
    ranges = Ranges(bounds=((0.0, inputs), (0.0, outputs)), n_samples=1)
    return quantise_network(Network(name="net", layers=(layer,)), ranges, config)


def random_network(rng: np.random.Generator) -> Network:
    layers = []
    sides = rng.integers(1, 40, 4)
    for index in range(3):
        columns, rows = sides[index : index + 2]
        weight = rng.normal(0, 10.0 ** rng.integers(-3, 3), (rows, columns)) * (rng.random((rows, columns)) < 0.4)
        bias = rng.normal(0, 0.1, rows)
        layers.append(DenseLayer(name=f"fc{index}", weight=weight, bias=bias, relu=index < 2))
    return Network(name="net", layers=tuple(layers))


@pytest.mark.parametrize(
    ("outputs", "any_shift", "shift"),
    [(0.9, 15, 12), (1.9, 16, 16), (3.9, 17, 16), (7.9, 18, 16), (15.9, 19, 16), (31.9, 20, 20), (63.9, 21, 20)],
)
def test_weights_give_up_the_bits_that_the_shift_has_too_many(outputs: float, any_shift: int, shift: int) -> None:
    """Weights and inputs have 15 fraction bits, sums thirty; outputs below one have fifteen, larger ones fewer."""
    free = one_weight(0.75, 0.9, outputs, EieConfig(accumulator_width=40)).network
    plain = one_weight(0.75, 0.9, outputs, EieConfig(accumulator_width=40, multipliers=False)).network
    assert (free.layers[0].shift.tolist(), free.layers[0].codebook.tolist()) == ([any_shift], [0, 3 << 13])
    lost = any_shift - shift
    assert (plain.layers[0].shift.tolist(), plain.layers[0].codebook.tolist()) == ([shift], [0, 3 << 13 - lost])
    assert plain.scales == free.scales


@pytest.mark.parametrize(("accumulator_width", "largest"), [(31, 28), (32, 28), (33, 60), (48, 60)])
def test_no_shift_is_beyond_the_largest(accumulator_width: int, largest: int) -> None:
    """Outputs so coarse that 34 bits are to be shifted away."""
    config = EieConfig(accumulator_width=accumulator_width, multipliers=False)
    assert config.max_plain_shift == largest
    plain = one_weight(0.75, 0.9, float(1 << 18), config).network
    free = one_weight(0.75, 0.9, float(1 << 18), replace(config, multipliers=True)).network
    assert free.layers[0].shift.tolist() == [34]
    assert plain.layers[0].shift.tolist() == [min(32, largest)]
    assert plain.scales == free.scales


def test_a_layer_of_zeros_has_a_shift_too() -> None:
    quantised = one_weight(0.0, 0.9, 0.0, PLAIN).network.layers[0]
    assert (quantised.codebook.tolist(), quantised.shift.tolist()) == ([0], [28])


def test_an_output_no_finer_than_the_sums_is_not_shifted() -> None:
    config = EieConfig(weight_width=8, activation_width=8, multipliers=False)
    quantised = one_weight(0.75, 0.9, 2.0**-9, config).network.layers[0]
    assert quantised.shift.tolist() == [0]


def test_weights_that_are_left_too_few_bits_are_refused() -> None:
    with pytest.raises(InputError, match=r"layer fc: .* leave 1 bits to weights of up to 0.75"):
        one_weight(0.75, 0.9, float(1 << 50), PLAIN)


@pytest.mark.parametrize("accumulator_width", [32, 40, 48])
@pytest.mark.parametrize("seed", range(20))
def test_random_networks_have_shifts_of_the_engine(seed: int, accumulator_width: int) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(rng)
    x = rng.uniform(-1, 1, (20, network.inputs))
    config = replace(PLAIN, accumulator_width=accumulator_width)
    integers = quantise_network(network, measure_ranges(network, x), config).network
    certify_network(integers, accumulator_width)
    for layer, before, after in zip(integers.layers, integers.scales, integers.scales[1:], strict=False):
        shift = int(layer.shift[0])
        assert not layer.scaled
        assert shift in range(0, config.max_plain_shift + 1, config.shift_unit)
        assert layer.weight_scale * before * 2.0**shift == after


@pytest.mark.parametrize("seed", range(20))
def test_engine_model_and_dense_reference_agree(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(rng)
    x = rng.uniform(-1, 1, (20, network.inputs))
    result = compile_network(
        network,
        calibration=x if seed % 2 else None,
        n_pes=int(rng.integers(1, 20)),
        activation_bits=int(rng.integers(8, 17)),
        accumulator_bits=int(rng.integers(32, 49)),
        multipliers=False,
    )
    config = result.compiled.config
    assert not config.multipliers
    compiled = unpack_image(pack_image(result.compiled), config)
    extremes = np.stack([np.full(compiled.inputs, bound) for bound in (*compiled.clip, 0)])
    i = np.concatenate([quantise_input(compiled, x), extremes])
    expected = forward(result.quantised.layers, i, activation_width=config.activation_width)
    assert np.array_equal(run_network(compiled, i), expected)


@pytest.mark.parametrize("switch", ["multipliers", "lut_ram"])
def test_switches_reach_the_engine_and_are_on_by_default(switch: str) -> None:
    network = random_network(np.random.default_rng(1))
    assert getattr(compile_network(network).compiled.config, switch) is True
    assert getattr(compile_network(network, **{switch: False}).compiled.config, switch) is False  # type: ignore[arg-type]


def test_multipliers_are_refused_where_there_are_none() -> None:
    network = random_network(np.random.default_rng(1))
    for engine in ({"multipliers": False}, {"config": PLAIN}):
        with pytest.raises(InputError, match="requantisation with multipliers needs an engine that has them"):
            compile_network(network, requantise="multiplier", **engine)  # type: ignore[arg-type]


def quantised(shift: int) -> QuantisedNetwork:
    layer = QuantisedLayer(
        name="fc",
        codes=np.ones((3, 5), np.uint8),
        codebook=np.array([0, 5]),
        weight_scale=1.0,
        bias=np.ones(3, np.int64),
        multiplier=np.ones(3, np.int64),
        shift=np.full(3, shift),
        relu=False,
    )
    return QuantisedNetwork(name="net", layers=(layer,), activation_width=16, scales=(1.0, 1.0), clip=(-9, 9))


def smuggled(shift: int) -> CompiledNetwork:
    """Mapped for an engine with multipliers, and then given to one without."""
    compiled = map_network(quantised(shift), replace(TINY, accumulator_width=32), sized=False).compiled
    return replace(compiled, config=replace(compiled.config, multipliers=False))


@pytest.mark.parametrize("shift", [0, 4, 28])
def test_shifts_of_the_engine_pass(shift: int) -> None:
    mapped = map_network(quantised(shift), replace(TINY, multipliers=False), sized=False).compiled
    for compiled in (mapped, smuggled(shift)):
        verify_compiled(compiled)
        x = np.array([[9, -9, 3, 0, 9]])
        expected = forward(quantised(shift).layers, x, activation_width=16)
        assert np.array_equal(run_network(compiled, x), expected)


@pytest.mark.parametrize("shift", [1, 2, 3, 27, 29, 32, 60])
def test_other_shifts_are_refused_by_each(shift: int) -> None:
    what = f"shift must be 0 to 28 in steps of 4, not {shift}"
    with pytest.raises(InputError, match=f"layer fc: {what}"):
        map_network(quantised(shift), replace(TINY, multipliers=False), sized=False)
    with pytest.raises(InputError, match=f"step 1 of the program: its {what}"):
        verify_compiled(smuggled(shift))
    with pytest.raises(InputError, match=what):
        run_network(smuggled(shift), np.ones((1, 5), np.int64))


def lenet(**options: bool) -> tuple[CompileResult, np.ndarray]:
    """The shipped network, and the classes that it gives to the shipped images."""
    calibration = np.load(MODELS / "fashion-mnist-256-calibration.npy") / 255
    result = compile_network(load_onnx(MODELS / "lenet-300-100.onnx.gz"), calibration=calibration, **options)  # type: ignore[arg-type]
    x = quantise_input(result.compiled, np.load(MODELS / "fashion-mnist-500-images.npy") / 255)
    y = run_network(result.compiled, x)
    assert np.array_equal(y, forward(result.quantised.layers, x, activation_width=16))
    return result, y.argmax(axis=1)


def test_the_shipped_network_needs_no_multipliers() -> None:
    """One image of 500 is lost, and none is classified in another way than by the float network."""
    labels = np.load(MODELS / "fashion-mnist-500-labels.npy")
    network = load_onnx(MODELS / "lenet-300-100.onnx.gz")
    floats = network.forward(np.load(MODELS / "fashion-mnist-500-images.npy") / 255).argmax(axis=1)
    free, with_multipliers = lenet()
    plain, without = lenet(multipliers=False)
    assert [int(layer.shift[0]) for layer in free.quantised.layers] == [14, 14, 13]
    assert [int(layer.shift[0]) for layer in plain.quantised.layers] == [12, 12, 12]
    right = [int(np.count_nonzero(classes == labels)) for classes in (floats, with_multipliers, without)]
    assert right == [445, 446, 445]
    assert np.count_nonzero(without != floats) == 0
