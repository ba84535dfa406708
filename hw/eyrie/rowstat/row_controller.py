"""The controller of a row of PEs: its end of the multicast networks (Eyeriss, section V)."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.lut_memory import LutMemory
from eyrie.common.once import emitted_once
from eyrie.rowstat.config import BUS_WORDS, RowstatConfig
from eyrie.rowstat.layouts import (
    column_id_width,
    command_bus_layout,
    filter_row_layout,
    filter_x_layout,
    ifmap_bus_layout,
    ifmap_x_layout,
    pe_command_layout,
    row_id_layout,
)


class RowController(wiring.Component):
    """Multicasts to one row: values by the row ids of its slots, weights by its group, commands always.

    A value goes to the row if its channel is that of the slot's row id, and then to the column whose id is the value's
    row less the filter row of the row id, if that is not negative. A row id is there for values that come in the next
    cycle or later. Weights are handed on rotated by one lane, so that every row finds its own in lane 0.

    Parameters
    ----------
    config : RowstatConfig
        Geometry.

    Members
    -------
    row : ``In(max(1, (config.rows - 1).bit_length()))``
        Number of the row, a constant.
    ifmap : ``In(ifmap_bus_layout(config))``
    ifmap_next : ``Out(ifmap_bus_layout(config))``
    ifmap_x : ``Out(ifmap_x_layout(config))``
    filter : ``In(filter_row_layout(config))``
    filter_next : ``Out(filter_row_layout(config))``
    filter_x : ``Out(filter_x_layout(config))``
    command : ``In(command_bus_layout(config))``
    command_next : ``Out(command_bus_layout(config))``
        ``NEXT_LATENCY`` cycles after `command`, as the other buses.
    command_x : ``Out(pe_command_layout(config))``
        ``X_LATENCY`` cycles after `command`, as the other X-buses; the fields of later stages come later.
    filter_address : ``Out(config.filter_address_width)``
        To the filter scratch pads: the word that goes with ``multiply`` of `command_x`.
    """

    def __init__(self, config: RowstatConfig) -> None:
        self.config = config
        super().__init__(
            {
                "row": In(max(1, (config.rows - 1).bit_length())),
                "ifmap": In(ifmap_bus_layout(config)),
                "ifmap_next": Out(ifmap_bus_layout(config)),
                "ifmap_x": Out(ifmap_x_layout(config)),
                "filter": In(filter_row_layout(config)),
                "filter_next": Out(filter_row_layout(config)),
                "filter_x": Out(filter_x_layout(config)),
                "command": In(command_bus_layout(config)),
                "command_next": Out(command_bus_layout(config)),
                "command_x": Out(pe_command_layout(config)),
                "filter_address": Out(config.filter_address_width),
            }
        )

    @emitted_once("row")
    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config

        # Values, where the row's id for their slot says that the row takes them.
        ifmap = self.ifmap_next
        m.submodules.row_ids = row_ids = LutMemory(shape=row_id_layout(), depth=config.max_slots)
        row_id, column, taken = row_ids.read_data, Signal(column_id_width() + 1), Signal()
        m.d.comb += [
            row_ids.write_en.eq(ifmap.valid & ifmap.is_id & (ifmap.row == self.row)),
            row_ids.write_address.eq(ifmap.slot),
            row_ids.write_data.eq(ifmap.data),
            row_ids.read_address.eq(ifmap.slot),
            column.eq(ifmap.row - row_id.offset),
            taken.eq(ifmap.valid & ~ifmap.is_id & (ifmap.channel == row_id.channel) & ~column[-1]),
        ]
        m.d.sync += [ifmap.eq(self.ifmap), self.ifmap_x.valid.eq(taken)]
        with m.If(taken):
            m.d.sync += [
                self.ifmap_x.column.eq(column),
                self.ifmap_x.address.eq(ifmap.address),
                self.ifmap_x.value.eq(ifmap.data),
            ]

        # Weights, where the group is the row's own.
        bus, weights, mine = self.filter, self.filter_next, Signal()
        m.d.comb += mine.eq(weights.group == self.row // BUS_WORDS)
        m.d.sync += [weights.eq(bus), self.filter_x.pads.eq(Mux(mine, weights.pads, 0))]
        m.d.sync += [weights.weights[lane].eq(bus.weights[(lane + 1) % BUS_WORDS]) for lane in range(BUS_WORDS)]
        with m.If(mine):
            m.d.sync += [
                self.filter_x.address.eq(weights.address),
                self.filter_x.weight.eq(weights.weights[-1]),
            ]

        # Commands, delayed here for all stages of all PEs of the row.
        m.d.sync += self.command_next.eq(self.command)
        stages = [Signal(command_bus_layout(config), name=f"command_{stage}") for stage in range(6)]
        m.d.sync += [later.eq(stage) for stage, later in zip([self.command_next, *stages], stages, strict=False)]
        last = stages[5].valid & stages[5].last_word
        m.d.comb += [
            self.command_x.read.eq(stages[0].valid),
            self.command_x.ifmap_address.eq(stages[0].ifmap_address),
            self.command_x.multiply.eq(stages[1].valid),
            self.filter_address.eq(stages[1].filter_address),
            self.command_x.restore.eq(stages[3].valid & stages[3].first_word & ~stages[3].first_slot),
            self.command_x.restore_address.eq(stages[3].psum_address),
            self.command_x.accumulate.eq(stages[4].valid),
            self.command_x.first_word.eq(stages[4].first_word),
            self.command_x.first_slot.eq(stages[4].first_slot),
            self.command_x.save.eq(last & ~stages[5].last_slot),
            self.command_x.save_address.eq(stages[5].psum_address),
            self.command_x.send.eq(last & stages[5].last_slot),
        ]
        return m
