"""Eyeriss's benchmark on small layers: rows are true, and what is wrong is found."""

import dataclasses

import numpy as np
import pytest

from eyrie.anchors.eyeriss import PublishedConvolution, published_convolutions
from eyrie.bench import rowstat_bench
from eyrie.bench.rowstat_bench import ConvolutionRow, bench_rowstat, compare_maps, rowstat_report
from eyrie.bench.rowstat_layers import draw_convolution
from eyrie.compile.rowstat.certificate import certify_filters
from eyrie.compile.rowstat.program import compile_layers
from eyrie.golden.rowstat.model import RowstatModel
from eyrie.rowstat.config import DEFAULT, PAPER, TINY

SMALL = dataclasses.replace(
    published_convolutions("alexnet")[2], layer="small", channels=4, size=9, filters=6, kernel=3, padding=1, groups=2
)


def rows(*published: PublishedConvolution, on: str = "model", config=TINY, **options) -> list[ConvolutionRow]:
    return list(bench_rowstat(published, config, on=on, seed=5, say=lambda line: None, **options))


@pytest.mark.parametrize("on", ["model", "rtl"])
def test_a_row(on: str) -> None:
    (row,) = rows(SMALL, on=on, batch=2)
    assert row.differences == ()
    assert row.matches
    assert (row.layer, row.on, row.batch, row.pes, row.paper_cycles) == ("small", on, 2, 12, None)
    assert row.macs == 2 * 6 * 81 * 2 * 9
    assert row.multiplies + row.gated == row.macs * 12 // 9  # three strips of four rows for nine
    assert 0.6 < row.gated / (row.gated + row.multiplies) < 0.9
    assert row.bound == row.macs / 12
    assert row.cycles_over_bound == row.cycles / row.bound > 1
    assert row.idle["ifmap"] >= 0


def test_as_many_images_as_the_paper_unless_told() -> None:
    assert [row.batch for row in rows(SMALL)] == [4]


def test_the_papers_figures_go_with_its_number_of_pes() -> None:
    conv5 = published_convolutions("alexnet")[4]
    (row,) = rows(conv5, config=PAPER, batch=1)
    assert row.matches
    assert (row.paper_cycles, row.paper_external_accesses) == (500_000, 162_500)
    assert row.macs == 74_760_192
    assert 1 < row.cycles_over_bound < 1.1


def test_a_wrong_output_is_found() -> None:
    drawn = draw_convolution(SMALL, TINY, batch=1, seed=5)
    program = compile_layers([drawn.layer], TINY)
    memory = RowstatModel(TINY, program.tape).run(program.filters, program.memory(drawn.x)).memory
    assert compare_maps(drawn, program, memory, "golden model") == ()
    memory[program.maps[1].address(0, 3, 2)] ^= np.uint64(1)
    assert compare_maps(drawn, program, memory, "RTL") == ("RTL: 1 of 486 outputs differ, the first is (0, 3, 2, 0)",)


def test_a_wrong_cycle_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    run = rowstat_bench.RowstatCycleModel.run

    def wrong(*arguments):
        timing = run(*arguments)
        return dataclasses.replace(timing, cycles=timing.cycles + 1)

    monkeypatch.setattr(rowstat_bench.RowstatCycleModel, "run", wrong)
    (row,) = rows(SMALL, on="rtl", batch=1)
    assert not row.matches
    assert row.differences == (f"RTL takes {row.cycles} cycles, the cycle model says {row.cycles + 1}",)


def test_draws_are_seeded_and_cannot_overflow() -> None:
    for layer in (SMALL, *published_convolutions("alexnet")):
        drawn, again = (draw_convolution(layer, DEFAULT, batch=1, seed=8) for _ in range(2))
        assert (drawn.x == again.x).all()
        assert (drawn.layer.weight == again.layer.weight).all()
        assert certify_filters(drawn.layer, DEFAULT).holds
        zeros = np.count_nonzero(drawn.x == 0) / drawn.x.size
        assert abs(zeros - layer.ifmap_zero_fraction) < 0.1
    other = draw_convolution(SMALL, DEFAULT, batch=1, seed=9)
    assert (other.x != draw_convolution(SMALL, DEFAULT, batch=1, seed=8).x).any()


def test_outputs_spread_over_the_activations() -> None:
    for layer in published_convolutions("alexnet"):
        outputs = draw_convolution(layer, DEFAULT, batch=1, seed=1).outputs(16)
        assert outputs.min() == 0
        assert 4000 < outputs.std() < 16000


def test_report_adds_up() -> None:
    found = rows(SMALL, dataclasses.replace(SMALL, layer="other", kernel=1, padding=0), batch=1)
    report = rowstat_report(found, TINY, on="model", seed=5, about_as_fast=1.02)
    assert report["cycles"] == sum(row.cycles for row in found)
    assert report["cycles_over_bound"] == report["cycles"] * 12 / sum(row.macs for row in found)
    assert [row["layer"] for row in report["rows"]] == ["small", "other"]
    assert report["configuration"]["rows"] == 3
