"""The array as plain Python: what values, weights and commands do, in the order in which the rules let them meet."""

from collections.abc import Mapping, Sequence
from typing import Any

from eyrie.rowstat.config import BUS_WORDS, RowstatConfig

Fields = Mapping[str, Any]
"""Fields of a bus in a cycle; none if it is idle."""


def wrapped(value: int, width: int) -> int:
    """The number that the lowest bits of ``value`` are in two's complement."""
    return (value + (1 << width - 1)) % (1 << width) - (1 << width - 1)


class PeModel:
    """Scratch pads and sums of one PE."""

    def __init__(self, config: RowstatConfig) -> None:
        self.width = config.accumulator_width
        self.values = [0] * config.ifmap_words
        self.weights = [0] * config.filter_depth
        self.psums = [0] * config.psum_depth
        self.psum = 0

    def execute(self, command: Fields) -> tuple[bool, int | None]:
        """Whether the multiply was gated, and the psum for the link, if there is one."""
        value = self.values[command["ifmap_address"]]
        product = value * self.weights[command["filter_address"]]
        before = self.psum
        if command["first_word"]:
            before = 0 if command["first_slot"] else self.psums[command["psum_address"]]
        self.psum = wrapped(before + product, self.width)
        if command["last_word"] and not command["last_slot"]:
            self.psums[command["psum_address"]] = self.psum
        return value == 0, self.psum if command["last_word"] and command["last_slot"] else None


class ArrayModel:
    """All PEs, the ids, and the psum banks."""

    def __init__(self, config: RowstatConfig, column_ids: Sequence[int], sets: Sequence[int]) -> None:
        self.config, self.column_ids, self.sets = config, column_ids, sets
        self.pes = [[PeModel(config) for _ in range(config.columns)] for _ in range(config.rows)]
        self.row_ids = [[(0, 0)] * config.max_slots for _ in range(config.rows)]
        self.banks: list[dict[int, int]] = [{} for _ in range(config.columns)]

    def load(self, bus: Fields) -> None:
        """Weights."""
        for lane, weight in enumerate(bus["weights"]):
            row = bus["group"] * BUS_WORDS + lane
            for column, number in enumerate(self.sets):
                if row < self.config.rows and number == bus["set"]:
                    self.pes[row][column].weights[bus["address"]] = weight

    def execute(self, command: Fields) -> list[list[bool]]:
        """A command; by row and column, whether the multiply was gated."""
        done = [[pe.execute(command) for pe in row] for row in self.pes]
        if command["last_word"] and command["last_slot"]:
            for column, bank in enumerate(self.banks):
                before = 0 if command["bank_first"] else bank[command["bank_address"]]
                psum = before + sum(row[column][1] or 0 for row in done)
                bank[command["bank_address"]] = wrapped(psum, self.config.accumulator_width)
        return [[gated for gated, _ in row] for row in done]

    def deliver(self, bus: Fields) -> None:
        """A value or a row id."""
        if bus["is_id"]:
            if bus["row"] < self.config.rows:
                self.row_ids[bus["row"]][bus["slot"]] = (bus["data"] & 0x3F, bus["data"] >> 6 & 0x3FF)
            return
        value = wrapped(bus["data"], self.config.activation_width)
        for row, row_ids in zip(self.pes, self.row_ids, strict=True):
            channel, offset = row_ids[bus["slot"]]
            for column, pe in zip(self.column_ids, row, strict=True):
                if channel == bus["channel"] and column == bus["row"] - offset:
                    pe.values[bus["address"]] = value
