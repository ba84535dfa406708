# amaranth: UnusedElaboratable=no
"""The serial line: every byte, other clocks, glitches, broken frames, breaks, and a queue that runs over."""

import random

import pytest

from eyrie.bench.component import STALLS, Run, Sink, Stall, run
from eyrie.bench.serial_line import FRAME_BITS, SerialLine, received_bytes
from eyrie.host.uart import Uart
from eyrie.host.uart_receiver import MIN_DIVISOR, UartReceiver
from eyrie.host.uart_transmitter import UartTransmitter

DIVISORS = [8, 9, 43]


def receive(divisor: int, line: SerialLine) -> Run:
    levels = list(line.idle(2))
    return run(
        UartReceiver(divisor=divisor),
        {},
        {"valid": Sink(0, ("data",)), "error": Sink(0, ("line_break",))},
        levels={"rx": levels},
        after=len(levels) + 8 * divisor,
    )


def random_bytes(seed: int, count: int) -> bytes:
    return random.Random(seed).randbytes(count)


@pytest.mark.parametrize("divisor", DIVISORS)
def test_every_byte(divisor: int) -> None:
    data = bytes(range(256)) if divisor == MIN_DIVISOR else random_bytes(divisor, 20)
    result = receive(divisor, SerialLine(divisor).idle(1).send(data))
    assert bytes(result.received["valid"]) == data
    assert result.received["error"] == []


@pytest.mark.parametrize("offset", [-0.02, -0.01, 0.01, 0.02])
@pytest.mark.parametrize("divisor", DIVISORS)
def test_another_clock_back_to_back(divisor: int, offset: float) -> None:
    # 0x00 and 0xFF have the longest stretches without an edge to go by.
    data = bytes([0x00, 0xFF, 0x55, 0x80, 0x7F]) + random_bytes(divisor, 20)
    result = receive(divisor, SerialLine(divisor * (1 + offset)).level(1, divisor + 0.4).send(data))
    assert bytes(result.received["valid"]) == data
    assert result.received["error"] == []


def test_another_clock_by_three_percent() -> None:
    data = random_bytes(3, 12)
    for offset in (-0.03, 0.03):
        assert bytes(receive(32, SerialLine(32 * (1 + offset)).idle(1).send(data)).received["valid"]) == data


@pytest.mark.parametrize("divisor", [8, 16])
def test_glitches_of_a_cycle_anywhere_change_nothing(divisor: int) -> None:
    data = bytes([0x00, 0xFF, 0xA5])
    line, pieces = SerialLine(divisor), 0
    for begin in range(divisor // 2, 31 * divisor, 5):
        # A pulse beside an edge of 0xA5 would move the edge; those of the others are start and stop bits.
        if min(begin % divisor, -(begin + 1) % divisor) > 1:
            start = line.end
            line.idle(1).send(data).idle(1).invert(start + begin, 1)
            pieces += 1
    result = receive(divisor, line)
    assert bytes(result.received["valid"]) == data * pieces
    assert result.received["error"] == []


def test_a_glitch_on_an_idle_line_is_no_start_bit() -> None:
    line = SerialLine(43)
    for cycles in range(1, 16):
        line.idle(2).level(0, cycles).idle(2).send(bytes([0x5A, cycles]))
    assert receive(43, line).received["valid"] == [byte for cycles in range(1, 16) for byte in (0x5A, cycles)]


def test_a_glitch_in_the_centre_of_a_bit_is_outvoted() -> None:
    line = SerialLine(43)
    for bit in range(FRAME_BITS):
        for cycles in (1, 3, 5):
            line.idle(1)
            start = line.end
            line.send(b"\xc6").invert(start + bit * 43 + 22 - cycles / 2, cycles)
    assert receive(43, line).received["valid"] == [0xC6] * 3 * FRAME_BITS


@pytest.mark.parametrize("divisor", DIVISORS)
def test_a_low_stop_bit_is_an_error_and_the_next_byte_is_right(divisor: int) -> None:
    line = SerialLine(divisor).idle(1).send(b"\x31").send(b"\x32", stop_level=0).idle(1).send(b"\x33")
    result = receive(divisor, line)
    assert result.received["valid"] == [0x31, 0x33]
    assert result.received["error"] == [0]


@pytest.mark.parametrize("bits", [10, 11, 35, 100])
def test_a_break_is_one_error(bits: int) -> None:
    result = receive(9, SerialLine(9).idle(1).level(0, 9 * bits).idle(2).send(b"\x47"))
    assert result.received["error"] == [1]
    assert result.received["valid"] == [0x47]


@pytest.mark.parametrize("divisor", [-1, 0, 7])
def test_receiver_refuses_a_divisor(divisor: int) -> None:
    with pytest.raises(ValueError, match=f"UART divisor must be at least 8, not {divisor}"):
        UartReceiver(divisor=divisor)


def transmit(divisor: int, data: bytes, stall: Stall) -> Run:
    frames = FRAME_BITS * divisor
    return run(
        UartTransmitter(divisor=divisor),
        {"i": list(data)},
        {},
        stall=stall,
        watch=["tx"],
        after=2 * frames,
        timeout=1000 + 3 * frames * len(data),
    )


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("divisor", [2, 8, 13])
def test_transmitted_bytes(divisor: int, stall: Stall) -> None:
    data = bytes([0, 255]) + random_bytes(divisor, 6)
    assert received_bytes(transmit(divisor, data, stall).watched["tx"], divisor) == data


def test_no_gap_between_transmitted_bytes() -> None:
    sent = transmit(8, bytes(20), "never").sent_at["i"]
    assert sent == [0, *(80 * number for number in range(1, 20))]


def test_transmitter_refuses_a_divisor() -> None:
    with pytest.raises(ValueError, match="UART divisor must be at least 2, not 1"):
        UartTransmitter(divisor=1)


def listen(line: SerialLine, held_cycles: int) -> list[dict[str, int]]:
    levels = list(line.idle(2))
    received = run(
        Uart(divisor=8),
        {},
        {"o": 1},
        levels={"rx": levels},
        stall_sinks=[True] * held_cycles,
        after=len(levels),
        timeout=held_cycles + len(levels) + 1000,
    ).received["o"]
    assert isinstance(received, list)
    return received


def test_symbols_keep_their_order() -> None:
    line = SerialLine(8).idle(1).send(b"\x01\x02").send(b"\x03", stop_level=0).idle(1).send(b"\x04")
    symbols = listen(line, 0)
    assert [symbol["error"] for symbol in symbols] == [0, 0, 1, 0]
    assert [symbol["data"] for symbol in symbols if not symbol["error"]] == [1, 2, 4]


def test_a_queue_that_ran_over_says_so() -> None:
    data = random_bytes(5, 30)
    symbols = listen(SerialLine(8).idle(1).send(data).idle(40).send(b"\x77\x78"), 80 * 31)
    # The queue and its head hold 17; then comes one symbol for those that were lost, whatever follows them.
    assert [symbol["data"] for symbol in symbols if not symbol["error"]] == [*data[:17], 0x77, 0x78]
    assert [symbol["error"] for symbol in symbols] == [0] * 17 + [1, 0, 0]
