"""Networks and inputs drawn at random, as the engine takes them: load stream, input stream, expected output stream.

They are written down here from the formats alone, without the compiler, so that hardware and golden model are also
tried on what the compiler would never write.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eyrie.eie.config import QUAD, EieConfig
from eyrie.eie.load_format import Memory, Packet, load_stream
from eyrie.eie.program import STEP_WORDS, Step
from eyrie.golden.engine import EngineModel

IntArray = npt.NDArray[np.int64]

_ARRAYS = ("words", "inputs", "outputs")


@dataclass(frozen=True, kw_only=True, eq=False)
class Traffic:
    """A network and samples for it.

    Parameters
    ----------
    words : uint32 (n,)
        Load stream.
    inputs : int64 (samples, n_in)
        What the input stream brings.
    outputs : int64 (samples, n_out)
        What the output stream must take away, after the golden model.
    """

    words: npt.NDArray[np.uint32]
    inputs: IntArray
    outputs: IntArray


def save_traffic(path: Path, config: EieConfig, networks: Sequence[Traffic]) -> None:
    """Write networks for one configuration to an ``.npz`` file."""
    arrays: dict[str, Any] = {"config": np.array(config.as_json())}
    for number, traffic in enumerate(networks):
        for name in _ARRAYS:
            arrays[f"{name}_{number}"] = getattr(traffic, name)
    np.savez(path, **arrays)


def load_traffic(path: Path) -> tuple[EieConfig, list[Traffic]]:
    """Read what `save_traffic` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        count = len(arrays.files) // len(_ARRAYS)
        networks = [Traffic(**{name: arrays[f"{name}_{number}"] for name in _ARRAYS}) for number in range(count)]
        return EieConfig.from_json(str(arrays["config"])), networks


def random_codes(config: EieConfig, rng: np.random.Generator, rows: int, columns: int, density: float) -> IntArray:
    """A matrix of codes, (rows, columns), in which about ``density`` of the codes are not zero."""
    codes = rng.integers(1, config.codebook_size, (rows, columns))
    return np.where(rng.random((rows, columns)) < density, codes, 0)


def random_inputs(config: EieConfig, rng: np.random.Generator, samples: int, count: int, density: float) -> IntArray:
    """Activations over the whole range, (samples, count); about ``density`` of them are not zero."""
    lowest, highest = config.activation_range
    values = rng.integers(lowest, highest + 1, (samples, count))
    return np.where(rng.random((samples, count)) < density, values, 0)


def make_traffic(
    config: EieConfig, rng: np.random.Generator, layers: list[IntArray], inputs: IntArray, *, scaled: bool = True
) -> Traffic:
    """Traffic of fully connected layers with these codes; codebooks, biases and scales are drawn.

    Parameters
    ----------
    config : EieConfig
        Geometry. The first layer's input may be longer than the engine's activation memories if that layer is the
        only one or needs one pass; the others must fit.
    rng : Generator
        Draws what is not given.
    layers : list of int64 (rows, columns)
        Codes; every layer's columns are the rows before it.
    inputs : int64 (samples, columns of the first layer)
        Samples.
    scaled : bool
        Requantise with multipliers, where the configuration has them, not by shifts alone.
    """
    writer = _Writer(config, rng)
    for number, codes in enumerate(layers):
        writer.add_layer(codes, first=number == 0, last=number == len(layers) - 1, scaled=scaled)
    packets = writer.packets()
    streamed = np.tile(inputs, (1, writer.input_repeats))
    return Traffic(
        words=load_stream(config, packets), inputs=streamed, outputs=EngineModel(config, packets).run(streamed)
    )


class _Writer:
    """Memories and program as they grow.

    A first step does nothing but set the biases of the first pass; each drain sets those of the pass after it.
    """

    def __init__(self, config: EieConfig, rng: np.random.Generator) -> None:
        self.config, self.rng = config, rng
        self.entries: list[list[int]] = [[] for _ in range(config.n_pes)]
        self.table: list[list[int]] = [[] for _ in range(config.n_pes)]
        self.codebooks: list[IntArray] = []
        self.steps = [Step(broadcast=False)]
        self.input_repeats = 1

    def add_layer(self, codes: IntArray, *, first: bool, last: bool, scaled: bool) -> None:
        config = self.config
        n_pes, (n_rows, n_columns) = config.n_pes, codes.shape
        pass_rows, batch = config.accumulator_depth * n_pes, config.activation_depth * n_pes
        passes = range(0, n_rows, pass_rows)
        batches = range(0, n_columns, batch)
        lowest, highest = config.weight_range
        self.codebooks.append(np.append(0, self.rng.integers(lowest, highest + 1, config.codebook_size - 1)))
        scaled &= config.multipliers
        shift = int(self.rng.integers(4, min(config.activation_width + 14, config.max_plain_shift + 1)))
        if len(batches) > 1:
            self.input_repeats = len(passes)
        for number, row in enumerate(passes):
            rows = codes[row : row + pass_rows]
            local_rows = -(-len(rows) // n_pes)
            column_base = self._add_slices(rows)
            bias_base = self._add_words(self.rng.integers(-(1 << 20), 1 << 20, (n_pes, local_rows)))
            self.steps[-1] = replace(self.steps[-1], bias_base=bias_base, bias_rows=local_rows)
            scale_base = self._add_scales(local_rows) if scaled else 0
            for column in batches:
                load = first and (number == 0 or len(batches) > 1)
                drain = column == batches[-1]
                self.steps.append(
                    Step(
                        codebook_count=config.codebook_size if number == 0 and column == 0 else 0,
                        codebook_base=len(self.codebooks) - 1,  # a number for now, see `packets`
                        load=load,
                        count=min(batch, n_columns - column) if load else 0,
                        column_base=column_base + column,
                        drain=drain,
                        open=drain and (last or number == 0),
                        n_rows=local_rows if drain else 0,
                        local_base=0 if last or not drain else number * config.accumulator_depth,
                        relu=drain and not last,
                        scaled=drain and scaled,
                        scale_base=scale_base if drain else 0,
                        shift=shift // config.shift_unit * config.shift_unit if drain and not scaled else 0,
                        emit=drain and last,
                        emit_count=len(rows) if drain and last else 0,
                        swap=drain and not last and row == passes[-1],
                        last=drain and last and row == passes[-1],
                    )
                )

    def _add_slices(self, rows: IntArray) -> int:
        """Entries of one pass, and words of the table for every four columns; the number of the first column."""
        column_base = QUAD * len(self.table[0])
        for pe, table in enumerate(self.table):
            own = rows[pe :: self.config.n_pes]
            for first in range(0, own.shape[1], QUAD):
                table.append(self._add_quad(self.entries[pe], own[:, first : first + QUAD].T))
        return column_base

    def _add_quad(self, entries: list[int], columns: IntArray) -> int:
        """A zero run and a code for each non-zero, fillers where a run is longer; the word for up to four columns."""
        config = self.config
        word = begin = 0
        for place in range(QUAD):
            if place == QUAD // 2:
                begin = len(entries)
            before, row = len(entries), 0
            column = columns[place] if place < len(columns) else columns[:0].ravel()
            for at in np.flatnonzero(column).tolist():
                while at - row > config.max_run:
                    entries.append(config.max_run << config.codebook_bits)
                    row += config.max_run + 1
                entries.append(int(column[at]) | (at - row) << config.codebook_bits)
                row = at + 1
            if len(entries) - before > config.max_count:
                raise ValueError(f"a slice of {len(entries) - before} entries, more than {config.max_count}")
            word |= len(entries) - before << config.entry_address_width + place * config.count_bits
        return begin & (1 << config.entry_address_width) - 1 | word

    def _add_scales(self, local_rows: int) -> int:
        config, rng = self.config, self.rng
        shape = (config.n_pes, local_rows)
        multiplier = rng.integers(1, config.max_multiplier + 1, shape)
        shift = rng.integers(4, config.activation_width + 14, shape)
        return self._add_words(multiplier | shift << config.multiplier_width)

    def _add_words(self, words: IntArray) -> int:
        """Words of the table, (n_pes, n), one for every row of the pass; the address of the first."""
        base = len(self.table[0])
        for table, own in zip(self.table, words.tolist(), strict=True):
            table += own
        return base

    def packets(self) -> list[Packet]:
        base = STEP_WORDS * len(self.steps)
        size = self.config.codebook_size
        program: list[int] = []
        for step in self.steps:
            codebook_base = base + size * step.codebook_base if step.codebook_count else 0
            program += replace(step, codebook_base=codebook_base).pack()
        for codebook in self.codebooks:
            program += codebook.tolist()
        packets = [Packet(memory=Memory.PROGRAM, pe=0, address=0, elements=np.array(program, np.int64))]
        for memory, lists in ((Memory.ENTRY, self.entries), (Memory.TABLE, self.table)):
            for pe, elements in enumerate(lists):
                packets.append(Packet(memory=memory, pe=pe, address=0, elements=np.array(elements, np.int64)))
        return packets
