"""The part of the global buffer that holds the psums of a column."""

from typing import Any

from amaranth.hdl import Assert, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.memory import SyncMemory
from eyrie.common.once import emitted_once
from eyrie.rowstat.config import RowstatConfig
from eyrie.rowstat.layouts import psum_update_layout


class PsumBank(wiring.Component):
    """Two halves: passes add psums to one while the other is drained, one psum a cycle each.

    Updates of the same address are at least three cycles apart. A drain reads what was written in the cycles before;
    drain and updates of one half in one cycle are a mistake, which an assertion watches. Sums wrap modulo
    ``2 ** accumulator_width``; the compiler certifies that they never do.

    Parameters
    ----------
    config : RowstatConfig
        ``psum_bank_words`` and ``accumulator_width``.

    Members
    -------
    update : ``In(psum_update_layout(config))``
    psum : ``In(signed(config.accumulator_width))``
        Belongs to the update of ``PSUM_LATENCY`` cycles ago.
    drain_en : ``In(1)``
    drain_address : ``In(config.psum_bank_address_width)``
    drained : ``Out(signed(config.accumulator_width))``
        The psum that was asked for ``BANK_DRAIN_LATENCY`` cycles ago, 0 if none was.
    """

    def __init__(self, config: RowstatConfig) -> None:
        self.config = config
        super().__init__(
            {
                "update": In(psum_update_layout(config)),
                "psum": In(signed(config.accumulator_width)),
                "drain_en": In(1),
                "drain_address": In(config.psum_bank_address_width),
                "drained": Out(signed(config.accumulator_width)),
            }
        )

    @emitted_once("psum_bank")
    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config, update = self.config, self.update
        shape = signed(config.accumulator_width)

        # The stages after that of an update: its half is read, and the psum that comes is added and written.
        read, write = Signal(psum_update_layout(config)), Signal(psum_update_layout(config))
        draining, drained_half = Signal(), Signal()
        m.d.sync += [
            read.eq(update),
            write.eq(read),
            draining.eq(self.drain_en),
            drained_half.eq(self.drain_address[-1]),
        ]

        words = []
        for half in range(2):
            m.submodules[f"half_{half}"] = memory = SyncMemory(
                shape=shape, depth=config.psum_half_words, collision="never"
            )
            updated, drained = Signal(name=f"updated_{half}"), Signal(name=f"drained_{half}")
            m.d.comb += [
                updated.eq(update.valid & (update.address[-1] == half)),
                drained.eq(self.drain_en & (self.drain_address[-1] == half)),
                memory.read_en.eq((updated & ~update.first) | drained),
                memory.read_address.eq(Mux(updated, update.address[:-1], self.drain_address[:-1])),
                memory.write_en.eq(write.valid & (write.address[-1] == half)),
                memory.write_address.eq(write.address[:-1]),
            ]
            m.d.sync += Assert(~(updated & drained), "drain and update of one half in one cycle")
            words.append(memory)

        before = Signal(shape)
        for memory in words:
            m.d.comb += memory.write_data.eq(before + self.psum)
        low, high = (memory.read_data for memory in words)
        m.d.sync += [
            before.eq(Mux(read.first, 0, Mux(read.address[-1], high, low))),
            self.drained.eq(Mux(draining, Mux(drained_half, high, low), 0)),
        ]
        return m
