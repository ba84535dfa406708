"""``eyrie bench rowstat`` and ``eyrie verify --engine rowstat``: what they print and return."""

from collections.abc import Callable

import pytest

from eyrie.bench import rowstat_bench


def test_json(eyrie: Callable) -> None:
    ended = eyrie("bench", "rowstat", "--layers", "conv5", "--batch", 1, "--preset", "paper", "--json")
    assert (ended.status, ended.err) == (0, "")
    (row,) = ended.json["rows"]
    assert (row["layer"], row["pes"], row["matches"], row["paper_cycles"]) == ("conv5", 168, True, 500_000)
    assert row["paper_over_cycles"] == 500_000 / row["cycles"]
    assert ended.json["configuration"]["filter_depth"] == 224
    assert row["paper_over_external"] == row["paper_external_accesses"] / row["external_accesses"]
    assert (row["weights"], row["coded_inputs"], row["coded_outputs"]) == ("shared", True, True)
    assert 0.5 < row["run_length_saving"] < 0.75
    assert (ended.json["maps"], ended.json["keep_to"], ended.json["max_buffer"]) == ("coded", 1.1, None)


def test_plain_maps_and_weights(eyrie: Callable) -> None:
    options = ("--maps", "plain", "--weights", "plain", "--keep-to", 0, "--about-as-fast", 1)
    ended = eyrie("bench", "rowstat", "--layers", "conv5", "--batch", 1, "--preset", "paper", *options, "--json")
    (row,) = ended.json["rows"]
    assert (row["weights"], row["coded_inputs"], row["run_length_saving"], row["matches"]) == ("plain", False, 0, True)
    assert ended.json["keep_to"] is None


def test_table_on_another_array(eyrie: Callable) -> None:
    ended = eyrie("bench", "rowstat", "--layers", "conv5", "--batch", 1, "--array", "8x8")
    assert ended.status == 0
    assert "alexnet on 8 x 8 PEs, default, cycle model, seed 1" in ended.out
    assert "conv3" not in ended.out
    assert "coding saves" in ended.out
    assert "in out" in ended.out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--layers", "conv9"), "there is no layer 'conv9', only conv1, conv2, conv3, conv4, conv5"),
        (("--array", "12"), "'12' is no size of an array"),
        (("--array", "0x4"), "rows must be an integer from 1 to 64, not 0"),
        (("--network", "lenet"), "'lenet' is not one of"),
        (("--maps", "huffman"), "'huffman' is not one of"),
        (
            ("--array", "2x2", "--max-buffer", 1.1),
            "the paper has no accesses for 4 PEs that limits could be taken from",
        ),
    ],
)
def test_refusals(eyrie: Callable, options: tuple[str, ...], message: str) -> None:
    ended = eyrie("bench", "rowstat", *options)
    assert ended.status == 2
    assert message in ended.err


def test_a_difference_is_exit_status_1(eyrie: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rowstat_bench, "compare_maps", lambda *arguments: ("one bit",))
    ended = eyrie("bench", "rowstat", "--layers", "conv5", "--batch", 1, "--json")
    assert ended.status == 1
    assert ended.err == "eyrie: conv5: one bit (seed 1)\n"
    assert ended.json["rows"][0]["matches"] is False


def test_verify(eyrie: Callable) -> None:
    ended = eyrie("verify", "--engine", "rowstat", "--engines", 1, "--networks", 2, "--json")
    assert (ended.status, ended.err) == (0, "")
    assert (ended.json["engine"], ended.json["networks"], ended.json["disagreements"]) == ("rowstat", 2, 0)
