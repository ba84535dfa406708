"""EieCore: steps in orders that no compiler would choose, against a model of the contract of `Step`."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from eyrie.eie.config import EieConfig
from eyrie.eie.program import STEP_WORDS, Step
from tests.hw.eie.network import Layer, Memories, random_layer, small
from tests.hw.eie.session import Session, play


class StepModel:
    """What the steps of a program do, taken literally. Like the engine it keeps its state from run to run."""

    def __init__(self, config: EieConfig, memories: Memories) -> None:
        self.config, self.memories = config, memories
        self.banks: list[dict[int, int]] = [{}, {}]  # by the slot, non-zero activations
        self.source = 0
        self.codebook = [0] * config.codebook_size
        self.accumulators = [[0] * config.accumulator_depth for _ in range(config.n_pes)]

    def run(self, inputs: Iterator[int]) -> list[int]:
        program, outputs, address = self.memories.program, list[int](), 0
        n_pes = self.config.n_pes
        while True:
            step = Step.unpack(program[address : address + STEP_WORDS])
            address += STEP_WORDS
            for entry in range(step.codebook_count):
                self.codebook[entry] = program[step.codebook_base + entry]
            if step.load:
                self.source ^= 1
                loaded = {slot: next(inputs) for slot in range(step.count)}
                self.banks[self.source] = {slot: value for slot, value in loaded.items() if value}
            if step.broadcast:
                for slot, value in self.banks[self.source].items():
                    self.broadcast(step.column_base + slot, value)
            destination = self.source ^ 1
            if step.drain:
                if step.open:
                    self.banks[destination] = {}
                for row in range(step.n_rows):
                    for pe in range(n_pes):
                        value = self.drain(step, row, pe)
                        if value:
                            self.banks[destination][(step.local_base + row) * n_pes + pe] = value
            if step.emit:
                first = step.local_base * n_pes
                outputs += [self.banks[destination].get(first + slot, 0) for slot in range(step.emit_count)]
            self.source ^= step.swap
            if step.last:
                return outputs

    def broadcast(self, column: int, value: int) -> None:
        lowest, modulus = self.config.accumulator_range[0], 1 << self.config.accumulator_width
        for pe in range(self.config.n_pes):
            pointers, entries = self.memories.pointers[pe], self.memories.entries[pe]
            sums, row = self.accumulators[pe], -1
            for entry in entries[pointers[column] : pointers[column + 1]]:
                row += 1 + (entry >> self.config.codebook_bits)
                code = entry % self.config.codebook_size
                if code:
                    sums[row] = (sums[row] + value * self.codebook[code] - lowest) % modulus + lowest

    def drain(self, step: Step, row: int, pe: int) -> int:
        total, self.accumulators[pe][row] = self.accumulators[pe][row], 0
        scale = self.memories.scales[pe][step.row_base + row]
        multiplier, shift = scale % (1 << self.config.multiplier_width), scale >> self.config.multiplier_width
        product = (total + self.memories.biases[pe][step.row_base + row]) * (multiplier if step.scaled else 1)
        lowest, highest = self.config.activation_range
        result = max(lowest, min(highest, (product + (1 << shift >> 1)) >> shift))
        return max(result, 0) if step.relu else result


@dataclass
class Bank:
    """Local indices that a bank holds anything at."""

    first: int = 0
    end: int = 0


@dataclass
class Draw:
    """Draws programs that keep to the contract."""

    config: EieConfig
    seed: int
    memories: Memories = field(init=False)
    n_inputs: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.memories = Memories(self.config)
        self.layers: list[tuple[Layer, tuple[int, int, int]]] = []
        capacity = self.config.n_pes * self.config.activation_depth
        for number in range(3):
            n_rows = self.random.randint(1, self.config.accumulator_depth) * self.config.n_pes
            layer = random_layer(self.config, n_rows, capacity, self.seed + number, scaled=number == 1)
            self.layers.append((layer, self.memories.add_rows(layer, 0, n_rows)))
        self.banks = [Bank(), Bank()]
        self.source = 0

    def steps(self, n: int) -> list[dict[str, Any]]:
        steps = [self.step(first=number == 0) for number in range(n)]
        steps[-1]["last"] = True
        return steps

    def step(self, *, first: bool) -> dict[str, Any]:
        """A step; the first loads a batch and a codebook, and empties the other bank, as programs do."""
        draw, config = self.random, self.config
        layer, (column_base, row_base, n_rows) = draw.choice(self.layers)
        step: dict[str, Any] = {"column_base": column_base, "broadcast": draw.random() < 0.8}
        if first or draw.random() < 0.3:
            step |= {"load": True, "count": draw.randint(1, config.n_pes * config.activation_depth)}
            self.source ^= 1
            self.banks[self.source] = Bank(0, -(-step["count"] // config.n_pes))
            self.n_inputs += step["count"]
        destination = self.banks[self.source ^ 1]
        if first or draw.random() < 0.7:
            n = draw.randint(1, min(n_rows, config.activation_depth))
            fresh = first or draw.random() < 0.5 or destination.end + n > config.activation_depth
            base = draw.randint(0 if fresh else destination.end, config.activation_depth - n)
            if fresh:
                destination.first = base
            destination.end = base + n
            step |= {"drain": True, "n_rows": n, "row_base": row_base, "open": fresh, "local_base": base}
            step |= {"scaled": layer.scaled, "relu": draw.random() < 0.5}
        # An emission begins at or below what the bank holds.
        if draw.random() < 0.6 and step.get("local_base", 0) <= destination.first:
            longest = (config.activation_depth - step.get("local_base", 0)) * config.n_pes
            step |= {"emit": True, "emit_count": draw.randint(1, longest)}
        if draw.random() < 0.5:
            step["swap"] = True
            self.source ^= 1
        if first or draw.random() < 0.5:
            n = config.codebook_size if first else draw.randint(1, config.codebook_size)
            step["codebook"] = draw.choice(self.layers)[0].codebook[:n]
        return step

    def pack(self, steps: list[dict[str, Any]]) -> None:
        base, codebooks = len(steps) * STEP_WORDS, []
        for step in steps:
            codebook = step.pop("codebook", ())
            step |= {"codebook_base": base if len(codebook) else 0, "codebook_count": len(codebook)}
            base += len(codebook)
            codebooks += [int(weight) for weight in codebook]
            self.memories.program += Step(**step).pack()
        self.memories.program += codebooks


@pytest.mark.parametrize(
    ("fields", "seed"),
    [
        ({"n_pes": 1, "activation_depth": 4, "accumulator_depth": 5}, 0),
        ({"n_pes": 2, "activation_depth": 4, "accumulator_depth": 4, "queue_depth": 1}, 1),
        ({"n_pes": 3, "activation_depth": 3, "accumulator_depth": 4, "index_bits": 1}, 2),
        ({"n_pes": 5, "activation_depth": 2, "accumulator_depth": 2}, 3),
        ({"n_pes": 2, "activation_depth": 8, "accumulator_depth": 3, "activation_width": 8}, 4),
        ({"n_pes": 2, "activation_depth": 1, "accumulator_depth": 1}, 5),
    ],
)
def test_steps_drawn_at_random(fields: dict[str, int], seed: int) -> None:
    config = small(**fields, codebook_bits=3)
    draw = Draw(config, seed)
    draw.pack(draw.steps(9))
    model = StepModel(config, draw.memories)
    lowest, highest = config.activation_range

    async def scenario(session: Session) -> None:
        await session.load(draw.memories.words().tolist())
        for number in range(2):
            inputs = [
                draw.random.choice([0, lowest, draw.random.randint(lowest, highest)]) for _ in range(draw.n_inputs)
            ]
            expected = model.run(iter(inputs))
            assert len(expected) > 9, f"{len(expected)} outputs show little"
            outputs = await session.run(inputs, len(expected), stall="random", seed=seed)
            assert outputs == expected, f"run {number}"

    play(config, scenario)
