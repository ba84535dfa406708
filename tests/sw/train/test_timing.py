"""Cycles of a trained network, against the compiler and the cycle model on the model file."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from eyrie.compile.compiler import compile_network
from eyrie.compile.scaling import quantise_input
from eyrie.compress.interleave import Placement
from eyrie.cycles.model import CycleModel
from eyrie.errors import InputError
from eyrie.model.onnx_import import load_onnx
from eyrie.train.network import Layer, Network
from eyrie.train.onnx_file import to_onnx
from eyrie.train.timing import count_cycles

SIZES = (20, 15, 9)
CALIBRATION = np.random.default_rng(5).uniform(0, 1, (30, SIZES[0])).astype(np.float32)
INPUTS = CALIBRATION[:4] * np.array([[1], [0.5], [0.25], [0]], np.float32)


def network() -> Network:
    """Half of the rows are empty, those of PEs 0 and 2 if they are interleaved over four."""
    rng = np.random.default_rng(6)
    layers = []
    for number, (inputs, outputs) in enumerate(pairwise(SIZES)):
        weight = rng.normal(size=(outputs, inputs)) * (np.arange(outputs) % 2)[:, None]
        bias = rng.normal(size=outputs).astype(np.float32)
        layers.append(Layer(name=f"ip{number}", weight=weight.astype(np.float32), bias=bias))
    return Network(layers=tuple(layers))


def placements(*, even: bool) -> list[Placement]:
    slots = [np.arange(rows) for rows in SIZES[1:]]
    return [Placement(n_pes=4, slot_of_row=own // 2 + own % 2 * (own.size // 2 + 1) if even else own) for own in slots]


@pytest.mark.parametrize("even", [True, False])
def test_cycles_are_those_of_the_model_file(even: bool, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(to_onnx(network(), "net"))
    compiled = compile_network(
        load_onnx(path), calibration=CALIBRATION, n_pes=4, placements=placements(even=even)
    ).compiled
    model = CycleModel(compiled.config, compiled.packets())
    expected = tuple(model.run(sample).cycles for sample in quantise_input(compiled, INPUTS))
    assert count_cycles(network(), CALIBRATION, INPUTS, placements(even=even)) == expected


def test_placements_and_zeros_count() -> None:
    uneven, even = (count_cycles(network(), CALIBRATION, INPUTS, placements(even=even)) for even in (False, True))
    assert even[0] < uneven[0]
    assert even[3] < even[0]


def test_placements_must_fit() -> None:
    with pytest.raises(InputError, match="ip0: a placement of 9 rows on 4 PEs does not fit 15 rows on 4"):
        count_cycles(network(), CALIBRATION, INPUTS, placements(even=True)[::-1])
