"""Random commands that keep the rules between them, and what the stages of a PE see of commands."""

import random
from collections.abc import Sequence
from typing import Any

from eyrie.rowstat.config import RowstatConfig
from eyrie.rowstat.timing import RESTORE_DISTANCE

IDLE: dict[str, Any] = {}


def extreme(draw: random.Random, width: int, density: float = 0.7) -> int:
    """A signed number, often 0 or one of the largest."""
    if draw.random() >= density:
        return 0
    return draw.choice(
        [-(1 << width - 1), (1 << width - 1) - 1, -1, 1, draw.randrange(-(1 << width - 1), 1 << width - 1)]
    )


def random_commands(config: RowstatConfig, n: int, draw: random.Random, *, half: int = 0) -> list[dict[str, Any]]:
    """``n`` cycles of commands with flags in any order that has a meaning, and idle cycles.

    Psums are restored as soon after they were saved as they may be, and updated in the banks, all in one half, in
    short intervals too.
    """
    saved: dict[int, int] = {}
    updated: dict[int, int] = {}
    commands: list[dict[str, Any]] = []
    begun = False
    for cycle in range(n):
        psum = draw.randrange(config.psum_depth)
        bank = draw.randrange(min(config.psum_half_words, 6))
        command = {
            "valid": draw.random() < 0.9,
            "ifmap_address": draw.randrange(config.ifmap_words),
            "filter_address": draw.randrange(config.filter_depth),
            "psum_address": psum,
            "first_word": not begun or draw.random() < 0.5,
            "last_word": draw.random() < 0.5,
            "first_slot": cycle - saved.get(psum, cycle) < RESTORE_DISTANCE or draw.random() < 0.2,
            "last_slot": cycle - updated.get(bank, -9) >= RESTORE_DISTANCE and draw.random() < 0.5,
            "bank_address": bank + (half << config.psum_bank_address_width - 1),
            "bank_first": bank not in updated or draw.random() < 0.2,
            "pass_end": draw.random() < 0.5,
        }
        if command["valid"]:
            command["pass_end"] = 0
            begun = True
            if command["last_word"] and command["last_slot"]:
                updated[bank] = cycle
            elif command["last_word"]:
                saved[psum] = cycle
        commands.append({name: int(value) for name, value in command.items()})
    return commands


def staggered(commands: Sequence[dict[str, Any]]) -> list[dict[str, int]]:
    """What the X-bus of a row tells its PEs, cycle by cycle, if ``commands`` are read one a cycle."""
    idle = dict.fromkeys(commands[0], 0)

    def at(cycle: int) -> dict[str, int]:
        return commands[cycle] if 0 <= cycle < len(commands) else idle

    stages = []
    for cycle in range(len(commands) + 5):
        zero, one, three, four, five = (at(cycle - stage) for stage in (0, 1, 3, 4, 5))
        stages.append(
            {
                "read": zero["valid"],
                "ifmap_address": zero["ifmap_address"],
                "multiply": one["valid"],
                "restore": three["valid"] & three["first_word"] & (1 - three["first_slot"]),
                "restore_address": three["psum_address"],
                "accumulate": four["valid"],
                "first_word": four["first_word"],
                "first_slot": four["first_slot"],
                "save": five["valid"] & five["last_word"] & (1 - five["last_slot"]),
                "save_address": five["psum_address"],
                "send": five["valid"] & five["last_word"] & five["last_slot"],
            }
        )
    return stages


def filter_addresses(commands: Sequence[dict[str, Any]]) -> list[int]:
    """The word of the filter scratch pads that goes with ``multiply`` of `staggered`, likewise."""
    return [0, *(command["filter_address"] for command in commands), *[0] * 4]
