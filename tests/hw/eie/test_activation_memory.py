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
        cycles += [{"valid": 1, "nonzero": value != 0, "value": value}, *[{"value": -1}] * gaps]
    return cycles


def rewind(bank: int, *, all_out: bool, index: int = 0, turn: bool = True) -> list[dict[str, Any]]:
    """The cycle that begins to read, and after it that in which the turn to send a whole list is given."""
    begin = {"rewind": 1, "bank": bank, "all_out": all_out, "index": index}
    return [begin, {"turn_in": 1}] if all_out and turn else [begin]


def nonzero(values: list[int], index: int = 0) -> list[dict[str, int]]:
    return [{"value": value, "local": local} for local, value in enumerate(values, index) if value]


def vector(n: int, seed: int, density: float = 0.5) -> list[int]:
    draw = random.Random(f"{n} {seed}")
    return [draw.choice([-(1 << 15), (1 << 15) - 1, -1, 3]) if draw.random() < density else 0 for _ in range(n)]


@dataclasses.dataclass(frozen=True)
class Sent:
    """What was sent, and the cycles in which it was, and in which a turn was handed on."""

    items: list[dict[str, int]]
    at: list[int]
    turn_out_at: list[int]


def read(dut: ActivationReadWrite, preload: list[dict[str, Any]], *, cycles: int = 60, **levels: list[Any]) -> Sent:
    """Watch a component for so many cycles after `preload`; an activation is out in the cycle after it was sent."""
    seen = run(dut, {}, {}, preload=preload, levels=levels, watch=["o", "turn_out"], after=cycles + 1).watched
    outs = seen["o"]
    for out in outs:
        assert out["valid"] or not (out["value"] or out["local"]), "what is not sent must not be seen"
    at = [cycle - 1 for cycle, out in enumerate(outs) if out["valid"]]
    return Sent(
        items=[{"value": out["value"], "local": out["local"]} for out in outs if out["valid"]],
        at=at,
        turn_out_at=[cycle for cycle, up in enumerate(seen["turn_out"]) if up],
    )


@pytest.mark.parametrize("held", STALLS)
@pytest.mark.parametrize("activation_depth", DEPTHS)
@pytest.mark.parametrize("density", [0, 0.3, 1])
def test_all_non_zeros_in_order_in_the_cycles_that_are_free(activation_depth: int, density: float, held: Stall) -> None:
    banks = [vector(activation_depth, seed, density) for seed in (1, 2)]
    holding = stalls(held, f"{activation_depth}")
    holds = [next(holding) for _ in range(400)]
    free = [cycle for cycle, held_before in enumerate([False, *holds]) if not held_before]
    for bank in (0, 1):
        expected = nonzero(banks[bank])
        preload = [*write(0, banks[0]), *write(1, banks[1], gaps=1), *rewind(bank, all_out=True)]
        sent = read(ActivationReadWrite(configuration(activation_depth)), preload, cycles=399, hold=holds)
        assert sent.items == expected
        assert sent.at == free[: len(expected)]
        # The turn goes on with the last activation; without any, in the first cycle that is free.
        assert sent.turn_out_at == [free[max(len(expected), 1) - 1]]


@pytest.mark.parametrize("turn_at", [0, 1, 7])
@pytest.mark.parametrize("activation_depth", [16, 33])
def test_nothing_is_sent_before_it_is_the_turn(activation_depth: int, turn_at: int) -> None:
    values = vector(activation_depth, 3)
    preload = [*write(1, values), *rewind(1, all_out=True, turn=False)]
    turns = [cycle == turn_at for cycle in range(turn_at + 2)]
    sent = read(ActivationReadWrite(configuration(activation_depth)), preload, turn_in=turns)
    assert sent.items == nonzero(values)
    assert sent.at == list(range(turn_at + 1, turn_at + 1 + len(sent.items)))
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
        sent = read(ActivationReadWrite(configuration(16)), [*written, *rewind(which, all_out=True)])
        assert sent.items == expected[which]


@pytest.mark.parametrize("activation_depth", [16, 33])
def test_a_bank_can_be_read_again(activation_depth: int) -> None:
    values = vector(16, 4)
    again = [cycle == 40 for cycle in range(42)]
    sent = read(
        ActivationReadWrite(configuration(activation_depth)),
        [*write(1, values), *rewind(1, all_out=True)],
        rewind=again,
        bank=again,
        all_out=again,
        turn_in=[False, *again],
    )
    assert sent.items == 2 * nonzero(values)


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
    preload = [*write(0, [9] * activation_depth), *write(1, values), *rewind(1, all_out=False)]
    sent = read(
        ActivationReadWrite(configuration(activation_depth)),
        preload,
        cycles=asked[-1] + 5,
        emit=[*emits[: asked[-1] + 1], False],
        hold=emits[::-1],
    )
    assert sent.items == nonzero(values)
    assert sent.at == [at for at, value in zip(asked, values, strict=True) if value]
    assert sent.turn_out_at == []


@pytest.mark.parametrize("activation_depth", [16, 33])
def test_emission_from_a_later_index(activation_depth: int) -> None:
    values = vector(6, 6)
    preload = [*write(0, values, index=10), *rewind(0, all_out=False, index=10)]
    sent = read(ActivationReadWrite(configuration(activation_depth)), preload, emit=[1] * 6 + [0])
    assert sent.items == nonzero(values, 10)
    assert sent.at == [at for at, value in enumerate(values) if value]


@pytest.mark.parametrize("activation_depth", [16, 33])
def test_emission_from_below_what_the_bank_holds(activation_depth: int) -> None:
    values = vector(6, 6, density=1)
    preload = [*write(0, values, index=10), *rewind(0, all_out=False)]
    sent = read(ActivationReadWrite(configuration(activation_depth)), preload, emit=[1] * 16 + [0])
    assert sent.items == nonzero(values, 10)
    assert sent.at == list(range(10, 16))


def test_emission_sends_nothing_after_the_last_of_a_list() -> None:
    # Behind it in memory lies what the list held before: elements whose local indices are yet to come.
    old = [7] * 16
    preload = [*write(0, old), *write(0, [3, 4, 0, 0]), *rewind(0, all_out=False)]
    sent = read(ActivationReadWrite(configuration(16)), preload, emit=[1] * 16 + [0])
    assert sent.items == nonzero([3, 4])


def test_a_broadcast_does_not_move_the_place_where_a_drain_writes() -> None:
    # As a step does it: the bank that the drain writes is opened before the other is read.
    sources, drained = nonzero(vector(9, 7)), vector(6, 8, density=1)
    later = [cycle == 40 for cycle in range(42)]
    sent = read(
        ActivationReadWrite(configuration(16)),
        [*write(0, vector(9, 7)), {"open": 1, "bank": 1, "index": 10}, *rewind(0, all_out=True, index=3)],
        valid=[20 <= cycle < 26 for cycle in range(27)],
        nonzero=[20 <= cycle < 26 for cycle in range(27)],
        value=[0] * 20 + drained,
        rewind=later,
        bank=later,
        all_out=later,
        turn_in=[False, *later],
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
        cycles.append({"valid": 1, "nonzero": value != 0, "value": value})
    sent = read(ActivationReadWrite(configuration(16)), [*cycles, *rewind(0, all_out=True)])
    assert sent.items == [{"value": 4, "local": 15}]


@pytest.mark.parametrize("lut_ram", [False, True])
@pytest.mark.parametrize("activation_depth", [32, 33])
def test_memories_of_either_kind(activation_depth: int, lut_ram: bool) -> None:
    dut = ActivationReadWrite(configuration(activation_depth, lut_ram=lut_ram))
    banks = [vector(activation_depth, seed) for seed in (9, 10)]
    preload = [*write(0, banks[0]), *write(1, banks[1]), *rewind(1, all_out=True)]
    sent = read(dut, preload)
    assert sent.items == nonzero(banks[1])
    assert sent.at == list(range(len(sent.items)))
    # Read without a clock, and only then: the head needs no register of its own.
    text = emit_verilog(dut, name="lists", prefix="lists").text
    assert ("assign read_data = words[" in text) == (lut_ram and activation_depth == 32)
