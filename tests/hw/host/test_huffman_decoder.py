# amaranth: UnusedElaboratable=no
"""HuffmanDecoder and BitReader against the compressor's codes."""

import random
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from eyrie.bench.component import STALLS, Run, Stall, run
from eyrie.compress.huffman import HuffmanCode
from eyrie.host.bit_reader import BitReader
from eyrie.host.huffman_decoder import HuffmanDecoder
from eyrie.host.image_format import LENGTH_BITS, MAX_LENGTH

Bits = list[int]


def bits_of(value: int, width: int) -> Bits:
    return [value >> place & 1 for place in reversed(range(width))]


def table(lengths: list[int]) -> Bits:
    return [bit for length in lengths for bit in bits_of(length, LENGTH_BITS)]


def stream_of(code: HuffmanCode, symbols: list[int]) -> Bits:
    return [bit for s in symbols for bit in bits_of(int(code.codewords[s]), int(code.lengths[s]))]


def decode(max_symbols: int, n_symbols: int, bits: Bits, wanted: int, stall: Stall = "never", after: int = 16) -> Run:
    return run(
        HuffmanDecoder(max_symbols=max_symbols),
        {"i": bits},
        {"o": wanted},
        preload=[{"load": 1, "n_symbols": n_symbols}],
        stall=stall,
        after=after,
        watch=["built", "error", "ends", "i.ready", "i.valid"],
        timeout=20 * (n_symbols + 2) + 400 + 100 * len(bits),
    )


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize(("max_symbols", "n_symbols"), [(2, 2), (16, 16), (16, 5), (128, 90)])
def test_random_codes(max_symbols: int, n_symbols: int, stall: Stall) -> None:
    rng = np.random.default_rng(n_symbols)
    counts = np.maximum(rng.geometric(0.3, n_symbols) ** 3 - 1, 0)
    counts[:2] += 1
    code = HuffmanCode.from_counts(counts)
    present = np.flatnonzero(counts)
    symbols = [*present.tolist(), *rng.choice(present, 60).tolist()]
    bits = table(code.lengths.tolist()) + stream_of(code, symbols)
    result = decode(max_symbols, n_symbols, bits, len(symbols), stall)
    assert result.received["o"] == symbols
    assert not any(result.watched["error"])
    # A symbol is there in the cycle after the one that took its last bit.
    ends = [at for at in result.sent_at["i"] if result.watched["ends"][at] and result.watched["built"][at]]
    assert len(ends) == len(symbols)
    if stall == "never":
        assert result.received_at["o"] == [at + 1 for at in ends]


@pytest.mark.parametrize("stall", STALLS)
def test_two_tables_at_once(stall: Stall) -> None:
    # Both are loaded, then each codeword is of the table that was named beside the last bit of the one before it.
    draw = random.Random(3)
    codes = [HuffmanCode(lengths=np.array(lengths, np.uint8)) for lengths in ([1, 2, 3, 3], [3, 0, 2, 1, 3])]
    tables = [0, *(draw.randrange(2) for _ in range(80))]
    symbols = [draw.choice(np.flatnonzero(codes[one].lengths).tolist()) for one in tables]
    words = [stream_of(codes[one], [symbol]) for one, symbol in zip(tables, symbols, strict=True)]
    dut: Any = HuffmanDecoder(max_symbols=8)
    received: list[int] = []

    async def testbench(ctx: Any) -> None:
        async def send(bits: Bits, then: int) -> None:
            ctx.set(dut.table, then)
            for bit in bits:
                while stall != "never" and draw.random() < 0.5:
                    await step(valid=0)
                ctx.set(dut.i.payload, bit)
                while not await step(valid=1):
                    pass

        async def step(*, valid: int) -> bool:
            ctx.set(dut.i.valid, valid)
            ctx.set(dut.o.ready, stall == "never" or draw.random() < 0.5)
            taken = bool(ctx.get(dut.i.valid & dut.i.ready))
            if ctx.get(dut.o.valid & dut.o.ready):
                received.append(ctx.get(dut.o.payload))
            await ctx.tick()
            return taken

        for number, code in enumerate(codes):
            ctx.set(dut.load, 1)
            ctx.set(dut.table, number)
            ctx.set(dut.n_symbols, len(code.lengths))
            await step(valid=0)
            ctx.set(dut.load, 0)
            await send(table(code.lengths.tolist()), tables[0])
            while not ctx.get(dut.built):
                await step(valid=0)
        for bits, then in zip(words, [*tables[1:], 0], strict=True):
            await send(bits, then)
        while len(received) < len(symbols):
            await step(valid=0)

    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(testbench)
    simulator.run()
    assert received == symbols


def test_the_longest_codewords() -> None:
    # One codeword of each length from 1 to 15, and two of 15.
    lengths = [*range(1, MAX_LENGTH + 1), MAX_LENGTH]
    code = HuffmanCode(lengths=np.array(lengths, np.uint8))
    symbols = [15, 0, 14, 7, 15, 13]
    assert decode(16, 16, table(lengths) + stream_of(code, symbols), 6).received["o"] == symbols


def test_sorting_takes_as_long_as_it_says_and_a_bit_takes_a_cycle() -> None:
    lengths = [2, 2, 2, 2, 0, 0]
    result = decode(8, 6, table(lengths) + [0, 1] * 10, 10)
    sent = result.sent_at["i"]
    assert sent[:24] == list(range(24))
    assert sent[24:] == list(range(24 + 15 * (6 + 2) + 1, 24 + 15 * (6 + 2) + 1 + 20))


def test_a_lone_symbol() -> None:
    result = decode(8, 5, [*table([0, 0, 0, 1, 0]), 0, 0, 0], 3)
    assert result.received["o"] == [3, 3, 3]
    result = decode(8, 5, [*table([0, 0, 0, 1, 0]), 0, *([1] * 15)], 1)
    assert result.received["o"] == [3]
    assert result.watched["error"][-1] == 1


def test_a_table_of_no_codeword_takes_no_bits_for_symbols() -> None:
    result = decode(8, 3, table([0, 0, 0]) + [0] * 15, 0)
    assert any(result.watched["built"])
    assert result.watched["error"][-1] == 1


@pytest.mark.parametrize("lengths", [[1, 1, 1], [2, 2, 2], [15] * 8, [1, 2, 3, 4], [1] * 8, [2], [0, 15]])
def test_refuses_what_is_no_complete_code(lengths: list[int]) -> None:
    watched = decode(8, len(lengths), table(lengths), 0, after=200).watched
    assert not any(watched["built"])
    assert watched["error"][-1] == 1
    assert watched["i.ready"][-1] == 0


@pytest.mark.parametrize("lengths", [[1], [0, 1], [1, 1], [0, 0], [1, 2, 2], [0, 1, 0, 0, 1]])
def test_accepts_complete_codes_and_the_two_others(lengths: list[int]) -> None:
    watched = decode(8, len(lengths), table(lengths), 0, after=200).watched
    assert watched["built"][-1] == 1
    assert not any(watched["error"])


def test_errors_stay_until_the_next_table() -> None:
    code = [1, 2, 2]
    result = run(
        HuffmanDecoder(max_symbols=4),
        {"i": [*table(code), 0, 1, 0, 1, 1]},
        {"o": 3},
        preload=[
            {"load": 1, "n_symbols": 1},
            *({"i.valid": 1, "i.payload": bit} for bit in bits_of(3, 4)),
            *({"i.valid": 1} for _ in range(60)),
            {"load": 1, "n_symbols": 3},
        ],
        watch=["error"],
    )
    assert result.received["o"] == [0, 1, 2]
    assert not any(result.watched["error"])


@pytest.mark.parametrize("max_symbols", [1, 257])
def test_refuses_a_size(max_symbols: int) -> None:
    with pytest.raises(ValueError, match=f"max_symbols must be 2 to 256, not {max_symbols}"):
        HuffmanDecoder(max_symbols=max_symbols)


@pytest.mark.parametrize("stall", STALLS)
def test_bits_of_words(stall: Stall) -> None:
    draw = random.Random(1)
    words = [0x00000080, *(draw.getrandbits(32) for _ in range(5))]
    expected = [bit for word in words for byte in word.to_bytes(4, "little") for bit in bits_of(byte, 8)]
    result = run(BitReader(), {"i": words}, {"o": len(expected)}, stall=stall)
    assert expected[0] == 1
    assert result.received["o"] == expected
    if stall == "never":
        assert result.sent_at["i"] == [33 * number for number in range(6)]


def test_clear_forgets_bits() -> None:
    result = run(
        BitReader(),
        {"i": [0xFFFFFFFF, 0]},
        {"o": 32 + 8},
        levels={"clear": [0] * 9 + [1] + [0]},
    )
    assert result.received["o"] == [1] * 8 + [0] * 32
