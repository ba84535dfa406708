"""POOL commands in front of a bank of known values, and what must come of them."""

import random
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from eyrie.rowstat.commands import POOL_SCALES, Opcode, pack
from eyrie.rowstat.config import RowstatConfig
from eyrie.rowstat.control_timing import word_values
from eyrie.rowstat.layouts import bank_word_layout
from eyrie.rowstat.timing import IFMAP_BANK_READ_LATENCY
from tests.hw.rowstat.by_hand import words_of
from tests.sim.golden.coded_rows import code

FACTOR = 0x9E37_79B1


def value_at(config: RowstatConfig, address: int, lane: int) -> int:
    """What lies in the ifmap bank."""
    width = config.activation_width
    value = ((4 * address + lane + 1) * FACTOR % (1 << 32)) >> 32 - width
    return value - (value >> width - 1 << width)


class HashedBank(wiring.Component):
    """An ifmap bank that holds `value_at` everywhere."""

    def __init__(self, config: RowstatConfig) -> None:
        self.config = config
        super().__init__(
            {
                "read_en": In(1),
                "read_address": In(config.bank_address_width),
                "read_data": Out(bank_word_layout(config)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        enabled: Any = self.read_en
        address: Any = self.read_address
        for age in range(IFMAP_BANK_READ_LATENCY):
            later, later_enabled = Signal.like(self.read_address, name=f"address_{age}"), Signal(name=f"enabled_{age}")
            m.d.sync += later_enabled.eq(enabled)
            with m.If(enabled):
                m.d.sync += later.eq(address)
            address, enabled = later, later_enabled
        for lane in range(4):
            hashed = Signal(32, name=f"hashed_{lane}")
            m.d.comb += [
                hashed.eq((4 * address + lane + 1) * FACTOR),
                self.read_data[lane].eq(hashed[32 - self.config.activation_width :].as_signed()),
            ]
        return m


@dataclass(frozen=True, kw_only=True)
class Case:
    """A POOL."""

    bank_address: int
    channels: int
    mean: int
    map_address: int
    channel_stride: int
    row_stride: int
    steps: int
    rows: int
    first_x: int
    edge: int
    stride: int
    row_advance: int
    channel_pitch: int
    row_pitch: int
    kernel: int
    window: int
    scales: tuple[tuple[int, int, int], ...]
    wait_fetched: int = 0
    coded: int = 0

    @property
    def words(self) -> list[int]:
        fields = {**vars(self), "scales": len(self.scales)}
        words = [*pack("pool", opcode=Opcode.POOL, **fields)]
        for multiplier, shift, behind in self.scales:
            words += pack("pool_scale", multiplier=multiplier, shift=shift, behind=behind)
        return words

    def places(self, config: RowstatConfig) -> list[list[list[tuple[int, range]]]]:
        """Rows of windows; of each window the words that are read in turn, and the lanes of theirs that count."""
        rows = []
        for c in range(self.channels):
            for y in range(self.rows):
                row = []
                for x in range(self.steps):
                    begin = self.first_x + x * self.stride
                    end = begin + self.window
                    window = []
                    for i in range(self.kernel):
                        top = self.bank_address + c * self.channel_pitch + y * self.row_advance + i * self.row_pitch
                        for word in range(begin // 4, (end - 1) // 4 + 1):
                            low, high = max(begin, 0, 4 * word), min(end, self.edge + 1, 4 * word + 4)
                            address = (top + word) % (1 << config.bank_address_width)
                            window.append((address, range(low - 4 * word, max(low, high) - 4 * word)))
                    row.append(window)
                rows.append(row)
        return rows

    def reads(self, config: RowstatConfig) -> list[int]:
        """Addresses that are read; -1 in a cycle without a read."""
        return [
            address if len(lanes) else -1 for row in self.places(config) for window in row for address, lanes in window
        ]

    def values(self, config: RowstatConfig) -> list[tuple[int, ...]]:
        """Row, whether it begins a word, begins or ends its row or ends the command, sum, multiplier and shift of every
        value."""
        values = []
        rows, per_word = self.places(config), word_values(coded=bool(self.coded))
        for number, row in enumerate(rows):
            c, y = divmod(number, self.rows)
            for x, window in enumerate(row):
                own = [value_at(config, address, lane) for address, lanes in window for lane in lanes]
                at = self.map_address + c * self.channel_stride + y * self.row_stride
                multiplier, shift = next(s[:2] for s in self.scales if x < self.steps - s[2])
                last_step = x == self.steps - 1
                total = sum(own) if self.mean else max(own)
                last = last_step and number == len(rows) - 1
                values.append((at % (1 << 32), x % per_word == 0, x == 0, last_step, last, total, multiplier, shift))
        return values

    def writes(self, config: RowstatConfig) -> list[dict[str, int]]:
        """Words of plain rows, or of coded ones, of its activations."""
        bound = 1 << config.activation_width - 1
        values = iter(self.values(config))
        writes = []
        for _ in range(self.channels * self.rows):
            row = [next(values) for _ in range(self.steps)]
            activations = [
                max(-bound, min(bound - 1, total * multiplier + (1 << shift >> 1) >> shift))
                for *_, total, multiplier, shift in row
            ]
            words = code(activations) if self.coded else words_of(activations)
            writes += [{"address": (row[0][0] + n) % (1 << 32), "data": word} for n, word in enumerate(words)]
        return writes


def case(draw: random.Random, **fields: Any) -> Case:
    """Windows that all hold a value of their row."""
    window, stride, steps = draw.randint(1, 9), draw.randint(1, 5), draw.randint(1, 9)
    window, stride, steps = (fields.get(n, v) for n, v in (("window", window), ("stride", stride), ("steps", steps)))
    first_x = -draw.randrange(window)
    edge = draw.randint(max(0, first_x + (steps - 1) * stride), first_x + (steps - 1) * stride + window + 3)
    ends = sorted(draw.sample(range(1, steps), min(steps - 1, draw.randrange(POOL_SCALES))))
    scales = tuple((draw.getrandbits(16), draw.randrange(64), steps - end) for end in (*ends, steps))
    values: dict[str, Any] = {
        "bank_address": draw.randrange(256),
        "channels": draw.randint(1, 3),
        "mean": draw.randrange(2),
        "map_address": draw.getrandbits(32),
        "channel_stride": draw.getrandbits(16),
        "row_stride": draw.getrandbits(16),
        "steps": steps,
        "rows": draw.randint(1, 3),
        "first_x": first_x,
        "edge": edge,
        "stride": stride,
        "row_advance": draw.randrange(40),
        "channel_pitch": draw.randrange(100),
        "row_pitch": draw.randrange(20),
        "kernel": draw.randint(1, 4),
        "window": window,
        "scales": scales,
        "coded": draw.randrange(2),
        **fields,
    }
    return Case(**values)
