"""FETCH commands: tiles of ifmaps from the external memory into the ifmap bank, ahead of the passes that need them."""

from eyrie.compile.rowstat.loops import Loops
from eyrie.compile.rowstat.mapping import bank_tiles, channel_span, row_words
from eyrie.compile.rowstat.maps import MapPlace
from eyrie.compile.rowstat.packets import Tape
from eyrie.rowstat.commands import FIELDS, Opcode, Unit, pack
from eyrie.rowstat.config import RowstatConfig


def fetch_words(source: MapPlace) -> int:
    """Words of a command that fetches from such maps."""
    return len(FIELDS["coded_fetch" if source.coded else "fetch"])


def fetch_whole_rows(
    source: MapPlace,
    *,
    image: int,
    channel: int,
    channels: int,
    row: int,
    rows: int,
    bank_address: int,
    wait_delivered: int,
    wait_drained: int,
) -> tuple[int, ...]:
    """The command that fetches neighbouring rows of neighbouring channels, of plain maps or coded ones.

    In the bank they lie row by row and channel by channel, `row_words` words a row.
    """
    fields = {
        "wait_delivered": wait_delivered,
        "bank_address": bank_address,
        "channels": channels,
        "map_address": source.address(image, channel, row),
        "channel_stride": source.channel_words,
        "wait_drained": wait_drained,
    }
    words = row_words(source.width)
    if source.coded:
        return pack("coded_fetch", opcode=Opcode.CODED, words=words, rows=rows, slot_words=source.row_words, **fields)
    return pack("fetch", opcode=Opcode.WORK, words=rows * words, **fields)


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
        room = config.command_depth // (fetch_words(source) * commands + 1)
        self.ahead = max(1, min(loops.mapping.tiles, room))
        self.fetched_after: list[int] = []
        self.newest = 0

    @property
    def _by_channel(self) -> bool:
        """Whether rows of a tile are parts of the map's rows, so that every channel takes a command."""
        return self.loops.tile.words != row_words(self.source.width)

    def base(self, job: int) -> int:
        """Address in the ifmap bank of a tile."""
        return job % self.places * self.loops.tile.bank_words

    def wait_fetched(self, job: int) -> int:
        """FETCH commands until a tile is there."""
        return self.fetched_after[job]

    def before(self, number: int) -> None:
        """Write what is to stand before a pass: the fetch of its tile, and of others as far ahead as is useful."""
        needed = self.newest = max(self.newest, self.loops.passes[number].job)
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
        waits = {
            "wait_delivered": self.tape.passes.wait(delivered),
            "wait_drained": self.tape.drained.wait(self.drains_before),
        }
        if not self._by_channel:
            command = fetch_whole_rows(
                source,
                image=job.tile.image,
                channel=first,
                channels=channels,
                row=job.tile.row,
                rows=tile.rows,
                bank_address=self.base(number),
                **waits,
            )
            self.tape.packet(Unit.FETCH, command)
            self.tape.fetched.issue()
        for channel in range(channels if self._by_channel else 0):
            command = pack(
                "fetch",
                opcode=Opcode.WORK,
                bank_address=self.base(number) + channel * tile.rows * tile.words,
                channels=tile.rows,
                words=tile.words,
                map_address=source.address(job.tile.image, first + channel, job.tile.row, job.tile.word),
                channel_stride=source.row_words,
                **waits,
            )
            self.tape.packet(Unit.FETCH, command)
            self.tape.fetched.issue()
        self.fetched_after.append(self.tape.fetched.issued)
