"""The emitted Verilog under cocotb: what benches of others would see."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from eyrie.bench.cocotb_run import BenchResult, SimulatorName, available_simulators, run_cocotb
from eyrie.bench.component import STALLS, Stall
from eyrie.bench.emitted import PE_MODULE, TOP, emit_core
from eyrie.bench.simulation import SimulationError
from eyrie.bench.traffic import Traffic, make_traffic, random_codes, random_inputs, save_traffic
from eyrie.eie.config import EieConfig
from tests.sim.bench.conftest import GEOMETRIES

BENCH = "eyrie.bench.cocotb_benches.eie_core"
TESTS = {"computes_one_network_after_another", "recovers_from_reset_in_the_middle", "refuses_what_is_broken"}


def networks(config: EieConfig, seed: int) -> list[Traffic]:
    rng = np.random.default_rng(seed)
    drawn = []
    for sizes in ([12, 9, 5], [7, 17]):
        layers = [random_codes(config, rng, rows, columns, 0.3) for columns, rows in pairwise(sizes)]
        drawn.append(make_traffic(config, rng, layers, random_inputs(config, rng, 2, sizes[0], 0.6)))
    return drawn


def run_bench(
    config: EieConfig,
    traffic: list[Traffic],
    simulator: SimulatorName,
    folder: Path,
    stall: Stall,
    *,
    seed: int,
    edit: tuple[str, str] = ("", ""),
    tests: tuple[str, ...] = (),
) -> tuple[BenchResult, ...]:
    save_traffic(folder / "traffic.npz", config, traffic)
    core = emit_core(config)
    assert edit[0] in core.text
    return run_cocotb(
        core.text.replace(*edit) if edit[0] else core.text,
        top=TOP,
        test_module=BENCH,
        simulator=simulator,
        work_dir=folder,
        seed=seed,
        environment={"EYRIE_BENCH_TRAFFIC": str(folder / "traffic.npz"), "EYRIE_BENCH_STALL": stall},
        tests=tests,
        not_inlined=(PE_MODULE,) if config.n_pes > 1 else (),
    )


@pytest.mark.parametrize("simulator", available_simulators())
@pytest.mark.parametrize(
    ("geometry_name", "stall"),
    [("4 PEs", "never"), ("4 PEs", "random"), ("5 PEs, odd widths", "alternate"), ("5 PEs, odd widths", "gaps")],
)
def test_the_bench_passes(simulator: SimulatorName, geometry_name: str, stall: Stall, tmp_path: Path) -> None:
    config, seed = GEOMETRIES[geometry_name], 40 + STALLS.index(stall)
    results = run_bench(config, networks(config, seed), simulator, tmp_path, stall, seed=seed)
    assert {result.name for result in results} == TESTS
    assert [result for result in results if result.message] == []


@pytest.mark.parametrize("simulator", available_simulators())
def test_the_bench_sees_a_wrong_output(simulator: SimulatorName, tmp_path: Path) -> None:
    config = GEOMETRIES["4 PEs"]
    traffic = networks(config, 50)
    traffic[1].outputs[1, -1] ^= 1
    results = {
        result.name: result.message for result in run_bench(config, traffic, simulator, tmp_path, "never", seed=1)
    }
    assert "assert" in results.pop("computes_one_network_after_another")
    assert set(results.values()) == {""}


@pytest.mark.parametrize("simulator", available_simulators())
def test_a_bench_of_which_nothing_runs_is_an_error(simulator: SimulatorName, tmp_path: Path) -> None:
    config = GEOMETRIES["4 PEs"]
    with pytest.raises(SimulationError, match="did not run no_such_test of"):
        run_bench(config, networks(config, 60), simulator, tmp_path, "never", seed=1, tests=("no_such_test",))


@pytest.mark.parametrize("simulator", available_simulators())
def test_an_assertion_that_fails_is_an_error(simulator: SimulatorName, tmp_path: Path) -> None:
    # The first of them is about a memory that the bench uses at once.
    config = GEOMETRIES["4 PEs"]
    with pytest.raises(SimulationError, match=r"broke off(.|\n)*read and write of one word in one cycle"):
        run_bench(
            config,
            networks(config, 61),
            simulator,
            tmp_path,
            "never",
            seed=1,
            edit=("assign clash = ", "assign clash = 1'b1 | "),
        )
