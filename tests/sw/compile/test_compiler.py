"""The whole compiler: from floating point to memory contents, and what it reports."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from eyrie.compile.compiler import CompileResult, compile_network
from eyrie.compile.image import pack_image, unpack_image
from eyrie.compile.mapping import MappedNetwork, map_network
from eyrie.compile.quantise import Quantisation, quantise_network
from eyrie.compile.scaling import dequantise_output, quantise_input
from eyrie.compress.interleave import Placement
from eyrie.driver.schedule import run_network
from eyrie.errors import InputError
from eyrie.golden.dense import forward
from eyrie.golden.engine import EngineModel
from eyrie.model.network import DenseLayer, Network

ODD_PES = 7
IDLE_PE = 3


def odd_network() -> Network:
    """37-5-113-1 with a zero row, zero columns, and PE 3 of seven without work in every layer."""
    rng = np.random.default_rng(37)
    layers = []
    for index, (columns, rows) in enumerate([(37, 5), (5, 113), (113, 1)]):
        weight = rng.normal(size=(rows, columns)) * (rng.random((rows, columns)) < 0.3)
        weight[IDLE_PE::ODD_PES] = 0
        weight[:, [0, columns // 2, columns - 1]] = 0
        weight[rows // 2 if rows > 1 else rows :] *= 0.5
        layers.append(DenseLayer(name=f"fc{index}", weight=weight, bias=rng.normal(size=rows), relu=index < 2))
    return Network(name="odd", layers=tuple(layers), host_operators=("Sigmoid",))


def check(result: CompileResult, x: np.ndarray) -> None:
    """The image that was written and read runs as the dense integers say, bit for bit."""
    compiled = unpack_image(pack_image(result.compiled), result.compiled.config)
    i = quantise_input(compiled, x)
    y = run_network(compiled, i)
    width = compiled.config.activation_width
    assert np.array_equal(y, forward(result.quantised.layers, i, activation_width=width))
    extremes = np.stack([np.full(compiled.inputs, bound) for bound in (*compiled.clip, 0)])
    assert np.array_equal(
        run_network(compiled, extremes), forward(result.quantised.layers, extremes, activation_width=width)
    )


@pytest.mark.parametrize("calibrated", [True, False])
@pytest.mark.parametrize("requantise", ["shift", "multiplier"])
@pytest.mark.parametrize("balance", [True, False])
def test_odd_network(calibrated: bool, requantise: str, balance: bool) -> None:
    network = odd_network()
    x = np.random.default_rng(1).normal(size=(40, 37))
    result = compile_network(
        network,
        calibration=x if calibrated else None,
        n_pes=ODD_PES,
        requantise=requantise,  # type: ignore[arg-type]
        balance=balance,
    )
    check(result, x)
    assert result.compiled.host_operators == ("Sigmoid",)
    idle = IDLE_PE if not balance else None
    assert [len(own) == 0 for own in result.compiled.entries] == [pe == idle for pe in range(ODD_PES)]
    # Five rows and one are too few for seven PEs however they are placed.
    emptiest = [layer.entries_of_emptiest_pe for layer in result.report.layers]
    assert (emptiest[0], emptiest[1] > 0, emptiest[2]) == (0, balance, 0)


@pytest.mark.parametrize("seed", range(15))
def test_random_geometry(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2, 1, (10, 37))
    result = compile_network(
        odd_network(),
        calibration=x,
        n_pes=int(rng.integers(1, 40)),
        codebook_bits=int(rng.integers(2, 9)),
        index_bits=int(rng.integers(1, 9)),
        activation_bits=int(rng.integers(8, 17)),
        accumulator_bits=int(rng.integers(32, 49)),
    )
    check(result, x)


def test_placements_and_a_given_configuration() -> None:
    """Rows permuted, memories of an engine that exists: the same outputs as with neither."""
    network = odd_network()
    x = np.random.default_rng(1).normal(size=(10, 37))
    plain = compile_network(network, calibration=x, n_pes=ODD_PES)
    rng = np.random.default_rng(2)
    placements = [
        Placement(
            n_pes=ODD_PES, slot_of_row=rng.permutation(layer.outputs + 9)[: layer.outputs], n_slots=layer.outputs + 9
        )
        for layer in network.layers
    ]
    config = replace(plain.compiled.config, activation_depth=5, accumulator_depth=6, queue_depth=3, table_depth=1024)
    other = compile_network(network, calibration=x, config=config, placements=placements)
    check(other, x)
    assert other.compiled.config == config
    assert other.compiled.schedule.n_round_trips == 1
    i = quantise_input(plain.compiled, x)
    assert np.array_equal(run_network(other.compiled, i), run_network(plain.compiled, i))


def test_report_counts_what_is_in_the_memories() -> None:
    network = odd_network()
    x = np.random.default_rng(1).normal(size=(40, 37))
    result = compile_network(network, calibration=x, n_pes=ODD_PES, codebook_bits=3)
    report = result.report
    assert report.ranges == "measured on 40 calibration inputs"
    assert sum(layer.entries for layer in report.layers) == sum(map(len, result.compiled.entries))
    for layer, integers, floats in zip(report.layers, result.quantised.layers, network.layers, strict=True):
        assert (layer.name, layer.rows, layer.columns) == (floats.name, floats.outputs, floats.inputs)
        assert layer.nonzeros == np.count_nonzero(integers.weight) == layer.entries - layer.fillers
        assert layer.density == layer.nonzeros / floats.weight.size
        assert layer.sharing.n_distinct == np.unique(floats.weight[floats.weight != 0]).size
        assert layer.shared == (layer.sharing.n_distinct > 7)
        assert layer.weight_bits == int(np.abs(integers.weight).max()).bit_length() + 1
        assert layer.storage.dense_bits == 32 * floats.weight.size
        assert layer.storage.csc.codes == 3 * layer.entries
        assert layer.certificate.holds
    assert report.cost is not None
    y = dequantise_output(result.compiled, run_network(result.compiled, quantise_input(result.compiled, x)))
    difference = np.abs(y - network.forward(x))
    assert report.cost.quantisation.max_absolute == difference.max()
    assert report.cost.quantisation.n_samples == 40
    assert report.cost.sharing.max_absolute > 0


def test_report_is_json() -> None:
    x = np.random.default_rng(1).normal(size=(40, 37))
    for calibration in (x, None):
        figures = compile_network(odd_network(), calibration=calibration).report.as_dict()
        again = json.loads(json.dumps(figures, allow_nan=False))
        assert [layer["name"] for layer in again["layers"]] == ["fc0", "fc1", "fc2"]
        assert (again["cost"] is None) == (calibration is None)
        assert again["config"]["n_pes"] == 16


def test_sharing_costs_nothing_where_weights_fit_the_codebook() -> None:
    rng = np.random.default_rng(5)
    values = rng.normal(size=15)
    weight = values[rng.integers(0, 15, (20, 10))] * (rng.random((20, 10)) < 0.5)
    network = Network(name="fits", layers=(DenseLayer(name="fc", weight=weight, bias=rng.normal(size=20), relu=False),))
    report = compile_network(network, calibration=rng.normal(size=(30, 10))).report
    assert report.cost is not None
    assert report.cost.sharing.max_absolute == 0
    assert report.cost.sharing.agreement == 1
    assert report.cost.quantisation.max_absolute > 0
    assert not report.layers[0].shared


def test_compiles_to_the_same_bytes() -> None:
    x = np.random.default_rng(1).normal(size=(40, 37))
    images = {pack_image(compile_network(odd_network(), calibration=x).compiled) for _ in range(2)}
    assert len(images) == 1


def test_work_that_the_model_counts_is_the_work_in_the_memories() -> None:
    """All activations non-zero: every entry of the first layer is read once a sample."""
    result = compile_network(odd_network(), n_pes=ODD_PES)
    engine = EngineModel(result.compiled.config, result.compiled.packets()).start(3)
    engine.exchange(np.full((3, 37), result.compiled.clip[1]), 1)
    first = result.report.layers[0]
    assert engine.counts.activations >= 3 * 37
    assert engine.counts.entries >= 3 * first.entries > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_pes": 0}, "n_pes must be an integer from 1 to 256, not 0"),
        ({"codebook_bits": 9}, "codebook_bits must be an integer from 1 to 8, not 9"),
        ({"activation_bits": 17}, "activation_width must be an integer from 8 to 16, not 17"),
        ({"calibration": np.ones((2, 36))}, r"calibration inputs must have shape \(samples, 37\), not \(2, 36\)"),
        ({"calibration": np.full((2, 37), np.nan)}, "calibration inputs: element 0 of sample 0 is nan"),
        ({"requantise": "channel"}, "requantise must be one of"),
    ],
)
def test_refuses_arguments(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        compile_network(odd_network(), **arguments)  # type: ignore[arg-type]


def test_what_is_written_is_certified_whoever_quantised_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(*arguments: Any, **options: Any) -> Quantisation:
        quantisation = quantise_network(*arguments, **options)
        first, *others = quantisation.network.layers
        first = replace(first, bias=np.full(first.rows, 2**31 - 1))
        return replace(quantisation, network=replace(quantisation.network, layers=(first, *others)))

    monkeypatch.setattr("eyrie.compile.compiler.quantise_network", careless)
    with pytest.raises(InputError, match=r"layer fc0: sums of row . range from .* and need 33 bits"):
        compile_network(odd_network())


def test_what_is_written_is_verified_whoever_mapped_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(*arguments: Any, **options: Any) -> MappedNetwork:
        mapped = map_network(*arguments, **options)
        return replace(mapped, compiled=replace(mapped.compiled, program=mapped.compiled.program[:-1]))

    monkeypatch.setattr("eyrie.compile.compiler.map_network", careless)
    with pytest.raises(InputError, match="copies program word"):
        compile_network(odd_network())


def test_refuses_a_configuration_that_cannot_hold_the_network() -> None:
    """40 + 8 + 116 columns and 1 + 8 + 1 biases: rows that are interleaved leave no slot idle."""
    config = replace(compile_network(odd_network(), balance=False).compiled.config, table_depth=50)
    with pytest.raises(InputError, match="the network has 51 words for columns, biases and scales, but table_depth is"):
        compile_network(odd_network(), config=config, balance=False)
