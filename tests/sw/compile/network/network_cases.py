"""Random small networks with convolutions, pooling and fully connected layers, and inputs for them."""

import numpy as np

from eyrie.model.conv import ConvLayer
from eyrie.model.dense import DenseLayer
from eyrie.model.flatten import Flatten
from eyrie.model.layer import Layer, Shape
from eyrie.model.network import Network
from eyrie.model.pool import Pool


def conv(weight: np.ndarray, bias: np.ndarray | None = None, **fields: object) -> ConvLayer:
    """A convolution of these weights, float64 or not; no bias and no ReLU unless said."""
    weight = np.asarray(weight, np.float64)
    values = {"name": "conv", "relu": False, "bias": np.zeros(len(weight)) if bias is None else np.array(bias, float)}
    return ConvLayer(weight=weight, **(values | fields))  # type: ignore[arg-type]


def draw_conv(rng: np.random.Generator, name: str, shape: Shape) -> ConvLayer:
    channels, rows, columns = shape
    groups = channels if rng.random() < 0.2 else 1
    filters = groups * int(rng.integers(1, 4))
    kernel = (int(rng.integers(1, min(3, rows) + 1)), int(rng.integers(1, min(3, columns) + 1)))
    top, left, bottom, right = (int(n) for n in rng.integers(0, 2, 4))
    relu = bool(rng.random() < 0.7)
    return conv(
        rng.normal(size=(filters, channels // groups, *kernel)),
        rng.normal(size=filters),
        name=name,
        stride=(1, 1) if rng.random() < 0.7 else (2, 2),
        padding=(top, left, bottom, right),
        groups=groups,
        relu=relu,
        clip=float(rng.uniform(0.5, 3)) if relu and rng.random() < 0.3 else None,
    )


def draw_pool(rng: np.random.Generator, name: str, shape: Shape) -> Pool:
    kernel = (int(rng.integers(1, min(3, shape[1]) + 1)), int(rng.integers(1, min(3, shape[2]) + 1)))
    kind = "max" if rng.random() < 0.5 else "average"
    top, left, bottom, right = (int(rng.integers(size)) for size in kernel * 2)
    return Pool(
        name=name,
        kind=kind,
        kernel=kernel,
        stride=(int(rng.integers(1, 3)), int(rng.integers(1, 3))),
        padding=(top, left, bottom, right),
        count_include_pad=kind == "average" and bool(rng.integers(2)),
    )


def draw_network(rng: np.random.Generator) -> Network:
    """Up to four layers on maps, at least one, then up to two fully connected ones."""
    input_shape = (int(rng.integers(1, 4)), int(rng.integers(4, 10)), int(rng.integers(4, 10)))
    layers: list[Layer] = []
    shape: Shape = input_shape
    for number in range(int(rng.integers(1, 5))):
        draw = draw_conv if rng.random() < 0.6 else draw_pool
        layers.append(draw(rng, f"layer{number}", shape))
        shape = layers[-1].output_shape(shape)
    if rng.random() < 0.7:
        layers.append(Flatten(name="flatten"))
        shape = layers[-1].output_shape(shape)
        for number in range(int(rng.integers(3))):
            outputs = int(rng.integers(1, 9))
            weight = np.where(rng.random((outputs, shape[0])) < 0.5, rng.choice([-0.5, 0.25, 1.5]), 0.0)
            layers.append(
                DenseLayer(name=f"fc{number}", weight=weight, bias=rng.normal(size=outputs), relu=bool(rng.integers(2)))
            )
            shape = (outputs,)
    return Network(name="random", layers=tuple(layers), input_shape=input_shape)


def draw_samples(rng: np.random.Generator, network: Network, n: int) -> np.ndarray:
    return rng.uniform(-1 if rng.integers(2) else 0, 1, (n, *network.input_shape))
