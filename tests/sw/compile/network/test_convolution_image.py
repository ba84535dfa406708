"""Images for the row-stationary engine: the same bytes every time, and refused when one bit is another."""

import json
import struct
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from eyrie.compile.container import (
    EIE_FORM,
    ROWSTAT_FORM,
    ConvolutionSection,
    Section,
    pack_container,
    unpack_container,
)
from eyrie.compile.network.convolution_image import pack_convolutions, unpack_convolutions
from eyrie.compile.network.segmented import ConvolutionSegment
from eyrie.compile.rowstat.layer import ConvLayer, ConvShape
from eyrie.compile.rowstat.program import compile_layers
from eyrie.driver.segments import run_batches
from eyrie.errors import InputError
from eyrie.golden import convolution
from eyrie.golden.rowstat.model import RowstatModel
from eyrie.rowstat.config import TINY

IntArray = np.ndarray


def layer() -> ConvLayer:
    """Two filters of 2 x 2 on a map of 3 x 3."""
    rng = np.random.default_rng(3)
    return ConvLayer(
        shape=ConvShape(name="c", channels=1, height=3, width=3, filters=2, kernel=(2, 2)),
        weight=rng.integers(-9, 9, (2, 1, 2, 2)),
        bias=rng.integers(-9, 9, 2),
        multiplier=np.ones(2, np.int64),
        shift=np.full(2, 2),
        relu=True,
    )


def small() -> ConvolutionSegment:
    return ConvolutionSegment.of("c", compile_layers([layer()], TINY))


DATA = pack_convolutions(small())


def run(segment: ConvolutionSegment, x: IntArray) -> IntArray:
    model = RowstatModel(segment.config, segment.tape)
    return run_batches(segment, x, lambda memory: model.run(segment.filters, memory).memory)


def test_same_bytes_twice_and_from_what_was_read() -> None:
    assert pack_convolutions(small()) == DATA
    assert pack_convolutions(unpack_convolutions(DATA, TINY)) == DATA


def test_what_is_read_runs_as_what_was_written() -> None:
    x = np.random.default_rng(4).integers(-99, 99, (3, 1, 3, 3))
    outputs = run(unpack_convolutions(DATA), x)
    assert np.array_equal(outputs, convolution.forward([layer()], x, activation_width=16))
    assert np.array_equal(outputs, run(small(), x))


def test_every_truncation_is_refused() -> None:
    for length in range(len(DATA)):
        with pytest.raises(InputError):
            unpack_convolutions(DATA[:length])


def test_every_extension_is_refused() -> None:
    for more in (b"\0", b"\0\0\0\0", DATA):
        with pytest.raises(InputError):
            unpack_convolutions(DATA + more)


def test_every_single_bit_flip_is_refused() -> None:
    for position in range(8 * len(DATA)):
        damaged = bytearray(DATA)
        damaged[position // 8] ^= 1 << position % 8
        try:
            unpack_convolutions(bytes(damaged))
        except InputError:
            continue
        pytest.fail(f"bit {position % 8} of byte {position // 8} is not checked")


VERSION = ROWSTAT_FORM.version


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: b"PK" + data[2:], "not an Eyrie image"),
        (lambda data: b"", "not an Eyrie image"),
        (
            lambda data: data[:8] + struct.pack("<HH", VERSION + 1, 1) + data[12:],
            f"format version {VERSION + 1}; this version of Eyrie reads {VERSION}",
        ),
        (lambda data: data[:8] + struct.pack("<HH", VERSION, 9) + data[12:], "format version [0-9]{6}; this version"),
        (
            lambda data: data[:8] + struct.pack("<I", EIE_FORM.word) + data[12:],
            "image is for the EIE engine, not for the row-stationary engine",
        ),
        (lambda data: data[:-4], "bytes where its header says"),
        (lambda data: data[:16] + b"12345678" + data[24:], "header is damaged"),
        (lambda data: data[:-3] + b"\xff" + data[-2:], "section FILTERS is damaged: its CRC is wrong"),
        (lambda data: data[:12], "image is cut: 12 bytes"),
        (lambda data: data[:40], "image is cut: 40 bytes"),
    ],
    ids=["magic", "empty", "version", "no engine", "engine", "length", "header", "section", "cut early", "cut"],
)
def test_refusal_says_what_is_wrong(damage: Callable[[bytes], bytes], message: str) -> None:
    with pytest.raises(InputError, match=message) as refusal:
        unpack_convolutions(damage(DATA))
    assert "\n" not in str(refusal.value)


def test_an_image_of_the_other_engine_is_refused() -> None:
    data = pack_container(EIE_FORM, TINY.hash, dict.fromkeys(Section, b""))
    with pytest.raises(InputError, match="image is for the EIE engine, not for the row-stationary engine"):
        unpack_convolutions(data)
    with pytest.raises(InputError, match="image is for the row-stationary engine, not for the EIE engine"):
        unpack_container(EIE_FORM, DATA)


def test_other_hardware_is_refused() -> None:
    other = replace(TINY, rows=TINY.rows + 1)
    with pytest.raises(InputError, match=f"image is for hardware {TINY.hash:016x}, not {other.hash:016x}"):
        unpack_convolutions(DATA, other)


def section(kind: ConvolutionSection) -> bytes:
    return unpack_container(ROWSTAT_FORM, DATA)[1][kind]


def rebuilt(changes: dict[ConvolutionSection, bytes], config_hash: int = TINY.hash) -> bytes:
    """The image with other sections, all CRCs right."""
    return pack_container(ROWSTAT_FORM, config_hash, unpack_container(ROWSTAT_FORM, DATA)[1] | changes)


def maps(where: str, **changes: object) -> dict[ConvolutionSection, bytes]:
    fields = json.loads(section(ConvolutionSection.MAPS))
    fields[where] |= changes
    return {ConvolutionSection.MAPS: json.dumps(fields).encode()}


WELL_FORMED_BUT_WRONG = {
    "hash": (rebuilt({}, 1), "hardware hash 0000000000000001, but its configuration has"),
    "config": (rebuilt({ConvolutionSection.CONFIG: b"{"}), "section CONFIG: a configuration must be JSON"),
    "config bytes": (rebuilt({ConvolutionSection.CONFIG: b"\xff"}), "section CONFIG"),
    "config field": (rebuilt({ConvolutionSection.CONFIG: b'{"magic": 1}'}), "no field 'magic'"),
    "config value": (rebuilt({ConvolutionSection.CONFIG: b'{"rows": 0}'}), "rows"),
    "maps not JSON": (rebuilt({ConvolutionSection.MAPS: b"{"}), "section MAPS is not JSON"),
    "maps deep": (rebuilt({ConvolutionSection.MAPS: b"[" * 100000}), "section MAPS is not JSON"),
    "maps list": (rebuilt({ConvolutionSection.MAPS: b"[]"}), "section MAPS must be a JSON object"),
    "no name": (rebuilt({ConvolutionSection.MAPS: b"{}"}), "section MAPS has no inputs"),
    "batch": (rebuilt(maps("inputs", batch=2)), "2 images go in, 1 come out|outputs from word"),
    "overlap": (rebuilt(maps("outputs", base=0)), "outputs from word 0 on"),
    "far": (rebuilt(maps("outputs", base=1 << 28)), "outputs: feature maps up to word .*, beyond 268435456 words"),
    "large": (rebuilt(maps("outputs", channels=1 << 16, height=1 << 16, width=1 << 16)), "beyond 268435456 words"),
    "width": (rebuilt(maps("outputs", width=1 << 20)), "width must be an integer"),
    "coded": (rebuilt(maps("inputs", coded=0)), "coded must be true or false, not 0"),
    "truth": (rebuilt(maps("inputs", height=True)), "height must be an integer"),
    "tape cut": (rebuilt({ConvolutionSection.TAPE: section(ConvolutionSection.TAPE)[:-3]}), "TAPE has [0-9]+ bytes"),
    "tape short": (rebuilt({ConvolutionSection.TAPE: section(ConvolutionSection.TAPE)[:-8]}), "tape"),
    "no tape": (rebuilt({ConvolutionSection.TAPE: b""}), "tape"),
    "filters cut": (rebuilt({ConvolutionSection.FILTERS: b"1234567"}), "FILTERS has 7 bytes"),
}


@pytest.mark.parametrize("case", WELL_FORMED_BUT_WRONG)
def test_contents_that_do_not_fit_are_refused(case: str) -> None:
    data, message = WELL_FORMED_BUT_WRONG[case]
    with pytest.raises(InputError, match=message) as refusal:
        unpack_convolutions(data)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("kind", ConvolutionSection)
def test_forged_sections_are_refused_or_run(kind: ConvolutionSection) -> None:
    """Bytes of a section changed in two ways, with its CRC made right: refused on reading or running, or it runs."""
    original, x = section(kind), np.ones((1, 1, 3, 3), np.int64)
    n_refused = 0
    for position in range(len(original)):
        for mask in (1, 0x90):
            forged = bytearray(original)
            forged[position] ^= mask
            try:
                segment = unpack_convolutions(rebuilt({kind: bytes(forged)}))
                if segment.inputs == small().inputs:
                    run(segment, x)
            except InputError:
                n_refused += 1
    assert n_refused > 0 or kind == ConvolutionSection.FILTERS
