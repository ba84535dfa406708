"""Folders of compiled networks: written and read back, and refused when anything is amiss."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eyrie.compile.network.compiler import SegmentedResult, compile_segments
from eyrie.compile.network.folder import (
    DENSE,
    REPORT,
    ROWSTAT,
    SEGMENTS,
    is_segmented,
    read_segments,
    write_segments,
)
from eyrie.driver.segments import GoldenSegments
from eyrie.eie.config import EieConfig
from eyrie.errors import InputError
from eyrie.model.network import Network
from eyrie.model.pool import Pool
from eyrie.rowstat.config import TINY
from tests.sw.compile.network.network_cases import draw_network, draw_samples
from tests.sw.compile.network.test_compiler import small

IMAGES = {"convolutions-0.eyrie", "dense.eyrie"}
FILES = {SEGMENTS, REPORT, ROWSTAT, DENSE, *IMAGES}


def pooled_first() -> Network:
    """The small network behind a mean, which is the host's."""
    network = small()
    first = Pool(name="first", kind="average", kernel=(2, 2), stride=(2, 2))
    return Network(name="pooled", layers=(first, *network.layers), input_shape=(2, 12, 12))


def compiled(network: Network, seed: int = 0) -> tuple[SegmentedResult, np.ndarray]:
    x = draw_samples(np.random.default_rng(seed), network, 4)
    result = compile_segments(network, calibration=x, rowstat=TINY, eie=EieConfig(n_pes=2), batch=1 + seed % 2)
    return result, result.compiled.interface.quantise_input(x)


@pytest.fixture(scope="module")
def result() -> SegmentedResult:
    return compiled(pooled_first())[0]


@pytest.fixture
def folder(tmp_path: Path, result: SegmentedResult) -> Path:
    write_segments(tmp_path / "net", result)
    return tmp_path / "net"


@pytest.mark.parametrize("seed", range(12))
def test_what_is_read_runs_as_what_was_written(seed: int, tmp_path: Path) -> None:
    result, x = compiled(draw_network(np.random.default_rng(seed)), seed)
    write_segments(tmp_path, result)
    again = read_segments(tmp_path)
    assert again.interface == result.compiled.interface
    run = GoldenSegments(again).run(x, timed=True)
    wanted = GoldenSegments(result.compiled).run(x, timed=True)
    assert np.array_equal(run.outputs, wanted.outputs)
    assert run.segments == wanted.segments


def test_the_files(folder: Path, result: SegmentedResult) -> None:
    assert {path.name for path in folder.iterdir()} == FILES
    assert is_segmented(folder)
    assert not is_segmented(folder / "missing")
    report = json.loads((folder / REPORT).read_text())
    assert [layer["name"] for layer in report["convolutions"]] == ["a", "b"]
    assert report["convolutions"][0]["macs"] == 3 * 16 * 18
    assert report["dense"]["layers"][0]["name"] == "c"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    write_segments(folder, result)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("name", sorted(IMAGES))
def test_an_image_that_is_another_or_missing(name: str, folder: Path) -> None:
    path = folder / name
    data = path.read_bytes()
    for wrong in (data[:-1], bytes([data[0] ^ 1]) + data[1:], b""):
        path.write_bytes(wrong)
        with pytest.raises(InputError, match=f"{name} is not the file that segments.json was written for"):
            read_segments(folder)
    path.unlink()
    with pytest.raises(InputError, match=f"cannot read .*{name}"):
        read_segments(folder)


@pytest.mark.parametrize(
    ("name", "other", "image"),
    [
        (ROWSTAT, replace(TINY, rows=TINY.rows + 1).as_json(), "convolutions-0.eyrie"),
        (DENSE, EieConfig(n_pes=3).as_json(), "dense.eyrie"),
    ],
)
def test_hardware_that_is_another_or_missing(name: str, other: str, image: str, folder: Path) -> None:
    path = folder / name
    path.write_text(other)
    with pytest.raises(InputError, match=f"{image}: image is for hardware [0-9a-f]{{16}}, not"):
        read_segments(folder)
    path.write_bytes(b"{\xff")
    with pytest.raises(InputError, match=f"{name}: "):
        read_segments(folder)
    path.unlink()
    with pytest.raises(InputError, match=f"cannot read .*{name}"):
        read_segments(folder)


def test_images_that_change_places(folder: Path) -> None:
    """The list's digests are right, but what they belong to is not."""
    fields = json.loads((folder / SEGMENTS).read_text())
    first, last = fields["segments"][1:]
    for key in ("file", "sha256"):
        first[key], last[key] = last[key], first[key]
    (folder / SEGMENTS).write_text(json.dumps(fields))
    with pytest.raises(InputError, match="image is for the EIE engine, not for the row-stationary engine"):
        read_segments(folder)


def change(path: list[str | int], value: Any) -> Callable[[dict[str, Any]], None]:
    def apply(fields: Any) -> None:
        for key in path[:-1]:
            fields = fields[key]
        whole = fields[path[-1]]
        fields[path[-1]] = whole | value if isinstance(value, dict) else value

    return apply


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["version"], 1, "version 1, not 2; compile the network again"),
        (["interface"], [], "interface must be a JSON object"),
        (["interface"], {"activation_width": 8, "clip": [-9, 9]}, r"activations of \[8, 16\] bits"),
        (["interface", "activation_width"], 17, "activation_width must be an integer from 8 to 16, not 17"),
        (["interface", "clip"], [1, 2], "clip must be a range around 0"),
        (["interface", "clip"], [-1], "clip must be a range around 0"),
        (["interface", "input_scale"], -1.0, "input_scale must be a positive number"),
        (["interface", "output_scale"], None, "output_scale must be a positive number"),
        (["interface", "name"], 7, "name must be text"),
        (["interface", "input_shape"], [3, 12, 12], r"takes maps of 2 x 6 x 6, not \(3, 6, 6\)"),
        (["interface", "input_shape"], [2, 12, 14], r"maps of 12 x 14 have \(6, 7\) positions"),
        (["interface", "input_shape"], 3, "input_shape must be a list"),
        (["interface", "input_shape"], [True], "input_shape must be an integer"),
        (["interface", "output_shape"], [4], r"the last segment makes \(3,\), not \(4,\)"),
        (["segments"], [], r"the last segment makes \(2, 12, 12\), not \(3,\)"),
        (["segments", 1, "kind"], "magic", "segment 1 is 'magic', which no engine runs"),
        (["segments", 1, "kind"], None, "kind must be text"),
        (["segments", 1, "name"], "else", "segment 1 is 'else', but convolutions-0.eyrie holds"),
        (["segments", 1, "file"], "../net/convolutions-0.eyrie", "file must be the name of a file beside the list"),
        (["segments", 1, "file"], "/etc/passwd", "file must be the name of a file beside the list"),
        (["segments", 1, "file"], "..", "file must be the name of a file beside the list"),
        (["segments", 1, "file"], "", "file must be the name of a file beside the list"),
        (["segments", 1, "sha256"], "0" * 64, "is not the file that segments.json was written for"),
        (["segments", 0, "window", "kernel"], [2], "two sizes, two strides and four paddings"),
        (["segments", 0, "window", "kernel"], [19, 19], "does not fit maps"),
        (["segments", 0, "window", "padding"], [0, 1 << 15, 0, 0], "padding must be four numbers"),
        (["segments", 0, "multiplier"], [[1]], r"must have one value for each position, not shapes \(1, 1\)"),
        (["segments", 0, "multiplier"], [[1, 1], [1]], "inhomogeneous"),
        (["segments", 0, "shift"], [[64, 1]], "shift must be an integer from 0 to 63, not 64"),
    ],
)
def test_a_list_that_does_not_hold(path: list[str | int], value: Any, message: str, folder: Path) -> None:
    fields = json.loads((folder / SEGMENTS).read_text())
    change(path, value)(fields)
    (folder / SEGMENTS).write_text(json.dumps(fields))
    with pytest.raises(InputError, match=message):
        read_segments(folder)


def test_fields_that_are_missing(folder: Path) -> None:
    whole = json.loads((folder / SEGMENTS).read_text())

    def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        return [place for key, item in items for place in [(*path, key), *places(item, (*path, key))]]

    for *path, last in places(whole):
        fields = json.loads(json.dumps(whole))
        inner = fields
        for key in path:
            inner = inner[key]
        if isinstance(inner, dict):
            del inner[last]
            (folder / SEGMENTS).write_text(json.dumps(fields))
            with pytest.raises(InputError):
                read_segments(folder)


@pytest.mark.parametrize("text", ["", "[", "[]", "null", "[" * 100000, "\xff"])
def test_what_is_no_list(text: str, folder: Path) -> None:
    (folder / SEGMENTS).write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match="the list of segments"):
        read_segments(folder)
