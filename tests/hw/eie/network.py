"""Networks for the tests of the whole engine: an integer model, and programs compiled by hand.

Written from the contract alone (`eyrie.eie.program.Step`, `eyrie.eie.load_format`): nothing here is shared with the
compiler and the golden model, so that a mistake there cannot hide a mistake in the hardware, nor the other way round.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from eyrie.eie.config import QUAD, TINY, EieConfig
from eyrie.eie.load_format import Memory, Packet, load_stream
from eyrie.eie.program import STEP_WORDS, Step

IntArray = npt.NDArray[np.int64]


def small(**fields: int) -> EieConfig:
    """Small memories that hold every network of these tests."""
    sizes = {"entry_depth": 2048, "table_depth": 512, "program_depth": 512}
    return dataclasses.replace(TINY, **{**sizes, **fields})


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """``requantise(codebook[codes] @ x)``: ``codes`` is (rows, columns), bias, multiplier and shift are (rows,).

    If it is not ``scaled``, all multipliers are 1 and all shifts are the same. Groups of PEs compute it ``apart`` or
    together.
    """

    codes: IntArray
    codebook: IntArray
    bias: IntArray
    multiplier: IntArray
    shift: IntArray
    relu: bool = False
    scaled: bool = False
    apart: bool = False

    def __call__(self, config: EieConfig, x: Sequence[int]) -> list[int]:
        lowest, highest = config.activation_range
        bottom, modulus = config.accumulator_range[0], 1 << config.accumulator_width
        weights = self.codebook[self.codes].astype(object)
        y = []
        for row in range(len(weights)):
            total = int(self.bias[row]) + sum(int(w) * v for w, v in zip(weights[row], x, strict=True) if w and v)
            total = (total - bottom) % modulus + bottom
            shift = int(self.shift[row])
            product = total * int(self.multiplier[row])
            result = max(lowest, min(highest, (product + (1 << shift >> 1)) >> shift))
            y.append(max(result, 0) if self.relu else result)
        return y


def layer_of(config: EieConfig, codes: Any, seed: int = 0, *, relu: bool = False, scaled: bool = False) -> Layer:
    """A layer of these codes, with everything else drawn at random, such that results fall into the whole range."""
    codes = np.atleast_2d(np.asarray(codes, np.int64))
    rng = np.random.default_rng(seed)
    rows = len(codes)
    codebook = rng.integers(*config.weight_range, config.codebook_size, endpoint=True)
    codebook[0] = 0
    spread = 1 << config.activation_width + config.weight_width - 4
    top = config.max_multiplier
    shift = config.weight_width - 1 + rng.integers(0, 4, rows if scaled else 1)
    if not scaled:
        shift = np.repeat((shift // config.shift_unit * config.shift_unit).clip(max=config.max_plain_shift), rows)
    return Layer(
        codes=codes,
        codebook=codebook,
        bias=rng.integers(-spread, spread, rows).clip(*config.accumulator_range),
        multiplier=rng.integers(1, top, rows, endpoint=True) if scaled else np.ones(rows, np.int64),
        shift=shift + scaled * config.multiplier_width,
        relu=relu,
        scaled=scaled,
    )


def random_layer(
    config: EieConfig,
    rows: int,
    columns: int,
    seed: int,
    *,
    density: float = 0.3,
    relu: bool = False,
    scaled: bool = False,
) -> Layer:
    rng = np.random.default_rng(seed)
    codes = rng.integers(1, config.codebook_size, (rows, columns)) * (rng.random((rows, columns)) < density)
    return layer_of(config, codes, seed, relu=relu, scaled=scaled)


def random_vector(config: EieConfig, n: int, seed: int, density: float = 0.6) -> list[int]:
    rng = np.random.default_rng(seed)
    lowest, highest = config.activation_range
    return (rng.integers(lowest, highest, n, endpoint=True) * (rng.random(n) < density)).tolist()


def encode_column(codes: Sequence[int], max_run: int) -> list[tuple[int, int]]:
    """Codes and runs of one PE's part of a column."""
    entries, zeros = [], 0
    for code in codes:
        if code:
            entries += [(0, max_run)] * (zeros // (max_run + 1)) + [(int(code), zeros % (max_run + 1))]
            zeros = -1
        zeros += 1
    return entries


@dataclass(frozen=True, kw_only=True)
class Pass:
    """Where the rows of one pass lie: columns, biases and scales in the table, and how many rows every PE has."""

    column_base: int
    bias_base: int
    scale_base: int
    n_rows: int


@dataclass
class Memories:
    """What the packets of a load stream write, growing as layers are added."""

    config: EieConfig
    entries: list[list[int]] = field(init=False)
    table: list[list[int]] = field(init=False)
    program: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in ("entries", "table"):
            setattr(self, name, [[] for _ in range(self.config.n_pes)])

    def add_rows(self, layer: Layer, first: int, end: int, *, place: int = 0) -> Pass:
        """One pass, rows ``first`` to ``end``, with its first column in this place of four."""
        config = self.config
        size = config.group_pes if layer.apart else config.n_pes
        slots = np.arange(layer.codes.shape[1])
        column_base = QUAD * len(self.table[0]) + place
        n_rows = -(-(end - first) // size)
        for pe in range(config.n_pes):
            # Those of the PE's own group, filled up to as many as the first group has.
            columns = layer.codes[first + pe % size : end : size, slots % config.n_pes // size == pe // size].T
            padding = np.count_nonzero(slots % config.n_pes < size) - len(columns)
            own = [encode_column(column.tolist(), config.max_run) for column in columns]
            self._add_columns(pe, [[]] * place + own + [[]] * padding)
        bias_base = len(self.table[0])
        scale_base = bias_base + n_rows
        for pe in range(config.n_pes):
            rows = range(first + pe % size, end, size)
            padding = n_rows - len(rows)
            # Row by row, the groups take turns in storing what they add up.
            stores = [number % (config.n_pes // size) == pe // size for number in range(len(rows))]
            self.table[pe] += [int(layer.bias[row]) * mine for row, mine in zip(rows, stores, strict=True)]
            self.table[pe] += [0] * padding
            if layer.scaled:
                self.table[pe] += [
                    int(layer.multiplier[row]) | int(layer.shift[row]) << config.multiplier_width if mine else 1
                    for row, mine in zip(rows, stores, strict=True)
                ] + [1] * padding
        return Pass(column_base=column_base, bias_base=bias_base, scale_base=scale_base, n_rows=n_rows)

    def _add_columns(self, pe: int, columns: list[list[tuple[int, int]]]) -> None:
        """Entries of a PE's columns, and a word of the table for every four of them."""
        config = self.config
        for first in range(0, len(columns), QUAD):
            word = 0
            for place, column in enumerate(columns[first : first + QUAD]):
                assert len(column) <= config.max_count
                if place == 2:
                    word |= len(self.entries[pe])
                word |= len(column) << config.entry_address_width + place * config.count_bits
                self.entries[pe] += [code | zeros << config.codebook_bits for code, zeros in column]
            if len(columns) - first <= 2:
                word |= len(self.entries[pe])
            self.table[pe].append(word)

    def packets(self) -> list[Packet]:
        packets = [Packet(memory=Memory.PROGRAM, pe=0, address=0, elements=np.array(self.program, np.int64))]
        for pe in range(self.config.n_pes):
            for memory, parts in ((Memory.ENTRY, self.entries), (Memory.TABLE, self.table)):
                packets.append(Packet(memory=memory, pe=pe, address=0, elements=np.array(parts[pe], np.int64)))
        return packets

    def words(self) -> IntArray:
        return load_stream(self.config, self.packets()).astype(np.int64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Program:
    """A network as the engine takes it.

    ``streamed_in[l]`` says how often the host sends the input of layer ``l``, ``streamed_out[l]`` whether it gets the
    output.
    """

    config: EieConfig
    layers: list[Layer]
    memories: Memories
    streamed_in: list[int]
    streamed_out: list[bool]

    @property
    def words(self) -> IntArray:
        """The load stream."""
        return self.memories.words()

    def streams(self, x: Sequence[int]) -> tuple[list[int], list[int]]:
        """All that goes into the engine for an input vector, and all that must come out."""
        inputs: list[int] = []
        outputs: list[int] = []
        vector = list(x)
        for layer, times, out in zip(self.layers, self.streamed_in, self.streamed_out, strict=True):
            inputs += vector * times
            vector = layer(self.config, vector)
            outputs += vector if out else []
        return inputs, outputs


def compile_by_hand(config: EieConfig, layers: list[Layer]) -> Program:
    """Passes, batches and round trips as the contract of the engine wants them.

    The first step does nothing but set the biases of the first pass; every drain sets those of the pass after it.
    """
    capacity = config.n_pes * config.activation_depth
    memories = Memories(config)
    steps: list[dict[str, Any]] = [{"broadcast": False}]
    first_steps: list[dict[str, Any]] = []
    streamed_in, streamed_out = [], []
    from_host = True
    for number, layer in enumerate(layers):
        rows, columns = layer.codes.shape
        batches = [(base, min(capacity, columns - base)) for base in range(0, columns, capacity)]
        n_groups = config.column_groups if layer.apart else 1
        most_rows = min(config.accumulator_depth, n_groups * config.activation_depth)
        pass_rows = most_rows // n_groups * config.n_pes
        passes = [(first, min(rows, first + pass_rows)) for first in range(0, rows, pass_rows)]
        # Several batches pass by pass take both banks, and leave none for a vector that waits for its other passes.
        to_host = number == len(layers) - 1 or rows > capacity or (len(batches) > 1 and len(passes) > 1)
        streamed_in.append((len(passes) if len(batches) > 1 else 1) if from_host else 0)
        streamed_out.append(to_host)
        for place, (first, end) in enumerate(passes):
            # Any of the four places will do for a first column.
            own = memories.add_rows(layer, first, end, place=len(steps) % QUAD)
            steps[-1] |= {"bias_base": own.bias_base, "bias_rows": own.n_rows}
            for base, count in batches:
                load = from_host and (len(batches) > 1 or place == 0)
                step = {"load": load, "count": count if load else 0, "apart": layer.apart}
                step["column_base"] = own.column_base + base // n_groups
                if base == batches[-1][0]:
                    step |= {"drain": True, "n_rows": own.n_rows, "relu": layer.relu, "open": to_host or place == 0}
                    step |= (
                        {"scaled": True, "scale_base": own.scale_base} if layer.scaled else {"shift": layer.shift[0]}
                    )
                    step |= {"emit": to_host, "emit_count": end - first if to_host else 0}
                    step |= {"local_base": 0 if to_host else first // config.n_pes}
                    step |= {"swap": not to_host and place == len(passes) - 1}
                if place == 0 and base == 0:
                    first_steps.append(step)
                steps.append(step)
        from_host = to_host
    steps[-1]["last"] = True
    base = len(steps) * STEP_WORDS
    for step, layer in zip(first_steps, layers, strict=True):
        step |= {"codebook_base": base, "codebook_count": len(layer.codebook)}
        base += len(layer.codebook)
    memories.program = [word for step in steps for word in Step(**step).pack()]
    memories.program += [int(weight) for layer in layers for weight in layer.codebook]
    return Program(config=config, layers=layers, memories=memories, streamed_in=streamed_in, streamed_out=streamed_out)
