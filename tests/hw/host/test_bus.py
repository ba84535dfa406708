# amaranth: UnusedElaboratable=no
"""What hangs on the bus: decoder, registers, windows; one answer for every transfer."""

import random
from typing import Any

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from eyrie.host.register_bank import RegisterBank
from eyrie.host.register_map import Access, Field, Register, RegisterMap, Window
from eyrie.host.stream_window import ReadWindow, WriteWindow
from eyrie.host.wishbone import WishboneSignature
from eyrie.host.wishbone_decoder import Range, WishboneDecoder
from tests.hw.host.bus import Transfer, transfers

SMALL = RegisterMap(
    name="small",
    version=1,
    text="For tests.",
    words=8,
    registers=(
        Register(name="first", address=0, text="Can be read."),
        Register(name="both", address=2, access=Access.READ_WRITE, text="Can be read and written."),
        Register(name="order", address=5, access=Access.WRITE, text="Can be written."),
    ),
)


@pytest.mark.parametrize("seed", range(3))
def test_registers(seed: int) -> None:
    dut: Any = RegisterBank(SMALL)
    draw = random.Random(seed)
    wanted = [Transfer(draw.randrange(8), draw.getrandbits(32) if draw.random() < 0.5 else None) for _ in range(200)]
    written: list[tuple[str, int]] = []
    values = {"first": draw.getrandbits(32), "both": draw.getrandbits(32)}

    def drive(ctx: Any, now: int) -> None:
        for name, value in values.items():
            ctx.set(getattr(dut, name), value)

    def watch(ctx: Any) -> None:
        for name in ("both", "order"):
            if ctx.get(getattr(dut, f"{name}_written")):
                written.append((name, ctx.get(getattr(dut, f"{name}_data"))))

    answers = transfers(dut, wanted, seed=seed, drive=drive, watch=watch)
    assert written == [
        ({2: "both", 5: "order"}[t.address], t.data) for t in wanted if t.data is not None and t.address in (2, 5)
    ]
    for transfer, answer in zip(wanted, answers, strict=True):
        allowed = (2, 5) if transfer.data is not None else (0, 2)
        assert (answer.end, answer.cycles) == ("ack" if transfer.address in allowed else "err", 1), transfer
        if transfer.data is None and answer.end == "ack":
            assert answer.data == values["first" if transfer.address == 0 else "both"]


class Decoded(wiring.Component):
    """A decoder with slaves that answer at once: a third of their addresses with an error."""

    bus: Any

    def __init__(self) -> None:
        ranges = (Range(name="low", address=0, width=3), Range(name="high", address=16, width=4))
        self.decoder: Any = WishboneDecoder(address_width=6, ranges=ranges)
        super().__init__({"bus": In(WishboneSignature(address_width=6))})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.decoder = self.decoder
        wiring.connect(m, wiring.flipped(self.bus), self.decoder.bus)
        for slave in (self.decoder.to_low, self.decoder.to_high):
            refuses = slave.adr % 3 == 2
            m.d.comb += [
                slave.dat_r.eq(100 + slave.adr),
                slave.ack.eq(slave.cyc & slave.stb & ~refuses),
                slave.err.eq(slave.cyc & slave.stb & refuses),
            ]
        return m


def test_decoder() -> None:
    dut = Decoded()
    seen: list[tuple[str, int, int, int]] = []

    def watch(ctx: Any) -> None:
        for name in ("low", "high"):
            slave = getattr(dut.decoder, f"to_{name}")
            assert ctx.get(slave.cyc) == ctx.get(slave.stb)
            if ctx.get(slave.cyc & slave.stb):
                seen.append((name, ctx.get(slave.adr), ctx.get(slave.we), ctx.get(slave.dat_w)))

    wanted = [Transfer(address, address if address % 2 else None) for address in range(64)]
    answers = transfers(dut, wanted, watch=watch)
    for transfer, answer in zip(wanted, answers, strict=True):
        assert answer.cycles == 0
        if transfer.address < 8 or 16 <= transfer.address < 32:
            local = transfer.address % 16
            assert answer[:2] == ("err" if local % 3 == 2 else "ack", 100 + local), transfer
        else:
            assert answer.end == "err", transfer
    found = [("low", address, address % 2, address) for address in range(8)]
    found += [("high", address - 16, address % 2, address) for address in range(16, 32)]
    assert [(name, address, we, data if we else address) for name, address, we, data in seen] == [
        (name, address, we, data if we else address) for name, address, we, data in found
    ]


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ([Range(name="odd", address=4, width=3)], "range odd at 4 is not aligned"),
        ([Range(name="a", address=0, width=3), Range(name="b", address=4, width=2)], "range b at 4"),
        ([Range(name="far", address=64, width=3)], "ranges end at 72, beyond 6 bits"),
    ],
)
def test_decoder_refuses_ranges(ranges: list[Range], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        WishboneDecoder(address_width=6, ranges=ranges)


def test_write_window() -> None:
    dut: Any = WriteWindow(address_width=8)
    taken: list[int] = []
    lost: list[int] = []

    def drive(ctx: Any, now: int) -> None:
        ctx.set(dut.o.ready, now % 5 < 3)

    def watch(ctx: Any) -> None:
        if ctx.get(dut.o.valid):
            (taken if ctx.get(dut.o.ready) else lost).append(ctx.get(dut.o.payload))
        assert ctx.get(dut.overflow) == (ctx.get(dut.o.valid) and not ctx.get(dut.o.ready))

    wanted = [Transfer(number % 256, None if number % 7 == 3 else number) for number in range(100)]
    answers = transfers(dut, wanted, drive=drive, watch=watch)
    assert [answer.end for answer in answers] == ["err" if t.data is None else "ack" for t in wanted]
    assert {answer.cycles for answer in answers} == {1}
    assert taken
    assert lost
    assert sorted(taken + lost) == [number for number in range(100) if number % 7 != 3]


def test_read_window() -> None:
    dut: Any = ReadWindow(address_width=8)
    given: list[int] = []
    empty = 0
    following = iter(range(1000, 2000))
    offered: int | None = None

    def watch(ctx: Any) -> None:
        nonlocal offered, empty
        if offered is None and random.Random(len(given) + empty).random() < 0.7:
            offered = next(following)
        ctx.set(dut.i.valid, offered is not None)
        ctx.set(dut.i.payload, offered or 7)
        if ctx.get(dut.i.ready):
            assert ctx.get(dut.underflow) == (offered is None)
            given.append(offered or 0)
            empty += offered is None
            offered = None

    wanted = [Transfer(number, 5 if number % 9 == 4 else None) for number in range(100)]
    answers = transfers(dut, wanted, watch=watch)
    assert [answer.end for answer in answers] == ["ack" if t.data is None else "err" for t in wanted]
    assert [answer.data for answer in answers if answer.end == "ack"] == given
    assert {answer.cycles for answer in answers} == {1}
    assert 0 < empty < 60


def test_map_refuses_nonsense() -> None:
    def one(**fields: Any) -> Register:
        return Register(**{"name": "one", "address": 0, "text": "", **fields})

    def map_of(*registers: Register, **fields: Any) -> RegisterMap:
        return RegisterMap(**{"name": "m", "version": 1, "text": "", "words": 4, "registers": registers, **fields})

    with pytest.raises(ValueError, match="name must be of lower-case letters, digits and underscores, not 'One'"):
        one(name="One")
    with pytest.raises(ValueError, match="field b of register one lies over another one"):
        one(fields=(Field(name="a", low=0, width=3, text=""), Field(name="b", low=2, text="")))
    with pytest.raises(ValueError, match="field a has 3 bits from 30 up; a register has 32"):
        Field(name="a", low=30, width=3, text="")
    with pytest.raises(ValueError, match="register one has two fields of one name"):
        one(fields=(Field(name="a", low=0, text=""), Field(name="a", low=1, text="")))
    with pytest.raises(ValueError, match="map m has two entries of one name"):
        map_of(one(), one(address=1))
    with pytest.raises(ValueError, match=r"registers of map m must ascend from 0 to 3, not \[0, 4\]"):
        map_of(one(), one(name="two", address=4))
    with pytest.raises(ValueError, match="window w must either be read or written"):
        Window(name="w", address=4, words=4, access=Access.READ_WRITE, text="")
    with pytest.raises(ValueError, match="w must begin at a multiple of their power of two of words, not 8 at 4"):
        Window(name="w", address=4, words=8, access=Access.READ, text="")
    with pytest.raises(ValueError, match="window w begins at 0, before 4"):
        map_of(one(), windows=(Window(name="w", address=0, words=4, access=Access.READ, text=""),))
    with pytest.raises(KeyError, match="register one has no field c"):
        one().field("c")
    with pytest.raises(KeyError, match="map m has no register two"):
        map_of(one()).register("two")
    with pytest.raises(KeyError, match="map m has no window two"):
        map_of(one()).window("two")
