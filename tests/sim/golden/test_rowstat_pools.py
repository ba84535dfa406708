"""Pools of the golden model: windows by hand, what a tape with pools must keep to, and the plain reference."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from eyrie.errors import InputError
from eyrie.golden import convolution, pooling
from eyrie.golden.rowstat import model
from eyrie.golden.rowstat.model import RowstatModel
from eyrie.golden.rowstat.tape import Command
from eyrie.rowstat.commands import Opcode, Unit
from eyrie.rowstat.config import TINY
from tests.sim.golden.pool_tapes import Pool, add_pool
from tests.sim.golden.rowstat_tapes import Builder, Choices, add_layer, draw_layer, read_map, shuffled, write_map
from tests.sim.golden.test_rowstat import edit, moved, with_packets

Words = list[int]
BETWEEN = Pool(kernel=(3, 2), stride=(1, 2), padding=(1, 1, 0, 0), columns=((9000, 15), (8000, 15), (7000, 14)))
SHAPE = (2, 3, 6, 7)
LAYER = draw_layer(np.random.default_rng(1), 4, 3, (3, 3))


def conv_pool_conv(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Tape, filters, memory and the output that must be at its end."""
    rng = np.random.default_rng(seed)
    last = draw_layer(rng, 2, 4, (2, 2))
    x = rng.integers(-128, 128, SHAPE)
    builder = Builder(TINY)
    address, shape = add_layer(builder, LAYER, write_map(builder, x), SHAPE, Choices())
    address, shape = add_pool(builder, BETWEEN, address, shape)
    add_layer(builder, last, address, shape, Choices())
    expected = convolution.forward([LAYER], x, activation_width=16)
    expected = convolution.forward([last], BETWEEN.outputs(expected, 16), activation_width=16)
    return *builder.finished(), expected


def test_between_layers() -> None:
    tape, filters, memory, expected = conv_pool_conv()
    result = RowstatModel(TINY, tape).run(filters, memory)
    size = expected.size // expected.shape[3]
    assert np.array_equal(read_map(result.memory, len(memory) - size, expected.shape), expected)
    # 4 channels of 2 images, windows of 2, 3 and 3 rows, which at -1, 1 and 3 touch 1, 1 and 2 words of a row of 5.
    assert result.counts.pool_words == 2 * 4 * (2 + 3 + 3) * (1 + 1 + 2)


@pytest.mark.parametrize("seed", range(20))
def test_random_windows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    config = replace(TINY, activation_width=int(rng.integers(8, 17)), ifmap_bank_words=512)
    shape = (int(rng.integers(1, 3)), int(rng.integers(1, 4)), int(rng.integers(1, 9)), int(rng.integers(1, 15)))
    kernel = (int(rng.integers(1, 5)), int(rng.integers(1, 7)))
    padding = (int(rng.integers(kernel[0])), int(rng.integers(kernel[1])), kernel[0] - 1, kernel[1] - 1)
    pool = Pool(kernel=kernel, stride=(int(rng.integers(1, 4)), int(rng.integers(1, 4))), padding=padding)
    low, high = config.activation_range
    x = rng.integers(low, high + 1, shape)
    columns = pool.outputs(x, 16).shape[3]
    if seed % 2 and columns <= 16:
        pool = replace(pool, columns=tuple((int(rng.integers(1, 1 << 15)), 16) for _ in range(columns)))
    builder = Builder(config)
    address, out_shape = add_pool(builder, pool, write_map(builder, x), shape)
    builder.filters.append(np.zeros(0, np.uint64))
    tape, filters, memory = builder.finished()
    result = RowstatModel(config, tape).run(filters, memory)
    assert np.array_equal(read_map(result.memory, address, out_shape), pool.outputs(x, config.activation_width))


@dataclass(frozen=True)
class ReferencePool:
    """What the plain reference takes."""

    pool: Pool
    rows: int

    @property
    def shape(self) -> Pool:
        return self.pool

    @property
    def multiplier(self) -> np.ndarray | None:
        return self._scales(0)

    @property
    def shift(self) -> np.ndarray | None:
        return self._scales(1)

    def _scales(self, field: int) -> np.ndarray | None:
        row = [scale[field] for scale in self.pool.columns]
        return np.array([row] * self.rows, np.int64) if row else None


@pytest.mark.parametrize("columns", [(), BETWEEN.columns])
def test_the_reference(columns: tuple[tuple[int, int], ...]) -> None:
    x = np.random.default_rng(2).integers(-128, 128, (2, 4, 4, 5))
    pool = replace(BETWEEN, columns=columns)
    expected = pool.outputs(x, 8)
    assert np.array_equal(pooling.forward(ReferencePool(pool, 3), x, activation_width=8), expected)


def test_the_reference_refuses() -> None:
    x = np.zeros((1, 1, 4, 5), np.int64)
    with pytest.raises(ValueError, match=r"the window at \(0, 0\) holds no value of the map"):
        pooling.forward(ReferencePool(Pool(kernel=(2, 2), padding=(2, 0, 0, 0)), 1), x, activation_width=8)
    with pytest.raises(ValueError, match=r"multipliers \(4, 3\), shifts \(4, 3\), positions \(3, 3\)"):
        pooling.forward(ReferencePool(BETWEEN, 4), x, activation_width=8)


def scaled(number: int, **values: int) -> Callable[[Words], Words]:
    """Other values in a multiplier of the first pool."""

    def change(packets: list[tuple[int, Words]], _: Words) -> list[tuple[int, Words]]:
        own = next(words for unit, words in packets if unit == Unit.DRAIN and words[0] & 15 == Opcode.POOL)
        begin = 4 + number
        fields = [(0, 16, "multiplier"), (16, 6, "shift"), (22, 12, "behind")]
        for first, width, name in fields:
            if name in values:
                own[begin] = own[begin] & ~((1 << width) - 1 << first) | values[name] << first
        return packets

    return lambda words: with_packets(words, change)


REFUSED: dict[str, tuple[Callable[[Words], Words], str]] = {
    "no channels": (edit("pool", 0, channels=0), "channels must be from 1"),
    "no rows": (edit("pool", 0, rows=0), "rows must be from 1"),
    "windows without rows": (edit("pool", 0, kernel=0), "kernel must be from 1"),
    "no multiplier": (edit("pool", 0, scales=0), "opcode|scales must be from 1"),
    "first window before the row": (edit("pool", 0, first_x=-2), "last value of the first window must be from 0"),
    "last window behind the row": (edit("pool", 0, edge=2), "last window's first value must be .* to 2, not 3"),
    "rows outside the bank": (edit("pool", 0, bank_address=250), "the last bank address must be from 0 to 255"),
    "channels outside the bank": (edit("pool", 0, channel_pitch=90), "the last bank address must be from 0 to 255"),
    "row that goes beyond the bank": (edit("pool", 0, rows=2, row_advance=240), "the last bank address"),
    "multipliers that do not end": (scaled(2, behind=1), "columns behind"),
    "multipliers of no column": (scaled(1, behind=2), "the columns behind a multiplier must be from 0 to 1, not 2"),
    "multiplier 0": (scaled(1, multiplier=0), "multiplier must be from 1"),
    "wait for the future": (edit("pool", 0, wait_fetched=1000), "wait_fetched is 1000, but only"),
    "maps too early": (edit("pool", 0, wait_fetched=0), "takes bank word 16, which nothing was fetched to"),
    "output beyond the memory": (edit("pool", 0, map_address=1 << 20), "writes word"),
    "values never fetched": (edit("pool", 0, bank_address=150), "takes bank word 15., which nothing was fetched to"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refuses(name: str) -> None:
    change, message = REFUSED[name]
    tape, filters, memory, _ = conv_pool_conv()
    changed = np.array(change([int(word) for word in tape]), np.uint64)
    with pytest.raises(InputError, match=message):
        RowstatModel(TINY, changed).run(filters, memory)


def first_pool(tape: np.ndarray) -> Command:
    return RowstatModel(TINY, tape).checked.tape.named("pool")[0]


def test_refuses_maps_that_happen_to_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever unit goes first: without a wait nobody knows."""
    monkeypatch.setattr(model, "_ORDER", tuple(reversed(model._ORDER)))
    tape, filters, memory, _ = conv_pool_conv()
    change = edit("pool", 0, wait_fetched=first_pool(tape)["wait_fetched"] - 1)
    with pytest.raises(InputError, match="reads the ifmap bank without a wait for fetch"):
        RowstatModel(TINY, np.array(change([int(word) for word in tape]), np.uint64)).run(filters, memory)


def test_refuses_a_fetch_over_what_pools_still_read() -> None:
    """That of the second image waits for the drains of the layer before, but not for the first image's pools."""
    tape, filters, memory, _ = conv_pool_conv()
    fetched = first_pool(tape)["wait_fetched"]
    fetches = RowstatModel(TINY, tape).checked.tape.named("fetch")
    change = edit("fetch", fetched, wait_drained=fetches[fetched - 1]["wait_drained"])
    with pytest.raises(InputError, match="writes the ifmap bank without a wait for drain or pool"):
        RowstatModel(TINY, np.array(change([int(word) for word in tape]), np.uint64)).run(filters, memory)


@pytest.mark.parametrize("pool_first", [False, True])
def test_refuses_passes_and_pools_that_may_read_at_the_same_time(pool_first: bool) -> None:
    """On maps and in parts of the bank of their own: there is one read port."""
    x = np.random.default_rng(3).integers(-99, 99, (1, 1, 4, 4))
    one, pool = draw_layer(np.random.default_rng(4), 1, 1, (3, 3)), Pool(kernel=(2, 2))
    builder = Builder(TINY)
    address = write_map(builder, x)
    if pool_first:
        add_pool(builder, pool, address, x.shape, bank_address=200)
        add_layer(builder, one, address, x.shape, Choices(), first_input=True)
    else:
        add_layer(builder, one, address, x.shape, Choices())
        builder.passes = builder.drained = 0
        add_pool(builder, pool, address, x.shape, bank_address=200)
    tape, filters, memory = builder.finished()
    words = [int(word) for word in tape]
    if not pool_first:
        RowstatModel(TINY, tape).run(filters, memory)  # the layer's drain is before the pools
        words = moved("drain", 0, to=len(words))(words)
    what = "drain or pool 2" if pool_first else "deliver_pass 0"
    with pytest.raises(InputError, match=f"takes the read port of the ifmap bank without a wait for {what}"):
        RowstatModel(TINY, np.array(words, np.uint64)).run(filters, memory)


@pytest.mark.parametrize("seed", range(10))
def test_the_order_of_the_units_does_not_matter(seed: int) -> None:
    tape, filters, memory, _ = conv_pool_conv(seed)
    other = shuffled(TINY, tape, np.random.default_rng(seed))
    assert not np.array_equal(other, tape)
    results = [RowstatModel(TINY, words).run(filters, memory).memory for words in (tape, other)]
    assert np.array_equal(*results)


def test_a_pool_too_early_on_the_tape() -> None:
    tape, _, _, _ = conv_pool_conv()
    with pytest.raises(InputError, match="wait_fetched is"):
        RowstatModel(TINY, np.array(moved("pool", 0, to=0)([int(word) for word in tape]), np.uint64))
