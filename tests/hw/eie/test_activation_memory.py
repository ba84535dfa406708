"""ActivationReadWrite: lists of non-zeros in two banks, sent in turn."""

import dataclasses
import random
from typing import Any

import pytest

from eyrie.bench.component import STALLS, Stall, run, stalls
from eyrie.common.emit import emit_verilog
from eyrie.eie.activation_memory import ActivationReadWrite
from eyrie.eie.config import TINY, EieConfig

DEPTHS = [1, 2, 3, 16, 33]
"""Lists in distributed RAM but for the last, which are in block RAM."""


def configuration(activation_depth: int, **fields: int) -> EieConfig:
    return dataclasses.replace(TINY, activation_depth=activation_depth, **fields)


def write(bank: int, values: list[int], *, index: int = 0, keep: bool = False, gaps: int = 0) -> list[dict[str, Any]]:
    """The cycles that write elements from a local index on."""
    cycles: list[dict[str, Any]] = [{"open": 1, "bank": bank, "keep": keep, "index": index}]
    for value in values:
        cycles += [{"valid": 1, "value": value}, *[{"value": -1}] * gaps]
    return cycles


def rewind(bank: int, *, all_out: bool, index: int = 0, turn: bool = True) -> dict[str, Any]:
    """The cycle that begins to read; the turn to send a whole list is given with it."""
    return {"rewind": 1, "bank": bank, "all_out": all_out, "index": index, "turn_in": all_out and turn}


def nonzero(values: list[int], index: int = 0) -> list[dict[str, int]]:
    return [{"value": value, "local": local} for local, value in enumerate(values, index) if value]


def vector(n: int, seed: int, density: float = 0.5) -> list[int]:
    draw = random.Random(f"{n} {seed}")
    return [draw.choice([-(1 << 15), (1 << 15) - 1, -1, 3]) if draw.random() < density else 0 for _ in range(n)]


@dataclasses.dataclass(frozen=True)
class Sent:
    """What was sent, and the cycles in which it was, in which there was a turn, and in which that was handed on."""

    items: list[dict[str, int]]
    at: list[int]
    pending_at: list[int]
    turn_out_at: list[int]


def read(dut: ActivationReadWrite, preload: list[dict[str, Any]], *, cycles: int = 60, **levels: list[Any]) -> Sent:
    """Watch a component for so many cycles after `preload`; an activation is out in the cycle after it was sent."""
    seen = run(
        dut, {}, {}, preload=preload, levels=levels, watch=["o", "pending", "turn_out"], after=cycles + 1
    ).watched
    outs = seen["o"]
    for out in outs:
        assert out["valid"] or not (out["value"] or out["local"]), "what is not sent must not be seen"
    at = [cycle - 1 for cycle, out in enumerate(outs) if out["valid"]]
    return Sent(
        items=[{"value": out["value"], "local": out["local"]} for out in outs if out["valid"]],
        at=at,
        pending_at=[cycle for cycle, up in enumerate(seen["pending"]) if up],
        turn_out_at=[cycle for cycle, up in enumerate(seen["turn_out"]) if up],
    )


@pytest.mark.parametrize("held", STALLS)
@pytest.mark.parametrize("activation_depth", DEPTHS)
@pytest.mark.parametrize("density", [0, 0.3, 1])
def test_all_non_zeros_in_order_in_the_cycles_that_are_free(activation_depth: int, density: float, held: Stall) -> None:
    banks = [vector(activation_depth, seed, density) for seed in (1, 2)]
    holding = stalls(held, f"{activation_depth}")
    holds = [next(holding) for _ in range(400)]
    free = [cycle for cycle, hold in enumerate(holds) if not hold]
    for bank in (0, 1):
        expected = nonzero(banks[bank])
        preload = [*write(0, banks[0]), *write(1, banks[1], gaps=1), rewind(bank, all_out=True)]
        sent = read(ActivationReadWrite(configuration(activation_depth)), preload, cycles=399, hold=holds)
        assert sent.items == expected
        assert sent.at == free[: len(expected)]
        # The turn goes on with the last activation; without any, in the first cycle that is free.
        last = free[max(len(expected), 1) - 1]
        assert sent.turn_out_at == [last]
        assert sent.pending_at == list(range(last + 1))


@pytest.mark.parametrize("turn_at", [0, 1, 7])
@pytest.mark.parametrize("activation_depth", [16, 33])
def test_nothing_is_sent_before_it_is_the_turn(activation_depth: int, turn_at: int) -> None:
    values = vector(activation_depth, 3)
    preload = [*write(1, values), rewind(1, all_out=True, turn=False)]
    turns = [cycle == turn_at for cycle in range(turn_at + 2)]
    sent = read(ActivationReadWrite(configuration(activation_depth)), preload, turn_in=turns)
    assert sent.items == nonzero(values)
    assert sent.at == sent.pending_at == list(range(turn_at + 1, turn_at + 1 + len(sent.items)))
    assert sent.turn_out_at == sent.at[-1:]


@pytest.mark.parametrize("bank", [0, 1])
def test_passes_fill_one_bank_and_open_empties_it(bank: int) -> None:
    first, second, other = vector(7, 1), vector(5, 2), vector(9, 3, density=1)
    written = [
        *write(bank, [5] * 16),
        *write(bank, first),
        *write(1 - bank, other),
        *write(bank, second, index=7, keep=True, gaps=2),
    ]
    expected = {bank: nonzero(first + second), 1 - bank: nonzero(other)}
    for which in (0, 1):
        sent = read(ActivationReadWrite(configuration(16)), [*written, rewind(which, all_out=True)])
        assert sent.items == expected[which]


@pytest.mark.parametrize("activation_depth", [16, 33])
def test_a_bank_can_be_read_again(activation_depth: int) -> None:
    values = vector(16, 4)
    again = [cycle == 40 for cycle in range(42)]
    sent = read(
        ActivationReadWrite(configuration(activation_depth)),
        [*write(1, values), rewind(1, all_out=True)],
        rewind=again,
        bank=again,
        all_out=again,
        turn_in=again,
    )
    assert sent.items == 2 * nonzero(values)


@pytest.mark.parametrize("hold", [False, True])
@pytest.mark.parametrize("all_out", [False, True])
@pytest.mark.parametrize("activation_depth", [16, 33])
def test_a_rewind_ends_a_turn(activation_depth: int, all_out: bool, hold: bool) -> None:
    # Four of nine are sent before, or none if all is held; with the rewind there is no turn, until a new one comes.
    values = list(range(1, 10))
    again = [cycle == 4 for cycle in range(6)]
    sent = read(
        ActivationReadWrite(configuration(activation_depth)),
        [*write(0, values), rewind(0, all_out=True)],
        rewind=again,
        all_out=[all_out and at_that for at_that in again],
        hold=[hold] * 5 + [False],
        turn_in=[cycle == 20 for cycle in range(22)],
    )
    before = 0 if hold else 4
    assert [item["value"] for item in sent.items] == values[:before] + values
    assert sent.pending_at == [*range(5), *range(21, 30)]
    assert sent.turn_out_at == [29]


@pytest.mark.parametrize("n", [0, 1])
def test_a_rewind_with_the_last_activation_hands_no_turn_on(n: int) -> None:
    sent = read(
        ActivationReadWrite(configuration(16)),
        [*write(0, [5] * n), rewind(0, all_out=True)],
        rewind=[1, 0],
        all_out=[1, 0],
    )
    assert (sent.items, sent.pending_at, sent.turn_out_at) == ([], [0], [])


@pytest.mark.parametrize("held", STALLS)
@pytest.mark.parametrize("density", [0, 0.4, 1])
@pytest.mark.parametrize("activation_depth", DEPTHS)
def test_emission_sends_each_element_in_its_cycle_and_no_zeros(
    activation_depth: int, density: float, held: Stall
) -> None:
    # A hold does not concern it.
    values = vector(activation_depth, 5, density)
    holding = stalls(held, f"{activation_depth}")
    emits = [not next(holding) for _ in range(400)]
    asked = [cycle for cycle, emit in enumerate(emits) if emit][:activation_depth]
    preload = [*write(0, [9] * activation_depth), *write(1, values), rewind(1, all_out=False)]
    sent = read(
        ActivationReadWrite(configuration(activation_depth)),
        preload,
        cycles=asked[-1] + 5,
        emit=[*emits[: asked[-1] + 1], False],
        hold=emits[::-1],
    )
    assert sent.items == nonzero(values)
    assert sent.at == [at for at, value in zip(asked, values, strict=True) if value]
    assert sent.pending_at == sent.turn_out_at == []


@pytest.mark.parametrize("activation_depth", [16, 33])
def test_emission_from_a_later_index(activation_depth: int) -> None:
    values = vector(6, 6)
    preload = [*write(0, values, index=10), rewind(0, all_out=False, index=10)]
    sent = read(ActivationReadWrite(configuration(activation_depth)), preload, emit=[1] * 6 + [0])
    assert sent.items == nonzero(values, 10)
    assert sent.at == [at for at, value in enumerate(values) if value]


@pytest.mark.parametrize("activation_depth", [16, 33])
def test_emission_from_below_what_the_bank_holds(activation_depth: int) -> None:
    values = vector(6, 6, density=1)
    preload = [*write(0, values, index=10), rewind(0, all_out=False)]
    sent = read(ActivationReadWrite(configuration(activation_depth)), preload, emit=[1] * 16 + [0])
    assert sent.items == nonzero(values, 10)
    assert sent.at == list(range(10, 16))


def test_emission_sends_nothing_after_the_last_of_a_list() -> None:
    # Behind it in memory lies what the list held before: elements whose local indices are yet to come.
    old = [7] * 16
    preload = [*write(0, old), *write(0, [3, 4, 0, 0]), rewind(0, all_out=False)]
    sent = read(ActivationReadWrite(configuration(16)), preload, emit=[1] * 16 + [0])
    assert sent.items == nonzero([3, 4])


def test_a_broadcast_does_not_move_the_place_where_a_drain_writes() -> None:
    # As a step does it: the bank that the drain writes is opened before the other is read.
    sources, drained = nonzero(vector(9, 7)), vector(6, 8, density=1)
    later = [cycle == 40 for cycle in range(42)]
    sent = read(
        ActivationReadWrite(configuration(16)),
        [*write(0, vector(9, 7)), {"open": 1, "bank": 1, "index": 10}, {**rewind(0, all_out=True), "index": 3}],
        valid=[20 <= cycle < 26 for cycle in range(27)],
        value=[0] * 20 + drained,
        rewind=later,
        bank=later,
        all_out=later,
        turn_in=later,
    )
    assert max(sent.at[: len(sources)]) < 20
    assert sent.items == sources + nonzero(drained, 10)


@pytest.mark.parametrize("stall", STALLS)
def test_zeros_take_a_place_but_no_memory(stall: Stall) -> None:
    # More elements than memory words, as long as the non-zero ones fit: the last local index is what limits.
    held = stalls(stall, "gaps")
    values = [0] * 15 + [4]
    cycles = write(0, [])
    for value in values:
        while next(held):
            cycles.append({"value": 1})
        cycles.append({"valid": 1, "value": value})
    sent = read(ActivationReadWrite(configuration(16)), [*cycles, rewind(0, all_out=True)])
    assert sent.items == [{"value": 4, "local": 15}]


@pytest.mark.parametrize("lut_ram", [False, True])
@pytest.mark.parametrize("activation_depth", [32, 33])
def test_memories_of_either_kind(activation_depth: int, lut_ram: bool) -> None:
    dut = ActivationReadWrite(configuration(activation_depth, lut_ram=lut_ram))
    banks = [vector(activation_depth, seed) for seed in (9, 10)]
    preload = [*write(0, banks[0]), *write(1, banks[1]), rewind(1, all_out=True)]
    sent = read(dut, preload)
    assert sent.items == nonzero(banks[1])
    assert sent.at == list(range(len(sent.items)))
    # Read without a clock, and only then: the head needs no register of its own.
    text = emit_verilog(dut, name="lists", prefix="lists").text
    assert ("assign read_data = words[" in text) == (lut_ram and activation_depth == 32)
