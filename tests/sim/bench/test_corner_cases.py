"""The corner cases, by name, on the emitted Verilog: in compiled simulation with stalls, and under cocotb."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from eyrie.bench.cocotb_run import SimulatorName, available_simulators, run_cocotb
from eyrie.bench.emitted import TOP, emit_core
from eyrie.bench.engine import SimulatedEngine
from eyrie.bench.simulation import STALLS, Stall
from eyrie.bench.traffic import Traffic, save_traffic
from eyrie.eie.config import EieConfig
from tests.hw.eie.network import compile_by_hand, random_vector
from tests.hw.eie.test_core_corner_cases import CASES, CONFIG, LIMITED, slow_pe


@cache
def engine_for(config: EieConfig) -> SimulatedEngine:
    return SimulatedEngine(config, seed=5)


def traffic_of(case: str) -> Traffic:
    """The case's network with a dense vector, one at the most negative value throughout, and one of zeros."""
    config, layers = CASES[case]
    program = compile_by_hand(config, layers)
    columns = layers[0].codes.shape[1]
    vectors = [random_vector(config, columns, seed=1, density=1), [config.activation_range[0]] * columns, [0] * columns]
    streams = [program.streams(vector) for vector in vectors]
    return Traffic(
        words=np.array(program.words, np.uint32),
        inputs=np.array([inputs for inputs, _ in streams], np.int64),
        outputs=np.array([outputs for _, outputs in streams], np.int64),
    )


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("case", CASES)
def test_in_compiled_simulation(case: str, stall: Stall) -> None:
    engine, traffic = engine_for(CASES[case][0]), traffic_of(case)
    engine.set_stalls(stall, seed=11)
    engine.load(traffic.words)
    for inputs, outputs in zip(traffic.inputs, traffic.outputs, strict=True):
        assert engine.run(inputs, len(outputs)).tolist() == outputs.tolist()


@pytest.mark.parametrize("stall", STALLS)
def test_queue_full_for_a_thousand_cycles(stall: Stall) -> None:
    """A slow PE: the broadcast is stopped at the last moment all the time, and no assertion of the hardware fails."""
    columns = 100
    program = slow_pe(2, columns)
    engine = engine_for(program.config)
    engine.set_stalls(stall, seed=12)
    engine.load(np.array(program.words, np.uint32))
    for seed in range(3):
        inputs, outputs = program.streams(random_vector(program.config, columns, seed, density=1))
        assert engine.run(np.array(inputs), len(outputs)).tolist() == outputs
        assert 72 * columns < engine.cycles < 72 * columns + 72 + 80


@pytest.mark.parametrize("simulator", available_simulators())
@pytest.mark.parametrize("config", [CONFIG, LIMITED], ids=lambda config: f"{config.n_pes} PEs")
def test_under_cocotb(config: EieConfig, simulator: SimulatorName, tmp_path: Path) -> None:
    """All cases of a geometry, every network loaded over the one before."""
    cases = [case for case, (geometry, _) in CASES.items() if geometry == config]
    assert len(cases) >= 4
    save_traffic(tmp_path / "traffic.npz", config, [traffic_of(case) for case in cases])
    results = run_cocotb(
        emit_core(config).text,
        top=TOP,
        test_module="eyrie.bench.cocotb_benches.eie_core",
        simulator=simulator,
        work_dir=tmp_path,
        seed=3,
        tests=("computes_one_network_after_another",),
        environment={"EYRIE_BENCH_TRAFFIC": str(tmp_path / "traffic.npz"), "EYRIE_BENCH_STALL": "random"},
    )
    assert [result.message for result in results] == [""]
