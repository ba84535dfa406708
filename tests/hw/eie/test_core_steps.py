"""EieCore: steps in orders that no compiler would choose, against the golden model of the engine."""

import dataclasses
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from eyrie.eie.config import EieConfig
from eyrie.eie.program import STEP_WORDS, Step
from eyrie.golden.engine import EngineModel
from tests.hw.eie.network import Layer, Memories, Pass, encode_column, random_layer, small
from tests.hw.eie.session import Session, play


def thinned(config: EieConfig, layer: Layer) -> Layer:
    """The layer without the codes for which a slice's count has no room."""
    codes = layer.codes.copy()
    for pe in range(config.n_pes):
        for column in codes[pe :: config.n_pes].T:
            while len(encode_column(column.tolist(), config.max_run)) > config.max_count:
                column[np.flatnonzero(column)[-1]] = 0
    return dataclasses.replace(layer, codes=codes)


def pack(memories: Memories, steps: Sequence[dict[str, Any]]) -> None:
    """Write steps, and the codebooks that they come with, into the program memory."""
    base, codebooks = len(steps) * STEP_WORDS, list[int]()
    for fields in steps:
        step = dict(fields)
        codebook = step.pop("codebook", ())
        step |= {"codebook_base": base if len(codebook) else 0, "codebook_count": len(codebook)}
        base += len(codebook)
        codebooks += [int(weight) for weight in codebook]
        memories.program += Step(**step).pack()
    memories.program += codebooks


async def runs(session: Session, memories: Memories, inputs: Sequence[Sequence[int]], **options: Any) -> None:
    """Load, then run once for each input; what comes out must be what the golden model says, whatever ran before."""
    model = EngineModel(memories.config, memories.packets())
    n_out = sum(step.emit_count for step in model.steps)
    await session.load(memories.words().tolist())
    for number, own in enumerate(inputs):
        expected = model.start(1).exchange(np.array([own], np.int64), n_out)[0].tolist()
        assert await session.run(own, n_out, **options) == expected, f"run {number}"


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
        self.layers: list[tuple[Layer, Pass]] = []
        config, draw = self.config, self.random
        self.capacity = config.n_pes * config.activation_depth
        for number in range(3):
            # One layer has few rows, so that some layer always fits those that have a bias.
            local_rows = 1 if number == 0 else draw.randint(1, config.accumulator_depth)
            scaled = config.multipliers and number != 1
            # More columns than activations: a step may begin at any of the first few.
            layer = random_layer(
                config, local_rows * config.n_pes, self.capacity + 6, self.seed + number, scaled=scaled
            )
            layer = thinned(config, layer)
            own = self.memories.add_rows(layer, 0, len(layer.codes), place=draw.randrange(4))
            self.layers.append((layer, own))
        self.banks: list[int | None] = [None, None]  # slots written, zeros included
        self.source = 0
        self.n_defined = 0  # rows that have a bias

    def steps(self, n: int) -> list[dict[str, Any]]:
        return [self.first_step(), *(self.step() for _ in range(n - 2)), self.step(last=True)]

    def first_step(self) -> dict[str, Any]:
        """A batch, a codebook, and a bias for every accumulator."""
        step = {"broadcast": False, "codebook": self.random.choice(self.layers)[0].codebook}
        return step | self._load() | self._biases(self.config.accumulator_depth)

    def step(self, *, last: bool = False) -> dict[str, Any]:
        draw, config = self.random, self.config
        step: dict[str, Any] = {"broadcast": False, "last": last, "relu": draw.random() < 0.5}
        if draw.random() < 0.5:
            step["codebook"] = draw.choice(self.layers)[0].codebook[: draw.randint(1, config.codebook_size)]
        if draw.random() < 0.3:
            step |= self._load()
        fitting = [own for _, own in self.layers if own.n_rows <= self.n_defined]
        if draw.random() < 0.85 and fitting and self.banks[self.source] is not None:
            step |= {"broadcast": True, "column_base": draw.choice(fitting).column_base + draw.randint(0, 6)}
        if last or draw.random() < 0.7:
            step |= self._drain(fresh=last)
            step |= self._biases(draw.randint(1, config.accumulator_depth))
        elif draw.random() < 0.3:
            step |= self._biases(draw.randint(1, config.accumulator_depth), keep=True)
        if last or draw.random() < 0.6:
            step |= self._emit(step)
        if draw.random() < 0.5:
            step["swap"] = True
            self.source ^= 1
        return step

    def _load(self) -> dict[str, Any]:
        count = self.random.randint(1, self.capacity)
        self.source ^= 1
        self.banks[self.source] = count
        self.n_inputs += count
        return {"load": True, "count": count}

    def _biases(self, n: int, *, keep: bool = False) -> dict[str, Any]:
        """For so many rows, from any words of the table: the low bits of all of them will do."""
        self.n_defined = max(n, self.n_defined) if keep else n
        return {"bias_rows": n, "bias_base": self.random.randint(0, len(self.memories.table[0]) - n)}

    def _drain(self, *, fresh: bool) -> dict[str, Any]:
        draw, config = self.random, self.config
        n = draw.randint(1, min(self.n_defined, config.activation_depth))
        held = self.banks[self.source ^ 1]
        first_free = 0 if held is None else -(-held // config.n_pes)
        fresh = fresh or held is None or draw.random() < 0.5 or first_free + n > config.activation_depth
        base = draw.randint(0 if fresh else first_free, config.activation_depth - n)
        self.banks[self.source ^ 1] = (base + n) * config.n_pes
        step = {"drain": True, "n_rows": n, "open": fresh, "local_base": base}
        scaling = [own for layer, own in self.layers if layer.scaled and own.n_rows >= n]
        if scaling and draw.random() < 0.5:
            own = draw.choice(scaling)
            return step | {"scaled": True, "scale_base": own.scale_base + draw.randint(0, own.n_rows - n)}
        # Shifts of which something is left, and any.
        shift = draw.choice([config.weight_width - 1, draw.randint(0, config.max_plain_shift)])
        return step | {"shift": shift // config.shift_unit * config.shift_unit}

    def _emit(self, step: dict[str, Any]) -> dict[str, Any]:
        """From where the step drains to, or from the start; a bank may be emitted that no drain wrote to."""
        held, base = self.banks[self.source ^ 1], step.get("local_base", 0)
        if held is None or (base and not step["open"]):
            return {}
        return {"emit": True, "emit_count": self.random.randint(1, held - base * self.config.n_pes)}


def check(config: EieConfig, seed: int, *, n_steps: int = 10) -> None:
    draw = Draw(config, seed)
    pack(draw.memories, draw.steps(n_steps))
    lowest, highest = config.activation_range
    inputs = [
        [draw.random.choice([0, lowest, draw.random.randint(lowest, highest)]) for _ in range(draw.n_inputs)]
        for _ in range(2)
    ]

    async def scenario(session: Session) -> None:
        await runs(session, draw.memories, inputs, stall="random", seed=seed)

    play(config, scenario)


def random_configuration(seed: int) -> EieConfig:
    draw = random.Random(f"configuration {seed}")
    activation_width, weight_width = draw.randint(8, 16), draw.randint(8, 16)
    return small(
        n_pes=draw.choice([1, 1, 2, 3]),
        queue_depth=draw.choice([1, 2, 5]),
        activation_width=activation_width,
        weight_width=weight_width,
        accumulator_width=draw.choice([24, 25, 32, 33, 48]),
        codebook_bits=draw.randint(1, 4),
        index_bits=draw.randint(1, 4),
        count_bits=(1, 2, 3, 6, 10)[seed % 5],
        accumulator_depth=draw.randint(1, 6),
        activation_depth=draw.randint(1, 6),
        skip_empty=bool(seed & 1),
        multipliers=bool(seed & 2),
        lut_ram=bool(seed & 4),
    )


@pytest.mark.parametrize("seed", range(12))
def test_steps_and_configurations_drawn_at_random(seed: int) -> None:
    check(random_configuration(seed), seed)


@pytest.mark.parametrize(
    ("fields", "seed"),
    [
        ({"n_pes": 5, "activation_depth": 2, "accumulator_depth": 2}, 20),
        ({"n_pes": 2, "activation_depth": 8, "accumulator_depth": 3, "activation_width": 8, "multipliers": False}, 21),
        ({"n_pes": 2, "activation_depth": 1, "accumulator_depth": 1, "lut_ram": False}, 22),
        ({"n_pes": 3, "activation_depth": 3, "accumulator_depth": 4, "index_bits": 1, "skip_empty": False}, 23),
    ],
)
def test_steps_drawn_at_random(fields: dict[str, Any], seed: int) -> None:
    check(small(**fields, codebook_bits=3), seed)


def test_what_the_draws_reach() -> None:
    # Each kind of step beside its opposite.
    configs = [random_configuration(seed) for seed in range(12)]
    steps = [
        Step(**{k: v for k, v in step.items() if k != "codebook"})
        for s, c in enumerate(configs)
        for step in Draw(c, s).steps(10)
    ]
    reached = {
        "scaled": [step.scaled for step in steps if step.drain],
        "biases for more rows": [step.bias_rows > step.n_rows for step in steps if step.drain],
        "biases for fewer rows": [step.bias_rows < step.n_rows for step in steps if step.drain],
        "biases without a drain": [bool(step.bias_rows) for step in steps if not step.drain],
        "drained to later indices": [step.local_base > 0 for step in steps if step.drain],
        "emitted from later indices": [step.local_base > 0 for step in steps if step.emit],
        "drained to a bank that is not opened": [not step.open for step in steps if step.drain],
        "loaded and drained": [step.load for step in steps if step.drain],
        "emitted without a drain": [not step.drain for step in steps if step.emit],
        "drained without a broadcast": [not step.broadcast for step in steps if step.drain],
        "swapped": [step.swap for step in steps],
    }
    assert {name: 3 <= sum(values) <= len(values) - 3 for name, values in reached.items()} == dict.fromkeys(
        reached, True
    )


CONFIG = small(n_pes=2, codebook_bits=2, accumulator_depth=6, activation_depth=16)


def matrix(seed: int) -> tuple[Memories, Layer, Pass]:
    """All rows that a pass computes, four columns, a word of the table to spare."""
    layer = random_layer(CONFIG, CONFIG.n_pes * CONFIG.accumulator_depth, 4, seed, density=0.8, scaled=True)
    memories = Memories(CONFIG)
    own = memories.add_rows(layer, 0, len(layer.codes))
    return memories, layer, own


@pytest.mark.parametrize("scaled", [False, True], ids=["unscaled", "scaled"])
@pytest.mark.parametrize(("n_rows", "bias_rows"), [(2, 6), (6, 2), (1, 1), (6, 6), (1, 6), (6, 1)])
def test_biases_for_more_rows_than_are_drained_and_for_fewer(n_rows: int, bias_rows: int, scaled: bool) -> None:
    memories, layer, own = matrix(seed=n_rows)
    full = {"bias_base": own.bias_base, "bias_rows": own.n_rows}
    drain = {"drain": True, "open": True, "emit": True}
    drain |= {"scaled": True, "scale_base": own.scale_base} if scaled else {"shift": 13}
    broadcast = {"load": True, "count": 4, "broadcast": True, "column_base": own.column_base}
    # A pass over all rows, of which some go out; then what those hold that got a bias; then another pass.
    steps = [
        {"broadcast": False, "codebook": layer.codebook, **full},
        {**broadcast, **drain, "n_rows": n_rows, "emit_count": 2 * n_rows}
        | {"bias_base": own.scale_base, "bias_rows": bias_rows},
        {"broadcast": False, **drain, "n_rows": bias_rows, "emit_count": 2 * bias_rows, **full},
        {**broadcast, **drain, "n_rows": own.n_rows, "emit_count": 2 * own.n_rows, "last": True},
    ]
    pack(memories, steps)

    async def scenario(session: Session) -> None:
        await runs(session, memories, [[-7, 30000, 0, 1, -32768, 2, 3, -4]])

    play(CONFIG, scenario)


def test_scaled_and_unscaled_drains_alternating() -> None:
    memories, layer, own = matrix(seed=7)
    biases = {"bias_base": own.bias_base, "bias_rows": own.n_rows}
    steps: list[dict[str, Any]] = [{"broadcast": False, "codebook": layer.codebook, "load": True, "count": 4, **biases}]
    for number, n_rows in enumerate([6, 6, 1, 1, 2, 1, 6, 3]):
        step = {"column_base": own.column_base, "broadcast": number % 3 == 0, "relu": number % 4 == 3, **biases}
        step |= {"drain": True, "open": True, "emit": True, "n_rows": n_rows, "emit_count": 2 * n_rows}
        steps.append(step | ({"scaled": True, "scale_base": own.scale_base} if number % 2 else {"shift": 11 + number}))
    steps[-1]["last"] = True
    pack(memories, steps)

    async def scenario(session: Session) -> None:
        await runs(session, memories, [[300, -32768, 32767, 5]])

    play(CONFIG, scenario)
