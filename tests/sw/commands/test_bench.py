"""``eyrie bench eie`` on small layers: what it prints, writes and returns."""

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.dom import minidom

import pytest

from eyrie.anchors.eie import published_layers
from eyrie.bench.eie_model import LayerModel
from eyrie.bench.engine import SimulatedEngine
from eyrie.bench.simulation import SimulationError

LAYERS = tuple(
    replace(
        published_layers()[0],
        name=name,
        inputs=97,
        outputs=70,
        weight_density=density,
        activation_density=0.5,
        actual_us=0.5,
    )
    for name, density in (("thin", 0.05), ("thick", 0.4))
)


@pytest.fixture(autouse=True)
def small_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two small layers in the place of the paper's nine."""
    monkeypatch.setattr("eyrie.commands.bench_options.published_layers", lambda: LAYERS)


def test_json(eyrie: Callable) -> None:
    ended = eyrie("bench", "eie", "--json")
    assert (ended.status, ended.err) == (0, "")
    assert [row["layer"] for row in ended.json["rows"]] == ["thin", "thick"]
    row = ended.json["rows"][0]
    assert (row["pes"], row["seed"], row["queue_depth"], row["paper_cycles"], row["matches"]) == (64, 1, 64, 400, True)
    assert row["cycles_over_bound"] == row["cycles"] / row["bound"]
    assert row["paper_over_cycles"] == 400 / row["cycles"]
    assert ended.json["geometric_mean_paper_over_cycles"] > 0
    assert ended.json == eyrie("bench", "eie", "--json").json


def test_table(eyrie: Callable) -> None:
    ended = eyrie("bench", "eie", "--layers", "thick")
    assert ended.status == 0
    assert "EIE's layers on 64 PEs, cycle model, seed 1" in ended.out
    assert "thin" not in ended.out
    assert "first broadcast to the last requantised output" in ended.out


def test_options_reach_the_engine(eyrie: Callable) -> None:
    options = ("--pes", 3, "--queue-depth", 2, "--index-bits", 5, "--balance", "off", "--skip-empty", "off")
    rows = eyrie("bench", "eie", *options, "--seed", 7, "--json").json["rows"]
    keys = ("pes", "queue_depth", "index_bits", "balance", "skip_empty", "seed", "paper_cycles")
    assert [rows[0][key] for key in keys] == [3, 2, 5, False, False, 7, None]


def test_paper_switches_everything_off_that_is_not_asked_for(eyrie: Callable) -> None:
    levers = eyrie("bench", "eie", "--paper", "--json").json["levers"]
    paper = {"balance": False, "index_bits": 4, "queue_depth": 8, "skip_empty": False, "column_groups": 1}
    assert levers == paper
    levers = eyrie("bench", "eie", "--paper", "--balance", "on", "--index-bits", "bits", "--json").json["levers"]
    assert levers == paper | {"balance": True, "index_bits": "bits"}


def test_on_rtl(eyrie: Callable) -> None:
    options = ("--pes", 3, "--index-bits", 5, "--queue-depth", 4, "--json")
    ended = eyrie("bench", "eie", "--on", "rtl", *options)
    assert (ended.status, ended.err) == (0, "")
    model = eyrie("bench", "eie", *options).json
    assert [row["cycles"] for row in ended.json["rows"]] == [row["cycles"] for row in model["rows"]]
    assert {"verilator", "amaranth"} <= ended.json["tools"].keys()


def test_a_difference_ends_with_status_one(eyrie: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    right = LayerModel.run

    def wrong(self, config=None):  # one bit of one output
        result = right(self, config)
        result.outputs[3] ^= 1
        return result

    monkeypatch.setattr(LayerModel, "run", wrong)
    ended = eyrie("bench", "eie", "--json")
    assert ended.status == 1
    assert [row["matches"] for row in ended.json["rows"]] == [False, False]
    assert ended.err == "eyrie: thin: 1 of 70 outputs differ, the first is 3 (seed 1)\n"


def test_hardware_that_hangs_ends_with_status_one(eyrie: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(self):
        raise SimulationError("gave up after 10 cycles")

    monkeypatch.setattr(SimulatedEngine, "finish", hang)
    ended = eyrie("bench", "eie", "--on", "rtl", "--pes", 3, "--index-bits", 5, "--queue-depth", 4)
    assert (ended.status, ended.out) == (1, "")
    assert ended.err == "eyrie: thin on RTL: gave up after 10 cycles\n"


def test_levers(eyrie: Callable, tmp_path: Path) -> None:
    ended = eyrie("bench", "eie", "--levers", "--layers", "thin", "-o", tmp_path, "--json")
    assert ended.status == 0
    names = [row["levers"] for row in ended.json["rows"]]
    assert names[0] == "all on"
    assert names[-1] == "all off"
    assert ended.json["geometric_mean_paper_over_cycles"].keys() == set(names)
    assert (tmp_path / "levers.json").is_file()
    table = eyrie("bench", "eie", "--levers", "--layers", "thin").out
    assert all(name in table for name in names)


def test_curves(eyrie: Callable, tmp_path: Path) -> None:
    ended = eyrie("bench", "eie", "--curves", "-o", tmp_path, "--json")
    assert (ended.status, ended.err) == (0, "")
    assert {path.name for path in tmp_path.iterdir()} == {
        "eie.html",
        "eie.json",
        "layers.csv",
        "pes.csv",
        "queue-depth.csv",
    }
    page = (tmp_path / "eie.html").read_text()
    charts = page.split("<svg")[1:]
    assert len(charts) == 5
    for chart in charts:
        minidom.parseString("<svg" + chart.split("</svg>")[0] + "</svg>")
    assert page.count("imulated by the cycle model, seed 1") == 5
    rows = "rows balanced, columns split over up to 2 groups"
    assert f"{rows}, index bits chosen for cycles, queues of 64, empty slices skipped." in page
    tables = {path.stem: list(csv.DictReader(path.read_text().splitlines())) for path in tmp_path.glob("*.csv")}
    depths = [int(row["queue_depth"]) for row in tables["queue-depth"] if row["layer"] == "thin"]
    assert depths == [1, 2, 4, 8, 16, 32, 64, 128, 256, 8]
    pes = [int(row["pes"]) for row in tables["pes"] if row["layer"] == "thin"]
    assert pes == [1, 2, 4, 8, 16, 32, 64, 128, 256, 64]
    published = [row for row in tables["layers"] if row["source"] == "published"]
    assert [row["cycles"] for row in published] == ["400", "400"]
    assert float(published[0]["bound"]) == pytest.approx(97 * 70 * 0.05 * 0.5 / 64)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--layers", "thin,fat"), "there is no layer 'fat', only thin, thick"),
        (("--index-bits", "9"), "'9' is neither 1 to 8 nor cycles nor bits"),
        (("--queue-depth", "0"), "0 is not in the range"),
        (("--pes", "257"), "257 is not in the range"),
        (("--balance", "maybe"), "'maybe' is not one of"),
        (("--curves",), "--curves needs a folder for its files: -o DIR"),
        (("--curves", "-o", "x", "--on", "rtl"), "--levers and --curves are for --on model"),
        (("--curves", "-o", "x", "--levers"), "ask for one"),
    ],
)
def test_bad_usage(eyrie: Callable, arguments: tuple[str, ...], message: str) -> None:
    ended = eyrie("bench", "eie", *arguments)
    assert (ended.status, ended.out) == (2, "")
    assert message in ended.err
    assert ended.err.count("\n") == 1
