"""Random chains of supported operators against onnx's own evaluator, exactly.

All values are small multiples of powers of two, so that float32 there and float64 here are both exact.
"""

import numpy as np
import pytest
from onnx import TensorProto, numpy_helper

SCALES = [-2.0, -1.0, 0.5, 1.0, 2.0]


class RandomChain:
    """Draws a graph; knows which layers and host operators must come out."""

    def __init__(self, graph, rng: np.random.Generator) -> None:
        self.graph, self.rng = graph, rng
        self.count = 0
        self.relus: list[bool] = []
        self.tensor = ""
        self.size = 0

    def draw(self) -> np.ndarray:
        """Draw a graph and return inputs for it; ``tensor`` is then what the network computes."""
        samples = self.rng.integers(-4, 5, (3, *self.start()))
        if self.rng.random() < 0.5:
            self.scale()
            self.flatten()
        else:
            self.flatten()
            self.scale()
        for i in range(n_layers := self.rng.integers(1, 4)):
            self.dense()
            self.nothing()
            self.scale()
            if self.rng.random() < 0.6:
                self.node("Relu", [self.tensor])
                self.relus[-1] = True
                self.nothing()
                if i < n_layers - 1:
                    self.scale()
        return samples.astype(np.float32)

    def start(self) -> tuple[int, ...]:
        shape = tuple(int(size) for size in self.rng.integers(1, 4, self.rng.integers(1, 4)))
        self.shape, self.size = shape, int(np.prod(shape))
        self.tensor = self.graph.input(("batch", *shape))
        return shape

    def node(self, operator, inputs, **attributes) -> None:
        self.count += 1
        self.tensor = self.graph.node(operator, inputs, f"t{self.count}", **attributes)

    def constant(self, values, dtype=np.float32) -> str:
        """A constant as an initialiser, a Constant node, or either of them behind an Identity."""
        self.count += 1
        name = f"c{self.count}"
        if self.rng.random() < 0.7:
            self.graph.weight(name, values, dtype)
        else:
            self.graph.node("Constant", [], name, value=numpy_helper.from_array(np.asarray(values, dtype=dtype)))
        return self.graph.node("Identity", [name], f"{name}i") if self.rng.random() < 0.2 else name

    def flatten(self) -> None:
        match self.rng.integers(4 if len(self.shape) > 1 else 5):
            case 0:
                self.node("Flatten", [self.tensor], axis=int(self.rng.choice([1, -len(self.shape)])))
            case 1:
                target = self.rng.choice([-1, 0]), self.size
                self.node("Reshape", [self.tensor, self.constant(target, np.int64)])
            case 2:
                self.node("Reshape", [self.tensor, self.constant((0, -1), np.int64)])
            case 3:
                source = self.tensor
                self.node("Shape", [source])
                self.node("Gather", [self.tensor, self.constant([0], np.int64)])
                self.node("Concat", [self.tensor, self.constant([-1], np.int64)], axis=0)
                self.node("Reshape", [source, self.tensor])
        self.shape = (self.size,)

    def scale(self) -> None:
        """Up to two affine steps."""
        for _ in range(self.rng.integers(3)):
            shape = self.shape if self.rng.random() < 0.5 else tuple(self.rng.choice([1, n]) for n in self.shape)
            shape = [(), shape, (1, *shape)][self.rng.integers(3)]
            match self.rng.integers(5):
                case 0:
                    self.operands("Add", self.rng.integers(-3, 4, shape))
                case 1:
                    self.operands("Sub", self.rng.integers(-3, 4, shape) / 2)
                case 2:
                    self.operands("Mul", self.rng.choice(SCALES, shape))
                case 3:
                    self.node("Div", [self.tensor, self.constant(self.rng.choice(SCALES, shape))])
                case 4:
                    self.normalize()

    def operands(self, operator, values) -> None:
        inputs = [self.tensor, self.constant(values)]
        self.node(operator, inputs if self.rng.random() < 0.6 else inputs[::-1])

    def normalize(self) -> None:
        channels = self.shape[0]
        parameters = [
            self.constant(self.rng.choice(SCALES, channels)),
            self.constant(self.rng.integers(-2, 3, channels)),
            self.constant(self.rng.integers(-2, 3, channels)),
            self.constant(self.rng.choice([0.75, 3.75, 0.0], channels)),
        ]
        self.node("BatchNormalization", [self.tensor, *parameters], epsilon=0.25)

    def dense(self) -> None:
        outputs = int(self.rng.integers(1, 7))
        weight = self.rng.integers(-2, 3, (outputs, self.size)) * (self.rng.random((outputs, self.size)) < 0.6)
        bias = self.rng.integers(-4, 5, outputs) / 2
        match self.rng.integers(3):
            case 0:
                trans_b = int(self.rng.integers(2))
                bias = [bias, bias[np.newaxis], bias[:1]][self.rng.integers(3)]
                inputs = [self.tensor, self.constant(weight if trans_b else weight.T)]
                inputs += [self.constant(bias)] if self.rng.random() < 0.7 else []
                alpha, beta = self.rng.choice(SCALES, 2)
                self.node("Gemm", inputs, transB=trans_b, alpha=float(alpha), beta=float(beta))
            case 1:
                self.node("MatMul", [self.tensor, self.constant(weight.T)])
            case 2:
                source = self.tensor
                self.node("Transpose", [self.constant(weight)], perm=[1, 0])
                self.node("MatMul", [source, self.tensor])
                self.shape = (outputs,)
                self.operands("Add", bias)
        self.shape, self.size = (outputs,), outputs
        self.relus.append(False)

    def nothing(self) -> None:
        match self.rng.integers(8):
            case 0:
                self.node("Identity", [self.tensor])
            case 1:
                self.node("Dropout", [self.tensor])
            case 2:
                self.node("Cast", [self.tensor], to=TensorProto.FLOAT)
            case 3:
                self.node("Reshape", [self.tensor, self.constant((-1, self.size), np.int64)])


@pytest.mark.parametrize("seed", range(150))
def test_a_random_chain(graph, seed):
    rng = np.random.default_rng(seed)
    chain = RandomChain(graph, rng)
    x = chain.draw()
    host = [(), ("Softmax",), ("Softmax", "ArgMax")][rng.integers(3)]
    end = chain.tensor
    for operator in host:
        chain.node(operator, [chain.tensor])
    graph.output(chain.tensor)
    network = graph.load()
    assert [layer.relu for layer in network.layers] == chain.relus, f"seed {seed}"
    assert network.host_operators == host, f"seed {seed}"
    expected = graph.evaluate(x, end)
    assert np.array_equal(network.forward(x.reshape(len(x), -1)), expected), f"seed {seed}"
