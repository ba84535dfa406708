"""Deliver: reads ifmap values from the global buffer and sends them to the PEs, in the order in which they are used."""

from itertools import pairwise
from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.lut_memory import LutMemory
from eyrie.rowstat.commands import COUNT_BITS, Opcode
from eyrie.rowstat.config import BUS_WORDS, RowstatConfig
from eyrie.rowstat.control_timing import VALUE_LATENCY, VALUES_SETTLE
from eyrie.rowstat.layouts import bank_word_layout, column_id_width, command_layout, ifmap_bus_layout
from eyrie.rowstat.waits import reached

_POSITION_BITS = 10


class Deliver(wiring.Component):
    """Sends a value a cycle: for each step, slot, channel of the slot and ifmap row, the words that the step adds.

    A unit (pass, step, slot) with v values is decided upon in a cycle d and has its values in the cycles from d + 1 on;
    in cycle ``d + max(v, SHORTEST_DELIVERY)`` or later, the next unit is decided upon. That one must have space in the
    region of its slot: `SPACE_LATENCY` cycles after the pulse at `unit_finished` that makes it; and, if it is the first
    of its pass, two cycles after the first one in which its command is there, its counters are reached, and all units
    of the pass before are decided upon (so that the unit before takes three cycles at least).

    A PASS is taken from the queue once the one before has begun. LAYER, IDS and COLUMNS are taken once all values of
    the passes before have had their cycle; a LAYER moreover waits until all passes that were delivered are computed,
    and takes three cycles; an IDS takes one cycle and one more for each row; a COLUMNS one and one more for each
    column, and is not taken before ``config.rows + VALUES_SETTLE`` cycles after the last value's or id's. A LAYER makes
    the slot table meaningless: the IDS of all its slots come after it.

    Parameters
    ----------
    config : RowstatConfig
        Geometry.

    Members
    -------
    start : ``In(1)``
        `delivered` is 0 from the next cycle on.
    commands : ``In(stream.Signature(64))``
        DELIVER commands.
    fetched, computed : ``In(COUNT_BITS)``
        Counters that passes wait for.
    unit_finished : ``In(1)``
        Compute has read what it wants of one more unit, or will before values that are decided upon `SPACE_LATENCY`
        cycles later are written.
    read_en : ``Out(1)``
    read_address : ``Out(config.bank_address_width)``
    read_data : ``In(bank_word_layout(config))``
        The ifmap bank, which answers after `IFMAP_BANK_READ_LATENCY` cycles.
    ifmap : ``Out(ifmap_bus_layout(config))``
        To the array.
    column_id_en : ``Out(1)``
    column_id : ``Out(column_id_width())``
        To the array, column 0 first.
    unit_delivered : ``Out(1)``
        One cycle ago, the last value of a unit had its cycle: it is on the bus ``VALUE_LATENCY - 1`` cycles later.
    delivered : ``Out(COUNT_BITS)``
        Passes whose last value has had its cycle, two cycles ago or more.
    busy : ``Out(1)``
        A command is at work; says nothing of those in the queue.
    """

    commands: stream.Interface

    def __init__(self, config: RowstatConfig) -> None:
        self.config = config
        super().__init__(
            {
                "start": In(1),
                "commands": In(stream.Signature(64)),
                "fetched": In(COUNT_BITS),
                "computed": In(COUNT_BITS),
                "unit_finished": In(1),
                "read_en": Out(1),
                "read_address": Out(config.bank_address_width),
                "read_data": In(bank_word_layout(config)),
                "ifmap": Out(ifmap_bus_layout(config)),
                "column_id_en": Out(1),
                "column_id": Out(column_id_width()),
                "unit_delivered": Out(1),
                "delivered": Out(COUNT_BITS),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        layer_layout, shape_layout = (command_layout("deliver_layer", word) for word in range(2))
        pass_layout, place_layout = (command_layout("deliver_pass", word) for word in range(2))
        ids_layout = command_layout("deliver_ids")
        address_shape = config.bank_address_width
        m.submodules.slots = slots = LutMemory(
            shape=data.StructLayout({"offset": address_shape, "channels": ids_layout["channels"].shape}),
            depth=config.max_slots,
        )

        # Commands, and what is known of the next pass: the address of its first row.
        layer, shape = Signal(layer_layout), Signal(shape_layout)
        ids, waiting, place = Signal(ids_layout), Signal(pass_layout), Signal(place_layout)
        head = Signal(layer_layout)
        first_stride = Signal(len(layer.stride) + 1)  # from a pass's first step's first value to the next step's
        waiting_valid, upcoming_valid, active = Signal(), Signal(), Signal()
        quiet, settled, working, reset_layer = Signal(), Signal(), Signal(), Signal()
        ended = Signal()  # the pass before is counted as delivered from the next cycle on
        factor, pitch, product = Signal(signed(12)), Signal(16), Signal(address_shape)
        waiting_base = Signal(address_shape)
        index = Signal(range(max(config.rows, config.columns)))  # row or column of an id
        lane = index[:2]
        id_word, sends_id = Signal(16), Signal()
        table_write = Signal(2)
        m.d.comb += [
            head.eq(self.commands.payload),
            id_word.eq(self.commands.payload.word_select(lane, 16)),
            quiet.eq(~waiting_valid & ~upcoming_valid & ~active),
            slots.write_en.eq(table_write[1]),
            slots.write_address.eq(ids.slot),
            slots.write_data.offset.eq(product),
            slots.write_data.channels.eq(ids.channels),
        ]
        m.d.sync += [product.eq(factor * pitch), table_write.eq(table_write << 1)]
        with m.FSM(name="commands") as commands:
            with m.State("COMMAND"):
                m.d.sync += index.eq(0)
                with m.If(self.commands.valid):
                    with m.If(head.opcode == Opcode.LAYER):
                        m.d.comb += self.commands.ready.eq(quiet & ~ended & (self.computed == self.delivered))
                        with m.If(self.commands.ready):
                            m.d.sync += layer.eq(head)
                            m.next = "SHAPE"
                    with m.Elif(head.opcode == Opcode.IDS):
                        m.d.comb += self.commands.ready.eq(quiet)
                        with m.If(self.commands.ready):
                            m.d.sync += [ids.eq(self.commands.payload), table_write.eq(1)]
                            m.d.sync += [factor.eq(ids_layout(self._low(ids_layout)).first_channel)]
                            m.d.sync += pitch.eq(shape.channel_pitch)
                            m.next = "IDS"
                    with m.Elif(head.opcode == Opcode.COLUMNS):
                        m.d.comb += self.commands.ready.eq(quiet & settled)
                        with m.If(self.commands.ready):
                            m.next = "COLUMNS"
                    with m.Elif(head.opcode == Opcode.WORK):
                        m.d.comb += self.commands.ready.eq(~waiting_valid)
                        with m.If(self.commands.ready):
                            m.d.sync += waiting.eq(self.commands.payload)
                            m.next = "PLACE"
                    with m.Else():
                        m.d.comb += self.commands.ready.eq(1)

            with m.State("SHAPE"):
                m.d.comb += self.commands.ready.eq(1)
                m.d.sync += shape.eq(self.commands.payload)
                with m.If(self.commands.valid):
                    m.next = "SETUP"

            with m.State("SETUP"):
                m.d.comb += reset_layer.eq(1)
                m.d.sync += first_stride.eq(layer.stride + layer.window - layer.advance)
                m.next = "COMMAND"

            with m.State("IDS"):
                last = index == config.rows - 1
                m.d.comb += [sends_id.eq(self.commands.valid), self.commands.ready.eq(last | (lane == BUS_WORDS - 1))]
                with m.If(self.commands.valid):
                    m.d.sync += index.eq(index + 1)
                    with m.If(last):
                        m.next = "COMMAND"

            with m.State("COLUMNS"):
                last = index == config.columns - 1
                m.d.comb += [
                    self.column_id_en.eq(self.commands.valid),
                    self.commands.ready.eq(last | (lane == BUS_WORDS - 1)),
                ]
                with m.If(self.commands.valid):
                    m.d.sync += index.eq(index + 1)
                    with m.If(last):
                        m.next = "COMMAND"

            with m.State("PLACE"):
                m.d.comb += self.commands.ready.eq(1)
                m.d.sync += [
                    place.eq(self.commands.payload),
                    factor.eq(place_layout(self._low(place_layout)).first_row),
                    pitch.eq(shape.row_pitch),
                ]
                with m.If(self.commands.valid):
                    m.next = "MULTIPLY"

            with m.State("MULTIPLY"):
                m.next = "ADD"

            with m.State("ADD"):
                m.d.sync += [waiting_base.eq(waiting.base + product), waiting_valid.eq(1)]
                m.next = "COMMAND"
            m.d.comb += [working.eq(~commands.ongoing("COMMAND")), self.column_id.eq(id_word)]

        # The upcoming unit. Positions count from the layer's first value on; `position` does so modulo the region.
        slot, slot_base = Signal.like(layer.slots), Signal(config.ifmap_address_width)
        base, first_row, first_step = Signal(address_shape), Signal.like(place.first_row), Signal()
        steps_left, x = Signal.like(layer.steps), Signal(signed(15))
        position, far = Signal.like(layer.region), Signal(len(layer.region) + 1)
        end = Signal(_POSITION_BITS)
        words = Signal.like(layer.window)
        last_slot, last_step, go = Signal(), Signal(), Signal()
        m.d.comb += [
            last_slot.eq(slot == layer.slots - 1),
            last_step.eq(steps_left == 0),
            words.eq(Mux(first_step, layer.window, layer.advance)),
            far.eq(position + words),
        ]
        with m.If(go):
            m.d.sync += [slot.eq(slot + 1), slot_base.eq(slot_base + layer.region)]
            with m.If(last_slot):
                m.d.sync += [
                    slot.eq(0),
                    slot_base.eq(0),
                    first_step.eq(0),
                    steps_left.eq(steps_left - 1),
                    position.eq(Mux(far >= layer.region, far - layer.region, far)),
                    x.eq(x + Mux(first_step, first_stride, layer.stride)),
                    end.eq(end + layer.advance),
                ]
                with m.If(last_step):
                    m.d.sync += [upcoming_valid.eq(0), end.eq(end)]
        begin_pass = Signal()
        m.d.comb += begin_pass.eq(
            ~upcoming_valid
            & waiting_valid
            & reached(self.fetched, waiting.wait_fetched)
            & reached(self.computed, waiting.wait_computed)
        )
        with m.If(begin_pass):
            m.d.sync += [
                waiting_valid.eq(0),
                upcoming_valid.eq(1),
                base.eq(waiting_base),
                first_row.eq(place.first_row),
                x.eq(place.first_x),
                first_step.eq(1),
                steps_left.eq(layer.steps - 1),
                end.eq(end + layer.window),
            ]
        with m.If(reset_layer):
            m.d.sync += [slot.eq(0), slot_base.eq(0), position.eq(0), end.eq(0)]

        # How far values may go: a region beyond the oldest step that compute has not finished, which is a step later in
        # the slots below `finished_slot`.
        limit, next_limit, step_limit = (Signal(_POSITION_BITS, name=name) for name in ("limit", "next", "step"))
        finished_slot, finish_left = Signal.like(slot), Signal.like(steps_left)
        new_left = Signal.like(finish_left)
        ahead = Signal(_POSITION_BITS)
        ready = Signal()
        m.d.comb += [
            new_left.eq(Mux(finish_left == 0, layer.steps - 1, finish_left - 1)),
            step_limit.eq(Mux(reset_layer, layer.region, next_limit)),
            ahead.eq(Mux(finished_slot > slot, next_limit, limit) - end),
        ]
        with m.If(self.unit_finished):
            m.d.sync += finished_slot.eq(finished_slot + 1)
            with m.If(finished_slot == layer.slots - 1):
                m.d.sync += [finished_slot.eq(0), finish_left.eq(new_left)]
        with m.If(reset_layer):
            m.d.sync += [finished_slot.eq(0), finish_left.eq(layer.steps - 1)]
        with m.If(reset_layer | (self.unit_finished & (finished_slot == layer.slots - 1))):
            last_of_pass = Mux(reset_layer, layer.steps == 1, new_left == 0)
            m.d.sync += [
                limit.eq(step_limit),
                next_limit.eq(step_limit + Mux(last_of_pass, layer.window, layer.advance)),
            ]
        m.d.sync += ready.eq(upcoming_valid & ~ahead[-1] & ~go)

        # Address and channels of its slot, from the cycle of `ready` on.
        unit_address, unit_channels = Signal(address_shape), Signal.like(ids.channels)
        m.d.comb += slots.read_address.eq(slot)
        m.d.sync += [
            unit_address.eq(base + slots.read_data.offset),
            unit_channels.eq(slots.read_data.channels),
        ]

        # The unit at work.
        in_last_unit = Signal()
        now_slot, now_base = Signal.like(slot), Signal.like(slot_base)
        channel, channels = Signal.like(unit_channels), Signal.like(unit_channels)
        row, tile_row = Signal.like(layer.rows), Signal(signed(14))
        top_row = Signal.like(first_row)
        words_left, more_words = Signal.like(words), Signal.like(words)
        first_x, now_x = Signal.like(x), Signal.like(x)
        first_position, now_position = Signal.like(position), Signal.like(position)
        channel_address, row_address = Signal(address_shape), Signal(address_shape)
        next_channel, next_row = Signal(address_shape), Signal(address_shape)
        last_word, last_row, last = Signal(), Signal(), Signal()
        has_value = Signal()
        m.d.comb += [
            has_value.eq(active & (channels != 0)),
            last_word.eq(words_left == 0),
            last_row.eq(row == layer.rows - 1),
            last.eq(~has_value | (last_word & last_row & (channel == channels - 1))),
            go.eq(ready & last),
            next_row.eq(row_address + shape.row_pitch),
            next_channel.eq(channel_address + shape.channel_pitch),
        ]
        with m.If(has_value):
            m.d.sync += [
                words_left.eq(words_left - 1),
                now_x.eq(now_x + 1),
                now_position.eq(Mux(now_position == layer.region - 1, 0, now_position + 1)),
            ]
            with m.If(last_word):
                m.d.sync += [
                    words_left.eq(more_words),
                    now_x.eq(first_x),
                    now_position.eq(first_position),
                    row.eq(row + 1),
                    tile_row.eq(tile_row + 1),
                    row_address.eq(next_row),
                ]
                with m.If(last_row):
                    m.d.sync += [
                        row.eq(0),
                        tile_row.eq(top_row),
                        channel.eq(channel + 1),
                        channel_address.eq(next_channel),
                        row_address.eq(next_channel),
                    ]
        with m.If(last):
            m.d.sync += active.eq(0)
        with m.If(go):
            m.d.sync += [
                active.eq(1),
                in_last_unit.eq(last_slot & last_step),
                now_slot.eq(slot),
                now_base.eq(slot_base),
                channel.eq(0),
                channels.eq(unit_channels),
                row.eq(0),
                tile_row.eq(first_row),
                top_row.eq(first_row),
                words_left.eq(words - 1),
                more_words.eq(words - 1),
                first_x.eq(x),
                now_x.eq(x),
                first_position.eq(position),
                now_position.eq(position),
                channel_address.eq(unit_address),
                row_address.eq(unit_address),
            ]

        # Out: its word is read, unless the value before came from the same one, and goes on the bus; outside the tile
        # there is nothing but zeros.
        inside, word_lane = Signal(), now_x[:2]
        m.d.comb += inside.eq((now_x >= 0) & (now_x < shape.width) & (tile_row >= 0) & (tile_row < shape.tile_rows))
        m.d.sync += [
            self.read_en.eq(has_value & inside & ((words_left == more_words) | (word_lane == 0))),
            self.read_address.eq(row_address + (now_x >> 2)),
        ]
        bus_layout = ifmap_bus_layout(config)
        sent_layout = data.StructLayout({"bus": bus_layout, "lane": 2, "inside": 1})
        sent = [Signal(sent_layout, name=f"sent_{age}") for age in range(1, VALUE_LATENCY + 1)]
        m.d.sync += [
            sent[0].bus.valid.eq(has_value | sends_id),
            sent[0].bus.is_id.eq(sends_id),
            sent[0].bus.slot.eq(Mux(sends_id, ids.slot, now_slot)),
            sent[0].bus.channel.eq(channel),
            sent[0].bus.row.eq(Mux(sends_id, index, row)),
            sent[0].bus.address.eq(now_base + now_position),
            sent[0].bus.data.eq(id_word),
            sent[0].lane.eq(word_lane),
            sent[0].inside.eq(inside),
            *(later.eq(earlier) for earlier, later in pairwise(sent)),
        ]
        m.d.comb += self.ifmap.eq(sent[-1].bus)
        with m.If(~sent[-1].bus.is_id):
            m.d.comb += self.ifmap.data.eq(Mux(sent[-1].inside, self.read_data[sent[-1].lane], 0))

        settling = Signal(range(config.rows + VALUES_SETTLE))
        m.d.comb += settled.eq(settling == 0)
        with m.If(has_value | sends_id):
            m.d.sync += settling.eq(config.rows + VALUES_SETTLE - 1)
        with m.Elif(~settled):
            m.d.sync += settling.eq(settling - 1)

        m.d.sync += [
            self.unit_delivered.eq(active & last),
            ended.eq(active & last & in_last_unit),
        ]
        with m.If(self.start):
            m.d.sync += self.delivered.eq(0)
        with m.Elif(ended):
            m.d.sync += self.delivered.eq(self.delivered + 1)
        m.d.comb += self.busy.eq(working | ~quiet | ended)
        return m

    def _low(self, layout: data.StructLayout) -> Any:
        """The bits of a command's word that it has fields for."""
        return self.commands.payload[: layout.size]
