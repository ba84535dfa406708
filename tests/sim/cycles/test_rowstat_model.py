"""The row-stationary cycle model: its accounts, and its cycles against those of the hardware, without a difference."""

from dataclasses import replace

import numpy as np
import pytest

from eyrie.bench import rowstat_engine
from eyrie.bench.rowstat_engine import SimulatedRowstat
from eyrie.bench.simulation import SimulationError
from eyrie.cycles.rowstat.model import MAP_LATENCY, RowstatCycleModel, RowstatTiming
from eyrie.errors import InputError
from eyrie.golden.rowstat.model import RowstatModel
from eyrie.rowstat.commands import Opcode, Unit, pack, unpack
from eyrie.rowstat.config import BUS_WORDS, TINY, RowstatConfig
from tests.sim.golden.pool_tapes import Pool, add_pool
from tests.sim.golden.rowstat_tapes import (
    Builder,
    Choices,
    add_layer,
    draw_case,
    draw_config,
    draw_layer,
    packets_of,
    shuffled,
    tape_of,
    with_more_columns,
    write_map,
)

CONFIGS = {
    "TINY": TINY,
    "one PE": replace(TINY, rows=1, columns=1, command_depth=4, ifmap_ahead=0),
    "1 lane": replace(TINY, drain_lanes=1),
    "4 lanes": replace(TINY, rows=2, columns=7, drain_lanes=4),
}
Words = np.ndarray


def draw_tape(seed: int, config: RowstatConfig) -> tuple[Words, Words, Words]:
    """Tape, filters and memory of one or two layers."""
    layers, shape = draw_case(seed, config)
    rng = np.random.default_rng(seed)
    low, high = config.activation_range
    builder = Builder(config)
    x = rng.integers(low, high + 1, shape) * (rng.random(shape) < rng.choice([0.1, 0.5, 1]))
    address = write_map(builder, x, coded=layers[0][1].coded_inputs)
    for one, choices in layers:
        address, shape = add_layer(builder, one, address, shape, choices)
    return builder.finished()


def draw_pooled_tape(seed: int, config: RowstatConfig) -> tuple[Words, Words, Words]:
    """One or two layers, and behind each a pool of its outputs."""
    layers, shape = draw_case(seed, config)
    rng = np.random.default_rng(seed)
    builder = Builder(config)
    x = rng.integers(-128, 128, shape) * (rng.random(shape) < rng.random())
    address = write_map(builder, x, coded=layers[0][1].coded_inputs)
    for one, choices in layers:
        address, shape = add_layer(builder, one, address, shape, choices)
        kernel = (int(rng.integers(1, shape[2] + 1)), int(rng.integers(1, shape[3] + 1)))
        top, left, bottom, right = (int(rng.integers(size)) for size in kernel * 2)
        stride = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
        if shape[1] * shape[2] * -(-shape[3] // BUS_WORDS) <= config.ifmap_bank_words:
            pool = Pool(kernel=kernel, stride=stride, padding=(top, left, bottom, right))
            coded = (choices.coded_outputs, config.drain_lanes <= 2 and bool(rng.integers(2)))
            add_pool(builder, pool, address, shape, coded=coded)
    return builder.finished()


def require_accounts(timing: RowstatTiming) -> None:
    assert timing.busy[Unit.COMPUTE] + sum(timing.idle.values()) == timing.cycles
    assert min(timing.idle.values()) >= 0
    assert list(timing.layer_ends) == sorted(timing.layer_ends)
    assert timing.layer_ends[-1] <= timing.cycles


@pytest.mark.parametrize("seed", range(30))
def test_every_cycle_is_accounted_for(seed: int) -> None:
    config = draw_config(seed)
    tape, filters, memory = draw_tape(seed, config)
    golden = RowstatModel(config, tape).run(filters, memory)
    timing, counts = RowstatCycleModel(config, tape).run(memory=golden.memory), golden.counts
    require_accounts(timing)
    assert timing.busy[Unit.FETCH] == counts.map_reads
    assert timing.busy[Unit.DELIVER] == counts.ifmap_network
    assert timing.busy[Unit.LOAD] == counts.filter_network
    assert timing.busy[Unit.COMPUTE] * config.n_pes == counts.multiplies + counts.gated + counts.unused
    drains = [unpack("drain", words) for unit, words in packets_of([int(word) for word in tape]) if unit == Unit.DRAIN]
    assert sum(one["filters"] * one["steps"] * one["columns"] for one in drains) == counts.drain_reads
    assert timing.busy[Unit.DRAIN] == sum(
        one["filters"] * one["steps"] * -(-one["columns"] // config.drain_lanes) for one in drains
    )


def test_slower_memory_takes_no_less() -> None:
    tape, filters, memory = draw_tape(3, TINY)
    maps = RowstatModel(TINY, tape).run(filters, memory).memory
    model = RowstatCycleModel(TINY, tape)
    cycles = [model.run(latency=latency, memory=maps).cycles for latency in (1, MAP_LATENCY, 50, 400)]
    assert cycles == sorted(cycles)
    assert cycles[-1] > cycles[0]


def test_coded_maps_must_be_there() -> None:
    config = draw_config(1)
    layers, shape = draw_case(1, config)
    (layer, choices) = layers[0]
    builder = Builder(config)
    address = write_map(builder, np.ones(shape, np.int64), coded=True)
    add_layer(builder, layer, address, shape, replace(choices, coded_inputs=True))
    tape, _, memory = builder.finished()
    model = RowstatCycleModel(config, tape)
    with pytest.raises(
        InputError, match=r"coded_fetch of FETCH at word \d+ of the tape: its cycles depend on the coded"
    ):
        model.run()
    with pytest.raises(InputError, match=r"coded_fetch of FETCH .*: row 0 has no last word"):
        model.run(memory=np.zeros_like(memory))
    with pytest.raises(InputError, match=r"coded_fetch of FETCH .*: reads word \d+ of a memory of 1 words"):
        model.run(memory=memory[:1])
    # Every word a last one: rows of zeros, a word each.
    empty = model.run(memory=np.full_like(memory, np.uint64(1 << 63)))
    words = -(-shape[3] // 3)
    assert model.run(memory=memory).busy[Unit.FETCH] == words * empty.busy[Unit.FETCH] > empty.busy[Unit.FETCH]


def test_nothing_to_do() -> None:
    assert MAP_LATENCY == rowstat_engine.MAP_LATENCY
    timing = RowstatCycleModel(TINY, np.zeros(1, np.uint64)).run()
    assert timing.cycles == 2
    assert timing.idle["end"] == 2


def test_units_that_wait_for_each_other_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of DELIVER's commands first: its queue fills, and COMPUTE's never come."""
    tape, filters, memory = draw_tape(33, TINY)
    maps = RowstatModel(TINY, tape).run(filters, memory).memory
    for check, result in (("_require_room", None), ("_require_layers_apart", None), ("_resolve", 0)):
        monkeypatch.setattr(f"eyrie.golden.rowstat.contract.{check}", lambda *_, result=result: result)
    packets = sorted(packets_of([int(word) for word in tape]), key=lambda packet: packet[0] == Unit.COMPUTE)
    changed = np.array(tape_of(packets), np.uint64)
    with pytest.raises(InputError, match=r"waits for ever, with queues of 16 words full"):
        RowstatCycleModel(TINY, changed).run(memory=maps)


@pytest.mark.parametrize("seed", range(36))
@pytest.mark.parametrize("name", CONFIGS)
def test_hardware_takes_as_many_cycles(name: str, seed: int) -> None:
    config = CONFIGS[name]
    tape, filters, memory = draw_tape(seed, config)
    rng = np.random.default_rng(seed)
    if seed % 3 == 1:
        tape = shuffled(config, tape, rng, moves=min(25, 20_000 // len(tape)))
    elif seed % 3 == 2:
        tape = with_more_columns(config, tape, rng)
    latency = int(rng.integers(1, 60))
    require_same(config, tape, filters, memory, latency=latency)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("name", CONFIGS)
def test_hardware_takes_as_many_cycles_for_pools(name: str, seed: int) -> None:
    config = CONFIGS[name]
    tape, filters, memory = draw_pooled_tape(seed, config)
    rng = np.random.default_rng(seed)
    if seed % 2:
        tape = shuffled(config, tape, rng, moves=min(25, 20_000 // len(tape)))
    require_same(config, tape, filters, memory, latency=int(rng.integers(1, 60)))


def test_hardware_changes_layers_that_do_not_wait_for_each_other() -> None:
    rng = np.random.default_rng(0)
    builder = Builder(TINY)
    shape = (1, 1, 3, 4)
    address = write_map(builder, rng.integers(-99, 99, shape))
    for _ in range(4):
        layer = draw_layer(rng, 1, 1, (3, 1))
        add_layer(builder, layer, address, shape, Choices(filters=1, extra_region=3), first_input=True)
    require_same(TINY, *builder.finished(), latency=1)


def test_hardware_has_few_requests_ahead() -> None:
    words = []
    for number in range(20):
        fetch = pack(
            "fetch",
            opcode=Opcode.WORK,
            wait_delivered=0,
            wait_drained=0,
            bank_address=number,
            channels=1,
            words=1,
            map_address=number,
            channel_stride=0,
        )
        words += [*pack("header", unit=Unit.FETCH, count=len(fetch)), *fetch]
    tape = np.array([*words, *pack("header", unit=Unit.END, count=0)], np.uint64)
    require_same(TINY, tape, np.zeros(0, np.uint64), np.zeros(20, np.uint64), latency=60)


def require_same(config: RowstatConfig, tape: Words, filters: Words, memory: Words, *, latency: int) -> None:
    run = SimulatedRowstat(config).run(tape, filters, memory, latency=latency, max_cycles=1 << 20)
    assert np.array_equal(run.memory, RowstatModel(config, tape).run(filters, memory).memory)
    assert run.cycles == RowstatCycleModel(config, tape).run(latency=latency, memory=run.memory).cycles


def test_hardware_watches_the_read_port_that_passes_and_pools_share(capfd: pytest.CaptureFixture[str]) -> None:
    """On a tape that the golden model refuses, pools and passes that do not wait for each other."""
    x = np.random.default_rng(0).integers(-99, 99, (1, 4, 6, 8))
    builder = Builder(TINY)
    address = write_map(builder, x)
    add_pool(builder, Pool(kernel=(4, 4)), address, x.shape, bank_address=64)
    layer = draw_layer(np.random.default_rng(1), 1, 4, (3, 3))
    add_layer(builder, layer, address, x.shape, Choices(filters=1), first_input=True)
    tape, filters, memory = builder.finished()
    with pytest.raises(InputError, match="takes the read port of the ifmap bank without a wait"):
        RowstatModel(TINY, tape).run(filters, memory)
    with pytest.raises(SimulationError, match="an assertion in the hardware failed"):
        SimulatedRowstat(TINY).run(tape, filters, memory, max_cycles=1 << 16)
    assert "pass and pool read the ifmap bank in one cycle" in capfd.readouterr().err
