"""DRAIN commands: finished psums from a half bank to the external memory, behind the passes that follow."""

from collections import deque
from typing import Final

from eyrie.compile.rowstat.layer import ConvLayer
from eyrie.compile.rowstat.loops import Loops, Pass
from eyrie.compile.rowstat.mapping import set_columns, unit_cycles
from eyrie.compile.rowstat.maps import MapPlace
from eyrie.compile.rowstat.packets import Tape
from eyrie.rowstat.commands import Opcode, Unit, pack
from eyrie.rowstat.config import RowstatConfig
from eyrie.rowstat.control_timing import drain_cycles

_COMMAND_WORDS: Final = 3


class Drains:
    """The drains of a layer: never at the same time as a pass on the same half.

    Parameters
    ----------
    tape : Tape
    layer : ConvLayer
    loops : Loops
    config : RowstatConfig
    target : MapPlace
        Where the output maps go.
    """

    def __init__(self, tape: Tape, layer: ConvLayer, loops: Loops, config: RowstatConfig, target: MapPlace) -> None:
        self.tape, self.layer, self.loops, self.config, self.target = tape, layer, loops, config, target
        self.first_drain = tape.drained.issued
        self.pending: deque[tuple[Pass, int, int]] = deque()
        self.drained_after = [self.first_drain, self.first_drain]
        self.resident: list[list[Pass]] = [[], []]
        self.behind = 0  # cycles that the drains on the tape take beyond the passes on it, about
        self.due = 0
        mapping = loops.mapping
        self.pass_cycles = mapping.steps * mapping.slots * unit_cycles(loops.shape, mapping)

    def base(self, step: Pass) -> int:
        """Address of a pass's psums: the half is the highest bit."""
        return (step.half << self.config.psum_bank_address_width - 1) + step.psum_offset

    def before_delivery(self, step: Pass) -> None:
        """Write the drains that are to stand before a pass, except for the last ones that the queue can hold.

        What the pass's half still holds must drain now; else there are as many as the passes before it leave time for,
        and none before the first pass that follows: drains that wait in a full queue would hold it up.
        """
        needed = [number for number, (waiting, _, _) in enumerate(self.pending) if waiting.half == step.half]
        self.due = needed[-1] + 1 if needed else 0
        cycles = self.behind + sum(self._cycles(waiting) for waiting, _, _ in list(self.pending)[: self.due])
        while self.due < len(self.pending) and cycles < self.pass_cycles:
            cycles += self._cycles(self.pending[self.due][0])
            self.due += 1
        self.behind = max(cycles - self.pass_cycles, 0)
        room = self.config.command_depth // (_COMMAND_WORDS + self.loops.mapping.filters)
        while self.due > room:
            self._drain()

    def before_computation(self, step: Pass) -> int:
        """Write the rest of them; DRAIN commands that the pass must wait for."""
        while self.due:
            self._drain()
        return self.drained_after[step.half]

    def after(self, step: Pass, *, last_on_half: bool) -> None:
        """Note a pass that stands on the tape; `last_on_half`: no other pass comes before its half is to drain."""
        if step.last:
            self.resident[step.half].append(step)
        if last_on_half:
            computed = self.tape.passes.issued
            for done in self.resident[step.half]:
                self.pending += [(done, column_set, computed) for column_set in range(self._used_sets(done))]
            self.resident[step.half] = []
            self.behind = max(self.behind, self.pass_cycles)

    def finish(self) -> None:
        """Write all that are left."""
        while self.pending:
            self._drain()

    def _cycles(self, step: Pass) -> int:
        """Cycles of a drain, at most."""
        return self.loops.mapping.filters * drain_cycles(
            self.config, step.strip.columns, step.strip.rows, coded=self.target.coded
        )

    def _first_filter(self, step: Pass, column_set: int) -> int:
        """First filter of a column set, counted within the group."""
        return step.filter_set * self.loops.mapping.set_filters + column_set * self.loops.mapping.filters

    def _used_sets(self, step: Pass) -> int:
        """Column sets that have filters."""
        left = self.loops.shape.group_filters - self._first_filter(step, 0)
        return min(self.loops.mapping.sets, -(-left // self.loops.mapping.filters))

    def _drain(self) -> None:
        """Write the next one."""
        step, column_set, computed = self.pending.popleft()
        self.due = max(self.due - 1, 0)
        shape, mapping, strip = self.loops.shape, self.loops.mapping, step.strip
        begin = self._first_filter(step, column_set)
        filters = min(mapping.filters, shape.group_filters - begin)
        first = step.group * shape.group_filters + begin
        words = pack(
            "drain",
            opcode=Opcode.WORK,
            wait_computed=self.tape.passes.wait(computed),
            psum_base=self.base(step),
            first_column=column_set * set_columns(self.config, mapping.strip_rows),
            columns=strip.rows,
            relu=int(self.layer.relu),
            filters=filters,
            map_address=self.target.address(strip.image, first, strip.row, strip.column // 4),
            channel_stride=self.target.channel_words,
            row_stride=self.target.row_words,
            steps=strip.columns,
            filter_stride=mapping.filters,
            coded=int(self.target.coded),
        )
        for filter_number in range(first, first + filters):
            words += pack(
                "requantise",
                bias=int(self.layer.bias[filter_number]),
                multiplier=int(self.layer.multiplier[filter_number]),
                shift=int(self.layer.shift[filter_number]),
            )
        self.tape.packet(Unit.DRAIN, words)
        self.drained_after[step.half] = self.tape.drained.issue()
