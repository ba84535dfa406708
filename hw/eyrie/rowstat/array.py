"""The array: PEs and filter scratch pads, the controllers of their rows, the ids of their columns, and the psum banks
above them."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from eyrie.rowstat.config import RowstatConfig
from eyrie.rowstat.filter_scratchpad import FilterScratchpad
from eyrie.rowstat.layouts import (
    column_id_width,
    command_bus_layout,
    drained_layout,
    filter_bus_layout,
    filter_row_layout,
    ifmap_bus_layout,
    psum_update_layout,
    set_width,
)
from eyrie.rowstat.pe import ProcessingElement
from eyrie.rowstat.psum_bank import PsumBank
from eyrie.rowstat.row_controller import RowController
from eyrie.rowstat.timing import DRAIN_READ_LATENCY, NEXT_LATENCY, PSUM_LATENCY, written_latency


class RowstatArray(wiring.Component):
    """``rows`` x ``columns`` PEs that differ in nothing but their place.

    Values, weights and commands enter at row 0 and go up a row a cycle, so that what enters in one cycle meets in
    every row; psums go up along with them and are added into the banks. Nothing stalls: one value, one word of weights
    and one command in every cycle, and the distances that they must keep from each other are in `eyrie.rowstat.timing`.

    Parameters
    ----------
    config : RowstatConfig
        Geometry.

    Members
    -------
    ifmap : ``In(ifmap_bus_layout(config))``
    filter : ``In(filter_bus_layout(config))``
    command : ``In(command_bus_layout(config))``
    column_id_en : ``In(1)``
    column_id : ``In(column_id_width())``
        Shifts in the id of a column, that of column 0 first. Values that enter in the next cycle meet the new ids, and
        those that entered ``rows + 1`` cycles ago or earlier the old ones.
    set_en : ``In(1)``
    set : ``In(set_width())``
        Shifts in the number of a column's filter set, that of column 0 first. Weights that enter in the next cycle meet
        the new numbers, and those that enter in this one or came earlier the old ones. Columns that share filter
        scratch pads must have the same number.
    written : ``Out(1)``
        All psums of a pass are in the banks and can be read from the next cycle on; ``written_latency(config)`` cycles
        after the command with ``pass_end``.
    drain_en : ``In(config.drain_lanes)``
    drain_address : ``In(config.psum_bank_address_width)``
    drain_column : ``In(max(1, (config.columns - 1).bit_length()))``
        Bit k reads a psum of column ``drain_column + k``'s bank, from a half that no pass changes.
    drained : ``Out(drained_layout(config))``
        These psums, ``DRAIN_READ_LATENCY`` cycles later; 0 where none was read.
    gated : ``Out(config.n_pes)``
        PE ``row * columns + column`` has not multiplied because the value was 0.
    """

    def __init__(self, config: RowstatConfig) -> None:
        self.config = config
        super().__init__(
            {
                "ifmap": In(ifmap_bus_layout(config)),
                "filter": In(filter_bus_layout(config)),
                "command": In(command_bus_layout(config)),
                "column_id_en": In(1),
                "column_id": In(column_id_width()),
                "set_en": In(1),
                "set": In(set_width()),
                "written": Out(1),
                "drain_en": In(config.drain_lanes),
                "drain_address": In(config.psum_bank_address_width),
                "drain_column": In(max(1, (config.columns - 1).bit_length())),
                "drained": Out(drained_layout(config)),
                "gated": Out(config.n_pes),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        columns = range(config.columns)
        sharing = config.filter_columns

        # New ids enter at the highest column and move down.
        column_ids = [Signal(column_id_width(), name=f"column_id_{column}") for column in columns]
        sets = [Signal(set_width(), name=f"set_{column}") for column in columns]
        with m.If(self.column_id_en):
            m.d.sync += [low.eq(high) for low, high in zip(column_ids, [*column_ids[1:], self.column_id], strict=True)]
        with m.If(self.set_en):
            m.d.sync += [low.eq(high) for low, high in zip(sets, [*sets[1:], self.set], strict=True)]

        # Where weights go is found out here, once for all rows.
        weights = Signal(filter_row_layout(config))
        listening = Cat(number == self.filter.set for number in sets[::sharing])
        m.d.comb += [
            weights.pads.eq(Mux(self.filter.valid, listening, 0)),
            weights.group.eq(self.filter.group),
            weights.address.eq(self.filter.address),
            weights.weights.eq(self.filter.weights),
        ]

        ifmap, command = self.ifmap, self.command
        links: list[Any] = [0] * config.columns
        gated = []
        for row in range(config.rows):
            m.submodules[f"row_{row}"] = controller = RowController(config)
            m.d.comb += [
                controller.row.eq(row),
                controller.ifmap.eq(ifmap),
                controller.filter.eq(weights),
                controller.command.eq(command),
            ]
            ifmap, weights, command = controller.ifmap_next, controller.filter_next, controller.command_next
            for number in range(config.row_filter_pads):
                m.submodules[f"filter_pad_{row}_{number}"] = pad = FilterScratchpad(config)
                reads = []
                for column in columns[number * sharing :][:sharing]:
                    m.submodules[f"pe_{row}_{column}"] = element = ProcessingElement(config)
                    m.d.comb += [
                        element.ifmap.eq(controller.ifmap_x),
                        element.command.eq(controller.command_x),
                        element.column_id.eq(column_ids[column]),
                        element.weight.eq(pad.weight),
                        element.below.eq(links[column]),
                    ]
                    reads.append(element.weight_en)
                    links[column] = element.link
                    gated.append(element.gated)
                m.d.comb += [
                    pad.write_en.eq(controller.filter_x.pads[number]),
                    pad.write_address.eq(controller.filter_x.address),
                    pad.write_weight.eq(controller.filter_x.weight),
                    pad.read_en.eq(Cat(reads).any()),
                    pad.read_address.eq(controller.filter_address),
                ]

        # From the highest row's command to the banks, so that a psum comes when its bank wants it.
        delay = written_latency(config) - PSUM_LATENCY - config.rows * NEXT_LATENCY
        update = Signal(psum_update_layout(config))
        m.d.comb += [
            update.valid.eq(command.valid & command.last_word & command.last_slot),
            update.first.eq(command.bank_first),
            update.address.eq(command.bank_address),
        ]
        for stage in range(delay):
            later = Signal(psum_update_layout(config), name=f"update_{stage}")
            m.d.sync += later.eq(update)
            update = later
        ends = Signal(delay + PSUM_LATENCY)
        m.d.sync += ends.eq(Cat(command.valid & command.pass_end, ends))

        # Neighbouring columns are drained together: of every so many, one.
        lanes = range(config.drain_lanes)
        drain_address = Signal(config.psum_bank_address_width)
        m.d.sync += drain_address.eq(self.drain_address)
        drained: list[list[Any]] = [[] for _ in lanes]
        for column in columns:
            m.submodules[f"psum_bank_{column}"] = bank = PsumBank(config)
            drain_en = Signal(name=f"drain_en_{column}")
            wanted = [
                en & (self.drain_column == column - lane) for lane, en in enumerate(self.drain_en) if column >= lane
            ]
            m.d.sync += drain_en.eq(Cat(wanted).any())
            m.d.comb += [
                bank.update.eq(update),
                bank.psum.eq(links[column]),
                bank.drain_en.eq(drain_en),
                bank.drain_address.eq(drain_address),
            ]
            drained[column % len(lanes)].append(bank.drained)

        # Banks that are not asked give 0. The lowest column that is drained may be any of its group.
        lowest: Any = self.drain_column[: len(lanes).bit_length() - 1]
        for age in range(1, DRAIN_READ_LATENCY):
            later = Signal(len(lowest), name=f"lowest_{age}")
            m.d.sync += later.eq(lowest)
            lowest = later
        psums = [_any_of(group) if group else Const(0) for group in drained]
        for lane in lanes:
            turned = psums[lane]
            for other in lanes[1:]:
                turned = Mux(lowest == other, psums[(lane + other) % len(lanes)], turned)
            m.d.sync += self.drained[f"column_{lane}"].eq(turned)
        m.d.comb += [self.written.eq(ends[-1]), self.gated.eq(Cat(gated))]
        return m


def _any_of(psums: list[Any]) -> Any:
    """The psum that is not 0, if there is one: their OR, as a balanced tree."""
    while len(psums) > 1:
        psums = [
            psums[first] | psums[first + 1] if first + 1 < len(psums) else psums[first]
            for first in range(0, len(psums), 2)
        ]
    return psums[0]
