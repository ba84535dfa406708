"""Pooling behind convolutions goes into their program: which stages of a network become layers of one tape."""

from collections.abc import Sequence

from eyrie.compile.network.integers import Convolutions, FullyConnected, Stage
from eyrie.compile.network.pooling import MeanPool, Pooling
from eyrie.compile.rowstat.pool import PoolLayer, PoolShape, is_pool
from eyrie.compile.rowstat.reference import Layer
from eyrie.rowstat.config import RowstatConfig


def gather_layers(stages: Sequence[Stage], config: RowstatConfig) -> list[tuple[Layer, ...] | Pooling | FullyConnected]:
    """Stages in order, convolutions and the pooling behind them as layers of one program, as long as it fits the
    engine.

    Parameters
    ----------
    stages : sequence of Stage
    config : RowstatConfig
        Of the engine.
    """
    gathered: list[tuple[Layer, ...] | Pooling | FullyConnected] = []
    for stage in stages:
        before = gathered[-1] if gathered else ()
        layers = before if isinstance(before, tuple) else ()
        if isinstance(stage, Convolutions):
            own: tuple[Layer, ...] = stage.layers
        elif isinstance(stage, FullyConnected) or not layers:
            gathered.append(stage)
            continue
        elif is_pool(pool := pool_layer(stage, layers[-1].shape.output_maps), config):
            own = (pool,)
        else:
            gathered.append(stage)
            continue
        gathered[len(gathered) - bool(layers) :] = [layers + own]
    return gathered


def pool_layer(pooling: Pooling, maps: tuple[int, int, int, int]) -> PoolLayer:
    """The layer that pools maps of images, channels, rows and columns.

    Raises
    ------
    InputError
        If the maps are smaller than the window, or have other positions than its multipliers.
    """
    batch, channels, height, width = maps
    shape = PoolShape(
        name=pooling.name, batch=batch, channels=channels, height=height, width=width, window=pooling.window
    )
    if isinstance(pooling, MeanPool):
        return PoolLayer(shape=shape, multiplier=pooling.multiplier, shift=pooling.shift)
    return PoolLayer(shape=shape)
