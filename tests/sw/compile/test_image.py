"""Image files: same bytes every time, and refused as soon as one bit is not what was written."""

import json
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eyrie.compile.compiled import CompiledNetwork
from eyrie.compile.container import EIE_FORM, MAGIC, Section, pack_container, unpack_container
from eyrie.compile.entry_coding import pack_counts, unpack_counts
from eyrie.compile.image import pack_image, read_image, unpack_image, write_image
from eyrie.compile.mapping import map_network
from eyrie.compile.quantised import QuantisedLayer, QuantisedNetwork
from eyrie.driver.schedule import run_network
from eyrie.eie.config import TINY, EieConfig
from eyrie.errors import InputError


def small(config: EieConfig = replace(TINY, n_pes=2)) -> CompiledNetwork:  # noqa: B008
    """Two layers of a few weights; the second has multipliers."""
    rng = np.random.default_rng(1)
    layers = tuple(
        QuantisedLayer(
            name=f"fc{index}",
            codes=rng.integers(0, 3, (rows, columns), np.uint8),
            codebook=np.array([0, 5, -3]),
            weight_scale=0.5,
            bias=rng.integers(-9, 9, rows),
            multiplier=np.full(rows, 1 + index),
            shift=np.full(rows, 4),
            relu=index == 0,
        )
        for index, (columns, rows) in enumerate([(4, 5), (5, 2)])
    )
    network = QuantisedNetwork(
        name="small",
        layers=layers,
        activation_width=16,
        scales=(1.0, 0.25, 0.125),
        clip=(-100, 90),
        host_operators=("Softmax",),
    )
    return map_network(network, config, sized=False).compiled


DATA = pack_image(small())


def test_same_bytes_twice_and_from_what_was_read() -> None:
    assert pack_image(small()) == DATA
    assert pack_image(unpack_image(DATA)) == DATA


def test_written_and_read(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "net.eyrie"
    write_image(path, small())
    assert path.read_bytes() == DATA
    assert [file.name for file in path.parent.iterdir()] == ["net.eyrie"]
    again = read_image(path, small().config)
    x = np.arange(8).reshape(2, 4) - 3
    assert np.array_equal(run_network(again, x), run_network(small(), x))
    assert (again.name, again.host_operators, again.clip) == ("small", ("Softmax",), (-100, 90))


def test_nothing_of_the_machine_is_inside(tmp_path: Path) -> None:
    write_image(tmp_path / "a" / "net.eyrie", small())
    write_image(tmp_path / "b" / "other.eyrie", small())
    assert (tmp_path / "a" / "net.eyrie").read_bytes() == (tmp_path / "b" / "other.eyrie").read_bytes()


def test_every_truncation_is_refused() -> None:
    for length in range(len(DATA)):
        with pytest.raises(InputError):
            unpack_image(DATA[:length])


def test_every_extension_is_refused() -> None:
    for more in (b"\0", b"\0\0\0\0", DATA):
        with pytest.raises(InputError):
            unpack_image(DATA + more)


def test_every_single_bit_flip_is_refused() -> None:
    for position in range(8 * len(DATA)):
        damaged = bytearray(DATA)
        damaged[position // 8] ^= 1 << position % 8
        try:
            unpack_image(bytes(damaged))
        except InputError:
            continue
        pytest.fail(f"bit {position % 8} of byte {position // 8} is not checked")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: b"PK" + data[2:], "not an Eyrie image"),
        (lambda data: b"", "not an Eyrie image"),
        (lambda data: data[:8] + struct.pack("<I", 3) + data[12:], "format version 3; this version of Eyrie reads 2"),
        (lambda data: data[:-4], "bytes where its header says"),
        (lambda data: data[:16] + b"12345678" + data[24:], "header is damaged"),
        (lambda data: data[:-3] + b"\xff" + data[-2:], "section SCALE is damaged: its CRC is wrong"),
        (lambda data: data[:40], "image is cut: 40 bytes"),
    ],
    ids=["magic", "empty", "version", "length", "header", "section", "cut"],
)
def test_refusal_says_what_is_wrong(damage: Callable[[bytes], bytes], message: str, tmp_path: Path) -> None:
    path = tmp_path / "net.eyrie"
    path.write_bytes(damage(DATA))
    with pytest.raises(InputError, match=message) as refusal:
        read_image(path)
    assert str(refusal.value).startswith(f"{path}: ")
    assert "\n" not in str(refusal.value)


def test_other_hardware_is_refused() -> None:
    other = replace(small().config, queue_depth=5)
    with pytest.raises(InputError, match=f"image is for hardware {small().config.hash:016x}, not {other.hash:016x}"):
        unpack_image(DATA, other)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*no\.eyrie"):
        read_image(tmp_path / "no.eyrie")


def rebuilt(changes: dict[Section, bytes], config_hash: int | None = None) -> bytes:
    """The image with other sections, all CRCs right."""
    own_hash, sections = unpack_container(EIE_FORM, DATA)
    return pack_container(EIE_FORM, own_hash if config_hash is None else config_hash, sections | changes)


def metadata(**changes: object) -> bytes:
    fields = json.loads(unpack_container(EIE_FORM, DATA)[1][Section.METADATA])
    return json.dumps(fields | changes).encode()


def layer_metadata(index: int, **changes: object) -> bytes:
    layers = json.loads(unpack_container(EIE_FORM, DATA)[1][Section.METADATA])["layers"]
    layers[index] |= changes
    return metadata(layers=layers)


def section(kind: Section) -> bytes:
    return unpack_container(EIE_FORM, DATA)[1][kind]


WELL_FORMED_BUT_WRONG = {
    "hash": (rebuilt({}, 1), "hardware hash 0000000000000001, but its configuration has"),
    "config": (rebuilt({Section.CONFIG: b"{}"}), "configuration has format None"),
    "config not JSON": (rebuilt({Section.CONFIG: b"\xff"}), "configuration is not JSON"),
    "metadata not JSON": (rebuilt({Section.METADATA: b"{"}), "metadata are not JSON"),
    "metadata deep": (rebuilt({Section.METADATA: b"[" * 100000}), "metadata are not JSON"),
    "metadata list": (rebuilt({Section.METADATA: b"[]"}), "metadata must be an object"),
    "no layers": (rebuilt({Section.METADATA: metadata(layers=[])}), "do not fit the layers"),
    "sizes": (rebuilt({Section.METADATA: metadata(sizes=[4, 6, 2])}), "do not fit the layers|do not fit"),
    "huge size": (rebuilt({Section.METADATA: metadata(sizes=[1 << 40, 5, 2])}), "size must be an integer from 1"),
    "clip": (rebuilt({Section.METADATA: metadata(clip=[1, 5])}), "clip must be a range around 0"),
    "clip width": (rebuilt({Section.METADATA: metadata(clip=[-1, 1 << 15])}), "clip must be an integer"),
    "scale": (rebuilt({Section.METADATA: metadata(input_scale=0.0)}), "input_scale must be a positive number"),
    "scale NaN": (rebuilt({Section.METADATA: metadata(output_scale=float("nan"))}), "output_scale must be a positive"),
    "scale text": (rebuilt({Section.METADATA: metadata(output_scale="1")}), "output_scale must be a positive"),
    "name": (rebuilt({Section.METADATA: metadata(name=3)}), "name must be text"),
    "operators": (rebuilt({Section.METADATA: metadata(host_operators="Softmax")}), "host_operators must be a list"),
    "layer list": (rebuilt({Section.METADATA: metadata(layers=[3])}), "layer must be an object"),
    "rows": (rebuilt({Section.METADATA: layer_metadata(0, rows=1 << 20)}), "1048576 rows do not fit 2 PEs"),
    "columns": (rebuilt({Section.METADATA: layer_metadata(1, columns=6)}), "does not take what the one before makes"),
    "base": (rebuilt({Section.METADATA: layer_metadata(1, column_base=0)}), "do not ascend from 0"),
    "base of the first": (rebuilt({Section.METADATA: layer_metadata(0, column_base=1)}), "do not ascend from 0"),
    "clip truth": (rebuilt({Section.METADATA: metadata(clip=[False, 90])}), "clip must be an integer .* not False"),
    "base past end": (rebuilt({Section.METADATA: layer_metadata(1, column_base=12)}), "but a layer begins at 12"),
    "relu": (rebuilt({Section.METADATA: layer_metadata(1, relu=1)}), "relu must be true or false"),
    "slots": (rebuilt({Section.METADATA: layer_metadata(1, slot_of_row=[0, 0])}), "slot 0 is given to more than one"),
    "too few slots": (rebuilt({Section.METADATA: layer_metadata(1, slot_of_row=[0])}), "1 slots for 2 rows"),
    "slot text": (rebuilt({Section.METADATA: layer_metadata(1, slot_of_row="01")}), "slot_of_row must be a list"),
    "missing field": (rebuilt({Section.METADATA: metadata(layers=[{}])}), "layer has no rows"),
    "transfer": (rebuilt({Section.METADATA: metadata(transfers=[["send", 0, 0]])}), "neither a send nor a receive"),
    "transfer past end": (
        rebuilt({Section.METADATA: metadata(transfers=[["send", 0, 0, 5]])}),
        "sends elements 0 to 4 of 4",
    ),
    "transfer missing": (rebuilt({Section.METADATA: metadata(transfers=[])}), "does not receive every output"),
    "transfer too many": (
        rebuilt({Section.METADATA: metadata(transfers=[["send", 0, 0, 2], ["send", 0, 0, 2], ["receive", 2, [0, 1]]])}),
        "the program and the host schedule differ",
    ),
    "program cut": (rebuilt({Section.PROGRAM: section(Section.PROGRAM)[:-1]}), "PROGRAM has 95 bytes"),
    "program short": (rebuilt({Section.PROGRAM: section(Section.PROGRAM)[:28]}), "step 1 of the program"),
    "program long": (rebuilt({Section.PROGRAM: bytes(4 * 129)}), "129 words, more than program_depth 128"),
    "counts cut": (rebuilt({Section.COUNTS: section(Section.COUNTS)[:-3]}), "section COUNTS ends too early"),
    "counts long": (rebuilt({Section.COUNTS: section(Section.COUNTS) + b"\0"}), "COUNTS goes on"),
    "no counts": (rebuilt({Section.COUNTS: b""}), "section COUNTS ends too early"),
    "columns beyond memory": (rebuilt({Section.COUNTS: struct.pack("<II", 772, 1)}), "772 columns; table_depth 192"),
    "columns that fill no word": (rebuilt({Section.COUNTS: struct.pack("<II", 11, 1)}), "11 columns"),
    "no columns": (rebuilt({Section.COUNTS: struct.pack("<II", 0, 1)}), "0 columns"),
    "planes": (rebuilt({Section.COUNTS: struct.pack("<II", 12, 3)}), "3 byte planes"),
    "symbols": (rebuilt({Section.COUNTS: struct.pack("<IIII", 12, 1, 257, 0)}), "table of 257 symbols"),
    "counts of too many": (
        rebuilt({Section.COUNTS: pack_counts(np.full((2, 12), 64, np.uint16))}),
        "64 entries in a column, more than 6 bits can count",
    ),
    "fewer columns": (
        rebuilt({Section.COUNTS: pack_counts(small().counts[:, :4])}),
        "4 columns, but a layer begins at 4",
    ),
    "entries cut": (rebuilt({Section.ENTRIES: section(Section.ENTRIES)[:-1]}), "section ENTRIES ends too early"),
    "entries long": (rebuilt({Section.ENTRIES: section(Section.ENTRIES) + b"\0"}), "ENTRIES goes on"),
    "tables": (rebuilt({Section.ENTRIES: struct.pack("<I", 3)}), "3 pairs of tables"),
    "bias cut": (rebuilt({Section.BIAS: section(Section.BIAS)[:-4]}), "BIAS has 7 elements"),
    "scale cut": (rebuilt({Section.SCALE: section(Section.SCALE)[:-4]}), "SCALE has 1 elements"),
    "biases missing": (
        rebuilt({Section.BIAS: section(Section.BIAS)[:-8]}),
        "the layers have 4 rows a PE, the table 3 biases",
    ),
    "scales missing": (rebuilt({Section.SCALE: b""}), "reads a scale from words 7 to 7 of the table; 0 lie there"),
    "multiplier 0": (rebuilt({Section.SCALE: bytes(len(section(Section.SCALE)))}), "multiplier of 0"),
    "scale too wide": (rebuilt({Section.SCALE: b"\xff" * len(section(Section.SCALE))}), "more bits than there are"),
}


@pytest.mark.parametrize("case", WELL_FORMED_BUT_WRONG)
def test_contents_that_do_not_fit_are_refused(case: str) -> None:
    data, message = WELL_FORMED_BUT_WRONG[case]
    with pytest.raises(InputError, match=message) as refusal:
        unpack_image(data)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("kind", Section)
def test_forged_sections_are_refused_or_run(kind: Section) -> None:
    """Every byte of a section changed in two ways, with its CRC made right: refused, or it still runs."""
    original = section(kind)
    n_refused = 0
    for position in range(len(original)):
        for mask in (1, 0x90):
            forged = bytearray(original)
            forged[position] ^= mask
            try:
                compiled = unpack_image(rebuilt({kind: bytes(forged)}))
            except InputError:
                n_refused += 1
                continue
            run_network(compiled, np.full((1, compiled.inputs), 7))
    assert n_refused > 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"entry_depth": 5}, r"image has \d+ entries on a PE, more than entry_depth 5"),
        ({"table_depth": 2}, "5 rows do not fit 2 PEs with table_depth 2"),
        ({"table_depth": 3}, "image section BIAS has 8 elements; 2 PEs have up to 3 each"),
        ({"table_depth": 7}, "takes 8 words of a memory whose table_depth is 7"),
        ({"count_bits": 1}, "image has [23] entries in a column, more than 1 bits can count"),
        ({"multipliers": False}, "step 2 of the program: it scales rows"),
        ({"activation_depth": 1}, "step 1 of the program: it loads local index 1 of 1"),
    ],
)
def test_an_image_that_its_own_configuration_cannot_hold_is_refused(changes: dict[str, int], message: str) -> None:
    compiled = small()
    data = pack_image(replace(compiled, config=replace(compiled.config, **changes)))
    with pytest.raises(InputError, match=message):
        unpack_image(data)


@pytest.mark.parametrize("length", [0, 1, 255, 256, 257, 512, 1023])
def test_slices_of_any_length(length: int) -> None:
    """More entries in a column than one byte can count."""
    counts = np.array([[length, 0, 3, length], [0, 2, 0, 0]], np.uint16)
    again = unpack_counts(pack_counts(counts), EieConfig(n_pes=2, count_bits=10))
    assert again.dtype == np.uint16
    assert np.array_equal(again, counts)


def test_magic_survives_no_change_of_line_ends() -> None:
    assert MAGIC.replace(b"\r\n", b"\n") != MAGIC
    with pytest.raises(InputError, match="not an Eyrie image"):
        unpack_image(DATA.replace(b"\r\n", b"\n"))


def test_entries_take_the_smaller_of_shared_and_own_tables() -> None:
    """Two layers whose codes are distributed alike share one pair of tables; two that differ have a pair each."""

    def tables(codes: list[np.ndarray]) -> int:
        layers = tuple(
            QuantisedLayer(
                name=f"fc{index}",
                codes=matrix.astype(np.uint8),
                codebook=np.arange(16),
                weight_scale=1.0,
                bias=np.zeros(len(matrix), np.int64),
                multiplier=np.ones(len(matrix), np.int64),
                shift=np.zeros(len(matrix), np.int64),
                relu=False,
            )
            for index, matrix in enumerate(codes)
        )
        network = QuantisedNetwork(name="n", layers=layers, activation_width=16, scales=(1.0,) * 3, clip=(0, 1))
        compiled = map_network(network, EieConfig(n_pes=1)).compiled
        entries = unpack_container(EIE_FORM, pack_image(compiled))[1][Section.ENTRIES]
        assert pack_image(unpack_image(pack_image(compiled))) == pack_image(compiled)
        return int.from_bytes(entries[:4], "little")

    alike = np.arange(1600).reshape(40, 40) % 7 + 1
    assert tables([alike, alike]) == 1
    assert tables([alike, np.arange(1600).reshape(40, 40) % 7 + 8]) == 2


def test_container_checks_its_table() -> None:
    """Offsets that overlap are refused although the header's CRC is right."""
    forged = bytearray(DATA)
    table = 32
    offset = struct.unpack_from("<I", forged, table + 4)[0]
    struct.pack_into("<I", forged, table + 4, offset + 4)
    struct.pack_into("<I", forged, 28, zlib.crc32(bytes(forged[:28]) + bytes(forged[32 : 32 + 16 * len(Section)])))
    with pytest.raises(InputError, match="section table is wrong at section CONFIG"):
        unpack_image(bytes(forged))
