# amaranth: UnusedElaboratable=no
"""ImageLoader: the load stream of good images, word for word; errors by name for all others; recovery."""

import random
import struct
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from amaranth.sim import Simulator

from eyrie.compile.container import Section, pack_container, unpack_container
from eyrie.driver.link_image import LINK_FORM, pack_link_image
from eyrie.eie.config import EieConfig
from eyrie.host.eie_map import DeviceError
from eyrie.host.image_format import HEADER_WORDS, TABLE_WORDS
from eyrie.host.image_loader import ImageLoader
from tests.hw.host.images import NARROW, ODD, SMALL, draw_network, expected_stream, image_words

BEGIN = -1
"""In place of a word: an image is announced."""


_PATIENCE = 4000
"""Longer than it takes to sort the symbols of a table, when nothing moves."""


class Outcome(NamedTuple):
    """How it ended, and the load streams that the engine saw, each up to its last word."""

    loading: int
    loaded: int
    error: DeviceError
    section: int
    streams: list[list[int]]


def load(
    config: EieConfig, words: list[int], *, seed: int = 0, engine_takes: bool = True, crc_width: int = 32
) -> Outcome:
    """Send words with gaps, to a loader before an engine with stalls that checks its stream by the CRC alone."""
    dut: Any = ImageLoader(config, crc_width=crc_width)
    draw = random.Random(seed)
    streams: list[list[int]] = [[]]
    result: list[int] = []

    async def testbench(ctx: Any) -> None:
        queue = list(words)
        stalled: Any = None
        quiet = engine_loaded = 0
        while quiet < _PATIENCE:
            ctx.set(dut.begin, bool(queue) and queue[0] == BEGIN)
            if queue and queue[0] == BEGIN:
                queue.pop(0)
                ctx.set(dut.i.valid, 0)
            else:
                ctx.set(dut.i.valid, bool(queue) and draw.random() < 0.8)
                ctx.set(dut.i.payload, queue[0] if queue else 0)
            ready = draw.random() < 0.7
            ctx.set(dut.load.ready, ready)
            ctx.set(dut.engine_loaded, engine_loaded)
            valid, payload = ctx.get(dut.load.valid), ctx.get(dut.load.payload)
            now = (payload["data"], payload["last"]) if valid else None
            assert stalled is None or now == stalled, "a word was withdrawn or changed"
            stalled = now if valid and not ready else None
            taken = ctx.get(dut.i.valid) and ctx.get(dut.i.ready)
            moved = valid and ready
            quiet = 0 if taken or moved else quiet + (1 if queue and ctx.get(dut.loading) else 5)
            await ctx.tick()
            if taken:
                queue.pop(0)
            if moved:
                streams[-1].append(payload["data"])
                if len(streams[-1]) == 1:
                    engine_loaded = 0
                if payload["last"]:
                    *body, crc = streams[-1]
                    right = crc == zlib.crc32(struct.pack(f"<{len(body)}I", *body))
                    engine_loaded = int(right and engine_takes)
                    streams.append([])
        result.extend([ctx.get(dut.loading), ctx.get(dut.loaded), ctx.get(dut.error), ctx.get(dut.section)])

    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(testbench)
    simulator.run()
    loading, loaded, error, section = result
    return Outcome(loading, loaded, DeviceError(error), section, streams)


@pytest.mark.parametrize("config", [SMALL, ODD, NARROW], ids=["small", "odd", "narrow"])
@pytest.mark.parametrize("seed", [1, 2])
def test_good_images(config: EieConfig, seed: int) -> None:
    compiled = draw_network(seed, config)
    outcome = load(config, [BEGIN, *image_words(pack_link_image(compiled))], seed=seed)
    assert outcome == (0, 1, DeviceError.NONE, 0, [expected_stream(compiled), []])


def test_checksums_that_take_a_bit_at_a_time() -> None:
    good = load(NARROW, [BEGIN, *WORDS], seed=1, crc_width=1)
    assert good == (0, 1, DeviceError.NONE, 0, [STREAM, []])
    end = WORDS[table_word(Section.BIAS, 1)] // 4
    for words, error, section in (
        (REFUSED["table"][0], DeviceError.CRC, 0),
        (flipped(end - 1, 31)[:end], DeviceError.CRC, Section.ENTRIES),
    ):
        assert load(NARROW, [BEGIN, *words], crc_width=1)[:4] == (0, 0, error, section)


NETWORK = draw_network(1, NARROW, largest_side=5)
IMAGE = pack_link_image(NETWORK)
WORDS = image_words(IMAGE)
STREAM = expected_stream(NETWORK)
SECTIONS = unpack_container(LINK_FORM, IMAGE)[1]


def flipped(word: int, bit: int = 0) -> list[int]:
    return [*WORDS[:word], WORDS[word] ^ 1 << bit, *WORDS[word + 1 :]]


def rewritten(change: Callable[[list[int]], None]) -> list[int]:
    """The image after a change of header or table, with a right CRC for them."""
    words = list(WORDS)
    change(words)
    end = HEADER_WORDS + TABLE_WORDS * len(Section)
    checked = words[: HEADER_WORDS - 1] + words[HEADER_WORDS:end]
    words[HEADER_WORDS - 1] = zlib.crc32(struct.pack(f"<{len(checked)}I", *checked))
    return words


def table_word(section: Section, place: int) -> int:
    return HEADER_WORDS + TABLE_WORDS * (section - 1) + place


def add(word: int, number: int) -> Callable[[list[int]], None]:
    def change(words: list[int]) -> None:
        words[word] = (words[word] + number) % (1 << 32)

    return change


REFUSED: dict[str, tuple[list[int], DeviceError]] = {
    "magic": (flipped(0), DeviceError.MAGIC),
    "second word of the magic": (flipped(1, 31), DeviceError.MAGIC),
    "version": (flipped(2, 5), DeviceError.VERSION),
    "number of sections": (flipped(3, 2), DeviceError.SECTIONS),
    "low half of the hash": (flipped(4, 30), DeviceError.HASH),
    "high half of the hash": (flipped(5, 0), DeviceError.HASH),
    "length": (flipped(6, 2), DeviceError.CRC),
    "CRC of the header": (flipped(7, 9), DeviceError.CRC),
    "table": (flipped(table_word(Section.BIAS, 3), 17), DeviceError.CRC),
    "length, with a right CRC": (rewritten(add(6, 4)), DeviceError.LENGTH),
    "section's kind, with a right CRC": (rewritten(add(table_word(Section.BIAS, 0), 1)), DeviceError.SECTIONS),
    "section's offset, with a right CRC": (rewritten(add(table_word(Section.BIAS, 1), 4)), DeviceError.SECTIONS),
    "section's length, with a right CRC": (rewritten(add(table_word(Section.SCALE, 2), 4)), DeviceError.LENGTH),
    "odd length, with a right CRC": (rewritten(add(table_word(Section.SCALE, 2), 1)), DeviceError.LENGTH),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refuses_headers(what: str) -> None:
    words, error = REFUSED[what]
    assert load(NARROW, [BEGIN, *words]) == (0, 0, error, 0, [[]])


@pytest.mark.parametrize("section", [Section.PROGRAM, Section.COUNTS, Section.ENTRIES, Section.BIAS])
def test_refuses_a_flipped_bit_of_a_section(section: Section) -> None:
    end = (WORDS[table_word(section, 1)] + len(SECTIONS[section])) // 4
    outcome = load(NARROW, [BEGIN, *flipped(end - 1, 3)[:end]])
    assert outcome[:4] == (0, 0, DeviceError.CRC, section)
    *_, stream, none = outcome.streams
    assert none == []
    assert stream[-1] != zlib.crc32(struct.pack(f"<{len(stream) - 1}I", *stream[:-1])), (
        "a damaged stream was vouched for"
    )


def with_section(section: Section, content: bytes) -> list[int]:
    return image_words(pack_container(LINK_FORM, NARROW.hash, {**SECTIONS, section: content}))


def words_of(section: Section) -> list[int]:
    return image_words(SECTIONS[section])


def packed(words: list[int]) -> bytes:
    return struct.pack(f"<{len(words)}I", *words)


COUNTS = words_of(Section.COUNTS)
BIAS = words_of(Section.BIAS)
MEANINGLESS: dict[str, tuple[Section, list[int], DeviceError]] = {
    "no program": (Section.PROGRAM, [], DeviceError.CONTENT),
    "no counts": (Section.COUNTS, [], DeviceError.CONTENT),
    "columns that are no multiple of four": (Section.COUNTS, [COUNTS[0] + 1, *COUNTS[1:]], DeviceError.CONTENT),
    "no columns": (Section.COUNTS, [0, *COUNTS[1:]], DeviceError.CONTENT),
    "more columns than the table has": (
        Section.COUNTS,
        [4 * NARROW.table_depth + 4, *COUNTS[1:]],
        DeviceError.CONTENT,
    ),
    "more columns than the section has": (Section.COUNTS, [COUNTS[0] + 128, *COUNTS[1:]], DeviceError.CONTENT),
    "fewer columns than the section has": (Section.COUNTS, [*COUNTS, 0, 0], DeviceError.CONTENT),
    "no symbols": (Section.COUNTS, [COUNTS[0], 0, *COUNTS[2:]], DeviceError.CONTENT),
    "more symbols than there are": (Section.COUNTS, [COUNTS[0], 9, *COUNTS[2:]], DeviceError.CONTENT),
    "a table that is no code": (Section.COUNTS, [COUNTS[0], 8, 0x11111111, *COUNTS[3:]], DeviceError.CODE),
    "no entries": (Section.ENTRIES, [], DeviceError.CONTENT),
    "entries cut": (Section.ENTRIES, words_of(Section.ENTRIES)[:-2], DeviceError.CONTENT),
    "no biases": (Section.BIAS, [], DeviceError.CONTENT),
    "more rows of biases than the table has": (
        Section.BIAS,
        [NARROW.table_depth + 1, *BIAS[1:]],
        DeviceError.CONTENT,
    ),
    "rows of biases by the billion": (Section.BIAS, [1 << 31 | BIAS[0], *BIAS[1:]], DeviceError.CONTENT),
    "a program longer than its memory": (
        Section.PROGRAM,
        [*words_of(Section.PROGRAM), *[0] * NARROW.program_depth],
        DeviceError.CONTENT,
    ),
    "no rows of biases": (Section.BIAS, [0], DeviceError.CONTENT),
    "biases cut": (Section.BIAS, BIAS[:-1], DeviceError.CONTENT),
    "a bias too many": (Section.BIAS, [*BIAS, 7], DeviceError.CONTENT),
    "scales that nobody has announced": (Section.SCALE, [0, 7], DeviceError.CONTENT),
}


@pytest.mark.parametrize("what", MEANINGLESS)
def test_refuses_sections_that_make_no_sense(what: str) -> None:
    section, words, error = MEANINGLESS[what]
    outcome = load(NARROW, [BEGIN, *with_section(section, packed(words))])
    assert outcome[:3] == (0, 0, error)
    assert outcome.section == section or (what.startswith(("no ", "more columns than the section")))
    # The engine was told that the stream is over, and not that it was right.
    for stream in outcome.streams[:-1]:
        assert stream[-1] != zlib.crc32(packed(stream[:-1]))


def test_an_engine_that_does_not_take_its_stream() -> None:
    outcome = load(NARROW, [BEGIN, *WORDS], engine_takes=False)
    assert outcome[:4] == (0, 0, DeviceError.CONTENT, 0)


@pytest.mark.parametrize("cut", [0, 1, 7, 8, 30, 36, 50, -1])
def test_an_image_cut_off_waits_and_another_one_is_loaded(cut: int) -> None:
    part = WORDS[:cut]
    waiting = load(NARROW, [BEGIN, *part], seed=cut)
    assert waiting[:4] == (1, 0, DeviceError.NONE, 0)
    after = load(NARROW, [BEGIN, *part, BEGIN, *WORDS], seed=cut)
    assert after[:4] == (0, 1, DeviceError.NONE, 0)
    assert after.streams[-2] == STREAM


def test_words_that_nobody_announced_are_not_taken() -> None:
    assert load(NARROW, WORDS) == (0, 0, DeviceError.NONE, 0, [[]])


def test_a_network_is_forgotten_when_the_next_one_is_announced() -> None:
    assert load(NARROW, [BEGIN, *WORDS, BEGIN])[:2] == (1, 0)
    assert load(NARROW, [BEGIN, *WORDS, BEGIN, *WORDS]).streams[-2:] == [STREAM, []]
