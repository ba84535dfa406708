# amaranth: UnusedElaboratable=no
"""Uartbone: framing, bursts, silence, damage, and a bus that does not answer."""

import random
from typing import Any, NamedTuple

import pytest
from amaranth.sim import Simulator

from eyrie.host.uartbone import Uartbone
from eyrie.host.uartbone_format import BUS_ERROR_WORD, Command

TIMEOUT = 50
BUS_TIMEOUT = 12

GAP = -1
"""In place of a byte: silence for longer than the timeout."""
DAMAGE = -2
"""In place of a byte: a symbol with an error."""


def command(kind: Command, address: int, words: list[int] | int) -> list[int]:
    """Bytes of a command: to write words, or to read so many."""
    length = words if isinstance(words, int) else len(words)
    data = [] if isinstance(words, int) else [byte for word in words for byte in word.to_bytes(4, "big")]
    return [kind, length % 256, *address.to_bytes(4, "big"), *data]


class Seen(NamedTuple):
    """Transfers on the bus as (address, data or None for a read), bytes of answers, faults."""

    transfers: list[tuple[int, int | None]]
    answers: bytes
    faults: int


def memory_word(address: int) -> int:
    return address * 0x01010193 & 0xFFFFFFFF


def converse(symbols: list[int], *, seed: int = 0, slowest: int = 4, stall: float = 0.3) -> Seen:
    """Send symbols, some at once and some after a while, to a device before a bus that takes its time.

    Of the addresses those that end in 0xE give an error, and those that end in 0xF no answer at all.
    """
    dut: Any = Uartbone(timeout=TIMEOUT, bus_timeout=BUS_TIMEOUT)
    draw = random.Random(seed)
    seen: list[tuple[int, int | None]] = []
    answers = bytearray()
    faults = 0

    async def testbench(ctx: Any) -> None:
        nonlocal faults
        queue = list(symbols)
        wait = 0
        begun: tuple[int, int, int] | None = None
        delay = 0
        offered = False
        stalled: int | None = None
        quiet = 0
        while quiet < 3 * TIMEOUT:
            if wait:
                wait -= 1
            elif queue and not offered:
                if queue[0] == GAP:
                    queue.pop(0)
                    wait = TIMEOUT + 2
                else:
                    ctx.set(dut.i.payload, {"data": max(queue[0], 0), "error": queue[0] == DAMAGE})
                    offered = True
            ctx.set(dut.i.valid, offered)
            ready = draw.random() >= stall
            ctx.set(dut.o.ready, ready)
            busy = ctx.get(dut.bus.cyc)
            assert busy == ctx.get(dut.bus.stb)
            ends = False
            if busy:
                now = (ctx.get(dut.bus.adr), ctx.get(dut.bus.we), ctx.get(dut.bus.dat_w))
                assert ctx.get(dut.bus.sel) == 15
                if begun is None:
                    begun, delay = now, draw.randrange(slowest + 1)
                    seen.append((now[0], now[2] if now[1] else None))
                assert now == begun, "a transfer changed before it ended"
                ends = delay == 0 and begun[0] % 16 != 15
                delay -= 1
            else:
                begun = None
            ctx.set(dut.bus.ack, ends and begun[0] % 16 != 14)
            ctx.set(dut.bus.err, ends and begun[0] % 16 == 14)
            ctx.set(dut.bus.dat_r, memory_word(begun[0]) if ends and begun else 0xBAD)
            if ends:
                begun = None
            faults += ctx.get(dut.fault)
            valid, byte = ctx.get(dut.o.valid), ctx.get(dut.o.payload)
            assert stalled is None or (valid and byte == stalled), "an answer was withdrawn or changed"
            stalled = byte if valid and not ready else None
            if valid and ready:
                answers.append(byte)
            taken = offered and ctx.get(dut.i.ready)
            quiet = 0 if queue or offered or busy or valid else quiet + 1
            await ctx.tick()
            if taken:
                queue.pop(0)
                offered = False
                wait = draw.choice([0, 0, 2, TIMEOUT // 2])
        # Silence has brought it back: it takes a byte.
        assert ctx.get(dut.i.ready)

    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(testbench)
    simulator.run()
    return Seen(seen, bytes(answers), faults)


def words(*addresses: int) -> bytes:
    return b"".join(memory_word(address).to_bytes(4, "big") for address in addresses)


def test_the_commands_of_litex() -> None:
    # As LiteX's CommUART writes them: command, length, address in words, data; all numbers big-endian.
    seen = converse(
        list(
            bytes.fromhex("0102 00001230 deadbeef 00010203 0201 80000004 0302 00000007 00000001 00000002 0403 00000008")
        )
    )
    assert seen.transfers == [
        (0x1230, 0xDEADBEEF),
        (0x1231, 0x00010203),
        (0x80000004, None),
        (7, 1),
        (7, 2),
        (8, None),
        (8, None),
        (8, None),
    ]
    assert seen.answers == words(0x80000004, 8, 8, 8)
    assert seen.faults == 0


@pytest.mark.parametrize("seed", range(3))
def test_random_commands_with_slow_bus_and_stalled_answers(seed: int) -> None:
    draw = random.Random(seed)
    symbols: list[int] = []
    transfers: list[tuple[int, int | None]] = []
    answers = b""
    for _ in range(30):
        kind, address, length = draw.choice(list(Command)), 16 * draw.getrandbits(27), draw.randint(1, 13)
        addresses = [address + (number if kind <= Command.READ_INCREMENT else 0) for number in range(length)]
        if kind in (Command.WRITE_INCREMENT, Command.WRITE_FIXED):
            data = [draw.getrandbits(32) for _ in range(length)]
            symbols += command(kind, address, data)
            transfers += zip(addresses, data, strict=True)
        else:
            symbols += command(kind, address, length)
            transfers += [(one, None) for one in addresses]
            answers += words(*addresses)
    assert converse(symbols, seed=seed) == Seen(transfers, answers, 0)


def test_a_length_of_zero_is_256_words() -> None:
    seen = converse(command(Command.READ_FIXED, 32, 256), stall=0, slowest=0)
    assert seen.answers == words(32) * 256


def test_silence_anywhere_within_a_command_drops_it() -> None:
    whole = command(Command.WRITE_INCREMENT, 0x20, [5, 6])
    for cut in range(1, len(whole)):
        seen = converse([*whole[:cut], GAP, *command(Command.READ_INCREMENT, 3, 1)], seed=cut)
        assert seen.transfers == [(0x20, 5)] * (cut >= 10) + [(3, None)], f"cut after {cut} bytes"
        assert (seen.answers, seen.faults) == (words(3), 1), f"cut after {cut} bytes"


def test_damage_anywhere_drops_what_follows_until_silence() -> None:
    whole = command(Command.WRITE_INCREMENT, 0x20, [5, 6])
    good = command(Command.READ_INCREMENT, 3, 1)
    for cut in range(len(whole)):
        seen = converse([*whole[:cut], DAMAGE, *whole[cut + 1 :], *good, GAP, *good], seed=cut)
        assert seen.transfers == [(0x20, 5)] * (cut >= 10) + [(3, None)], f"damaged at byte {cut}"
        assert (seen.answers, seen.faults) == (words(3), 1), f"damaged at byte {cut}"


@pytest.mark.parametrize("byte", [0, 5, 0x7F, 0xFF])
def test_what_is_no_command_is_dropped_until_silence(byte: int) -> None:
    good = command(Command.READ_INCREMENT, 3, 1)
    seen = converse([byte, *good, GAP, *good])
    assert seen == Seen([(3, None)], words(3), 1)


def test_a_bus_that_does_not_answer_or_refuses() -> None:
    symbols = command(Command.READ_INCREMENT, 0x1D, 4) + command(Command.WRITE_INCREMENT, 0x2D, [1, 2, 3, 4])
    seen = converse(symbols)
    error = BUS_ERROR_WORD.to_bytes(4, "big")
    assert seen.answers == words(0x1D) + error + error + words(0x20)
    assert seen.transfers == [(0x1D + n, None) for n in range(4)] + [(0x2D + n, n + 1) for n in range(4)]
    assert seen.faults == 4


@pytest.mark.parametrize(("timeout", "bus_timeout", "name"), [(0, 1, "timeout"), (1, 0, "bus_timeout")])
def test_refuses_timeouts(timeout: int, bus_timeout: int, name: str) -> None:
    with pytest.raises(ValueError, match=f"uartbone {name} must be at least 1, not 0"):
        Uartbone(timeout=timeout, bus_timeout=bus_timeout)
