"""A reset of one cycle in every cycle of a run, in the emitted Verilog: PEs hear of it later than the control."""

import dataclasses

import numpy as np
import pytest

from eyrie.bench.engine import SimulatedEngine
from eyrie.bench.traffic import make_traffic, random_codes, random_inputs
from eyrie.eie.config import TINY


@pytest.mark.parametrize(("n_pes", "n_inputs", "n_outputs"), [(4, 50, 24), (21, 120, 60)])
def test_the_next_run_is_exact(n_pes: int, n_inputs: int, n_outputs: int) -> None:
    config = dataclasses.replace(TINY, n_pes=n_pes, queue_depth=2)
    rng = np.random.default_rng(n_pes)
    layers = [random_codes(config, rng, n_outputs, n_inputs, 0.25)]
    traffic = make_traffic(config, rng, layers, random_inputs(config, rng, 2, n_inputs, 0.6), scaled=False)
    left, finished = traffic.inputs
    engine = SimulatedEngine(config)
    engine.load(traffic.words)
    assert np.array_equal(engine.run(finished, n_outputs), traffic.outputs[1])
    cycles = engine.cycles
    # The run that is left takes about as long, and then emits.
    for after in range(0, cycles + n_outputs // 2, 1 + n_pes // 16):
        engine.load(traffic.words)
        engine.start()
        engine.exchange(left, 0)
        engine.core.wait(after)
        engine.core.reset(cycles=1)
        engine.load(traffic.words)
        assert np.array_equal(engine.run(finished, n_outputs), traffic.outputs[1]), f"reset after {after} cycles"
        assert engine.cycles == cycles, f"reset after {after} cycles"
