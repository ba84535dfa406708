"""Rows placed for balance by the compiler, and what its report says of it, against plain counts."""

import json

import numpy as np
import pytest

from eyrie.compile.activity import MAX_SAMPLES, activation_densities, run_calibration
from eyrie.compile.compiler import CompileResult, compile_network
from eyrie.compile.load_balance import LoadBalance, overall
from eyrie.compress.balance import balanced_placement
from eyrie.compress.interleave import Placement
from eyrie.compress.relative_index import encode_array
from eyrie.driver.schedule import run_network
from eyrie.golden.dense import forward
from eyrie.model.network import DenseLayer, Network

N_PES = 4


def network() -> Network:
    """30-41-9, the rows of PE 0 three times as full as the others if they are interleaved."""
    rng = np.random.default_rng(3)
    layers = []
    for name, columns, rows in (("fc0", 30, 41), ("fc1", 41, 9)):
        density = np.where(np.arange(rows) % N_PES, 0.2, 0.6)[:, None]
        weight = rng.normal(size=(rows, columns)) * (rng.random((rows, columns)) < density)
        layers.append(DenseLayer(name=name, weight=weight, bias=rng.normal(size=rows) - 1, relu=name == "fc0"))
    return Network(name="uneven", layers=tuple(layers))


def samples(n: int = 50) -> np.ndarray:
    """Inputs of which the last columns are rarely, and the first never zero."""
    rng = np.random.default_rng(4)
    return rng.normal(size=(n, 30)) * (rng.random((n, 30)) < np.linspace(1, 0.1, 30))


def slots(result: CompileResult) -> list[list[int]]:
    return [list(layer.slot_of_row) for layer in result.compiled.layers]


def integers(result: CompileResult, x: np.ndarray) -> np.ndarray:
    compiled = result.compiled
    return np.clip(np.rint(x / compiled.input_scale), *compiled.clip).astype(np.int64)


def test_tensors_are_those_of_the_integer_network() -> None:
    result, x = compile_network(network(), calibration=samples(), n_pes=N_PES), samples()
    tensors = run_calibration(result.quantised, x)
    assert np.array_equal(tensors[0], integers(result, x))
    for number in (1, 2):
        assert np.array_equal(
            tensors[number], forward(result.quantised.layers[:number], tensors[0], activation_width=16)
        )


def test_densities_are_shares_of_the_samples_in_each_column() -> None:
    tensors = (np.array([[1, 0, -2], [3, 0, 0]]), np.array([[0, 5], [0, -1]]), np.array([[1], [1]]))
    assert [density.tolist() for density in activation_densities(tensors)] == [[1.0, 0.0, 0.5], [0.0, 1.0]]


def test_long_calibrations_are_cut_short() -> None:
    result = compile_network(network(), calibration=samples(), n_pes=N_PES)
    x = samples(MAX_SAMPLES + 7)
    assert [len(tensor) for tensor in run_calibration(result.quantised, x)] == [MAX_SAMPLES] * 3


@pytest.mark.parametrize("calibrated", [True, False])
def test_rows_lie_where_balance_puts_them(calibrated: bool) -> None:
    x = samples()
    result = compile_network(network(), calibration=x if calibrated else None, n_pes=N_PES)
    inputs = [integers(result, x), forward(result.quantised.layers[:1], integers(result, x), activation_width=16)]
    for number, layer in enumerate(result.quantised.layers):
        density = (inputs[number] != 0).mean(axis=0) if calibrated else 0.35
        placement = balanced_placement(layer.codes, N_PES, activation_density=density)
        assert slots(result)[number] == placement.slot_of_row.tolist()
        assert slots(result)[number] != list(range(layer.rows))


def test_the_calibration_matters() -> None:
    assert slots(compile_network(network(), calibration=samples(), n_pes=N_PES)) != slots(
        compile_network(network(), n_pes=N_PES)
    )


def test_without_balance_rows_are_interleaved() -> None:
    result = compile_network(network(), calibration=samples(), n_pes=N_PES, balance=False)
    assert slots(result) == [list(range(41)), list(range(9))]
    assert result.report.load == result.report.interleaved_load


@pytest.mark.parametrize("balance", [True, False])
def test_placements_that_are_given_win(balance: bool) -> None:
    placements = [Placement(n_pes=N_PES, slot_of_row=np.random.default_rng(rows).permutation(rows)) for rows in (41, 9)]
    result = compile_network(network(), n_pes=N_PES, placements=placements, balance=balance)
    assert slots(result) == [placement.slot_of_row.tolist() for placement in placements]


def test_balance_changes_no_result() -> None:
    x = samples()
    outputs = []
    for balance in (True, False):
        result = compile_network(network(), calibration=x, n_pes=N_PES, balance=balance)
        outputs.append(run_network(result.compiled, integers(result, x)))
        assert np.array_equal(outputs[-1], forward(result.quantised.layers, integers(result, x), activation_width=16))
    assert np.array_equal(*outputs)


@pytest.mark.parametrize("calibrated", [True, False])
def test_report_says_the_load_with_and_without(calibrated: bool) -> None:
    """Counted column by column on the matrices; run lengths of four bits are long enough for no filler."""
    x = samples()
    report = (result := compile_network(network(), calibration=x if calibrated else None, n_pes=N_PES)).report
    inputs = [integers(result, x), forward(result.quantised.layers[:1], integers(result, x), activation_width=16)]
    for number, layer in enumerate(result.quantised.layers):
        active = (inputs[number] != 0).mean(axis=0) if calibrated else np.ones(layer.columns)
        work = (layer.codes != 0) @ active
        pe_of_row = np.array(slots(result)[number]) % N_PES
        for load, where in (
            (report.layers[number].load, pe_of_row),
            (report.layers[number].interleaved_load, np.arange(layer.rows) % N_PES),
        ):
            on_pe = [work[where == pe].sum() for pe in range(N_PES)]
            assert (load.longest, load.mean) == (pytest.approx(max(on_pe)), pytest.approx(sum(on_pe) / N_PES))
    assert report.load.longest == sum(layer.load.longest for layer in report.layers)
    assert report.load.imbalance < 1.1 < 1.5 < report.interleaved_load.imbalance


def test_report_as_json_has_the_loads() -> None:
    report = compile_network(network(), calibration=samples(), n_pes=N_PES).report
    figures = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    for facts, loads in zip([figures, *figures["layers"]], [report, *report.layers], strict=True):
        for name in ("load", "interleaved_load"):
            load = getattr(loads, name)
            assert facts[name] == {"longest": load.longest, "mean": load.mean, "imbalance": load.imbalance}


def test_fillers_are_work() -> None:
    """One weight behind twenty zeros: a filler of sixteen rows and the weight."""
    codes = np.zeros((21, 2), np.uint8)
    codes[20, 0] = 1
    parts = encode_array(codes, Placement.interleaved(21, 1), 4)
    assert LoadBalance.of(parts, None) == LoadBalance(longest=2.0, mean=2.0)
    assert LoadBalance.of(parts, np.array([0.25, 1.0])) == LoadBalance(longest=0.5, mean=0.5)


def test_imbalance() -> None:
    assert LoadBalance(longest=3.0, mean=2.0).imbalance == 1.5
    assert LoadBalance(longest=0.0, mean=0.0).imbalance == 1.0
    both = overall([LoadBalance(longest=3.0, mean=2.0), LoadBalance(longest=2.0, mean=0.5)])
    assert both == LoadBalance(longest=5.0, mean=2.5)
