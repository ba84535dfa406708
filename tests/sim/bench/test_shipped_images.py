"""The shipped network on all shipped images: emitted Verilog and golden model, bit for bit, for four sizes of array."""

from pathlib import Path

import numpy as np
import pytest

from eyrie.compile.compiler import compile_network
from eyrie.compile.scaling import quantise_input
from eyrie.driver.golden_device import GoldenDevice
from eyrie.driver.simulated_device import SimulatedDevice
from eyrie.golden.dense import forward
from eyrie.model.onnx_import import load_onnx
from eyrie.train.artefacts import CALIBRATION_FILE, IMAGES_FILE, MODEL_FILE
from eyrie.train.data import scale_pixels

MODELS = Path(__file__).parents[3] / "models"


@pytest.mark.parametrize("n_pes", [1, 4, 16, 64])
def test_every_image_agrees(n_pes: int) -> None:
    calibration = scale_pixels(np.load(MODELS / CALIBRATION_FILE))
    result = compile_network(load_onnx(MODELS / MODEL_FILE), calibration=calibration, n_pes=n_pes)
    x = quantise_input(result.compiled, scale_pixels(np.load(MODELS / IMAGES_FILE)))
    simulated, golden = SimulatedDevice(), GoldenDevice()
    for device in (simulated, golden):
        device.load(result.compiled)
    run = simulated.run(x)
    assert len(x) == 500
    assert np.array_equal(run.outputs, golden.run(x, timed=False).outputs)
    assert np.array_equal(run.outputs, forward(result.quantised.layers, x, activation_width=16))
    # No PE multiplies more than once a cycle, and no array can be slower than one PE that waits for every entry.
    assert run.cycles is not None
    assert golden.work.multiplies <= run.cycles.sum() * n_pes
    assert run.cycles.max() < 25_000
