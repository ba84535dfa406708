"""The tape of a layer: commands of all units, each with what it waits for.

Every wait refers to a command further ahead on the tape, and commands stand where they are needed next: tiles are
fetched while the passes before them run, and sums drain during the passes that follow. Otherwise a full queue could
hold up the commands behind it.
"""

from typing import Final

from eyrie.compile.rowstat.codebook import write_codebook
from eyrie.compile.rowstat.drains import Drains
from eyrie.compile.rowstat.fetches import Fetches
from eyrie.compile.rowstat.ids import SlotIds, place_pairs
from eyrie.compile.rowstat.layer import ConvLayer
from eyrie.compile.rowstat.loops import Loops, Pass
from eyrie.compile.rowstat.maps import MapPlace
from eyrie.compile.rowstat.packets import Tape
from eyrie.compile.rowstat.parameters import write_ids, write_parameters
from eyrie.rowstat.commands import Opcode, Unit, pack
from eyrie.rowstat.config import RowstatConfig

MAX_BLOCKS: Final = (1 << 16) - 1
"""Most filter blocks that one LAYER command counts; a layer with more takes several."""


def write_layer(
    tape: Tape, layer: ConvLayer, loops: Loops, config: RowstatConfig, source: MapPlace, target: MapPlace
) -> None:
    """Write all commands of a layer, whose mapping `eyrie.compile.rowstat.mapping.require_mapping` accepts."""
    fetches = Fetches(tape, loops, config, source)
    drains = Drains(tape, layer, loops, config, target)
    placed = [place_pairs(loops.shape, config, loops.mapping, number) for number in range(loops.n_channel_groups)]
    sections = block_sections(loops)
    half_ends = _half_ends(loops.passes)
    present: tuple[SlotIds, ...] = ()
    for number, step in enumerate(loops.passes):
        fetches.before(number)
        if number in sections:
            if not number and layer.codebook is not None:
                write_codebook(tape, layer.codebook)
            write_parameters(tape, loops, config, sections[number], coded=layer.codebook is not None)
            present = ()
        if placed[step.channel_group] != present:
            present = placed[step.channel_group]
            write_ids(tape, present)
        drains.before_delivery(step)
        deliver = pack(
            "deliver_pass",
            opcode=Opcode.WORK,
            wait_fetched=tape.fetched.wait(fetches.wait_fetched(step.job)),
            wait_computed=tape.passes.wait(0),
            base=fetches.base(step.job),
            first_row=step.strip.first_row,
            first_x=step.strip.first_value,
        )
        tape.packet(Unit.DELIVER, deliver)
        wait_drained = drains.before_computation(step)
        compute = pack(
            "compute_pass",
            opcode=Opcode.WORK,
            wait_drained=tape.drained.wait(wait_drained),
            psum_base=drains.base(step),
            first=int(step.first),
            last_of_set=int(step.last_of_set),
        )
        tape.packet(Unit.COMPUTE, compute)
        tape.passes.issue()
        drains.after(step, last_on_half=number in half_ends)
    drains.finish()


def block_sections(loops: Loops) -> dict[int, int]:
    """Passes with which a LAYER command begins, and the filter blocks that are loaded from there to the next."""
    sections = {}
    begin = blocks = 0
    for number, step in enumerate(loops.passes):
        if step.last_of_set:
            blocks += loops.mapping.slots
            if number + 1 == len(loops.passes) or blocks + loops.mapping.slots > MAX_BLOCKS:
                sections[begin] = blocks
                begin, blocks = number + 1, 0
    return sections


def _half_ends(passes: tuple[Pass, ...]) -> set[int]:
    """Passes after which a half of the psum banks is to drain."""
    last = {(step.residency, step.half): number for number, step in enumerate(passes)}
    return set(last.values())
