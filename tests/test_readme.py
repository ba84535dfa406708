"""The README's figures are those of the recorded runs."""

import json
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_accuracies() -> None:
    readme = (ROOT / "README.md").read_text()
    trained = json.loads((ROOT / "models" / "lenet-300-100.json").read_text())
    fixed = json.loads((ROOT / "results" / "lenet-300-100-test-set.json").read_text())
    for right, total in ((trained["float_accuracy"] * 10_000, 10_000), (fixed["right"], fixed["samples"])):
        assert f"| {100 * right / total:.2f} % |" in readme
    lenet_5 = json.loads((ROOT / "models" / "lenet-5.json").read_text())
    assert f"| {100 * lenet_5['float_accuracy']:.2f} % |" in readme
    assert f"| {lenet_5['shipped_images']['right_float']} |" in readme


def test_lenet_5_in_rtl() -> None:
    readme = (ROOT / "README.md").read_text()
    facts = json.loads((ROOT / "results" / "lenet-5-rtl.json").read_text())
    cycles = [segment["cycles"] / facts["samples"] for segment in facts["segments"]]
    assert (facts["samples"], facts["mismatches"]) == (500, 0)
    assert all(segment["cycles"] == segment["model_cycles"] for segment in facts["segments"])
    assert f"| {cycles[0]:,.0f} and {cycles[1]:,.0f} |" in readme


def test_every_recorded_result_is_described() -> None:
    described = (ROOT / "results" / "README.md").read_text()
    for path in sorted((ROOT / "results").iterdir()):
        assert path.name == "README.md" or f"`{path.name}`" in described
