"""What a tape must keep to, whatever the data: sizes of memories, layers that fit together, waits for the past."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from eyrie.errors import InputError
from eyrie.golden.rowstat.tape import Command, Tape
from eyrie.rowstat.commands import COUNT_BITS, POOL_SCALES, Unit, unpack
from eyrie.rowstat.config import BUS_WORDS, MAX_CODING_LANES, RowstatConfig

COUNTED: Final[dict[Unit, tuple[str, ...]]] = {
    Unit.FETCH: ("fetch", "coded_fetch"),
    Unit.DELIVER: ("deliver_pass",),
    Unit.COMPUTE: ("compute_pass",),
    Unit.DRAIN: ("drain", "pool"),
}
"""The commands that a unit's counter counts."""

_WAITS: Final[dict[str, dict[str, Unit]]] = {
    "fetch": {"wait_delivered": Unit.DELIVER, "wait_drained": Unit.DRAIN},
    "coded_fetch": {"wait_delivered": Unit.DELIVER, "wait_drained": Unit.DRAIN},
    "deliver_pass": {"wait_fetched": Unit.FETCH, "wait_computed": Unit.COMPUTE},
    "load_layer": {"wait_computed": Unit.COMPUTE},
    "compute_pass": {"wait_drained": Unit.DRAIN},
    "drain": {"wait_computed": Unit.COMPUTE},
    "pool": {"wait_fetched": Unit.FETCH},
}

_AT_LEAST_ONE: Final[dict[str, tuple[str, ...]]] = {
    "fetch": ("channels", "words"),
    "coded_fetch": ("channels", "words", "rows", "slot_words"),
    "deliver_layer": ("slots", "window", "advance", "stride", "steps", "rows"),
    "load_layer": ("block", "sets", "blocks"),
    "load_codebook": ("entries",),
    "compute_layer": ("slots", "window", "advance", "steps", "filters"),
    "drain": ("columns", "filters", "steps"),
    "pool": ("channels", "scales", "steps", "rows", "kernel", "window"),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Pass:
    """A pass as all units see it.

    Parameters
    ----------
    deliver, compute : Command
    deliver_layer, load_layer, compute_layer : Command
        The parameters that hold for it.
    layer : int
        Number of the layer, that is of its LAYER commands.
    filter_set : int
        Number, within the layer, of the set of filters that stays in the PEs for it.
    """

    deliver: Command
    compute: Command
    deliver_layer: Command
    load_layer: Command
    compute_layer: Command
    layer: int
    filter_set: int


@dataclass(frozen=True, kw_only=True, eq=False)
class CheckedTape:
    """A tape that keeps the contract, and what follows from it.

    Parameters
    ----------
    tape : Tape
    passes : tuple of Pass
    waits : dict of Command to dict of Unit to int
        What must be done before a command may begin: how many of the commands that a unit counts, counted from the
        start without wrapping round. Only commands that wait are here.
    """

    tape: Tape
    passes: tuple[Pass, ...]
    waits: dict[Command, dict[Unit, int]]

    @classmethod
    def parse(cls, config: RowstatConfig, words: npt.NDArray[np.uint64]) -> Self:
        """Take a tape apart and check it.

        Parameters
        ----------
        config : RowstatConfig
        words : uint64 (words,)

        Raises
        ------
        InputError
            If the tape is malformed, a command leaves a memory, the units' layers and passes do not fit together, or a
            command waits for what comes later on the tape.
        """
        tape = Tape.parse(config, words)
        for commands in tape.commands.values():
            for command in commands:
                _require_sizes(config, command)
        passes = tuple(_passes(config, tape))
        ends = _ends(tape, passes)
        waits = {}
        for name, fields in _WAITS.items():
            for command in tape.named(name):
                waits[command] = {
                    unit: _resolve(command, field, bisect_left(ends[unit], command.first))
                    for field, unit in fields.items()
                }
        _require_layers_apart(tape, passes, waits)
        _require_room(config, tape, passes)
        return cls(tape=tape, passes=passes, waits=waits)


def _require(command: Command, what: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise InputError(f"{command}: {what} must be from {low} to {high}, not {value}")


def _require_equal(command: Command, what: str, value: int, expected: int) -> None:
    if value != expected:
        raise InputError(f"{command}: {what} must be {expected}, not {value}")


def _require_sizes(config: RowstatConfig, command: Command) -> None:
    name = command.name
    for field in _AT_LEAST_ONE.get(name, ()):
        _require(command, field, command[field], 1, 1 << 32)
    if name in ("fetch", "coded_fetch"):
        end = command["bank_address"] + command["channels"] * command.fields.get("rows", 1) * command["words"]
        _require(command, "the last bank address", end - 1, 0, config.ifmap_bank_words - 1)
    elif name in ("deliver_layer", "compute_layer"):
        window, slots, region = command["window"], command["slots"], command["region"]
        _require(command, "slots", slots, 1, config.max_slots)
        _require(command, "advance", command["advance"], 1, window)
        _require(command, "region", region, window, config.ifmap_words // slots)
        if name == "deliver_layer":
            _require_equal(command, "advance", command["advance"], min(command["stride"], window))
        else:
            block = command["filters"] * window
            _require(command, "filters", command["filters"], 1, config.psum_depth)
            _require_equal(command, "block", command["block"], block)
            _require(command, "ring", command["ring"], slots, config.filter_depth // block)
    elif name == "load_layer":
        _require(command, "ring", command["ring"], 1, config.filter_depth // command["block"])
        _require(command, "coded", command["coded"], 0, int(config.codebook_entries > 0))
    elif name == "load_codebook":
        _require(command, "entries", command["entries"], 1, config.codebook_entries)
    elif name == "deliver_ids":
        _require(command, "slot", command["slot"], 0, config.max_slots - 1)
    elif name == "drain":
        _require(command, "the last column", command["first_column"] + command["columns"] - 1, 0, config.columns - 1)
        span = (command["steps"] - 1) * command["filter_stride"] + command["filters"]
        _require_half(config, command, span)
        _require(command, "coded", command["coded"], 0, int(config.drain_lanes <= MAX_CODING_LANES))
    elif name == "pool":
        _require_pool(config, command)


def _require_pool(config: RowstatConfig, command: Command) -> None:
    """All windows must hold a value and have a multiplier, and what they take must lie in the bank."""
    steps, begin = command["steps"], command["first_x"]
    _require(command, "scales", command["scales"], 1, POOL_SCALES)
    _require(command, "the last value of the first window", begin + command["window"] - 1, 0, 1 << 16)
    _require(
        command, "the last window's first value", begin + (steps - 1) * command["stride"], -(1 << 16), command["edge"]
    )
    last = command["bank_address"] + (command["channels"] - 1) * command["channel_pitch"]
    last += (command["rows"] - 1) * command["row_advance"] + (command["kernel"] - 1) * command["row_pitch"]
    last += command["edge"] // BUS_WORDS
    _require(command, "the last bank address", last, 0, config.ifmap_bank_words - 1)
    behind = [steps, *(unpack("pool_scale", [word])["behind"] for word in command.rest)]
    for before, after in pairwise(behind):
        _require(command, "the columns behind a multiplier", after, 0, before - 1)
    _require_equal(command, "the columns behind the last multiplier", behind[-1], 0)


def _require_half(config: RowstatConfig, command: Command, span: int) -> None:
    """``span`` psums from the command's `psum_base` on must lie in one half of the bank."""
    half_bit = config.psum_bank_address_width - 1
    first = command["psum_base"]
    _require(command, "psum_base", first, 0, (1 << config.psum_bank_address_width) - 1)
    within = first & (1 << half_bit) - 1
    _require(command, "the last psum in its half", within + span - 1, 0, config.psum_half_words - 1)


def _passes(config: RowstatConfig, tape: Tape) -> Iterator[Pass]:
    """Bring the units' layers and passes together."""
    delivered = list(_with_layers(tape.commands[Unit.DELIVER], "deliver_layer", "deliver_pass"))
    computed = list(_with_layers(tape.commands[Unit.COMPUTE], "compute_layer", "compute_pass"))
    loads = tape.named("load_layer")
    layers = tape.named("compute_layer")
    for what, n, other, m in (
        ("DELIVER has {} passes", len(delivered), "COMPUTE {}", len(computed)),
        ("DELIVER has {} layers", len(tape.named("deliver_layer")), "COMPUTE {}", len(layers)),
        ("LOAD has {} layers", len(loads), "COMPUTE {}", len(layers)),
    ):
        if n != m:
            raise InputError(f"the tape: {what.format(n)}, {other.format(m)}")
    sets = [0] * len(layers)
    open_sets = [False] * len(layers)
    for number, ((own, deliver_layer, deliver), (layer, compute_layer, compute)) in enumerate(
        zip(delivered, computed, strict=True)
    ):
        if own != layer:
            raise InputError(f"pass {number}: {deliver} is of layer {own}, {compute} of layer {layer}")
        for field in ("slots", "window", "advance", "region", "steps"):
            _require_equal(deliver_layer, field, deliver_layer[field], compute_layer[field])
        _require_half(config, compute, compute_layer["steps"] * compute_layer["filters"])
        yield Pass(
            deliver=deliver,
            compute=compute,
            deliver_layer=deliver_layer,
            load_layer=loads[layer],
            compute_layer=compute_layer,
            layer=layer,
            filter_set=sets[layer],
        )
        open_sets[layer] = not compute["last_of_set"]
        sets[layer] += compute["last_of_set"]
    for layer, (load_layer, compute_layer) in enumerate(zip(loads, layers, strict=True)):
        _require_equal(load_layer, "block", load_layer["block"], compute_layer["block"])
        _require_equal(load_layer, "ring", load_layer["ring"], compute_layer["ring"])
        if open_sets[layer]:
            raise InputError(f"{compute_layer}: the last pass of the layer is not the last of its filter set")
        _require_equal(load_layer, "blocks", load_layer["blocks"], sets[layer] * compute_layer["slots"])


def _with_layers(commands: tuple[Command, ...], layer: str, work: str) -> Iterator[tuple[int, Command, Command]]:
    """Number of the layer, LAYER command and PASS of every pass of a unit."""
    current: Command | None = None
    number = -1
    for command in commands:
        if command.name == layer:
            current, number = command, number + 1
        elif command.name == work:
            if current is None:
                raise InputError(f"{command}: a pass before the first {layer}")
            yield number, current, command


def _ends(tape: Tape, passes: tuple[Pass, ...]) -> dict[Unit, list[int]]:
    """Where on the tape stands the last word that counted command n needs; a pass needs two commands."""
    both = [max(one.deliver.last, one.compute.last) for one in passes]
    return {
        Unit.FETCH: [command.last for command in tape.commands[Unit.FETCH]],
        Unit.DELIVER: both,
        Unit.COMPUTE: both,
        Unit.DRAIN: [command.last for command in tape.commands[Unit.DRAIN]],
    }


def _resolve(command: Command, field: str, before: int) -> int:
    """The count that a command waits for, where ``before`` commands that are counted come before it on the tape."""
    behind = before - command[field] & (1 << COUNT_BITS) - 1
    if behind >> COUNT_BITS - 1:
        raise InputError(
            f"{command}: {field} is {command[field]}, but only {before % (1 << COUNT_BITS)} come before it on the tape"
        )
    if behind > before:
        raise InputError(f"{command}: {field} is {command[field]}, more than {behind - before} before the start")
    return before - behind


def _require_layers_apart(tape: Tape, passes: tuple[Pass, ...], waits: dict[Command, dict[Unit, int]]) -> None:
    """Filters of a layer may come only when the passes of the one before are done, and before its own passes."""
    passes_before = 0
    by_layer: dict[int, list[Pass]] = {}
    for one in passes:
        by_layer.setdefault(one.layer, []).append(one)
    for layer, load_layer in enumerate(tape.named("load_layer")):
        if waits[load_layer][Unit.COMPUTE] < passes_before:
            raise InputError(
                f"{load_layer}: waits for {waits[load_layer][Unit.COMPUTE]} passes, but the layers before it have "
                f"{passes_before}"
            )
        own = by_layer.get(layer, [])
        if own and own[0].compute.last < load_layer.last:
            raise InputError(f"{own[0].compute}: comes before its {load_layer}")
        if own and passes_before and passes[passes_before - 1].compute.last > own[0].deliver_layer.first:
            raise InputError(f"{own[0].deliver_layer}: comes before {passes[passes_before - 1].compute}")
        passes_before += len(own)


def _require_room(config: RowstatConfig, tape: Tape, passes: tuple[Pass, ...]) -> None:
    """Both commands of a pass must get to their units, whatever waits in the queues behind the first of them.

    All other commands wait for earlier ones alone, so that the earliest one that is not done can always go on.
    """
    places: dict[Unit, list[int]] = {unit: [] for unit in tape.commands}
    at = 0
    for unit, count in tape.packets:
        places[unit].extend(range(at + 1, at + 1 + count))
        at += 1 + count
    for number, one in enumerate(passes):
        first, last = sorted((one.deliver.last, one.compute.last))
        for unit, own in places.items() if last - first > config.command_depth else ():
            between = bisect_left(own, last + 1) - bisect_left(own, first + 1)
            if between > config.command_depth:
                raise InputError(
                    f"pass {number}: {between} words for {unit.name} lie between {one.deliver} and {one.compute}, more "
                    f"than its queue of {config.command_depth} holds"
                )
