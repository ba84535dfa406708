"""The whole engine: front end, command queues, units, global buffer and array."""

from typing import Any

from amaranth.hdl import Assert, Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.fifo import StreamFifo
from eyrie.rowstat.array import RowstatArray
from eyrie.rowstat.compute import Compute
from eyrie.rowstat.config import BUS_WORDS, RowstatConfig
from eyrie.rowstat.deliver import Deliver
from eyrie.rowstat.drain import Drain
from eyrie.rowstat.external import map_read_request_layout, map_write_layout
from eyrie.rowstat.fetch import Fetch
from eyrie.rowstat.filter_decoder import filter_word_layout
from eyrie.rowstat.front_end import FrontEnd
from eyrie.rowstat.ifmap_bank import IfmapBank
from eyrie.rowstat.load import Load


class RowstatCore(wiring.Component):
    """Row-stationary convolution engine after Eyeriss: takes a tape, and filters and feature maps as the tape asks for
    them.

    Words of feature maps have four values of 16 bits, the lowest first; values that `config.activation_width` bits
    cannot hold lose their high bits.

    Parameters
    ----------
    config : RowstatConfig
        Geometry. Everything in the hardware follows from it.

    Members
    -------
    tape : ``In(stream.Signature(64))``
        Commands, see `eyrie.rowstat.commands`. Taken only while busy, up to and with the header of an END.
    filters : ``In(stream.Signature(64))``
        Weights in the order in which LOAD takes them, four values of 16 bits a word, the lowest row first; or eight
        codes of 8 bits, those of four rows in the low half of a word.
    map_read_request : ``Out(stream.Signature(map_read_request_layout))``
        Words of external memory that the engine wants.
    map_read : ``In(stream.Signature(64))``
        Those words, in the order of the requests.
    map_write : ``Out(stream.Signature(map_write_layout))``
        Words for the external memory.
    start : ``In(1)``
        Execute a tape from its first header; all counters that commands wait for start at 0. Ignored while busy.
    busy : ``Out(1)``
        A tape is being executed.
    done : ``Out(1)``
        High for the last cycle of a tape.
    cycles : ``Out(32)``
        Cycles in which `busy` was high, of this tape or the last one.
    identification : ``Out(64)``
        `RowstatConfig.hash`.
    """

    tape: stream.Interface
    filters: stream.Interface
    map_read_request: stream.Interface
    map_read: stream.Interface
    map_write: stream.Interface

    def __init__(self, config: RowstatConfig) -> None:
        self.config = config
        super().__init__(
            {
                "tape": In(stream.Signature(64)),
                "filters": In(stream.Signature(64)),
                "map_read_request": Out(stream.Signature(map_read_request_layout)),
                "map_read": In(stream.Signature(64)),
                "map_write": Out(stream.Signature(map_write_layout)),
                "start": In(1),
                "busy": Out(1),
                "done": Out(1),
                "cycles": Out(32),
                "identification": Out(64),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        m.submodules.front_end = front_end = FrontEnd(config)
        m.submodules.fetch = fetch = Fetch(config)
        m.submodules.deliver = deliver = Deliver(config)
        m.submodules.load = load = Load(config)
        m.submodules.compute = compute = Compute(config)
        m.submodules.drain = drain = Drain(config)
        m.submodules.ifmap_bank = bank = IfmapBank(config)
        m.submodules.array = array = RowstatArray(config)
        m.submodules.filter_fifo = filters = StreamFifo(filter_word_layout(config), depth=config.filter_fifo_words)

        wiring.connect(m, wiring.flipped(self.tape), front_end.tape)
        wiring.connect(m, fetch.request, wiring.flipped(self.map_read_request))
        wiring.connect(m, wiring.flipped(self.map_read), fetch.words)
        wiring.connect(m, drain.map_write, wiring.flipped(self.map_write))
        wiring.connect(m, filters.o, load.filters)
        m.d.comb += [
            filters.i.valid.eq(self.filters.valid),
            self.filters.ready.eq(filters.i.ready),
            *(filters.i.payload[lane].eq(self.filters.payload.word_select(lane, 16)) for lane in range(BUS_WORDS)),
        ]

        # Every unit behind its queue.
        working = []
        units: dict[str, Any] = {"fetch": fetch, "deliver": deliver, "load": load, "compute": compute, "drain": drain}
        for name, unit in units.items():
            m.submodules[f"{name}_queue"] = queue = StreamFifo(64, depth=config.command_depth)
            wiring.connect(m, getattr(front_end, name), queue.i)
            wiring.connect(m, queue.o, unit.commands)
            working += [queue.waiting != 0, queue.o.valid, unit.busy]
        idle = Signal()
        m.d.sync += idle.eq(~Cat(working).any())

        m.d.comb += [
            front_end.start.eq(self.start),
            front_end.idle.eq(idle),
            *(unit.start.eq(front_end.started) for unit in (fetch, deliver, compute, drain)),
            # Counters.
            fetch.delivered.eq(deliver.delivered),
            fetch.drained.eq(drain.drained),
            deliver.fetched.eq(fetch.fetched),
            deliver.computed.eq(compute.computed),
            load.computed.eq(compute.computed),
            compute.drained.eq(drain.drained),
            drain.computed.eq(compute.computed),
            drain.fetched.eq(fetch.fetched),
            # What deliver, load and compute tell each other.
            compute.unit_delivered.eq(deliver.unit_delivered),
            compute.block_loaded.eq(load.block_loaded),
            compute.pass_written.eq(array.written),
            deliver.unit_finished.eq(compute.unit_finished),
            load.block_freed.eq(compute.block_freed),
            # The global buffer.
            bank.write_en.eq(fetch.write_en),
            bank.write_address.eq(fetch.write_address),
            bank.write_data.eq(fetch.write_data),
            # One read port: on a tape that keeps its contract passes and pools never read at the same time.
            bank.read_en.eq(deliver.read_en | drain.bank_read_en),
            bank.read_address.eq(Mux(drain.bank_read_en, drain.bank_read_address, deliver.read_address)),
            deliver.read_data.eq(bank.read_data),
            drain.bank_read_data.eq(bank.read_data),
            array.drain_en.eq(drain.read_en),
            array.drain_address.eq(drain.read_address),
            array.drain_column.eq(drain.read_column),
            drain.psums.eq(array.drained),
            # The array.
            array.ifmap.eq(deliver.ifmap),
            array.filter.eq(load.filter),
            array.command.eq(compute.command),
            array.column_id_en.eq(deliver.column_id_en),
            array.column_id.eq(deliver.column_id),
            array.set_en.eq(load.set_en),
            array.set.eq(load.set),
            self.busy.eq(front_end.busy),
            self.done.eq(front_end.done),
            self.cycles.eq(front_end.cycles),
            self.identification.eq(config.hash),
        ]
        m.d.sync += Assert(~(deliver.read_en & drain.bank_read_en), "pass and pool read the ifmap bank in one cycle")
        return m
