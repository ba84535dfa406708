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

from eyrie.eie.config import TINY, EieConfig
from eyrie.eie.load_format import Memory, Packet, load_stream
from eyrie.eie.program import STEP_WORDS, Step

IntArray = npt.NDArray[np.int64]


def small(**fields: int) -> EieConfig:
    """Small memories that hold every network of these tests."""
    sizes = {"entry_depth": 2048, "pointer_depth": 1024, "row_depth": 256, "program_depth": 512}
    return dataclasses.replace(TINY, **{**sizes, **fields})


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """``requantise(codebook[codes] @ x)``: ``codes`` is (rows, columns), bias, multiplier and shift are (rows,)."""

    codes: IntArray
    codebook: IntArray
    bias: IntArray
    multiplier: IntArray
    shift: IntArray
    relu: bool = False
    scaled: bool = False

    def __call__(self, config: EieConfig, x: Sequence[int]) -> list[int]:
        lowest, highest = config.activation_range
        bottom, modulus = config.accumulator_range[0], 1 << config.accumulator_width
        weights = self.codebook[self.codes].astype(object)
        y = []
        for row in range(len(weights)):
            total = sum(int(w) * v for w, v in zip(weights[row], x, strict=True) if w and v)
            total = (total - bottom) % modulus + bottom
            shift = int(self.shift[row])
            product = (total + int(self.bias[row])) * int(self.multiplier[row])
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
    return Layer(
        codes=codes,
        codebook=codebook,
        bias=rng.integers(-spread, spread, rows).clip(*config.accumulator_range),
        multiplier=rng.integers(1, top, rows, endpoint=True) if scaled else np.ones(rows, np.int64),
        shift=rng.integers(0, 4, rows) + config.weight_width - 1 + scaled * config.multiplier_width,
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


@dataclass
class Memories:
    """What the packets of a load stream write, growing as layers are added."""

    config: EieConfig
    entries: list[list[int]] = field(init=False)
    pointers: list[list[int]] = field(init=False)
    biases: list[list[int]] = field(init=False)
    scales: list[list[int]] = field(init=False)
    program: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in ("entries", "pointers", "biases", "scales"):
            setattr(self, name, [[] for _ in range(self.config.n_pes)])

    def add_rows(self, layer: Layer, first: int, end: int) -> tuple[int, int, int]:
        """One pass, rows ``first`` to ``end``; its column base, row base, and rows per PE."""
        config = self.config
        column_base, row_base = len(self.pointers[0]), len(self.biases[0])
        n_rows = -(-(end - first) // config.n_pes)
        for pe in range(config.n_pes):
            own = layer.codes[first + pe : end : config.n_pes]
            for column in own.T:
                self.pointers[pe].append(len(self.entries[pe]))
                coded = encode_column(column.tolist(), config.max_run)
                self.entries[pe] += [code | run << config.codebook_bits for code, run in coded]
            self.pointers[pe].append(len(self.entries[pe]))
            rows = range(first + pe, end, config.n_pes)
            padding = n_rows - len(rows)
            self.biases[pe] += [int(layer.bias[row]) for row in rows] + [0] * padding
            self.scales[pe] += [
                int(layer.multiplier[row]) | int(layer.shift[row]) << config.multiplier_width for row in rows
            ] + [1] * padding
        return column_base, row_base, n_rows

    def words(self) -> IntArray:
        packets = [Packet(memory=Memory.PROGRAM, pe=0, address=0, elements=np.array(self.program, np.int64))]
        for pe in range(self.config.n_pes):
            for memory, parts in (
                (Memory.ENTRY, self.entries),
                (Memory.POINTER, self.pointers),
                (Memory.BIAS, self.biases),
                (Memory.SCALE, self.scales),
            ):
                packets.append(Packet(memory=memory, pe=pe, address=0, elements=np.array(parts[pe], np.int64)))
        return load_stream(self.config, packets).astype(np.int64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Program:
    """A network as the engine takes it.

    ``streamed_in[l]`` says how often the host sends the input of layer ``l``, ``streamed_out[l]`` whether it gets the
    output.
    """

    config: EieConfig
    layers: list[Layer]
    words: IntArray
    streamed_in: list[int]
    streamed_out: list[bool]

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
    """Passes, batches and round trips as the contract of the engine wants them."""
    capacity = config.n_pes * config.activation_depth
    memories = Memories(config)
    steps: list[dict[str, Any]] = []
    first_steps: list[dict[str, Any]] = []
    streamed_in, streamed_out = [], []
    from_host = True
    for number, layer in enumerate(layers):
        rows, columns = layer.codes.shape
        batches = [(base, min(capacity, columns - base)) for base in range(0, columns, capacity)]
        pass_rows = min(config.accumulator_depth, config.activation_depth) * config.n_pes
        passes = [(first, min(rows, first + pass_rows)) for first in range(0, rows, pass_rows)]
        # Several batches pass by pass take both banks, and leave none for a vector that waits for its other passes.
        to_host = number == len(layers) - 1 or rows > capacity or (len(batches) > 1 and len(passes) > 1)
        streamed_in.append((len(passes) if len(batches) > 1 else 1) if from_host else 0)
        streamed_out.append(to_host)
        for place, (first, end) in enumerate(passes):
            column_base, row_base, n_rows = memories.add_rows(layer, first, end)
            for base, count in batches:
                load = from_host and (len(batches) > 1 or place == 0)
                step = {"load": load, "count": count if load else 0, "column_base": column_base + base}
                if base == batches[-1][0]:
                    step |= {"drain": True, "n_rows": n_rows, "row_base": row_base, "relu": layer.relu}
                    step |= {"scaled": layer.scaled, "open": to_host or place == 0}
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
    return Program(
        config=config, layers=layers, words=memories.words(), streamed_in=streamed_in, streamed_out=streamed_out
    )
