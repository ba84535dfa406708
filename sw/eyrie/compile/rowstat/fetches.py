"""FETCH commands: tiles of ifmaps from the external memory into the ifmap bank, ahead of the passes that need them."""

from typing import Final

from eyrie.compile.rowstat.loops import Loops
from eyrie.compile.rowstat.mapping import bank_tiles, channel_span
from eyrie.compile.rowstat.maps import MapPlace
from eyrie.compile.rowstat.packets import Tape
from eyrie.rowstat.commands import Opcode, Unit, pack
from eyrie.rowstat.config import RowstatConfig

_COMMAND_WORDS: Final = 2


class Fetches:
    """The fetches of a layer. Tiles take places in the bank in turn; one waits for the last pass of that before it.

    Parameters
    ----------
    tape : Tape
    loops : Loops
    config : RowstatConfig
    source : MapPlace
        Where the ifmaps lie.
    """

    def __init__(self, tape: Tape, loops: Loops, config: RowstatConfig, source: MapPlace) -> None:
        self.tape, self.loops, self.source = tape, loops, source
        self.passes_before, self.drains_before = tape.passes.issued, tape.drained.issued
        self.places = min(bank_tiles(loops.shape, config, loops.mapping), len(loops.jobs))
        self.last_pass = [0] * len(loops.jobs)
        for number, step in enumerate(loops.passes):
            self.last_pass[step.job] = number
        commands = loops.tile.channels if self._by_channel else 1
        room = config.command_depth // (_COMMAND_WORDS * commands + 1)
        self.ahead = max(1, min(loops.mapping.tiles, room))
        self.fetched_after: list[int] = []

    @property
    def _by_channel(self) -> bool:
        """Whether rows of a tile are parts of the map's rows, so that every channel takes a command."""
        return self.loops.tile.words != self.source.row_words

    def base(self, job: int) -> int:
        """Address in the ifmap bank of a tile."""
        return job % self.places * self.loops.tile.bank_words

    def wait_fetched(self, job: int) -> int:
        """FETCH commands until a tile is there."""
        return self.fetched_after[job]

    def before(self, number: int) -> None:
        """Write what is to stand before a pass: the fetch of its tile, and of others as far ahead as is useful."""
        needed = self.loops.passes[number].job
        while len(self.fetched_after) < len(self.last_pass):
            job = len(self.fetched_after)
            free = job < self.places or self.last_pass[job - self.places] < number
            if job > needed and (job > needed + self.ahead or not free):
                return
            self._fetch(job)

    def _fetch(self, number: int) -> None:
        """Write the commands for one tile."""
        job, tile, source = self.loops.jobs[number], self.loops.tile, self.source
        mapping, shape = self.loops.mapping, self.loops.shape
        first, channels = channel_span(shape, job.channel_group * mapping.pass_pairs, mapping.pass_pairs)
        first += job.group * shape.group_channels
        earlier = number - self.places
        delivered = self.passes_before if earlier < 0 else self.passes_before + self.last_pass[earlier] + 1
        for channel in range(channels) if self._by_channel else (0,):
            command = pack(
                "fetch",
                opcode=Opcode.WORK,
                wait_delivered=self.tape.passes.wait(delivered),
                bank_address=self.base(number) + channel * tile.rows * tile.words,
                channels=tile.rows if self._by_channel else channels,
                words=tile.words if self._by_channel else tile.rows * tile.words,
                map_address=source.address(job.tile.image, first + channel, job.tile.row, job.tile.word),
                channel_stride=source.row_words if self._by_channel else source.channel_words,
                wait_drained=self.tape.drained.wait(self.drains_before),
            )
            self.tape.packet(Unit.FETCH, command)
            self.tape.fetched.issue()
        self.fetched_after.append(self.tape.fetched.issued)
