"""The commands that give the units the parameters of a layer."""

from eyrie.compile.rowstat.ids import SlotIds, column_ids, column_sets, words_of_four
from eyrie.compile.rowstat.loops import Loops
from eyrie.compile.rowstat.mapping import pass_rows
from eyrie.compile.rowstat.packets import Tape
from eyrie.rowstat.commands import Opcode, Unit, pack
from eyrie.rowstat.config import BUS_WORDS, RowstatConfig


def write_parameters(tape: Tape, loops: Loops, config: RowstatConfig, blocks: int, *, coded: bool) -> None:
    """LAYER and COLUMNS for the loader, the delivery and the computation; `blocks` filter blocks to come, as codes if
    `coded`."""
    shape, mapping = loops.shape, loops.mapping
    window, block = shape.kernel[1], mapping.filters * shape.kernel[1]
    columns = pack("deliver_columns", opcode=Opcode.COLUMNS)
    load = pack(
        "load_layer",
        opcode=Opcode.LAYER,
        wait_computed=tape.passes.wait(tape.passes.issued),
        block=block,
        sets=mapping.sets,
        ring=mapping.ring,
        blocks=blocks,
        coded=int(coded),
    )
    tape.packet(Unit.LOAD, columns + words_of_four(column_sets(config, mapping)) + load)
    tile = loops.tile
    deliver = pack(
        "deliver_layer",
        opcode=Opcode.LAYER,
        slots=mapping.slots,
        window=window,
        advance=shape.advance,
        stride=shape.stride[1],
        region=mapping.region,
        steps=mapping.steps,
        rows=pass_rows(shape, mapping),
        tile_rows=tile.rows,
        row_pitch=tile.words,
        channel_pitch=tile.rows * tile.words,
        width=min(shape.width, BUS_WORDS * tile.words),
    )
    tape.packet(Unit.DELIVER, deliver + columns + words_of_four(column_ids(shape, config, mapping)))
    compute = pack(
        "compute_layer",
        opcode=Opcode.LAYER,
        slots=mapping.slots,
        window=window,
        advance=shape.advance,
        region=mapping.region,
        steps=mapping.steps,
        filters=mapping.filters,
        block=block,
        ring=mapping.ring,
    )
    tape.packet(Unit.COMPUTE, compute)


def write_ids(tape: Tape, slots: tuple[SlotIds, ...]) -> None:
    """IDS for all slots of a pass."""
    for number, slot in enumerate(slots):
        command = pack(
            "deliver_ids",
            opcode=Opcode.IDS,
            slot=number,
            first_channel=slot.first_channel,
            channels=slot.channels,
        )
        tape.packet(Unit.DELIVER, command + slot.id_words())
