"""Emitted Verilog as a shared library: Verilator, then the C++ compiler, kept by content."""

import re
import shutil
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path

from eyrie.bench.cache import Progress, cached, content_key
from eyrie.bench.tools import Compiler, Verilator, find_compiler, find_verilator, run_tool
from eyrie.common.emit import ASSERT_MACRO

LIBRARY = "engine.so"

# Amaranth's Verilog trips these three everywhere.
_SILENCED = ("WIDTHEXPAND", "WIDTHTRUNC", "CASEINCOMPLETE")

# Verilator shares code between the instances of a module only while they are alike: the passes of -fdfg make each a
# little different, and so does a port that is replaced by what drives it, unless it is open to the outside. A quarter
# of the code and a sixth of the compile time for 64 PEs, at the same speed.
_VERILATOR_FLAGS = ("-cc", "-O3", "-fno-dfg", "--prefix", "Vtop", "--x-initial", "unique", f"-D{ASSERT_MACRO}")

# What the design prints goes to standard error; vl_stop and vl_fatal are the harness's, which do not end the process.
_DEFINES = (
    "-DVL_TIME_CONTEXT",
    "-DVL_USER_STOP",
    "-DVL_USER_FATAL",
    "-DVL_PRINTF(...)=fprintf(stderr,__VA_ARGS__)",
)
_COMMON_FLAGS = ("-std=c++17", "-fPIC", "-w", *_DEFINES)
_MODEL_FLAGS = ("-O2",)
# Set-up code that runs once, and the run-time library, which the model's loop hardly calls.
_SLOW_FLAGS = ("-O1",)
_RUNTIME = ("verilated.cpp", "verilated_threads.cpp")
_JOBS = 2


def control_file(verilog: str, *, not_inlined: Sequence[str], public: Sequence[str]) -> str:
    """Text of a Verilator configuration: warnings off, some modules not inlined, the ports of some modules public."""
    lines = ["`verilator_config", *(f"lint_off -rule {rule}" for rule in _SILENCED)]
    lines += [f'no_inline -module "{module}"' for module in not_inlined]
    for module in public:
        header = re.search(rf"^module {re.escape(module)}\((.*)\);$", verilog, re.MULTILINE)
        if header is None:
            raise ValueError(f"the Verilog has no module {module}")
        for port in header[1].split(","):
            name = port.strip().removeprefix("\\")
            if name != "clk" or module not in not_inlined:
                lines.append(f'public_flat_rw -module "{module}" -var "{name}"')
    return "\n".join([*lines, ""])


def build_library(
    verilog: str,
    *,
    top: str,
    activation_width: int,
    not_inlined: tuple[str, ...] = (),
    progress: Progress | None = None,
) -> Path:
    """The engine in this Verilog as a shared library behind the functions of ``harness.cpp``.

    The first time for a given text takes from seconds to a few minutes; after that it is found in the cache.

    Parameters
    ----------
    verilog : str
        The Verilog.
    top : str
        Its top module, with the ports of an engine.
    activation_width : int
        Bits of an activation, 8 to 16.
    not_inlined : tuple of str
        Modules with many instances: compiled once, and not into their surroundings.
    progress : callable, optional
        Told what is being done.

    Raises
    ------
    MissingToolError
        If Verilator or a C++ compiler is missing.
    ToolError
        If one of them fails.
    """
    verilator, compiler = find_verilator(), find_compiler()
    harness = resources.files("eyrie.bench").joinpath("harness.cpp").read_text()
    flags = (*_VERILATOR_FLAGS, *_COMMON_FLAGS, *_MODEL_FLAGS, *_SLOW_FLAGS)
    about = (verilator.version, compiler.version, *compiler.command, *flags, sys.platform)
    control = control_file(verilog, not_inlined=not_inlined, public=not_inlined)
    key = content_key(verilog, control, harness, top, str(activation_width), *about)

    def report(line: str) -> None:
        if progress is not None:
            progress(line)

    def make(folder: Path) -> None:
        runtime = _runtime_objects(verilator, compiler, about, report)
        work = folder / "work"
        work.mkdir()
        (work / "design.v").write_text(verilog)
        (work / "design.vlt").write_text(control)
        (work / "harness.cpp").write_text(harness)
        report("Verilator: from Verilog to C++")
        run_tool(
            [verilator.binary, *_VERILATOR_FLAGS, "--top-module", top, "-Mdir", ".", "design.vlt", "design.v"],
            folder=work,
            environment=verilator.environment,
        )
        define = f"-DEYRIE_ACTIVATION_WIDTH={activation_width}"
        report("C++ compiler: the design")
        objects = _compile(compiler, verilator, _combine(work), work, define)
        report("C++ compiler: linking")
        run_tool([*compiler.command, "-shared", "-o", LIBRARY, *objects, *runtime], folder=work)
        (work / LIBRARY).rename(folder / LIBRARY)
        shutil.rmtree(work)

    return cached("verilated", key, make) / LIBRARY


def _combine(folder: Path) -> list[Path]:
    """Verilator's many files as two, since each costs seconds for the headers alone: one to optimise, one not."""
    slow: list[str] = []
    fast: list[str] = []
    for source in sorted(folder.glob("*.cpp")):
        (slow if "__Slow" in source.name or "__Syms" in source.name else fast).append(source.name)
    combined = []
    for name, sources in (("fast.cc", fast), ("slow.cc", slow)):
        combined.append(folder / name)
        combined[-1].write_text("".join(f'#include "{source}"\n' for source in sources))
    return combined


def _compile(compiler: Compiler, verilator: Verilator, sources: list[Path], folder: Path, *flags: str) -> list[Path]:
    """Object files in ``folder``, two at a time."""

    def one(source: Path) -> Path:
        optimise = _MODEL_FLAGS if source.name == "fast.cc" else _SLOW_FLAGS
        target = folder / f"{source.stem}.o"
        includes = (f"-I{verilator.include}", f"-I{verilator.include / 'vltstd'}")
        run_tool(
            [*compiler.command, *_COMMON_FLAGS, *optimise, *flags, *includes, "-c", source, "-o", target],
            folder=folder,
        )
        return target

    with ThreadPoolExecutor(_JOBS) as pool:
        return list(pool.map(one, sources))


def _runtime_objects(verilator: Verilator, compiler: Compiler, about: tuple[str, ...], report: Progress) -> list[Path]:
    """Verilator's run-time library, compiled once for all designs."""
    key = content_key(*about)

    def make(folder: Path) -> None:
        report("C++ compiler: Verilator's run-time library")
        _compile(compiler, verilator, [verilator.include / name for name in _RUNTIME], folder)

    folder = cached("verilator-runtime", key, make)
    return [folder / f"{Path(name).stem}.o" for name in _RUNTIME]
