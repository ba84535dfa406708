"""The engine in compiled simulation against the golden model, bit for bit."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from eyrie.bench.emitted import emit_core
from eyrie.bench.engine import SimulatedEngine
from eyrie.bench.simulation import SimulationError, Stall
from eyrie.bench.traffic import Traffic, make_traffic, random_codes, random_inputs
from eyrie.eie.config import TINY, EieConfig
from eyrie.eie.load_format import LoadError
from eyrie.errors import InputError

STALLS: tuple[Stall, ...] = ("never", "alternate", "random", "gaps")


def draw(config: EieConfig, seed: int, sizes: list[int], density: float = 0.25) -> Traffic:
    rng = np.random.default_rng(seed)
    layers = [random_codes(config, rng, rows, columns, density) for columns, rows in pairwise(sizes)]
    return make_traffic(config, rng, layers, random_inputs(config, rng, 3, sizes[0], 0.6), scaled=bool(seed % 2))


def shapes(config: EieConfig) -> dict[str, list[int]]:
    """Layer sizes that need what their names say."""
    bank, rows = config.n_pes * config.activation_depth, config.n_pes * config.accumulator_depth
    return {
        "one layer": [bank, min(bank, rows)],
        "three layers": [bank - 1, rows // 2 + 1, 3, rows - 1],
        "two passes": [bank // 2, rows + 3],
        "two batches": [bank + 2, rows // 2],
        "both": [bank + 5, rows + 1],
    }


@pytest.mark.parametrize("stall", STALLS)
def test_all_shapes_under_stalls(geometry: EieConfig, stall: Stall) -> None:
    engine = SimulatedEngine(geometry, stall=stall, seed=STALLS.index(stall))
    free = SimulatedEngine(geometry)
    for seed, (name, sizes) in enumerate(shapes(geometry).items()):
        traffic = draw(geometry, seed, sizes, density=0.1)
        engine.load(traffic.words)
        free.load(traffic.words)
        for number, (inputs, outputs) in enumerate(zip(traffic.inputs, traffic.outputs, strict=True)):
            found = engine.run(inputs, len(outputs))
            assert np.array_equal(found, outputs), f"{name}, seed {seed}, sample {number}: {found} is not {outputs}"
            # Cycles count neither waiting for input nor emitting.
            assert np.array_equal(free.run(inputs, len(outputs)), outputs)
            assert engine.cycles == free.cycles > 0
    assert engine.error is LoadError.NONE


def test_what_registers_and_memories_held_before_makes_no_difference() -> None:
    traffic = draw(TINY, 5, [40, 30, 20])
    cycles = set()
    for seed in range(8):
        engine = SimulatedEngine(TINY, seed=seed)
        engine.load(traffic.words)
        assert np.array_equal(engine.run(traffic.inputs[0], 20), traffic.outputs[0]), f"seed {seed}"
        cycles.add(engine.cycles)
    assert len(cycles) == 1


def test_a_run_in_pieces_is_the_same_run() -> None:
    traffic = draw(TINY, 6, [50, 24])
    engine = SimulatedEngine(TINY)
    engine.load(traffic.words)
    whole = engine.run(traffic.inputs[0], 24)
    cycles = engine.cycles
    engine.start()
    engine.exchange(traffic.inputs[0][:20], 0)
    parts = [engine.exchange(traffic.inputs[0][20:], 7), engine.exchange(np.zeros(0, np.int64), 17)]
    engine.finish()
    assert np.array_equal(np.concatenate(parts), whole)
    assert engine.cycles == cycles


def test_a_reset_in_the_middle_forgets_the_network() -> None:
    traffic = draw(TINY, 7, [50, 24])
    engine = SimulatedEngine(TINY, stall="random", seed=7)
    for sent in (0, 25, 50):
        engine.load(traffic.words)
        engine.start()
        engine.exchange(traffic.inputs[0][:sent], 0)
        engine.core.reset()
        with pytest.raises(InputError, match="refused to start: NOT_LOADED"):
            engine.start()
        engine.load(traffic.words)
        assert np.array_equal(engine.run(traffic.inputs[1], 24), traffic.outputs[1])


def test_what_is_broken_is_refused_and_named() -> None:
    traffic = draw(TINY, 8, [50, 24])
    engine = SimulatedEngine(TINY)
    broken = []
    for place, error in ((0, "MAGIC"), (1, "VERSION"), (2, "HASH"), (3, "HASH"), (20, "CRC"), (-1, "CRC")):
        broken.append((traffic.words.copy(), error))
        broken[-1][0][place] ^= 1 << 7
    broken.append((traffic.words[:-1], "LENGTH"))
    broken.append((traffic.words[:1], "LENGTH"))
    broken.append((np.append(traffic.words, np.uint32(0)), "LENGTH"))
    for before in (traffic.words, *(words for words, _ in broken)):
        for words, error in broken:
            engine.core.load(before)
            with pytest.raises(InputError, match=f"refused the load stream: {error}"):
                engine.load(words)
            with pytest.raises(InputError, match="refused to start: NOT_LOADED"):
                engine.start()
    engine.load(traffic.words)
    assert np.array_equal(engine.run(traffic.inputs[0], 24), traffic.outputs[0])


def test_what_does_not_fit_the_network_is_noticed() -> None:
    traffic = draw(TINY, 9, [50, 24])
    engine = SimulatedEngine(TINY)
    engine.max_cycles = 5_000
    inputs = traffic.inputs[0]
    for sent, received, message in (
        (49, 24, "did not finish within 5000 cycles"),
        (51, 24, "did not finish within 5000 cycles"),
        (50, 25, "did not finish within 5000 cycles"),
        (50, 23, "more outputs than"),
    ):
        engine.core.reset()
        engine.load(traffic.words)
        with pytest.raises(SimulationError, match=message):
            engine.run(np.append(inputs, 1)[:sent], received)
    with pytest.raises(InputError, match="inputs must be -32768 to 32767, not 0 to 32768"):
        engine.exchange(np.array([0, 32768]), 0)
    with pytest.raises(InputError, match=r"one sample, \(n,\), not \(1, 50\)"):
        engine.exchange(traffic.inputs[:1], 0)


def test_hardware_of_another_configuration_is_refused() -> None:
    with pytest.raises(SimulationError, match=f"not {TINY.hash:016x}"):
        SimulatedEngine(TINY, emit_core(replace(TINY, n_pes=1)))
