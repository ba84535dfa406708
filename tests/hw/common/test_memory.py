# amaranth: UnusedElaboratable=no
"""SyncMemory against a list, for each collision policy."""

import random
from typing import Any

import pytest
from amaranth.hdl import signed

from eyrie.bench.component import run
from eyrie.common.emit import emit_verilog
from eyrie.common.memory import SyncMemory
from eyrie.synth.yosys import synthesise

PORTS = ("write_en", "write_address", "write_data", "read_en", "read_address")


def random_cycles(depth: int, seed: int, *, may_clash: bool, n_cycles: int = 600) -> list[dict[str, int]]:
    """Values of all inputs, cycle by cycle; all words are written first."""
    draw = random.Random(seed)
    cycles = [dict(zip(PORTS, (1, word, draw.randrange(-128, 128), 0, 0), strict=True)) for word in range(depth)]
    for _ in range(n_cycles):
        write_address, read_address = draw.randrange(depth), draw.randrange(depth)
        write_en, read_en = draw.randrange(2), draw.randrange(2)
        if not may_clash and write_address == read_address:
            read_en &= ~write_en
        values = (write_en, write_address, draw.randrange(-128, 128), read_en, read_address)
        cycles.append(dict(zip(PORTS, values, strict=True)))
    return cycles


def drive(dut: SyncMemory, cycles: list[dict[str, int]]) -> list[Any]:
    """``read_data`` in every cycle."""
    levels = {port: [values[port] for values in cycles] for port in PORTS}
    return run(dut, {}, {}, levels=levels, watch=["read_data"], after=len(cycles)).watched["read_data"]


@pytest.mark.parametrize("depth", [1, 2, 3, 16])
@pytest.mark.parametrize("collision", ["old", "new", "never"])
def test_reads_what_was_written_and_holds_it(depth: int, collision: Any) -> None:
    dut = SyncMemory(shape=signed(8), depth=depth, collision=collision)
    cycles = random_cycles(depth, seed=depth, may_clash=collision != "never")
    words, data = [0] * depth, None
    expected: list[int | None] = []
    clashes = 0
    for values in cycles:
        expected.append(data)
        old = words[values["read_address"]]
        if values["write_en"]:
            words[values["write_address"]] = values["write_data"]
        if values["read_en"]:
            new = words[values["read_address"]]
            clashes += old != new
            data = old if collision == "old" else new
    first = next(cycle for cycle, value in enumerate(expected) if value is not None)
    assert drive(dut, cycles)[first:] == expected[first:]
    assert (clashes > 0) == (collision != "never")


def test_never_asserts_on_a_clash() -> None:
    dut = SyncMemory(shape=signed(8), depth=4, collision="never")
    with pytest.raises(AssertionError, match="read and write of one word in one cycle"):
        drive(dut, [dict(zip(PORTS, (1, 2, 5, 1, 2), strict=True))] * 2)


@pytest.mark.parametrize("values", [(1, 2, 5, 0, 2), (0, 2, 5, 1, 2), (1, 2, 5, 1, 3)])
def test_never_asserts_nothing_else(values: tuple[int, ...]) -> None:
    dut = SyncMemory(shape=signed(8), depth=4, collision="never")
    assert len(drive(dut, [dict(zip(PORTS, values, strict=True))] * 2)) == 2


@pytest.mark.parametrize("style", [None, "distributed"])
@pytest.mark.parametrize("collision", ["old", "new", "never"])
def test_the_verilog_says_what_is_asked_of_synthesis(collision: Any, style: Any) -> None:
    dut = SyncMemory(shape=signed(8), depth=16, collision=collision, style=style)
    assert dut.style == style
    text = emit_verilog(dut, name="memory", prefix="memory").text
    assert text.count('(* ram_style = "distributed" *)') == (style is not None)
    assert ("no_rw_check" in text) == (collision == "never")


def test_a_distributed_memory_does_the_same() -> None:
    cycles = random_cycles(16, seed=1, may_clash=False)
    dut, other = (SyncMemory(shape=signed(8), depth=16, collision="never", style=s) for s in (None, "distributed"))
    assert drive(dut, cycles) == drive(other, cycles)


@pytest.mark.parametrize("depth", [1, 2, 3, 16])
def test_one_address_for_reads_and_writes(depth: int) -> None:
    dut = SyncMemory(shape=signed(8), depth=depth, collision="never", style="single_port")
    cycles = random_cycles(depth, seed=depth, may_clash=False)
    for values in cycles:
        values["read_en"] &= ~values["write_en"]
    words, data = [0] * depth, None
    expected: list[int | None] = []
    for values in cycles:
        expected.append(data)
        if values["write_en"]:
            words[values["write_address"]] = values["write_data"]
            data = None
        elif values["read_en"]:
            data = words[values["read_address"]]
    found = drive(dut, cycles)
    assert sum(value is not None for value in expected) > 100
    assert all(value is None or value == one for value, one in zip(expected, found, strict=True))


def test_one_address_asserts_on_a_read_beside_a_write() -> None:
    dut = SyncMemory(shape=signed(8), depth=4, collision="never", style="single_port")
    with pytest.raises(AssertionError, match="read and write in one cycle"):
        drive(dut, [dict(zip(PORTS, (1, 2, 5, 1, 3), strict=True))] * 2)


@pytest.mark.parametrize(("width", "depth", "single_ports"), [(8, 32768, 2), (32, 256, 2)])
def test_one_address_becomes_single_port_rams_of_an_ice40(width: int, depth: int, single_ports: int) -> None:
    dut = SyncMemory(shape=width, depth=depth, collision="never", style="single_port")
    emitted = emit_verilog(dut, name="memory", prefix="memory")
    cells = synthesise(emitted.text, "memory", "ice40", flatten=True).whole
    assert cells.block_rams == {"SB_SPRAM256KA": single_ports}
    assert cells.flip_flops <= 1


def test_refuses_what_it_cannot_be() -> None:
    with pytest.raises(ValueError, match="a memory with one address has collision 'never', not 'old'"):
        SyncMemory(shape=8, depth=2, collision="old", style="single_port")
    with pytest.raises(ValueError, match="memory depth must be at least 1, not 0"):
        SyncMemory(shape=8, depth=0, collision="old")
    with pytest.raises(ValueError, match="collision must be 'old', 'new' or 'never', not 'maybe'"):
        SyncMemory(shape=8, depth=2, collision="maybe")  # type: ignore[arg-type]
