"""The units, each as a generator that works out when it does what; see the components in `eyrie.rowstat`.

Constants name what stands between registers there: a word at the head of a queue can be taken in the cycle in which it
is there, and what is decided in one cycle is seen in the next.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from eyrie.cycles.rowstat.coded_rows import CodedTransfer
from eyrie.cycles.rowstat.passes import LayerPasses, LayerTiming, PassTimes
from eyrie.cycles.rowstat.series import CommandQueue, Waiting, known, reached
from eyrie.golden.rowstat.contract import COUNTED, CheckedTape
from eyrie.golden.rowstat.tape import Command
from eyrie.rowstat.commands import FIELDS, Unit
from eyrie.rowstat.config import BUS_WORDS, RowstatConfig
from eyrie.rowstat.control_timing import (
    BLOCK_LOADED_LATENCY,
    BLOCK_SPACE_LATENCY,
    CODED_COLUMN_LATENCY,
    CODED_WORD_LATENCY,
    COMMAND_LATENCY,
    COMPUTED_LATENCY,
    DELIVER_PASS_CYCLES,
    DELIVERED_LATENCY,
    FETCHED_LATENCY,
    PSUM_HAZARD,
    QUEUE_LATENCY,
    REQUANTISE_LATENCY,
    TRANSFERS_AHEAD,
    VALUES_SETTLE,
    drain_cycles,
    drain_pause,
    word_values,
)
from eyrie.rowstat.timing import DRAIN_READ_LATENCY, written_latency

_LAYER_CYCLES = 2
"""DELIVER, COMPUTE: from the second word of a LAYER to the cycle in which the command behind it may be taken."""
_WRITE_LATENCY = 1 + DRAIN_READ_LATENCY + REQUANTISE_LATENCY + QUEUE_LATENCY
"""DRAIN: from the cycle of a word's last value to that in which the word leaves; those of further columns follow it."""


@dataclass(kw_only=True)
class Times:
    """What the units make known to each other.

    Parameters
    ----------
    config : RowstatConfig
    checked : CheckedTape
    latency : int
        Cycles from a request to its first word.
    memory : uint64 (words,) or None
        External memory with all coded maps that the tape reads.

    Attributes
    ----------
    queues : dict of Unit to CommandQueue
    counted : dict of Unit to list of int
        First cycles in which a unit's counter has counted one more.
    begun : list of (int, tuple of int)
        Passes in DELIVER: cycle in which each became the next one, and the channels of its slots.
    begun_by : list of str
        What they waited for last, for those that waited: ``fetch``, else an empty string.
    upcoming : list of int
        Passes in COMPUTE: cycle in which each became the next one.
    upcoming_by : list of str
        What they waited for last: ``drain`` or ``command``.
    passes : list of PassTimes
    loaded, freed : list of int
        Cycles in which blocks of filters are announced, and the last ones at the array of the units that want them.
    last_busy : dict of Unit to int
        Last cycle in which a unit has work.
    busy : dict of Unit to int
        Cycles in which a unit did what it is there for: words from external memory, values, words of weights,
        multiplies, psums of columns that are drained together.
    idle : dict of str to int
        Cycles of COMPUTE without a multiply, by cause.
    layer_ends : list of int
        First cycles in which all passes of a layer are counted.
    tape_end : int
        Cycle in which the END is taken.
    """

    config: RowstatConfig
    checked: CheckedTape
    latency: int
    memory: npt.NDArray[np.uint64] | None
    queues: dict[Unit, CommandQueue] = field(init=False)
    counted: dict[Unit, list[int]] = field(init=False)
    begun: list[tuple[int, tuple[int, ...]]] = field(default_factory=list)
    begun_by: list[str] = field(default_factory=list)
    upcoming: list[int] = field(default_factory=list)
    upcoming_by: list[str] = field(default_factory=list)
    passes: list[PassTimes] = field(default_factory=list)
    loaded: list[int] = field(default_factory=list)
    freed: list[int] = field(default_factory=list)
    last_busy: dict[Unit, int] = field(init=False)
    busy: dict[Unit, int] = field(init=False)
    idle: dict[str, int] = field(default_factory=dict)
    layer_ends: list[int] = field(default_factory=list)
    tape_end: int = 0

    def __post_init__(self) -> None:
        units = tuple(self.checked.tape.commands)
        self.queues = {unit: CommandQueue(self.config.command_depth) for unit in units}
        self.counted = {unit: [] for unit in COUNTED}
        self.last_busy = dict.fromkeys(units, 0)
        self.busy = dict.fromkeys(units, 0)

    def waited(self, command: Command) -> Waiting[dict[Unit, int]]:
        """First cycles in which the counters that a command waits for have come so far."""
        times = {}
        for unit, count in self.checked.waits.get(command, {}).items():
            times[unit] = yield from reached(self.counted[unit], count)
        return times

    def take(self, unit: Unit, earliest: int, count: int) -> Waiting[int]:
        """The cycle in which a unit takes the last of the next ``count`` words, the first from ``earliest`` on."""
        for _ in range(count):
            earliest = (yield from self.queues[unit].take(earliest)) + 1
        return earliest - 1


def front_end(times: Times) -> Waiting[None]:
    """A word of the tape a cycle, while there is room for it."""
    now = 0
    for unit, count in times.checked.tape.packets:
        now += 1
        queue = times.queues[unit]
        for _ in range(count):
            now = max(now + 1, (yield from queue.room()))
            queue.pushed.append(now)
    times.tape_end = now + 1


def fetch(times: Times) -> Waiting[None]:
    """Requests a cycle each; words as they come, or as fast as coded ones are decoded, those of the next command
    behind."""
    free = last = taken = 0
    offered: list[int] = []  # cycles in which a transfer comes to the head of its queue
    for command in times.checked.tape.commands[Unit.FETCH]:
        coded = command.name == "coded_fetch"
        decided = (yield from times.take(Unit.FETCH, free, len(FIELDS[command.name]))) + 1
        waited = yield from times.waited(command)
        room = offered[-TRANSFERS_AHEAD] if len(offered) >= TRANSFERS_AHEAD else 0
        decided = max(decided, room, *waited.values())
        free = decided + command["channels"] * (command["rows"] if coded else 1) + 1
        offered.append(max(decided + QUEUE_LATENCY, taken + 1))
        taken = max(offered[-1], last)
        if coded:
            transfer = CodedTransfer.of(command, times.memory)
            words = transfer.words
            last = transfer.last_cycle(max(last, taken) + 1, decided + 1 + times.latency)
        else:
            words = command["channels"] * command["words"]
            last = max(last + 1, taken + 1, decided + 1 + times.latency) + words - 1
        times.counted[Unit.FETCH].append(last + FETCHED_LATENCY)
        times.busy[Unit.FETCH] += words
        times.last_busy[Unit.FETCH] = last + FETCHED_LATENCY - 1


def deliver(times: Times) -> Waiting[None]:
    """Passes one after the other, and IDs between them."""
    config, queue = times.config, times.queues[Unit.DELIVER]
    free = 0  # first cycle in which a command may be taken
    settled = 0  # the same for COLUMNS
    quiet = 0  # first cycle without a pass
    number = 0
    slots: dict[int, int] = {}
    layer: Command | None = None
    for command in times.checked.tape.commands[Unit.DELIVER]:
        if command.name != "deliver_pass" and number:
            one = yield from known(times.passes, number - 1)
            quiet = one.delivered + 1
            settled = max(settled, one.last_value + config.rows + VALUES_SETTLE)
        if command.name == "deliver_layer":
            computed = yield from reached(times.counted[Unit.COMPUTE], number)
            free = (yield from times.take(Unit.DELIVER, max(free, quiet, computed), 2)) + _LAYER_CYCLES
            layer = command
            slots = {}
        elif command.name == "deliver_ids":
            first = yield from queue.take(max(free, quiet))
            last = yield from queue.take_slowly(first + 1, config.rows, BUS_WORDS)
            free, settled = last + 1, max(settled, last + config.rows + VALUES_SETTLE)
            slots[command["slot"]] = command["channels"]
        elif command.name == "deliver_columns":
            first = yield from queue.take(max(free, quiet, settled))
            free = (yield from queue.take_slowly(first + 1, config.columns, BUS_WORDS)) + 1
        else:
            assert layer is not None
            earliest = max(free, times.begun[-1][0] + 1) if number else free
            waiting = (yield from times.take(Unit.DELIVER, earliest, 2)) + DELIVER_PASS_CYCLES - 1
            free = waiting
            waited = yield from times.waited(command)
            if number:
                one = yield from known(times.passes, number - 1)
                waiting = max(waiting, one.delivery_decided + 1)
                settled = max(settled, one.last_value + config.rows + VALUES_SETTLE)
            begun = max(waiting, *waited.values())
            channels = tuple(slots[slot] for slot in range(layer["slots"]))
            times.begun.append((begun, channels))
            times.begun_by.append("fetch" if waited[Unit.FETCH] == begun > waiting else "")
            number += 1
            a_row = layer["window"] + (layer["steps"] - 1) * layer["advance"]
            times.busy[Unit.DELIVER] += sum(channels) * layer["rows"] * a_row
        times.last_busy[Unit.DELIVER] = free - 1
    if number:
        one = yield from known(times.passes, number - 1)
        times.last_busy[Unit.DELIVER] = max(times.last_busy[Unit.DELIVER], one.delivered + DELIVERED_LATENCY - 1)


def load(times: Times) -> Waiting[None]:
    """A word a cycle, of weights or half a one of codes, while the ring has room for its block."""
    config, queue = times.config, times.queues[Unit.LOAD]
    free = 0
    for command in times.checked.tape.commands[Unit.LOAD]:
        if command.name == "deliver_columns":
            first = yield from queue.take(free)
            free = (yield from queue.take_slowly(first + 1, config.columns, BUS_WORDS)) + 1
        elif command.name == "load_codebook":
            first = yield from queue.take(free)
            free = (yield from queue.take_slowly(first + 1, command["entries"], BUS_WORDS)) + 1
        else:
            begin = (yield from queue.take(free)) + 1
            waited = yield from times.waited(command)
            before = len(times.loaded)
            at = max(begin, *waited.values()) + 1  # all blocks of the layer before are given back by then
            words = command["sets"] * config.row_groups * command["block"]
            for block in range(before, before + command["blocks"]):
                if block - command["ring"] >= before:
                    at = max(at, (yield from known(times.freed, block - command["ring"])) + BLOCK_SPACE_LATENCY)
                at += words
                times.loaded.append(at - 1 + BLOCK_LOADED_LATENCY)
            times.busy[Unit.LOAD] += command["blocks"] * words
            free = at
        times.last_busy[Unit.LOAD] = free - 1


def compute(times: Times) -> Waiting[None]:
    """Commands of passes, each taken while the one before is at work."""
    queue = times.queues[Unit.COMPUTE]
    free = number = 0
    for command in times.checked.tape.commands[Unit.COMPUTE]:
        if command.name == "compute_layer":
            earliest = free
            if number:
                one = yield from known(times.passes, number - 1)
                unit = unit_cycles(times.checked.passes[number - 1].compute_layer)
                earliest = max(free, one.last_decided + unit + 1)
            free = (yield from times.take(Unit.COMPUTE, earliest, 2)) + _LAYER_CYCLES
            times.last_busy[Unit.COMPUTE] = free - 1
            continue
        earliest = max(free, times.upcoming[-1] + 1) if number else free
        free = (yield from queue.take(earliest)) + 1
        upcoming = free
        if number:
            one = yield from known(times.passes, number - 1)
            upcoming = max(upcoming, one.last_decided + 1)
        drained = (yield from times.waited(command))[Unit.DRAIN]
        times.upcoming.append(max(upcoming, drained))
        times.upcoming_by.append("drain" if drained > upcoming else "command")
        number += 1


def array(times: Times) -> Waiting[None]:
    """The passes themselves, once DELIVER and COMPUTE have come to them and their filters are known."""
    passes: LayerPasses | None = None
    layer_number = -1
    first_block = 0
    idle = dict.fromkeys(("start", "hazard", "ifmap", "fetch", "filter", "drain", "command", "end"), 0)
    free = 0
    for number, one in enumerate(times.checked.passes):
        layer = one.compute_layer
        unit, multiplies = unit_cycles(layer), layer["block"]
        if one.layer != layer_number or passes is None:
            passes = LayerPasses(_layer_timing(one.deliver_layer, layer), free)
            layer_number = one.layer
        begun, channels = yield from known(times.begun, number)
        upcoming = yield from known(times.upcoming, number)
        slots = layer["slots"]
        yield from known(times.loaded, first_block + slots - 1)
        done = passes.add(begun, upcoming, channels, times.loaded[first_block : first_block + slots])
        free = done.last_decided + unit
        if one.compute["last_of_set"]:
            first_block += slots
            times.freed.extend(time + COMMAND_LATENCY + unit - 1 for time in done.last_units)
        written = done.last_decided + COMMAND_LATENCY + multiplies - 1 + written_latency(times.config)
        times.counted[Unit.DELIVER].append(done.delivered + DELIVERED_LATENCY)
        times.counted[Unit.COMPUTE].append(written + COMPUTED_LATENCY)
        times.passes.append(done)
        times.last_busy[Unit.COMPUTE] = max(times.last_busy[Unit.COMPUTE], written)

        units = layer["steps"] * slots
        times.busy[Unit.COMPUTE] += units * multiplies
        idle["hazard"] += units * (unit - multiplies)
        for cause, cycles in done.waits.items():
            if not number:
                idle["start"] += cycles
            elif cause == "begin":
                idle[times.upcoming_by[number]] += cycles
            else:
                idle[times.begun_by[number] or cause if cause == "ifmap" else cause] += cycles
        if number + 1 == len(times.checked.passes) or times.checked.passes[number + 1].layer != layer_number:
            times.layer_ends.append(written + COMPUTED_LATENCY)
    times.idle = idle


def drain(times: Times) -> Waiting[None]:
    """A psum of some columns a cycle; their words leave one after the other as soon as they are complete. Between them,
    pools."""
    config, queue = times.config, times.queues[Unit.DRAIN]
    free = 0
    for command in times.checked.tape.commands[Unit.DRAIN]:
        if command.name == "pool":
            free = yield from _pool(times, command, free)
            continue
        decided = (yield from times.take(Unit.DRAIN, free, 3)) + 1
        waited = yield from times.waited(command)
        steps, columns, lanes = command["steps"], command["columns"], config.drain_lanes
        together = (columns - 1) % lanes + 1  # the last columns
        coded = bool(command["coded"])
        first_word = steps <= word_values(coded=coded)
        pause = drain_pause(steps, together, coded=coded) if first_word else 0  # in front of the next row's last value
        values = drain_cycles(config, steps, columns, coded=coded) - pause
        last = max(decided, waited[Unit.COMPUTE])
        for number in range(command["filters"]):
            # The scales of a filter are taken with the last value of the one before, at the earliest.
            if number:
                last = max((yield from queue.take(last)), last + pause) + values
            else:
                last = (yield from queue.take(last + 1)) + values
        free = last + 1
        leaves = last + _WRITE_LATENCY
        leaves += CODED_WORD_LATENCY + (together - 1) * CODED_COLUMN_LATENCY if coded else together - 1
        times.busy[Unit.DRAIN] += command["filters"] * steps * -(-columns // lanes)
        times.counted[Unit.DRAIN].append(leaves + 1)
        times.last_busy[Unit.DRAIN] = leaves


def _pool(times: Times, command: Command, free: int) -> Waiting[int]:
    """A word of the ifmap bank a cycle; the cycle in which the next command may be taken."""
    words = len(FIELDS["pool"]) + command["scales"]
    decided = (yield from times.take(Unit.DRAIN, free, words)) + 1
    waited = yield from times.waited(command)
    begin = command["first_x"] + command["stride"] * np.arange(command["steps"])
    in_a_row = int(((begin + command["window"] - 1) // BUS_WORDS - begin // BUS_WORDS + 1).sum())
    reads = command["channels"] * command["rows"] * command["kernel"] * in_a_row
    last = max(decided, waited[Unit.FETCH]) + reads
    leaves = last + _WRITE_LATENCY + (CODED_WORD_LATENCY if command["coded"] else 0)
    times.busy[Unit.DRAIN] += reads
    times.counted[Unit.DRAIN].append(leaves + 1)
    times.last_busy[Unit.DRAIN] = leaves
    return last + 1


def unit_cycles(layer: Command) -> int:
    """Cycles that COMPUTE takes for a unit, from a decision to the next at the earliest."""
    return max(layer["block"], layer["window"] + PSUM_HAZARD)


def _layer_timing(deliver_layer: Command, compute_layer: Command) -> LayerTiming:
    return LayerTiming(
        slots=compute_layer["slots"],
        steps=compute_layer["steps"],
        window=compute_layer["window"],
        advance=compute_layer["advance"],
        region=compute_layer["region"],
        rows=deliver_layer["rows"],
        unit=unit_cycles(compute_layer),
    )
