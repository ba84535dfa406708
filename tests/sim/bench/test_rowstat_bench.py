"""Eyeriss's benchmark on small layers: rows are true, and what is wrong is found."""

import dataclasses

import numpy as np
import pytest

from eyrie.anchors.eyeriss import PublishedConvolution, published_convolutions
from eyrie.bench import rowstat_bench
from eyrie.bench.rowstat_bench import ConvolutionRow, bench_rowstat, compare_maps, rowstat_report
from eyrie.bench.rowstat_choice import BenchChoices, choose, coded_share, paper_accesses
from eyrie.bench.rowstat_layers import WEIGHT_KINDS, draw_convolution
from eyrie.compile.rowstat.certificate import certify_filters
from eyrie.compile.rowstat.program import compile_layers
from eyrie.errors import InputError
from eyrie.golden.rowstat.model import RowstatModel
from eyrie.rowstat.config import DEFAULT, PAPER, TINY

SMALL = dataclasses.replace(
    published_convolutions("alexnet")[2], layer="small", channels=4, size=9, filters=6, kernel=3, padding=1, groups=2
)


def rows(*published: PublishedConvolution, on: str = "model", config=TINY, **options) -> list[ConvolutionRow]:
    batch, weights = options.pop("batch", None), options.pop("weights", "shared")
    choices = BenchChoices(**options)
    return list(
        bench_rowstat(
            published, config, on=on, batch=batch, seed=5, weights=weights, choices=choices, say=lambda line: None
        )
    )


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
    expected = drawn.outputs(TINY.activation_width)
    assert compare_maps(expected, program, memory, "golden model") == ()
    memory[program.maps[1].address(0, 3, 2)] ^= np.uint64(1)
    assert compare_maps(expected, program, memory, "RTL") == (
        "RTL: 1 of 486 outputs differ, the first is (0, 3, 2, 0)",
    )


def test_a_wrong_cycle_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    run = rowstat_bench.RowstatCycleModel.run

    def wrong(*arguments, **options):
        timing = run(*arguments, **options)
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
    for seed in range(20):  # of few weights, some filters would have too much
        assert certify_filters(draw_convolution(SMALL, DEFAULT, batch=1, seed=seed).layer, DEFAULT).holds
    other = draw_convolution(SMALL, DEFAULT, batch=1, seed=9)
    assert (other.x != draw_convolution(SMALL, DEFAULT, batch=1, seed=8).x).any()


def test_outputs_spread_over_the_activations_and_have_their_share_of_zeros() -> None:
    for layer in published_convolutions("alexnet"):
        for weights in WEIGHT_KINDS:
            outputs = draw_convolution(layer, DEFAULT, batch=1, seed=1, weights=weights).outputs(16)
            assert outputs.min() == 0
            assert 4000 < outputs[outputs > 0].std() < 16000
            assert abs(np.mean(outputs == 0) - layer.output_zero_fraction) < 0.02


def test_shared_weights_are_those_of_a_codebook() -> None:
    for layer in (SMALL, *published_convolutions("alexnet")):
        shared, plain = (draw_convolution(layer, DEFAULT, batch=1, seed=1, weights=kind).layer for kind in WEIGHT_KINDS)
        assert plain.codebook is None
        assert shared.codebook is not None
        assert shared.codebook[0] == 0
        assert len(np.unique(shared.codebook)) == len(shared.codebook) <= 255
        assert len(np.unique(shared.weight)) > 16
        # Of what no overflow leaves to the weights of a filter, the largest one takes most.
        assert certify_filters(shared, DEFAULT).bits == DEFAULT.accumulator_width


def test_what_coding_and_codes_save() -> None:
    (coded,) = rows(SMALL, batch=2, keep_to=None)
    (plain,) = rows(SMALL, batch=2, maps="plain", weights="plain")
    assert (plain.coded_inputs, plain.coded_outputs, plain.weights) == (False, False, "plain")
    assert (coded.coded_inputs, coded.coded_outputs, coded.weights) == (True, True, "shared")
    assert plain.run_length_saving == 0
    assert 0.3 < coded.run_length_saving < 0.7
    assert coded.external_ifmaps + coded.external_outputs < plain.external_ifmaps + plain.external_outputs
    for row in (coded, plain):
        assert row.external_accesses == row.external_ifmaps + row.external_filters + row.external_outputs
        assert row.buffer_accesses == row.buffer_ifmaps + row.buffer_filters + row.buffer_psums
        assert row.buffer_filters == 2 * row.external_filters
    assert plain.mapping == rows(SMALL, batch=2, maps="plain")[0].mapping
    assert 2 * rows(SMALL, batch=2, maps="plain")[0].external_filters == plain.external_filters


def test_maps_that_coding_makes_larger_stay_plain() -> None:
    (row,) = rows(dataclasses.replace(SMALL, ifmap_zero_fraction=0.0), batch=1)
    assert not row.coded_inputs


def test_share_of_words() -> None:
    maps = np.zeros((1, 2, 3, 12), np.int64)
    assert coded_share(maps) == 1 / 3  # a word for each row of three
    maps[..., :7] = 1
    assert coded_share(maps) == 1  # seven pairs take three words


def test_accesses_that_are_kept_to() -> None:
    """On AlexNet's conv3 the fastest mapping has more external accesses than wanted, and one about as fast has not."""
    conv3 = published_convolutions("alexnet")[2]
    drawn = draw_convolution(conv3, DEFAULT, batch=4, seed=1)
    outputs = drawn.outputs(16)
    paper = paper_accesses(conv3, DEFAULT, 4)
    assert (paper.buffer, paper.external) == (25_100_000, 1_500_000)
    _, fastest = choose(drawn, outputs, DEFAULT, BenchChoices(about_as_fast=1.0))
    _, kept = choose(drawn, outputs, DEFAULT, BenchChoices(about_as_fast=1.08, keep_to=1.1))
    _, limited = choose(drawn, outputs, DEFAULT, BenchChoices(max_buffer=1.1, max_external=1.1))
    assert fastest.traffic.external > 1.1 * paper.external
    for choice in (kept, limited):
        assert choice.traffic.external <= 1.1 * paper.external
        assert choice.traffic.buffer <= 1.1 * paper.buffer
        assert fastest.cycles.total < choice.cycles.total < 1.08 * fastest.cycles.total


def test_limits_are_those_of_the_papers_array() -> None:
    with pytest.raises(InputError, match="the paper has no accesses for 12 PEs that limits could be taken from"):
        rows(SMALL, batch=1, max_buffer=1.1)


def test_report_adds_up() -> None:
    found = rows(SMALL, dataclasses.replace(SMALL, layer="other", kernel=1, padding=0), batch=1)
    report = rowstat_report(found, TINY, on="model", seed=5, weights="shared", choices=BenchChoices(keep_to=1.1))
    assert (report["weights"], report["maps"], report["keep_to"], report["max_external"]) == (
        *("shared", "coded", 1.1),
        None,
    )
    assert report["cycles"] == sum(row.cycles for row in found)
    assert report["cycles_over_bound"] == report["cycles"] * 12 / sum(row.macs for row in found)
    assert [row["layer"] for row in report["rows"]] == ["small", "other"]
    assert report["configuration"]["rows"] == 3
