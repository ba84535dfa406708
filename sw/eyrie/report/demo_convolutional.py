"""The demo's second half: LeNet-5 on both engines, the row-stationary one for its convolutions."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from eyrie.commands.arrays import write_array
from eyrie.common.emit import write_verilog_files
from eyrie.compile.network.compiler import compile_segments
from eyrie.compile.network.configurations import configurations
from eyrie.compile.network.fields import Fields
from eyrie.compile.network.folder import REPORT, read_manifest, read_segments, write_segments
from eyrie.compile.network.segmented import SegmentedNetwork
from eyrie.driver.comparison import compare_runs, n_different
from eyrie.driver.segments import GoldenSegments
from eyrie.driver.simulated_segments import SimulatedSegments
from eyrie.eie.config import EieConfig
from eyrie.errors import InputError
from eyrie.files import read_bytes
from eyrie.model.onnx_import import load_onnx
from eyrie.report.demo_run import DemoRun
from eyrie.report.layers import convolution_rows, dense_rows
from eyrie.rowstat.config import DEFAULT
from eyrie.synth.cells import WITHOUT_LUT_RAM
from eyrie.synth.design import emit_engine

NAME = "lenet-5"

N_RTL_IMAGES = 100
"""Images that run in RTL, the first of those that are shipped."""


def run_convolutional(demo: DemoRun) -> tuple[dict[str, Any], np.ndarray]:
    """Compile, emit both engines, run on the golden models and in RTL; report, and outputs int64 (images, 10).

    Raises
    ------
    InputError
        If a shipped file is missing or damaged, a tool is missing, or the golden models differ from plain integers.
    """
    folder = demo.output / NAME
    with demo.part("LeNet-5: compile"):
        network = load_onnx(demo.models / f"{NAME}.onnx.gz")
        shape = network.input_shape
        eie = EieConfig(n_pes=demo.n_pes, lut_ram=demo.target not in WITHOUT_LUT_RAM)
        result = compile_segments(network, calibration=demo.calibration.reshape(-1, *shape), rowstat=DEFAULT, eie=eie)
        write_segments(folder / "network", result)
        compiled = read_segments(folder / "network")
    with demo.part("LeNet-5: emit Verilog"):
        _emit(compiled, folder / "verilog", demo)
    inputs = demo.inputs.reshape(-1, *shape)
    write_array(folder / "images.npy", inputs)
    x = compiled.interface.quantise_input(inputs)
    with demo.part("LeNet-5: plain integers"):
        expected = result.quantisation.integers.forward(x)
    with demo.part("LeNet-5: golden and cycle models"):
        golden = GoldenSegments(compiled).run(x[:N_RTL_IMAGES], timed=True)
        if n_different(golden.outputs, expected[:N_RTL_IMAGES]):
            raise InputError("the golden models of the engines differ from plain integers")
    with demo.part("LeNet-5: build simulations"):
        simulated = SimulatedSegments(compiled, demo.say, demo.count)
    with demo.part("LeNet-5: simulate RTL"):
        run = simulated.run(x[:N_RTL_IMAGES])
    segments = compare_runs(run, golden)
    n = len(run.outputs)
    compiler_report = Fields.parse(read_bytes(folder / "network" / REPORT), REPORT)
    report: dict[str, Any] = {
        "model": {"name": "LeNet-5", "file": f"{NAME}.onnx.gz", "input_shape": shape},
        "hardware": {
            "array": f"{DEFAULT.rows} x {DEFAULT.columns}",
            "pes": demo.n_pes,
            "configs": [asdict(config) for config in configurations(compiled)],
        },
        "accuracy": demo.accuracy(NAME, folder / "network", network.forward(inputs), expected),
        "convolutions": convolution_rows(compiler_report),
        "layers": dense_rows(compiler_report.inner("dense")),
        "size": _sizes(compiler_report, folder / "network"),
        "rtl": {
            "simulator": simulated.simulator,
            "images": n,
            "mismatches": n_different(run.outputs, golden.outputs),
            "agrees": all(segment.agrees for segment in segments),
            "cycles": sum(segment.cycles or 0 for segment in segments) / n,
            "segments": [segment._asdict() for segment in segments],
        },
    }
    return report, expected


def _emit(network: SegmentedNetwork, folder: Path, demo: DemoRun) -> None:
    for config in configurations(network):
        emitted = emit_engine(config, demo.say)
        write_verilog_files(folder, emitted, configuration=asdict(config), configuration_hash=config.hash)


def _sizes(compiler_report: Fields, folder: Path) -> dict[str, Any]:
    """Bytes of the weights as floats, and of the images."""
    rows = [*convolution_rows(compiler_report), *dense_rows(compiler_report.inner("dense"))]
    dense = sum(row["dense_bytes"] for row in rows)
    images = {entry.file: (folder / entry.file).stat().st_size for entry in read_manifest(folder).images}
    forms = [("dense, 32-bit float", dense), *((f"image file {name}", size) for name, size in images.items())]
    return {
        "dense_float": dense,
        "images": sum(images.values()),
        "rows": [{"form": form, "bytes": size} for form, size in forms],
    }
