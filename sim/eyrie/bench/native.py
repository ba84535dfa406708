"""From Verilog to machine code: Verilator, then the C++ compiler, without the usual Perl and make around them."""

import re
import shutil
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from pathlib import Path

from eyrie.bench.cache import Progress, cached, content_key
from eyrie.bench.tools import Compiler, Verilator, find_compiler, find_verilator, run_tool
from eyrie.common.emit import ASSERT_MACRO

# The emitted Verilog trips these everywhere.
_SILENCED = ("WIDTHEXPAND", "WIDTHTRUNC", "CASEINCOMPLETE", "INITIALDLY")

# Verilator shares code between the instances of a module only while they are alike: the passes of -fdfg make each a
# little different, and so does a port that is replaced by what drives it, unless it is open to the outside. A quarter
# of the code and a sixth of the compile time for 64 PEs, at the same speed.
_VERILATOR_FLAGS = ("-cc", "-O3", "-fno-dfg", "--prefix", "Vtop", "--x-initial", "unique", f"-D{ASSERT_MACRO}")

_COMPILER_FLAGS = ("-std=c++17", "-fPIC", "-w")
# By source. Set-up code runs once, and with hundreds of PEs a compiler that optimises it takes minutes over it; the
# run-time library, which is all the other sources, is hardly called.
_OPTIMISE = {"fast.cc": "-O2", "slow.cc": "-O0"}
_OPTIMISE_RUNTIME = "-O1"
_JOBS = 2


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What is made of a design, apart from the design.

    Parameters
    ----------
    output : str
        Name of the file.
    main : str
        Text of the C++ source around the model ``Vtop``.
    defines : tuple of str
        Compiler flags for everything.
    main_defines : tuple of str
        Compiler flags for model and ``main`` only.
    verilator_flags : tuple of str
        More flags for Verilator.
    runtime : tuple of str
        Sources of Verilator's run-time library that are needed.
    link_flags : tuple of str
        Flags for the linker.
    """

    output: str
    main: str
    defines: tuple[str, ...] = ()
    main_defines: tuple[str, ...] = ()
    verilator_flags: tuple[str, ...] = ()
    runtime: tuple[str, ...] = ("verilated.cpp", "verilated_threads.cpp")
    link_flags: tuple[str, ...] = ()


def build_native(
    recipe: Recipe,
    verilog: str,
    *,
    top: str,
    not_inlined: Sequence[str] = (),
    public: Sequence[str] = (),
    progress: Progress | None = None,
) -> Path:
    """Follow a recipe, or find in the cache what came out when it was followed for the same design before.

    Parameters
    ----------
    recipe : Recipe
        What to make.
    verilog : str
        The design.
    top : str
        Its top module.
    not_inlined : sequence of str
        Modules with many instances: compiled once, and not into their surroundings.
    public : sequence of str
        Modules whose ports the interface VPI must reach.
    progress : callable, optional
        Told what is being done.

    Returns
    -------
    Path
        The output, in a folder of its own.

    Raises
    ------
    MissingToolError
        If Verilator or a C++ compiler is missing.
    ToolError
        If one of them fails.
    """
    verilator, compiler = find_verilator(), find_compiler()
    report = progress or (lambda line: None)
    control = _control_file(verilog, not_inlined, public)
    key = content_key(verilog, control, top, repr(astuple(recipe)), *_about(verilator, compiler))

    def make(folder: Path) -> None:
        runtime = _runtime_objects(recipe, verilator, compiler, report)
        work = folder / "work"
        work.mkdir()
        (work / "design.v").write_text(verilog)
        (work / "design.vlt").write_text(control)
        report("Verilator: from Verilog to C++")
        flags = (*_VERILATOR_FLAGS, *recipe.verilator_flags, "--top-module", top, "-Mdir", ".")
        run_tool([verilator.binary, *flags, "design.vlt", "design.v"], folder=work, environment=verilator.environment)
        (work / "main.cpp").write_text(recipe.main)
        report("C++ compiler: the design")
        defines = (*recipe.defines, *recipe.main_defines)
        objects = _compile(compiler, verilator, _combine(work), work, defines)
        report("C++ compiler: linking")
        run_tool([*compiler.command, "-o", recipe.output, *objects, *runtime, *recipe.link_flags], folder=work)
        (work / recipe.output).rename(folder / recipe.output)
        shutil.rmtree(work)

    return cached("verilated", key, make) / recipe.output


def _control_file(verilog: str, not_inlined: Sequence[str], public: Sequence[str]) -> str:
    lines = ["`verilator_config", *(f"lint_off -rule {rule}" for rule in _SILENCED)]
    lines += [f'no_inline -module "{module}"' for module in not_inlined]
    for module in dict.fromkeys([*not_inlined, *public]):
        header = re.search(rf"^module {re.escape(module)}\(([^;]*)\);$", verilog, re.MULTILINE)
        if header is None:
            raise ValueError(f"the Verilog has no module {module}")
        for port in header[1].split(","):
            name = port.strip().removeprefix("\\")
            if module in public or name != "clk":
                lines.append(f'public_flat_rw -module "{module}" -var "{name}"')
    return "\n".join([*lines, ""])


def _about(verilator: Verilator, compiler: Compiler) -> tuple[str, ...]:
    flags = (*_VERILATOR_FLAGS, *_COMPILER_FLAGS, *_OPTIMISE.values(), _OPTIMISE_RUNTIME)
    return (verilator.version, compiler.version, *compiler.command, *flags, sys.platform)


def _combine(folder: Path) -> list[Path]:
    """Verilator's many files as two, since each costs seconds for the headers alone: one to optimise, one not."""
    slow: list[str] = []
    fast: list[str] = []
    for source in sorted(folder.glob("*.cpp")):
        (slow if "__Slow" in source.name or "__Syms" in source.name else fast).append(source.name)
    for name, sources in (("fast.cc", fast), ("slow.cc", slow)):
        (folder / name).write_text("".join(f'#include "{source}"\n' for source in sources))
    return [folder / "fast.cc", folder / "slow.cc"]


def _compile(
    compiler: Compiler, verilator: Verilator, sources: Sequence[Path], folder: Path, flags: Sequence[str]
) -> list[Path]:
    """Object files in ``folder``, two at a time."""
    includes = (f"-I{verilator.include}", f"-I{verilator.include / 'vltstd'}")

    def one(source: Path) -> Path:
        optimise = _OPTIMISE.get(source.name, _OPTIMISE_RUNTIME)
        target = folder / f"{source.stem}.o"
        command = (*compiler.command, *_COMPILER_FLAGS, optimise, *flags, *includes)
        run_tool([*command, "-c", source, "-o", target], folder=folder)
        return target

    with ThreadPoolExecutor(_JOBS) as pool:
        return list(pool.map(one, sources))


def _runtime_objects(recipe: Recipe, verilator: Verilator, compiler: Compiler, report: Progress) -> list[Path]:
    """Verilator's run-time library, compiled once for all designs."""
    key = content_key(*recipe.defines, *recipe.runtime, *_about(verilator, compiler))

    def make(folder: Path) -> None:
        report("C++ compiler: Verilator's run-time library")
        _compile(compiler, verilator, [verilator.include / name for name in recipe.runtime], folder, recipe.defines)

    folder = cached("verilator-runtime", key, make)
    return [folder / f"{Path(name).stem}.o" for name in recipe.runtime]
