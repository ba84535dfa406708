"""Random convolutional networks against onnx's own evaluator, exactly.

All values are small multiples of powers of two, so that float32 there and float64 here are both exact; only the mean of
a whole map, at the end, is rounded.
"""

import numpy as np
import pytest

from eyrie.model.conv import ConvLayer
from eyrie.model.dense import DenseLayer
from eyrie.model.flatten import Flatten
from eyrie.model.pool import Pool

SCALES = [-2.0, -1.0, 0.5, 1.0, 2.0]


class RandomImageNetwork:
    """Draws a graph; knows the layers that must come out."""

    def __init__(self, graph, rng: np.random.Generator) -> None:
        self.graph, self.rng = graph, rng
        self.count = 0
        self.shape = (int(rng.integers(1, 4)), int(rng.integers(6, 12)), int(rng.integers(6, 12)))
        self.input_shape = self.shape
        self.tensor = graph.input(("batch", *self.shape))
        self.layers: list[type] = []
        self.relus: list[bool] = []

    def draw(self) -> None:
        for _ in range(self.rng.integers(1, 4)):
            self.conv()
            self.normalise()
            relu = self.rng.random() < 0.6
            if relu and self.rng.random() < 0.7:
                self.relu()
                self.pool(after_relu=True)
            elif relu:
                self.pool(after_relu=False, kinds=("MaxPool",))
                self.relu()
            else:
                self.pool(after_relu=False)
            self.relus.append(relu)
        match self.rng.integers(3):
            case 0:
                self.node(["GlobalAveragePool", "ReduceMean"][0])
                self.layers.append(Pool)
            case 1:
                self.dense()

    def node(self, operator, *operands, **attributes) -> None:
        self.count += 1
        self.tensor = self.graph.node(operator, [self.tensor, *operands], f"t{self.count}", **attributes)

    def constant(self, values, dtype=np.float32) -> str:
        self.count += 1
        return self.graph.weight(f"c{self.count}", values, dtype)

    def padding(self, limits) -> list[int]:
        """At the four sides, less than the limits, often nothing."""
        return [int(self.rng.integers(limit)) if self.rng.random() < 0.4 else 0 for limit in limits]

    def window(self) -> dict:
        kernel = [int(self.rng.integers(1, min(4, size + 1))) for size in self.shape[1:]]
        stride = [int(step) for step in self.rng.integers(1, 3, 2)]
        attributes = {"kernel_shape": kernel, "strides": stride}
        if (auto := self.rng.random()) < 0.4:
            return attributes | {"auto_pad": ["SAME_UPPER", "SAME_LOWER", "VALID"][int(auto * 7.5)]}
        return attributes | {"pads": self.padding(kernel * 2)}

    def after(self, attributes, extra=(0, 0)) -> tuple[int, int]:
        """Size of the maps after a window, ``extra`` rows and columns being added in front of it."""
        sizes = []
        for axis in range(2):
            size, kernel, step = (
                self.shape[1 + axis] + extra[axis],
                *(attributes[field][axis] for field in ("kernel_shape", "strides")),
            )
            if attributes.get("auto_pad", "").startswith("SAME"):
                sizes.append(-(-size // step))
            else:
                pads = attributes.get("pads", [0] * 4)
                whole = size + pads[axis] + pads[2 + axis] - kernel
                sizes.append((-(-whole // step) if attributes.get("ceil_mode") else whole // step) + 1)
        return sizes[0], sizes[1]

    def pad(self, pads) -> tuple[int, int]:
        if not any(pads):
            return 0, 0
        self.node("Pad", self.constant([0, 0, *pads[:2], 0, 0, *pads[2:]], np.int64))
        return pads[0] + pads[2], pads[1] + pads[3]

    def conv(self) -> None:
        channels = self.shape[0]
        groups = int(self.rng.choice([g for g in range(1, channels + 1) if channels % g == 0]))
        filters = groups * int(self.rng.integers(1, 3))
        attributes = self.window()
        extra = self.pad(self.padding([3] * 4)) if self.rng.random() < 0.3 else (0, 0)
        shape = (filters, channels // groups, *attributes["kernel_shape"])
        weight = self.rng.integers(-2, 3, shape) * (self.rng.random(shape) < 0.5)
        operands = [self.constant(weight)]
        if self.rng.random() < 0.6:
            operands.append(self.constant(self.rng.integers(-4, 5, filters) / 2))
        self.node("Conv", *operands, group=groups, **attributes)
        self.shape = (filters, *self.after(attributes, extra))
        self.layers.append(ConvLayer)

    def normalise(self) -> None:
        channels = self.shape[0]
        for _ in range(self.rng.integers(3)):
            match self.rng.integers(4):
                case 0:
                    parameters = (
                        self.rng.choice(SCALES, channels),
                        self.rng.integers(-2, 3, channels),
                        self.rng.integers(-2, 3, channels),
                        self.rng.choice([0.75, 3.75, 0.0], channels),
                    )
                    self.node("BatchNormalization", *map(self.constant, parameters), epsilon=0.25)
                case 1:
                    self.node("Mul", self.constant(self.rng.choice(SCALES, (channels, 1, 1))))
                case 2:
                    self.node("Add", self.constant(self.rng.integers(-3, 4, (1, channels, 1, 1))))
                case 3:
                    self.node("Div", self.constant(self.rng.choice(SCALES, ())))

    def relu(self) -> None:
        if self.rng.random() < 0.5:
            self.node("Relu")
        else:
            self.node("Clip", self.constant(0.0), self.constant(float(self.rng.integers(1, 30))))

    def pool(self, after_relu: bool, kinds=("MaxPool", "AveragePool")) -> None:
        if min(self.shape[1:]) < 2 or self.rng.random() < 0.3:
            return
        operator = kinds[self.rng.integers(len(kinds))]
        attributes = self.window()
        extra = (0, 0)
        if operator == "AveragePool":
            # Only such means are exact.
            attributes = {"kernel_shape": [2, 2], "strides": attributes["strides"]}
            if self.rng.random() < 0.5:
                attributes |= {"pads": self.padding([2] * 4), "count_include_pad": int(self.rng.integers(2))}
        elif attributes.get("auto_pad", "").startswith("SAME") or max(map(int, attributes.get("pads", [0]))) > 1:
            # What onnx's evaluator computes then is not what the operator set says.
            attributes = {"kernel_shape": attributes["kernel_shape"], "strides": attributes["strides"]}
        elif "auto_pad" not in attributes and max(attributes["strides"]) <= min(attributes["kernel_shape"]):
            attributes["ceil_mode"] = 0 if any(attributes["pads"]) else int(self.rng.integers(2))
        pads = attributes.get("pads", [0] * 4)
        foldable = after_relu if operator == "MaxPool" else not any(pads)
        if foldable and "auto_pad" not in attributes and not attributes.get("ceil_mode"):
            extra = self.pad(
                self.padding([size - pad for size, pad in zip(attributes["kernel_shape"] * 2, pads, strict=True)])
            )
        self.node(operator, **attributes)
        self.shape = (self.shape[0], *self.after(attributes, extra))
        self.layers.append(Pool)

    def dense(self) -> None:
        size = int(np.prod(self.shape))
        if self.rng.random() < 0.5:
            self.node("Flatten")
        else:
            self.node("Reshape", self.constant([0, -1], np.int64))
        if self.rng.random() < 0.3:
            self.node("Add", self.constant(self.rng.integers(-2, 3, size)))
        weight = self.rng.integers(-1, 2, (4, size)) * (self.rng.random((4, size)) < 0.3)
        self.node("Gemm", self.constant(weight), transB=1)
        self.layers += [Flatten, DenseLayer]


@pytest.mark.parametrize("seed", range(150))
def test_a_random_network(graph, seed):
    drawn = RandomImageNetwork(graph, np.random.default_rng(seed))
    drawn.draw()
    graph.output(drawn.tensor)
    network = graph.load()
    assert [type(layer) for layer in network.layers] == drawn.layers
    assert [layer.relu for layer in network.layers if isinstance(layer, ConvLayer)] == drawn.relus
    assert network.input_shape == drawn.input_shape
    x = np.random.default_rng(1000 + seed).integers(-4, 5, (3, *drawn.input_shape)).astype(np.float32)
    actual = network.forward(x).reshape(len(x), -1).astype(np.float32)
    assert np.array_equal(actual, graph.evaluate(x, drawn.tensor)), f"seed {seed}"
