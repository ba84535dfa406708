"""Pooling layers on the tape: what they are, how they are cut up, and what the golden model makes of them."""

from dataclasses import replace

import numpy as np
import pytest

from eyrie.compile.rowstat.coding import Coding
from eyrie.compile.rowstat.layer import ConvShape
from eyrie.compile.rowstat.pool import PoolLayer, PoolShape, is_pool, require_pool
from eyrie.compile.rowstat.pools import pool_pieces, pool_tiles
from eyrie.compile.rowstat.program import compile_layers
from eyrie.compile.rowstat.random_layers import draw_inputs, draw_layer, draw_pool
from eyrie.compile.rowstat.reference import Layer, forward
from eyrie.cycles.rowstat.model import RowstatCycleModel
from eyrie.errors import InputError
from eyrie.golden.rowstat.model import RowstatModel
from eyrie.model.window import Window
from eyrie.rowstat.commands import POOL_SCALES, Unit
from eyrie.rowstat.config import TINY, RowstatConfig


def pool_shape(
    maps: tuple[int, int, int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int, int, int] = (0, 0, 0, 0),
) -> PoolShape:
    batch, channels, height, width = maps
    window = Window(kernel=kernel, stride=stride, padding=padding)
    return PoolShape(name="pool", batch=batch, channels=channels, height=height, width=width, window=window)


def means(shape: PoolShape, seed: int = 0) -> PoolLayer:
    """Another multiplier and shift at every position."""
    rng = np.random.default_rng(seed)
    positions = (shape.out_height, shape.out_width)
    return PoolLayer(shape=shape, multiplier=rng.integers(1, 1 << 15, positions), shift=rng.integers(14, 20, positions))


SHAPES = {
    "2 x 2": pool_shape((2, 3, 8, 8), (2, 2), (2, 2)),
    "1 x 1": pool_shape((1, 2, 3, 5), (1, 1)),
    "one value": pool_shape((1, 1, 1, 1), (1, 1)),
    "overlapping": pool_shape((1, 3, 7, 9), (3, 3), (2, 2)),
    "padding on all sides": pool_shape((1, 2, 5, 6), (3, 3), (1, 1), (2, 1, 1, 2)),
    "padding of a whole window but for a value": pool_shape((1, 1, 3, 3), (3, 4), (1, 1), (2, 3, 2, 3)),
    "larger than the map": pool_shape((1, 2, 2, 3), (4, 6), (1, 1), (2, 3, 2, 3)),
    "ceil mode": pool_shape((1, 2, 6, 6), (3, 3), (2, 2), (0, 0, 1, 1)),
    "stride beyond the window": pool_shape((1, 2, 9, 11), (2, 1), (4, 5)),
    "whole map": pool_shape((2, 5, 6, 7), (6, 7)),
    "one row": pool_shape((1, 3, 1, 20), (1, 3), (1, 2)),
    "one column": pool_shape((1, 3, 20, 1), (3, 1), (2, 1)),
    "wider than all multipliers": pool_shape((1, 1, 3, 75), (2, 2)),
    "bands of rows": pool_shape((1, 2, 40, 20), (3, 3), (2, 2), (1, 1, 1, 1)),
    "a window of the whole bank": pool_shape((1, 1, 8, 100), (8, 5), (1, 3)),
}


def run(layers: list[Layer], config: RowstatConfig, seed: int = 0, **options: object) -> None:
    """Golden model against plain integers; the cycle model comes to an end."""
    x = draw_inputs(np.random.default_rng(seed), layers[0].shape, config)
    program = compile_layers(layers, config, **options)  # type: ignore[arg-type]
    memory = program.memory(x)
    result = RowstatModel(config, program.tape).run(program.filters, memory)
    assert (program.outputs(result.memory) == forward(layers, x, activation_width=config.activation_width)).all()
    if "coded" not in options:
        assert RowstatCycleModel(config, program.tape).run().busy[Unit.DRAIN] >= result.counts.pool_words


@pytest.mark.parametrize("mean", [False, True])
@pytest.mark.parametrize("name", SHAPES)
def test_named_shapes(name: str, mean: bool) -> None:
    shape = SHAPES[name]
    run([means(shape) if mean else PoolLayer(shape=shape)], TINY)


@pytest.mark.parametrize("seed", range(40))
def test_random_pools_one_behind_the_other(seed: int) -> None:
    rng = np.random.default_rng(seed)
    config = replace(TINY, ifmap_bank_words=int(rng.integers(20, 200)), command_depth=1 << int(rng.integers(2, 6)))
    maps = (int(rng.integers(1, 3)), int(rng.integers(1, 20)), int(rng.integers(1, 12)), int(rng.integers(1, 17)))
    first = draw_pool(rng, "first", maps)
    second = draw_pool(rng, "second", first.shape.output_maps)
    run([first, second], config, seed)


def test_between_convolutions() -> None:
    rng = np.random.default_rng(1)
    shape = ConvShape(name="a", batch=2, channels=3, height=8, width=9, filters=5, kernel=(3, 3))
    pool = means(pool_shape(shape.output_maps, (3, 2), (1, 2), (1, 0, 1, 1)))
    last = ConvShape(name="b", batch=2, channels=5, height=6, width=4, filters=2, kernel=(2, 2))
    layers: list[Layer] = [draw_layer(rng, shape, TINY), pool, draw_layer(rng, last, TINY)]
    run(layers, TINY)
    program = compile_layers(layers, TINY)
    assert (len(program.maps), len(program.mappings), len(program.certificates)) == (4, 2, 2)
    assert [reason.partition(" external accesses")[1] for reason in program.reasons] == 2 * [" external accesses"]
    assert [place.height for place in program.maps] == [8, 6, 6, 5]


@pytest.mark.parametrize("coded", [(1.0, None), (None, 1.0), (1.0, 1.0)])
@pytest.mark.parametrize("name", ["2 x 2", "padding on all sides", "bands of rows", "one value"])
def test_coded_maps(name: str, coded: tuple[float | None, float | None]) -> None:
    run([PoolLayer(shape=SHAPES[name])], TINY, coded=coded)


def test_multipliers_of_coded_rows_must_be_few() -> None:
    shape = SHAPES["wider than all multipliers"]
    coding = Coding(outputs=1.0)
    require_pool(PoolLayer(shape=shape), TINY, coding)
    few = means(shape)
    assert few.multiplier is not None
    few.multiplier[:], few.shift[:] = 5, 2  # type: ignore[index]
    few.multiplier[1, : POOL_SCALES - 1] = np.arange(10, 9 + POOL_SCALES)
    require_pool(few, TINY, coding)
    few.multiplier[1, 40] = 6
    message = "multipliers side by side in a row of coded output maps must be at most 16 for this engine, not 18"
    with pytest.raises(InputError, match=message):
        require_pool(few, TINY, coding)
    require_pool(few, TINY)
    with pytest.raises(InputError, match="drain_lanes for coded output maps must be at most 2 for this engine, not 4"):
        require_pool(PoolLayer(shape=shape), replace(TINY, drain_lanes=4), coding)


def test_pieces_of_rows_and_columns() -> None:
    """Rows cut by the border stand alone; those inside go together as long as their multipliers are the same."""
    shape = pool_shape((1, 1, 9, 9), (3, 3), (1, 1), (1, 1, 1, 1))
    (top, inside, bottom) = pool_pieces(PoolLayer(shape=shape))
    assert (top.row, top.rows, top.top, top.kernel) == (0, 1, 0, 2)
    assert (inside.row, inside.rows, inside.top, inside.kernel) == (1, 7, 0, 3)
    assert (bottom.row, bottom.rows, bottom.top, bottom.kernel) == (8, 1, 7, 2)
    assert {piece.scales for piece in (top, inside, bottom)} == {((1, 0, 0),)}
    layer = PoolLayer(shape=shape, multiplier=np.full((9, 9), 7), shift=np.full((9, 9), 3))
    layer.multiplier[4, 2:5] = 9  # type: ignore[index]
    rows = [(piece.row, piece.rows, piece.scales) for piece in pool_pieces(layer)]
    whole, parts = ((7, 3, 0),), ((7, 3, 7), (9, 3, 4), (7, 3, 0))
    assert rows == [(0, 1, whole), (1, 3, whole), (4, 1, parts), (5, 3, whole), (8, 1, whole)]


def test_pieces_of_many_multipliers_begin_with_words() -> None:
    pieces = pool_pieces(means(SHAPES["wider than all multipliers"]))
    assert [(piece.row, piece.column, piece.columns) for piece in pieces[:5]] == [
        *((0, column, 16) for column in (0, 16, 32, 48)),
        (0, 64, 10),
    ]
    assert max(len(piece.scales) for piece in pieces) == POOL_SCALES
    shape = pool_shape((1, 1, 1, 40), (1, 1))
    multiplier = np.maximum(np.arange(40)[None] - 5, 1)  # the first seven are equal
    pieces = pool_pieces(PoolLayer(shape=shape, multiplier=multiplier, shift=np.zeros((1, 40), np.int64)))
    assert [(piece.column, piece.columns, len(piece.scales)) for piece in pieces] == [
        (0, 20, 14),
        (20, 16, 16),
        (36, 4, 4),
    ]


def test_tiles() -> None:
    """An eighth of an image's channels, as many as half the bank holds, or rows of one."""
    channels = pool_tiles(PoolLayer(shape=pool_shape((2, 32, 2, 4), (2, 2), (2, 2))), TINY)
    assert [(tile.image, tile.channel, tile.channels) for tile in channels] == [
        (image, channel, 4) for image in range(2) for channel in range(0, 32, 4)
    ]
    few = pool_tiles(PoolLayer(shape=pool_shape((1, 32, 10, 16), (2, 2), (2, 2))), TINY)
    assert {tile.channels for tile in few} == {3, 2}
    bands = pool_tiles(PoolLayer(shape=SHAPES["bands of rows"]), TINY)
    assert [(tile.row, tile.rows) for tile in bands[: len(bands) // 2]] == [(0, 24), (23, 17)]
    (whole,) = pool_tiles(PoolLayer(shape=SHAPES["a window of the whole bank"]), TINY)
    assert (whole.row, whole.rows) == (0, 8)


def test_what_does_not_fit_is_refused() -> None:
    limits = (
        (pool_shape((1, 1, 1100, 1), (1030, 1)), TINY, "rows of a window must be at most 1023 .*, not 1030"),
        (pool_shape((1, 1, 1, 1100), (1, 1030)), TINY, "columns of a window must be at most 1023 .*, not 1030"),
        (pool_shape((1, 1, 3000, 1), (1, 1), (1500, 1)), TINY, "the stride must be at most 1023 .*, not 1500"),
        (pool_shape((1, 1, 1, 5000), (1, 1), (1, 9)), TINY, "columns of an input map must be at most 4092"),
        (pool_shape((1, 1, 5000, 1), (2, 1), (2, 1)), TINY, "rows of an input map must be at most 4095"),
        (pool_shape((1, 1, 4000, 100), (2, 2), (2, 2)), TINY, "words of an input map must be at most 65535"),
        (
            pool_shape((1, 1, 9, 116), (9, 2)),
            TINY,
            "the ifmap bank for the rows of a window must be at most 256 .* 261",
        ),
    )
    for shape, config, message in limits:
        layer = PoolLayer(shape=shape)
        with pytest.raises(InputError, match=f"layer pool: .*{message}"):
            compile_layers([layer], config)
        assert not is_pool(layer, config)
    narrow = replace(TINY, accumulator_width=24)
    require_pool(means(pool_shape((1, 1, 16, 16), (16, 16))), narrow)
    with pytest.raises(InputError, match=r"layer pool: bits of a window's sum must be at most 24 .*, not 25"):
        require_pool(means(pool_shape((1, 1, 17, 16), (17, 16))), narrow)
    require_pool(PoolLayer(shape=pool_shape((1, 1, 17, 16), (17, 16))), narrow)


def test_what_is_no_pooling_layer() -> None:
    with pytest.raises(InputError, match=r"layer pool: channels must be 1 to 65536, not 0"):
        pool_shape((1, 0, 3, 3), (2, 2))
    with pytest.raises(InputError, match=r"layer pool: a kernel of 4 x 2 does not fit maps of 3 x 3"):
        pool_shape((1, 1, 3, 3), (4, 2))
    with pytest.raises(
        InputError, match=r"layer pool: padding \(0, 2, 0, 0\) must be smaller than the kernel of 2 x 2"
    ):
        pool_shape((1, 1, 3, 3), (2, 2), (1, 1), (0, 2, 0, 0))
    shape = SHAPES["2 x 2"]
    ones = np.ones((4, 4), np.int64)
    with pytest.raises(InputError, match="layer pool: multiplier and shift must both be there, or none of them"):
        PoolLayer(shape=shape, multiplier=ones)
    for field, array, message in (
        ("multiplier", ones[:3], r"multiplier must be signed integers of shape \(4, 4\), not int64 of shape \(3, 4\)"),
        ("shift", ones.astype(float), r"shift must be signed integers of shape \(4, 4\), not float64"),
        ("multiplier", 0 * ones, "multiplier must be 1 to 32767, not 0 to 0"),
        ("shift", 64 * ones, "shift must be 0 to 63, not 64 to 64"),
    ):
        with pytest.raises(InputError, match=f"layer pool: {message}"):
            PoolLayer(shape=shape, **{"multiplier": ones, "shift": ones, field: array})


def test_maps_must_follow_each_other() -> None:
    one, other = PoolLayer(shape=SHAPES["2 x 2"]), PoolLayer(shape=SHAPES["1 x 1"])
    with pytest.raises(InputError, match=r"takes maps of shape \(1, 2, 3, 5\), pool makes \(2, 3, 4, 4\)"):
        compile_layers([one, other], TINY)
