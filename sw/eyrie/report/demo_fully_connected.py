"""The demo's first half: LeNet-300-100 from the model file to simulated and synthesised hardware."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from eyrie.bench.emitted import PE_MODULE, emit_core
from eyrie.common.emit import write_verilog_files
from eyrie.compile.compiler import CompileResult, compile_network
from eyrie.compile.folder import IMAGE, REPORT, read_folder, write_folder
from eyrie.compile.network.fields import Fields
from eyrie.compile.scaling import quantise_input
from eyrie.driver.comparison import n_different
from eyrie.driver.golden_device import GoldenDevice
from eyrie.driver.simulated_device import SimulatedDevice
from eyrie.errors import InputError
from eyrie.files import read_bytes, write_atomic
from eyrie.golden.dense import forward
from eyrie.model.onnx_import import load_onnx
from eyrie.report.demo_run import DemoRun
from eyrie.report.layers import dense_rows
from eyrie.synth.cells import WITHOUT_LUT_RAM
from eyrie.synth.yosys import SynthesisReport, synthesise

NAME = "lenet-300-100"


def run_fully_connected(demo: DemoRun) -> tuple[dict[str, Any], np.ndarray]:
    """Compile, emit, run on the golden model and in RTL, synthesise; report, and outputs int64 (images, 10).

    Raises
    ------
    InputError
        If a shipped file is missing or damaged, a tool is missing, or the golden model differs from plain matrices.
    """
    folder = demo.output / NAME
    with demo.part("LeNet-300-100: compile"):
        network = load_onnx(demo.models / f"{NAME}.onnx.gz")
        result = compile_network(
            network,
            calibration=demo.calibration,
            n_pes=demo.n_pes,
            lut_ram=demo.target not in WITHOUT_LUT_RAM,
        )
        write_folder(folder / "network", result)
        compiled = read_folder(folder / "network")
    with demo.part("LeNet-300-100: emit Verilog"):
        emitted = emit_core(compiled.config, demo.say)
        write_verilog_files(
            folder / "verilog",
            emitted,
            configuration=asdict(compiled.config),
            configuration_hash=compiled.config.hash,
        )
    inputs = demo.inputs
    x = quantise_input(compiled, inputs)
    with demo.part("LeNet-300-100: golden model"):
        golden = GoldenDevice()
        golden.load(compiled)
        expected = golden.run(x, timed=False).outputs
        if not np.array_equal(expected, forward(result.quantised.layers, x, activation_width=16)):
            raise InputError("the golden model of the EIE engine differs from plain integer matrices")
    with demo.part("LeNet-300-100: build simulation"):
        simulated = SimulatedDevice(compiled.config, demo.say)
        simulated.load(compiled)
    with demo.part("LeNet-300-100: simulate RTL"):
        run = simulated.run(x, progress=demo.count)
    assert run.cycles is not None
    with demo.part(f"LeNet-300-100: synthesise for {demo.target}"):
        synthesis = synthesise(emitted.text, emitted.top, demo.target, progress=demo.say)
        write_atomic(folder / "synthesis" / f"{demo.target}.log", read_bytes(synthesis.log))

    multiplies, n_pes = golden.work.multiplies / len(x), compiled.config.n_pes
    report: dict[str, Any] = {
        "model": {"name": "LeNet-300-100", "file": f"{NAME}.onnx.gz", "inputs": network.inputs},
        "hardware": {"pes": n_pes, "config": asdict(compiled.config), "hash": f"{compiled.config.hash:016x}"},
        "accuracy": demo.accuracy(NAME, folder / "network", network.forward(inputs), expected),
        "size": _sizes(result, folder / "network" / IMAGE),
        "layers": dense_rows(Fields.parse(read_bytes(folder / "network" / REPORT), REPORT)),
        "rtl": {
            "simulator": simulated.simulator,
            "images": len(x),
            "mismatches": n_different(run.outputs, expected),
            "cycles": {"min": int(run.cycles.min()), "mean": float(run.cycles.mean()), "max": int(run.cycles.max())},
            "multiplies": multiplies,
            "bound": multiplies / n_pes,
            "utilisation": multiplies / n_pes / float(run.cycles.mean()),
        },
        "synthesis": _synthesis(synthesis, n_pes),
    }
    return report, expected


def _sizes(result: CompileResult, image: Path) -> dict[str, Any]:
    storage = [layer.storage for layer in result.report.layers]
    forms = {
        "dense, 32-bit float": sum(part.dense_bits for part in storage) // 8,
        "CSC with codes, relative indices and column tables": sum(part.csc.n_bytes for part in storage),
        "the same, codes and indices Huffman-coded": sum(part.huffman.n_bytes for part in storage),
        "image file: all of it, with program, biases, scales, column tables of all PEs": image.stat().st_size,
    }
    dense, csc, huffman, file = forms.values()
    rows = [{"form": form, "bytes": size} for form, size in forms.items()]
    return {"dense_float": dense, "csc": csc, "huffman": huffman, "image": file, "rows": rows}


def _synthesis(report: SynthesisReport, n_pes: int) -> dict[str, Any]:
    scopes = {"one PE": report.modules[PE_MODULE], f"whole engine, {n_pes} PEs": report.whole}
    rows = [
        {
            "scope": scope,
            "luts": cells.luts,
            "flip_flops": cells.flip_flops,
            "distributed_rams": sum(cells.distributed_rams.values()),
            "block_rams": sum(cells.block_rams.values()),
            "multipliers": sum(cells.multipliers.values()),
        }
        for scope, cells in scopes.items()
    ]
    return {"target": report.target, "tool": f"Yosys {report.yosys}", "command": "; ".join(report.script), "rows": rows}
