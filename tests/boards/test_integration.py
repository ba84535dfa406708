"""What a build leaves for designs of others: every file is there, every port is wired, every address is covered."""

import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest

from eyrie.common.emit import EmittedVerilog
from eyrie.eie.config import TINY
from eyrie.host.eie_map import EIE_MAP
from eyrie.platforms.boards import BOARDS
from eyrie.platforms.build_job import BuildJob
from eyrie.platforms.fusesoc_core import CORE_FILE
from eyrie.platforms.integration import LITEX_FILE, WISHBONE_FILE, WISHBONE_TOP, emit_wishbone
from eyrie.platforms.sources import write_sources

CONFIG = replace(TINY, n_pes=1)


@pytest.fixture(scope="module")
def wishbone() -> EmittedVerilog:
    return emit_wishbone(CONFIG, BOARDS["ulx3s-85f"].host)


def job(name: str) -> BuildJob:
    board = BOARDS[name]
    system = EmittedVerilog(text="module eie_system();\nendmodule\n", top="eie_system", ports=(), modules={})
    return BuildJob(board=board, config=CONFIG, host=board.host, system=system, placer=board.placer)


def test_the_module_for_litex_wires_every_port(wishbone: EmittedVerilog, tmp_path: Path) -> None:
    files = write_sources(tmp_path, job("ulx3s-85f"), wishbone, version="1.2.3")
    assert {LITEX_FILE, WISHBONE_FILE} <= set(files)
    tree = ast.parse((tmp_path / LITEX_FILE).read_text())
    (instance,) = (
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "Instance"
    )
    assert ast.literal_eval(instance.args[0]) == wishbone.top == WISHBONE_TOP
    wired = {keyword.arg for keyword in instance.keywords}
    assert wired == {f"{port.direction[0]}_{port.name}" for port in wishbone.ports}
    values = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    last = max(window.address + window.words for window in EIE_MAP.windows)
    assert values == {"CLOCK": 50_000_000, "CONFIGURATION": CONFIG.hash, "SIZE": 4 * last}
    widths = {port.name: port.width for port in wishbone.ports}
    assert f"adr_width={widths['bus__adr']}," in (tmp_path / LITEX_FILE).read_text()


@pytest.mark.parametrize("name", BOARDS)
def test_the_core_description_names_files_that_are_there(name: str, wishbone: EmittedVerilog, tmp_path: Path) -> None:
    files = write_sources(tmp_path, job(name), wishbone, version="1.2.3")
    assert all((tmp_path / file).is_file() for file in files)
    text = (tmp_path / CORE_FILE).read_text()
    assert text.startswith("CAPI=2:\n\nname: eyrie:eyrie:eie:1.2.3\n")
    named = set(re.findall(r"^      - ([^:\s]+)", text, re.MULTILINE))
    assert len(named) == 4
    assert named <= set(files)
    assert re.findall(r"^  ([\w-]+):\n(?:    .*\n)*?    toplevel: (\w+)$", text, re.MULTILINE) == [
        ("default", "eie_system"),
        ("wishbone", WISHBONE_TOP),
        (name, job(name).design.top),
    ]


def test_vivado_is_told_everything(wishbone: EmittedVerilog, tmp_path: Path) -> None:
    files = write_sources(tmp_path, job("arty-a7"), wishbone, version="1.2.3")
    script = (tmp_path / "build.tcl").read_text()
    assert {"eie_system.v", "eyrie_arty_a7.v", "arty-a7.xdc"} == set(
        re.findall(r"^read_\w+ (\S+)$", script, re.MULTILINE)
    )
    assert {"eie_system.v", "eyrie_arty_a7.v", "arty-a7.xdc", "build.tcl"} <= set(files)
    assert "-top eyrie_arty_a7 -part xc7a35ticsg324-1L" in script
    assert "build.tcl" in (tmp_path / "README.txt").read_text()
