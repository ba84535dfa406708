"""The row-stationary cycle model: its accounts, and its cycles against those of the hardware, without a difference."""

from dataclasses import replace

import numpy as np
import pytest

from eyrie.bench import rowstat_engine
from eyrie.bench.rowstat_engine import SimulatedRowstat
from eyrie.cycles.rowstat.model import MAP_LATENCY, RowstatCycleModel, RowstatTiming
from eyrie.errors import InputError
from eyrie.golden.rowstat.model import RowstatModel
from eyrie.rowstat.commands import Opcode, Unit, pack, unpack
from eyrie.rowstat.config import TINY, RowstatConfig
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
    address = write_map(builder, rng.integers(low, high + 1, shape))
    for one, choices in layers:
        address, shape = add_layer(builder, one, address, shape, choices)
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
    timing = RowstatCycleModel(config, tape).run()
    require_accounts(timing)
    counts = RowstatModel(config, tape).run(filters, memory).counts
    assert timing.busy[Unit.FETCH] == counts.map_reads
    assert timing.busy[Unit.DELIVER] == counts.ifmap_network
    assert timing.busy[Unit.LOAD] == counts.filter_words
    assert timing.busy[Unit.COMPUTE] * config.n_pes == counts.multiplies + counts.gated + counts.unused
    drains = [unpack("drain", words) for unit, words in packets_of([int(word) for word in tape]) if unit == Unit.DRAIN]
    assert sum(one["filters"] * one["steps"] * one["columns"] for one in drains) == counts.drain_reads
    assert timing.busy[Unit.DRAIN] == sum(
        one["filters"] * one["steps"] * -(-one["columns"] // config.drain_lanes) for one in drains
    )


def test_slower_memory_takes_no_less() -> None:
    tape, _, _ = draw_tape(3, TINY)
    model = RowstatCycleModel(TINY, tape)
    cycles = [model.run(latency=latency).cycles for latency in (1, MAP_LATENCY, 50, 400)]
    assert cycles == sorted(cycles)
    assert cycles[-1] > cycles[0]


def test_nothing_to_do() -> None:
    assert MAP_LATENCY == rowstat_engine.MAP_LATENCY
    timing = RowstatCycleModel(TINY, np.zeros(1, np.uint64)).run()
    assert timing.cycles == 2
    assert timing.idle["end"] == 2


def test_units_that_wait_for_each_other_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of DELIVER's commands first: its queue fills, and COMPUTE's never come."""
    for check, result in (("_require_room", None), ("_require_layers_apart", None), ("_resolve", 0)):
        monkeypatch.setattr(f"eyrie.golden.rowstat.contract.{check}", lambda *_, result=result: result)
    tape, _, _ = draw_tape(33, TINY)
    packets = sorted(packets_of([int(word) for word in tape]), key=lambda packet: packet[0] == Unit.COMPUTE)
    changed = np.array(tape_of(packets), np.uint64)
    with pytest.raises(InputError, match=r"waits for ever, with queues of 16 words full"):
        RowstatCycleModel(TINY, changed).run()


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
    assert run.cycles == RowstatCycleModel(config, tape).run(latency=latency).cycles
