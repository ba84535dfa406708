"""EieAxi under cocotb, with the AXI master and the streams of cocotbext-axi."""

from pathlib import Path

import pytest

from eyrie.bench.axi_bench import emit_axi, run_axi_bench
from eyrie.bench.cocotb_run import SimulatorName, available_simulators
from eyrie.bench.link_job import LINK_HOST, draw_link_job
from tests.hw.host.images import NARROW

TESTS = {"loads_networks_and_runs_them", "refuses_what_is_not_there", "answers_reads_and_writes_at_once"}


@pytest.mark.parametrize("simulator", available_simulators())
def test_the_bench_passes(simulator: SimulatorName, tmp_path: Path) -> None:
    jobs = [draw_link_job(seed, NARROW, largest_side=4, samples=2) for seed in (4, 6)]
    results = run_axi_bench(emit_axi(NARROW, LINK_HOST), jobs, simulator=simulator, work_dir=tmp_path, seed=3)
    assert {result.name for result in results} == TESTS
    assert [result for result in results if result.message] == []


def test_the_bench_sees_a_wrong_output(tmp_path: Path) -> None:
    job = draw_link_job(4, NARROW, largest_side=4, samples=1)
    job.outputs[0, -1] ^= 1
    simulator = available_simulators()[-1]
    results = run_axi_bench(emit_axi(NARROW, LINK_HOST), [job], simulator=simulator, work_dir=tmp_path, seed=4)
    failed = {result.name: result.message for result in results if result.message}
    assert list(failed) == ["loads_networks_and_runs_them"]
    assert "assert" in failed["loads_networks_and_runs_them"]
