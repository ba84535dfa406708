"""Imports run one way, and each of the heavy packages stays where it belongs.

From the bottom: errors and files; configurations and formats; then, side by side, hardware, golden models with the
cycle models over them, compression and models of networks; the compiler over those but for the hardware; everything
else on top.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROLES = ("hw", "sw", "sim", "boards")

BASE = ("eyrie.errors", "eyrie.files")
CONFIGURATION = (
    "eyrie.common.geometry",
    "eyrie.eie.config",
    "eyrie.eie.program",
    "eyrie.eie.load_format",
    "eyrie.rowstat.config",
    "eyrie.rowstat.commands",
    "eyrie.rowstat.timing",
    "eyrie.rowstat.control_timing",
    "eyrie.host.config",
    "eyrie.host.register_map",
    "eyrie.host.eie_map",
    "eyrie.host.image_format",
    "eyrie.host.uartbone_format",
)
HARDWARE = ("eyrie.common", "eyrie.eie", "eyrie.rowstat", "eyrie.host", "eyrie.accelerator")

LAYERS: dict[tuple[str, ...], tuple[str, ...]] = {
    # modules: what of ours they may import; a package stands for all that is in it, and the first match counts
    BASE: BASE,
    CONFIGURATION: CONFIGURATION + BASE,
    HARDWARE: HARDWARE + BASE,
    ("eyrie.golden",): ("eyrie.golden", *CONFIGURATION, *BASE),
    ("eyrie.cycles",): ("eyrie.cycles", "eyrie.golden", *CONFIGURATION, *BASE),
    ("eyrie.anchors",): ("eyrie.anchors", *BASE),
    ("eyrie.compress",): ("eyrie.compress", *CONFIGURATION, *BASE),
    ("eyrie.model",): ("eyrie.model", "eyrie.compress", *CONFIGURATION, *BASE),
    ("eyrie.compile",): ("eyrie.compile", "eyrie.model", "eyrie.compress", "eyrie.golden", *CONFIGURATION, *BASE),
}

HOMES: dict[str, tuple[str, ...]] = {
    # a package of others: where it may be imported
    "amaranth": (*HARDWARE, "eyrie.bench", "eyrie.formal", "eyrie.platforms", "eyrie.synth"),
    "amaranth_boards": ("eyrie.platforms",),
    "torch": ("eyrie.train",),
    "onnx": ("eyrie.model", "eyrie.train.onnx_file"),  # the importer, and the writer of the trained model
    "cocotb": ("eyrie.bench",),
}

WITHOUT_AMARANTH = (
    *BASE,
    *CONFIGURATION,
    "eyrie.golden",
    "eyrie.cycles",
    "eyrie.compress",
    "eyrie.model",
    "eyrie.compile",
)


def is_in(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def module_files() -> dict[str, Path]:
    """All modules of ours: drop the role folder, and the rest of the path is the import."""
    files = {}
    for role in ROLES:
        for path in sorted((ROOT / role / "eyrie").rglob("*.py")):
            parts = path.relative_to(ROOT / role).with_suffix("").parts
            files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return files


FILES = module_files()


def imports(
    module: str, source: str, *, is_package: bool = False, known: frozenset[str] = frozenset(FILES)
) -> set[str]:
    """The modules that a module imports anywhere in its text."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = module.split(".")[: None if is_package else -1]
            parents = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            names = {f"{base}.{alias.name}" for alias in node.names}
            found |= {name if name in known else base for name in names}
    return found


def imported_by(module: str) -> set[str]:
    path = FILES[module]
    return imports(module, path.read_text(), is_package=path.name == "__init__.py")


def test_imports_are_found_wherever_they_stand() -> None:
    source = """
import numpy.typing as npt, torch
from eyrie.eie import config, layouts
from . import sibling
from .share import share_weights
def later():
    from amaranth.hdl import Module
"""
    known = frozenset({"eyrie.eie.config", "eyrie.compress.sibling"})
    expected = {"numpy.typing", "torch", "eyrie.eie.config", "eyrie.eie", "amaranth.hdl"}
    own = {"eyrie.compress.sibling", "eyrie.compress.share"}
    assert imports("eyrie.compress.prune", source, known=known) == expected | own
    assert imports("eyrie.compress", source, known=known, is_package=True) == expected | own


def test_the_files_are_there() -> None:
    assert {*BASE, *CONFIGURATION, "eyrie.eie.core", "eyrie.golden", "eyrie.compress.share"} <= FILES.keys()


@pytest.mark.parametrize("module", FILES)
def test_imports_run_one_way(module: str) -> None:
    allowed = next((below for layer, below in LAYERS.items() if is_in(module, layer)), None)
    ours = {name for name in imported_by(module) if is_in(name, ("eyrie",))}
    missing = {name for name in ours if name not in FILES}
    assert not missing, f"{module} imports what is not there: {missing}"
    if allowed is not None:
        upwards = {name for name in ours if not is_in(name, allowed)}
        assert not upwards, f"{module} may not import {upwards}"


@pytest.mark.parametrize("module", FILES)
def test_heavy_packages_stay_at_home(module: str) -> None:
    names = imported_by(module)
    for package, homes in HOMES.items():
        if any(is_in(name, (package,)) for name in names):
            assert is_in(module, homes), f"{module} may not import {package}"
            assert package != "amaranth" or not is_in(module, WITHOUT_AMARANTH), f"{module} may not import amaranth"


@pytest.mark.parametrize("module", [module for module in FILES if is_in(module, ("eyrie.golden",))])
def test_golden_models_need_numpy_alone(module: str) -> None:
    others = {name.partition(".")[0] for name in imported_by(module)} - sys.stdlib_module_names
    assert others <= {"eyrie", "numpy"}


def packages() -> Iterator[Path]:
    for role in ROLES:
        yield from (path for path in (ROOT / role / "eyrie").rglob("*") if any(path.glob("*.py")))


def test_packages_hold_a_docstring_and_nothing_else() -> None:
    for role in ROLES:
        assert not (ROOT / role / "eyrie" / "__init__.py").exists(), f"{role}/eyrie is a part of a namespace package"
    for package in packages():
        body = ast.parse((package / "__init__.py").read_text()).body
        assert len(body) == 1, f"{package} has more than a docstring in its __init__.py"
        assert isinstance(body[0], ast.Expr), f"{package} has no docstring"
        assert isinstance(body[0].value, ast.Constant), f"{package} has no docstring"
