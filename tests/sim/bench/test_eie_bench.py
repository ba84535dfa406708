"""The benchmark on small layers: figures that hang together, and errors that are found."""

from dataclasses import replace

import numpy as np
import pytest

from eyrie.bench import eie_bench
from eyrie.bench.eie_ablation import ALL_OFF, ALL_ON, ablate
from eyrie.bench.eie_bench import bench_on_model, bench_on_rtl
from eyrie.bench.eie_curves import ScalingPoint, Unfit, queue_points, scaling_points
from eyrie.bench.eie_layers import draw_layer
from eyrie.bench.eie_levers import LEVERS, PAPER, Levers
from eyrie.bench.eie_model import LayerModel
from eyrie.bench.eie_report import bench_report, geometric_mean
from tests.sim.bench.eie_layers import SMALL_LAYERS

SPARSE, DENSE = SMALL_LAYERS


def silent(line: str) -> None:
    """Nobody looks on."""


def test_rows_on_the_model() -> None:
    rows = list(bench_on_model(SMALL_LAYERS, n_pes=5, levers=Levers(), seed=1, say=silent))
    assert [row.layer for row in rows] == ["sparse", "dense"]
    for row, layer in zip(rows, SMALL_LAYERS, strict=True):
        drawn = draw_layer(layer, 1)
        assert row.matches
        assert row.on == "model"
        assert row.useful_multiplies == drawn.useful_multiplies == row.entries - row.fillers
        assert row.bound == drawn.useful_multiplies / 5 < row.cycles
        assert row.cycles_over_bound == row.cycles / row.bound > 1
        assert row.utilisation == row.bound / row.cycles
        # Every cycle of every PE is a multiply or has a cause.
        assert row.useful_multiplies + sum(row.stalls.values()) == row.cycles * 5
        assert (row.queue_depth, row.skip_empty, row.balance) == (64, True, True)
        assert row.paper_cycles is None
        assert row.paper_over_cycles is None


def test_the_papers_time_is_for_its_own_pes() -> None:
    (row,) = bench_on_model([SPARSE], n_pes=64, levers=PAPER, seed=1, say=silent)
    assert row.paper_cycles == 960  # 1.2 us at 800 MHz
    assert row.paper_over_cycles == 960 / row.cycles
    assert (row.queue_depth, row.index_bits, row.skip_empty, row.balance) == (8, 4, False, False)


def test_a_wrong_output_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = LayerModel.run

    def wrong(self, config=None):  # one bit of one output
        result = right(self, config)
        result.outputs[7] ^= 1
        return result

    monkeypatch.setattr(LayerModel, "run", wrong)
    (row,) = bench_on_model([DENSE], n_pes=5, levers=Levers(), seed=1, say=silent)
    assert not row.matches
    assert row.differences == ("1 of 40 outputs differ, the first is 7",)
    assert not any(row.matches for row in ablate([DENSE], n_pes=5, levers=Levers(), seed=1, say=silent))


def test_multiplies_that_are_not_in_the_matrix_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = LayerModel.run

    def wrong(self, config=None):
        result = right(self, config)
        result.timing.multiplies += 1
        return result

    monkeypatch.setattr(LayerModel, "run", wrong)
    (row,) = bench_on_model([DENSE], n_pes=5, levers=Levers(), seed=1, say=silent)
    assert not row.matches


def test_rows_on_rtl() -> None:
    levers = Levers(index_bits=5, queue_depth=4)
    on_rtl = list(bench_on_rtl(SMALL_LAYERS, n_pes=3, levers=levers, seed=1, say=silent))
    on_model = list(bench_on_model(SMALL_LAYERS, n_pes=3, levers=levers, seed=1, say=silent))
    for rtl, model in zip(on_rtl, on_model, strict=True):
        assert rtl.differences == ()
        assert rtl.on == "rtl"
        # The bits are those of an engine of the layer's own size, although both run on the same.
        assert replace(rtl, on="model", config_hash=model.config_hash) == model
    assert on_rtl[0].config_hash == on_rtl[1].config_hash != on_model[1].config_hash


def test_cycles_that_the_model_does_not_know_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = eie_bench.simulated_outputs

    def late(compiled, engine):
        outputs, cycles = right(compiled, engine)
        return outputs, cycles + 1

    monkeypatch.setattr(eie_bench, "simulated_outputs", late)
    rows = list(bench_on_rtl(SMALL_LAYERS, n_pes=3, levers=Levers(index_bits=5, queue_depth=4), seed=1, say=silent))
    assert [row.matches for row in rows] == [False, False]
    assert rows[0].differences == (f"RTL takes {rows[0].cycles} cycles, the cycle model says {rows[0].cycles - 1}",)


def test_the_report_has_all_that_makes_it_again() -> None:
    rows = list(bench_on_model(SMALL_LAYERS, n_pes=64, levers=PAPER, seed=2, say=silent))
    report = bench_report(rows, n_pes=64, levers=PAPER, seed=2, on="model")
    assert (report["pes"], report["seed"], report["on"]) == (64, 2, "model")
    levers = {"balance": False, "index_bits": 4, "queue_depth": 8, "skip_empty": False, "column_groups": 1}
    assert report["levers"] == levers
    assert "first broadcast" in report["definition_of_cycles"]
    assert report["tools"].keys() == {"eyrie", "numpy"}
    first, second = report["rows"]
    for key in ("layer", "pes", "seed", "bound", "cycles", "paper_cycles", "utilisation", "bits_per_weight", "matches"):
        assert key in first
    ratios = first["paper_over_cycles"] * second["paper_over_cycles"]
    assert report["geometric_mean_paper_over_cycles"] == pytest.approx(ratios**0.5)


def test_geometric_mean() -> None:
    assert geometric_mean([2, 8]) == pytest.approx(4)
    assert geometric_mean([2, None]) is None
    assert geometric_mean([]) is None


def test_ablation() -> None:
    rows = list(ablate(SMALL_LAYERS, n_pes=5, levers=Levers(queue_depth=16), seed=1, say=silent))
    names = [ALL_ON, *(f"{name} off" for name in LEVERS), ALL_OFF]
    assert [(row.layer, row.levers) for row in rows] == [(layer.name, name) for layer in SMALL_LAYERS for name in names]
    assert all(row.matches for row in rows)
    of = {row.levers: row for row in rows if row.layer == "sparse"}
    for name, levers in ((ALL_ON, Levers(queue_depth=16)), (ALL_OFF, PAPER)):
        (alone,) = bench_on_model([SPARSE], n_pes=5, levers=levers, seed=1, say=silent)
        assert (of[name].cycles, of[name].bits_per_weight) == (alone.cycles, alone.bits_per_weight)
    assert of["index bits off"].index_bits == 4 < of[ALL_ON].index_bits
    assert of["queue depth off"].bits_per_weight == of[ALL_ON].bits_per_weight
    assert of[ALL_OFF].cycles > of["index bits off"].cycles > of[ALL_ON].cycles
    assert of["empty slices off"].cycles > of[ALL_ON].cycles


def test_queue_depths() -> None:
    points = list(queue_points([SPARSE], n_pes=5, levers=Levers(), seed=1, say=silent, depths=(1, 64)))
    (alone,) = bench_on_model([SPARSE], n_pes=5, levers=Levers(), seed=1, say=silent)
    assert [point.queue_depth for point in points] == [1, 64]
    assert points[1].cycles == alone.cycles < points[0].cycles
    assert points[1].efficiency == alone.utilisation


def test_numbers_of_pes() -> None:
    points = list(scaling_points([SPARSE], levers=PAPER, seed=1, say=silent, pe_counts=(2, 4)))
    drawn = draw_layer(SPARSE, 1)
    for point, n_pes in zip(points, (2, 4), strict=True):
        assert isinstance(point, ScalingPoint)
        (alone,) = bench_on_model([SPARSE], n_pes=n_pes, levers=PAPER, seed=1, say=silent)
        assert (point.pes, point.cycles) == (n_pes, alone.cycles)
        assert point.speed_up == drawn.useful_multiplies / alone.cycles <= n_pes
        assert 0 < point.padding == point.paper_padding < 1


def test_what_does_not_fit_is_said() -> None:
    large = replace(SPARSE, name="large", inputs=2048, outputs=1040, weight_density=0.55)
    (point,) = scaling_points([large], levers=PAPER, seed=1, say=silent, pe_counts=(1,))
    assert isinstance(point, Unfit)
    assert "entry_depth" in point.reason
    assert np.count_nonzero(draw_layer(large, 1).codes) > 1 << 20
