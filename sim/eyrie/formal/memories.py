"""`SyncMemory` and `LutMemory`: a word is read as it was written last."""

from typing import Any

from amaranth.hdl import Mux, Signal

from eyrie.formal.harness import Harness
from eyrie.formal.proof import Broken, Proof, Property

_WIDTH, _DEPTH = 2, 4


def _follow_word(h: Harness, dut: Any) -> tuple[Signal, Signal, Signal]:
    """Any one word: its address, whether it was written since the reset, and what with."""
    address = h.constant(range(_DEPTH), name="address")
    written, word = Signal(name="written"), Signal(_WIDTH, name="word")
    with h.m.If(dut.write_en & (dut.write_address == address)):
        h.m.d.sync += [written.eq(1), word.eq(dut.write_data)]
    return address, written, word


def _build_sync(memory: Any, collision: str) -> Harness:
    dut = memory.SyncMemory(shape=_WIDTH, depth=_DEPTH, collision=collision)
    h = Harness(dut)
    address, written, word = _follow_word(h, dut)
    h.prove("the memory holds the word", ~written | (h.words("words", _WIDTH, _DEPTH)[address] == word))

    writes = dut.write_en & (dut.write_address == address)
    known, expected = (written, word)
    if collision == "new":
        known, expected = written | writes, Mux(writes, dut.write_data, word)
    asked = h.before(dut.read_en & (dut.read_address == address) & known, name="asked")
    h.prove("read", ~asked | (dut.read_data == h.before(expected, name="expected")))
    idle, data = h.before(~dut.read_en, name="idle"), h.before(dut.read_data, name="data")
    h.prove("kept", ~idle | (dut.read_data == data))
    return h


def _build_lut(lut_memory: Any) -> Harness:
    dut = lut_memory.LutMemory(shape=_WIDTH, depth=_DEPTH)
    h = Harness(dut)
    address, written, word = _follow_word(h, dut)
    h.prove("the memory holds the word", ~written | (h.words("words", _WIDTH, _DEPTH)[address] == word))
    h.prove("read", ~(written & (dut.read_address == address)) | (dut.read_data == word))
    return h


_KEPT = Property(
    name="kept",
    says="Without a read, the data stay.",
    broken=Broken(old="read.en.eq(self.read_en)", new="read.en.eq(1)"),
)

PROOFS = (
    Proof(
        name="sync-memory-old",
        module="eyrie.common.memory",
        component="SyncMemory",
        configuration=f"{_DEPTH} words of {_WIDTH} bits, collision old",
        build=lambda module: _build_sync(module, "old"),
        properties=(
            Property(
                name="read",
                says="A read gives what was written last, in the cycle of a write to the same word what was there "
                "before.",
                broken=Broken(old='if self.collision == "new" else ()', new='if self.collision == "old" else ()'),
            ),
            _KEPT,
        ),
    ),
    Proof(
        name="sync-memory-new",
        module="eyrie.common.memory",
        component="SyncMemory",
        configuration=f"{_DEPTH} words of {_WIDTH} bits, collision new",
        build=lambda module: _build_sync(module, "new"),
        properties=(
            Property(
                name="read",
                says="A read gives what was written last, in the cycle of a write to the same word what is written.",
                broken=Broken(old='if self.collision == "new" else ()', new='if self.collision == "old" else ()'),
            ),
        ),
    ),
    Proof(
        name="lut-memory",
        module="eyrie.common.lut_memory",
        component="LutMemory",
        configuration=f"{_DEPTH} words of {_WIDTH} bits",
        build=_build_lut,
        properties=(
            Property(
                name="read",
                says="The word at the address shows in the same cycle, as it was written last.",
                broken=Broken(old='read_port(domain="comb")', new="read_port()"),
            ),
        ),
    ),
)
