"""Layers with masked and with shared weights. Needs PyTorch."""

import numpy as np
import torch

from eyrie.compress.share import SharedWeights, share_weights
from eyrie.train.layers import MaskedLayer, SharedLayer, TrainableNetwork
from eyrie.train.network import Layer, Network

SEED = 11


def drawn_layer(n_outputs: int, n_inputs: int, name: str = "ip1") -> Layer:
    """Small integers other than zero, so that float32 computes every sum exactly."""
    generator = np.random.default_rng(SEED)
    weight = generator.integers(1, 8, (n_outputs, n_inputs)) * generator.choice([-1, 1], (n_outputs, n_inputs))
    return Layer(name=name, weight=weight.astype(np.float32), bias=generator.integers(-7, 8, n_outputs).astype("f4"))


def integers(*shape: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(SEED + 1).integers(-7, 8, shape).astype(np.float32))


def step(layer: torch.nn.Module, n_inputs: int) -> None:
    """One step of gradient descent with weight decay, which moves every weight that is not masked."""
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.25, weight_decay=0.5)
    layer(integers(4, n_inputs)).square().sum().backward()
    optimizer.step()


def test_network_of_masked_layers_computes_what_its_arrays_compute() -> None:
    network = TrainableNetwork(
        [MaskedLayer(drawn_layer(5, 6), pruned=False), MaskedLayer(drawn_layer(3, 5, "ip2"), pruned=False)]
    )
    inputs = integers(4, 6)
    with torch.no_grad():
        outputs = network(inputs).numpy()
    assert np.array_equal(outputs, network.as_network().outputs(inputs.numpy()))


def convolutional_layers() -> tuple[Layer, Layer, Layer]:
    """For images of 2 channels of 6 x 6."""
    generator = np.random.default_rng(SEED)

    def drawn(name: str, *shape: int, pool: int = 1) -> Layer:
        weight = generator.integers(1, 4, shape) * generator.choice([-1, 1], shape)
        return Layer(
            name=name, weight=weight.astype("f4"), bias=generator.integers(-7, 8, shape[0]).astype("f4"), pool=pool
        )

    return drawn("conv1", 3, 2, 3, 3, pool=2), drawn("conv2", 4, 3, 2, 2), drawn("ip1", 5, 4)


def test_convolutions_compute_what_their_arrays_compute() -> None:
    layers, inputs = convolutional_layers(), integers(4, 72)
    masked = [MaskedLayer(layer, pruned=False) for layer in layers]
    shared = [SharedLayer(layer.name, share_weights(layer.weight, 3), layer.bias, layer.pool) for layer in layers]
    expected = Network(layers=layers, image_shape=(2, 6, 6)).outputs(inputs.numpy())
    for network in (TrainableNetwork(masked, (2, 6, 6)), TrainableNetwork(shared, (2, 6, 6))):
        with torch.no_grad():
            assert np.array_equal(network(inputs).numpy(), expected)
        taken = network.as_network()
        assert taken.image_shape == (2, 6, 6)
        for layer, original in zip(taken.layers, layers, strict=True):
            assert (layer.name, layer.pool) == (original.name, original.pool)
            assert np.array_equal(layer.weight, original.weight)


def test_a_pruned_convolution_keeps_its_largest_weights() -> None:
    module = MaskedLayer(convolutional_layers()[0], pruned=False)
    module.prune(0.5)
    kept = module.as_layer().weight != 0
    assert np.count_nonzero(kept) == 27
    optimizer = torch.optim.SGD(module.parameters(), lr=0.25)
    module(integers(4, 2, 6, 6)).square().sum().backward()
    optimizer.step()
    assert np.array_equal(module.as_layer().weight != 0, kept)


def test_pruning_keeps_the_largest_and_training_never_brings_one_back() -> None:
    before = drawn_layer(5, 6)
    layer = MaskedLayer(before, pruned=False)
    layer.prune(0.4)
    pruned = layer.as_layer().weight
    kept = pruned != 0
    assert np.count_nonzero(kept) == 12
    assert np.array_equal(pruned[kept], before.weight[kept])
    assert np.abs(before.weight[kept]).min() >= np.abs(before.weight[~kept]).max()
    step(layer, 6)
    trained = layer.as_layer().weight
    assert np.array_equal(trained != 0, kept)
    assert not np.array_equal(trained, pruned)
    layer.prune(0.2)
    again = layer.as_layer().weight != 0
    assert np.count_nonzero(again) == 6
    assert not (again & ~kept).any()


def test_balanced_pruning_keeps_as_many_on_each_pe_and_brings_none_back() -> None:
    layer = MaskedLayer(drawn_layer(6, 10), pruned=False)
    kept = np.ones((6, 10), bool)
    for density, each in ((0.6, 9), (0.2, 3)):
        layer.prune(density, balanced_pes=4)
        before, kept = kept, layer.as_layer().weight != 0
        # Rows 0 and 4 are on PE 0, rows 1 and 5 on PE 1.
        assert [np.count_nonzero(kept[pe::4]) for pe in range(4)] == 4 * [each]
        assert not (kept & ~before).any()
        step(layer, 10)


def test_zeros_are_connections_unless_they_are_pruned() -> None:
    layer = drawn_layer(5, 6)
    layer.weight[2] = 0
    for pruned, n_kept in ((True, 24), (False, 30)):
        module = MaskedLayer(layer, pruned=pruned)
        step(module, 6)
        assert module.as_layer().n_kept == n_kept


def test_gradient_of_a_centroid_is_the_sum_over_its_weights() -> None:
    shared = SharedWeights(
        codebook=np.array([0.0, -2.0, 1.0, 3.0]), codes=np.array([[0, 1, 2], [3, 3, 1]], dtype=np.uint8)
    )
    bias = np.array([1, -1], dtype=np.float32)
    layer = SharedLayer("ip1", shared, bias)
    dense = torch.tensor(shared.weight.astype(np.float32), requires_grad=True)
    inputs = integers(4, 3)
    layer(inputs).square().sum().backward()
    torch.nn.functional.linear(inputs, dense, torch.from_numpy(bias)).square().sum().backward()
    assert dense.grad is not None
    expected = [float(dense.grad.numpy()[shared.codes == code].sum()) for code in (1, 2, 3)]
    assert layer.centroids.grad.tolist() == expected


def test_trained_centroids_leave_codes_and_zeros_alone() -> None:
    codes = np.random.default_rng(SEED).integers(0, 4, (5, 6)).astype(np.uint8)
    layer = SharedLayer(
        "ip1", SharedWeights(codebook=np.array([0.0, -2.0, 1.0, 3.0]), codes=codes), np.zeros(5, np.float32)
    )
    before = layer.as_layer().weight
    step(layer, 6)
    after = layer.as_layer().weight
    assert np.array_equal(after == 0, codes == 0)
    for code in (1, 2, 3):
        values = np.unique(after[codes == code])
        assert values.size == 1
        assert values[0] != before[codes == code][0]


def test_arrays_are_independent_of_later_training() -> None:
    shared = SharedWeights(codebook=np.array([0.0, 2.0]), codes=np.ones((2, 3), dtype=np.uint8))
    for layer in (
        MaskedLayer(drawn_layer(2, 3), pruned=False),
        SharedLayer("ip1", shared, np.zeros(2, dtype=np.float32)),
    ):
        taken = layer.as_layer()
        weight, bias = taken.weight.copy(), taken.bias.copy()
        step(layer, 3)
        assert np.array_equal(taken.weight, weight)
        assert np.array_equal(taken.bias, bias)
        assert not np.array_equal(layer.as_layer().weight, weight)
        assert not np.array_equal(layer.as_layer().bias, bias)
