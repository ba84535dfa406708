"""CommandRegister: commands and holds a cycle later, nothing else."""

import random

from eyrie.bench.component import run
from eyrie.eie.command_register import CommandRegister
from eyrie.eie.config import TINY
from eyrie.eie.layouts import Op, command_layout


def test_a_cycle_later() -> None:
    draw = random.Random(1)
    layout = command_layout(TINY)
    commands = [
        {"op": draw.choice(list(Op)), **{name: draw.getrandbits(layout[name].width) for name in ("address", "data")}}
        for _ in range(50)
    ]
    holds, pes = [draw.randrange(2) for _ in commands], [draw.randrange(TINY.n_pes) for _ in commands]
    result = run(
        CommandRegister(TINY),
        {},
        {},
        levels={"i": commands, "i_pe": pes, "i_hold": holds},
        watch=["o", "o_pe", "o_hold"],
        after=len(commands) + 1,
    )
    assert result.watched["o"] == [{"op": Op.NONE, "address": 0, "data": 0}, *commands]
    assert result.watched["o_pe"] == [0, *pes]
    assert result.watched["o_hold"] == [0, *holds]
