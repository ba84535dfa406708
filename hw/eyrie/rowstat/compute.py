"""Compute: the sequencer of the array's multiplications, unit after unit."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.rowstat.commands import COUNT_BITS, Opcode
from eyrie.rowstat.config import RowstatConfig
from eyrie.rowstat.control_timing import FINISH_AHEAD, PSUM_HAZARD
from eyrie.rowstat.layouts import command_bus_layout, command_layout
from eyrie.rowstat.waits import reached


class Compute(wiring.Component):
    """Gives the array a command a cycle; the next unit follows the present one without a gap if it is ready by then.

    A unit (pass, step, slot) takes ``n = max(filters * window, window + PSUM_HAZARD)`` cycles; where that is the latter
    and more than the former, the last of them have no command. The first unit is decided upon in a cycle d and has its
    cycles at the array from d + `COMMAND_LATENCY` on; in cycle d + n or later, the next unit is decided upon. It must
    be ready: `READY_LATENCY` cycles after the pulses that announced its values and its block of filters; and, if it is
    the first of its pass, two cycles after the first one in which its command has been taken, `drained` is at its
    count, and all units of the pass before are decided upon.

    A PASS is taken from the queue, in one cycle, once the one before has come as far as that. A LAYER is taken once the
    last unit of all passes before it has ended, from the cycle d + n + 1 of that unit on; it takes three cycles. All
    blocks that are loaded for a layer must be used up by it, so that its last pass has ``last_of_set``.

    Parameters
    ----------
    config : RowstatConfig
        Geometry.

    Members
    -------
    start : ``In(1)``
        `computed` is 0 from the next cycle on.
    commands : ``In(stream.Signature(64))``
        COMPUTE commands.
    drained : ``In(COUNT_BITS)``
        Counter that passes wait for.
    unit_delivered : ``In(1)``
        The values of one more unit are there for a command that stands at the array `READY_LATENCY` + `COMMAND_LATENCY`
        cycles later.
    block_loaded : ``In(1)``
        The same of one more block of filters.
    pass_written : ``In(1)``
        The last psum of one more pass is in the psum banks.
    command : ``Out(command_bus_layout(config))``
        To the array.
    unit_finished : ``Out(1)``
        The last command of a unit stands at the array `FINISH_AHEAD` cycles later at the latest.
    block_freed : ``Out(1)``
        The last command that reads the oldest block stands at the array in this cycle at the latest.
    computed : ``Out(COUNT_BITS)``
        Passes whose psums are all in the psum banks.
    busy : ``Out(1)``
        A command or a pass is at work, psums in the array included; says nothing of commands in the queue.
    """

    commands: stream.Interface

    def __init__(self, config: RowstatConfig) -> None:
        self.config = config
        super().__init__(
            {
                "start": In(1),
                "commands": In(stream.Signature(64)),
                "drained": In(COUNT_BITS),
                "unit_delivered": In(1),
                "block_loaded": In(1),
                "pass_written": In(1),
                "command": Out(command_bus_layout(config)),
                "unit_finished": Out(1),
                "block_freed": Out(1),
                "computed": Out(COUNT_BITS),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        layer_layout, second_layout = (command_layout("compute_layer", word) for word in range(2))
        pass_layout = command_layout("compute_pass")

        # Commands: a layer's parameters, and the pass that comes next.
        layer, second = Signal(layer_layout), Signal(second_layout)
        unit_cycles = Signal(range(max(1 << 12, (1 << 6) + PSUM_HAZARD)))  # less one
        waiting, waiting_valid = Signal(pass_layout), Signal()
        upcoming_valid, active = Signal(), Signal()
        reset_layer, working, take_pass = Signal(), Signal(), Signal()
        head = Signal(layer_layout)
        m.d.comb += head.eq(self.commands.payload)
        with m.FSM(name="commands") as commands:
            with m.State("COMMAND"):
                with m.If(self.commands.valid):
                    with m.If(head.opcode == Opcode.LAYER):
                        m.d.comb += self.commands.ready.eq(~waiting_valid & ~upcoming_valid & ~active)
                        with m.If(self.commands.ready):
                            m.d.sync += layer.eq(head)
                            m.next = "SECOND"
                    with m.Elif(head.opcode == Opcode.WORK):
                        m.d.comb += [self.commands.ready.eq(~waiting_valid), take_pass.eq(~waiting_valid)]
                    with m.Else():
                        m.d.comb += self.commands.ready.eq(1)

            with m.State("SECOND"):
                m.d.comb += self.commands.ready.eq(1)
                m.d.sync += second.eq(self.commands.payload)
                with m.If(self.commands.valid):
                    m.next = "SETUP"

            with m.State("SETUP"):
                shortest = layer.window + PSUM_HAZARD
                m.d.comb += reset_layer.eq(1)
                m.d.sync += unit_cycles.eq(Mux(second.block > shortest, second.block, shortest) - 1)
                m.next = "COMMAND"
            m.d.comb += working.eq(~commands.ongoing("COMMAND"))
        with m.If(take_pass):
            m.d.sync += [waiting.eq(self.commands.payload), waiting_valid.eq(1)]

        # The upcoming unit. `start` is where its window begins in the slot's region, `block` where its block does in
        # the filter scratch pad, and `place` the block's number in the ring; `set_*` are those of slot 0.
        upcoming = Signal(pass_layout)
        slot, slot_base = Signal.like(layer.slots), Signal(self.config.ifmap_address_width)
        steps_left, first_unit = Signal.like(layer.steps), Signal()
        start = Signal.like(layer.region)
        place, block = Signal.like(second.ring), Signal(self.config.filter_address_width)
        set_place, set_block = Signal.like(place), Signal.like(block)
        last_slot, last_step, pass_ends = Signal(), Signal(), Signal()
        next_start, next_place, next_block = Signal.like(start), Signal.like(place), Signal.like(block)
        far_start = Signal(len(start) + 1)
        go = Signal()
        m.d.comb += [
            last_slot.eq(slot == layer.slots - 1),
            last_step.eq(steps_left == 0),
            pass_ends.eq(last_slot & last_step),
            far_start.eq(start + Mux(last_step, layer.window, layer.advance)),
            next_start.eq(Mux(far_start >= layer.region, far_start - layer.region, far_start)),
            next_place.eq(Mux(place == second.ring - 1, 0, place + 1)),
            next_block.eq(Mux(place == second.ring - 1, 0, block + second.block)),
        ]
        with m.If(go):
            m.d.sync += [first_unit.eq(0), slot.eq(slot + 1), slot_base.eq(slot_base + layer.region)]
            m.d.sync += [place.eq(next_place), block.eq(next_block)]
            with m.If(last_slot):
                m.d.sync += [slot.eq(0), slot_base.eq(0), start.eq(next_start), steps_left.eq(steps_left - 1)]
                with m.If(pass_ends & upcoming.last_of_set):
                    m.d.sync += [set_place.eq(next_place), set_block.eq(next_block)]
                with m.Else():
                    m.d.sync += [place.eq(set_place), block.eq(set_block)]
            with m.If(pass_ends):
                m.d.sync += upcoming_valid.eq(0)
        with m.If(~upcoming_valid & waiting_valid & reached(self.drained, waiting.wait_drained)):
            m.d.sync += [
                upcoming.eq(waiting),
                waiting_valid.eq(0),
                upcoming_valid.eq(1),
                first_unit.eq(1),
                steps_left.eq(layer.steps - 1),
            ]
        with m.If(reset_layer):
            m.d.sync += [slot.eq(0), slot_base.eq(0), start.eq(0)]
            m.d.sync += [place.eq(0), block.eq(0), set_place.eq(0), set_block.eq(0)]

        # What is there for it. Blocks count from that of its set's slot 0 on.
        units, blocks = Signal(COUNT_BITS), Signal(len(layer.slots) + 1)
        used = Signal.like(blocks)
        ready = Signal()
        m.d.comb += used.eq(Mux(go & pass_ends & upcoming.last_of_set, layer.slots, 0))
        m.d.sync += [
            units.eq(units + self.unit_delivered - go),
            blocks.eq(blocks + self.block_loaded - used),
            ready.eq(upcoming_valid & (units != 0) & (blocks > slot) & ~go),
        ]

        # The unit at work: `left` cycles after this one, with commands until `word` and `filter` have counted.
        left, has_command = Signal.like(unit_cycles), Signal()
        base, window_start = Signal.like(slot_base), Signal.like(start)
        position, filter_address = Signal.like(start), Signal.like(block)
        word, filter_number = Signal.like(layer.window), Signal.like(layer.filters)
        in_first_slot, in_last_slot, in_last_unit, frees = Signal(), Signal(), Signal(), Signal()
        bank_first = Signal()
        psum_address = Signal(self.config.psum_bank_address_width)
        last_word, last_filter = Signal(), Signal()
        m.d.comb += [
            go.eq(ready & (~active | (left == 0))),
            last_word.eq(word == layer.window - 1),
            last_filter.eq(filter_number == layer.filters - 1),
        ]
        m.d.sync += left.eq(left - 1)
        with m.If(left == 0):
            m.d.sync += active.eq(0)
        with m.If(has_command):
            m.d.sync += [
                filter_address.eq(filter_address + 1),
                word.eq(word + 1),
                position.eq(Mux(position == layer.region - 1, 0, position + 1)),
            ]
            with m.If(last_word):
                m.d.sync += [word.eq(0), position.eq(window_start), filter_number.eq(filter_number + 1)]
                m.d.sync += [psum_address.eq(psum_address + in_last_slot), has_command.eq(~last_filter)]
        with m.If(go):
            m.d.sync += [
                active.eq(1),
                has_command.eq(1),
                left.eq(unit_cycles),
                base.eq(slot_base),
                window_start.eq(start),
                position.eq(start),
                filter_address.eq(block),
                word.eq(0),
                filter_number.eq(0),
                in_first_slot.eq(slot == 0),
                in_last_slot.eq(last_slot),
                in_last_unit.eq(pass_ends),
                frees.eq(last_step & upcoming.last_of_set),
            ]
            with m.If(first_unit):
                m.d.sync += [psum_address.eq(upcoming.psum_base), bank_first.eq(upcoming.first)]

        m.d.sync += [
            self.unit_finished.eq(active & (left == FINISH_AHEAD)),
            self.block_freed.eq(active & (left == 0) & frees),
            self.command.valid.eq(has_command),
            self.command.ifmap_address.eq(base + position),
            self.command.filter_address.eq(filter_address),
            self.command.psum_address.eq(filter_number),
            self.command.first_word.eq(word == 0),
            self.command.last_word.eq(last_word),
            self.command.first_slot.eq(in_first_slot),
            self.command.last_slot.eq(in_last_slot),
            self.command.bank_address.eq(psum_address),
            self.command.bank_first.eq(bank_first),
            self.command.pass_end.eq(in_last_unit & last_word & last_filter),
        ]

        # Passes taken and passes written, the latter counted for all to see.
        taken = Signal(COUNT_BITS)
        m.d.sync += [taken.eq(taken + take_pass), self.computed.eq(self.computed + self.pass_written)]
        with m.If(self.start):
            m.d.sync += Cat(taken, self.computed).eq(0)
        m.d.comb += self.busy.eq(working | active | (taken != self.computed))
        return m
