"""Layers as PyTorch trains them: with a mask of kept weights, and with shared weights.

Imports PyTorch; everything that must do without it stays above this module.
"""

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from torch import nn

from eyrie.compress.prune import prune_balanced, prune_by_magnitude
from eyrie.compress.share import SharedWeights
from eyrie.model.layer import Shape
from eyrie.train.network import Layer, Network


class MaskedLayer(nn.Module):
    """A layer some of whose weights are zero and stay zero.

    Parameters
    ----------
    layer : Layer
        Weights to start from; those that are zero are masked if ``pruned``.
    pruned : bool
        Whether zeros are pruned connections or just values.
    """

    mask: torch.Tensor

    def __init__(self, layer: Layer, *, pruned: bool) -> None:
        super().__init__()
        self.name = layer.name
        self.pool = layer.pool
        self.weight = nn.Parameter(torch.from_numpy(layer.weight.copy()))
        self.bias = nn.Parameter(torch.from_numpy(layer.bias.copy()))
        mask = layer.weight != 0 if pruned else np.ones_like(layer.weight)
        self.register_buffer("mask", torch.from_numpy(mask.astype(np.float32)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return _computed(x, self.weight * self.mask, self.bias, self.pool)

    def prune(self, density: float, balanced_pes: int | None = None) -> None:
        """Keep the ``round(density * size)`` weights of largest magnitude; masked ones never come back.

        With ``balanced_pes`` those of each PE's part are chosen on their own, so that all parts keep as many.
        """
        weight = self.as_layer().weight
        if balanced_pes is None:
            kept = prune_by_magnitude(weight, density) != 0
        else:
            kept = prune_balanced(weight, density, balanced_pes) != 0
        self.mask.copy_(torch.from_numpy(kept))

    def as_layer(self) -> Layer:
        weight = (self.weight * self.mask).detach().numpy()
        return Layer(name=self.name, weight=weight, bias=self.bias.detach().numpy().copy(), pool=self.pool)


class SharedLayer(nn.Module):
    """A layer whose weights are codes into trainable centroids.

    The gradient of a centroid is the sum of the gradients of its weights (Deep Compression, section 3.3). Code 0 is
    zero and is not trained.
    """

    codes: torch.Tensor

    def __init__(self, name: str, shared: SharedWeights, bias: np.ndarray, pool: int = 1) -> None:
        super().__init__()
        self.name = name
        self.pool = pool
        self.centroids = nn.Parameter(torch.from_numpy(shared.codebook[1:].astype(np.float32)))
        self.bias = nn.Parameter(torch.from_numpy(bias.copy()))
        self.register_buffer("codes", torch.from_numpy(shared.codes.astype(np.int64)))

    @property
    def weight(self) -> torch.Tensor:
        return torch.cat([self.centroids.new_zeros(1), self.centroids])[self.codes]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return _computed(x, self.weight, self.bias, self.pool)

    def as_layer(self) -> Layer:
        weight = self.weight.detach().numpy()
        return Layer(name=self.name, weight=weight, bias=self.bias.detach().numpy().copy(), pool=self.pool)


class TrainableNetwork(nn.Module):
    """`MaskedLayer` or `SharedLayer` layers with a ReLU between each two.

    Parameters
    ----------
    layers : list
    image_shape : tuple of int
        As of `eyrie.train.network.Network`.
    """

    def __init__(self, layers: list[MaskedLayer] | list[SharedLayer], image_shape: Shape = ()) -> None:
        super().__init__()
        self.image_shape = image_shape
        # What a list of modules holds is not part of its type.
        self.layers = cast("Sequence[MaskedLayer] | Sequence[SharedLayer]", nn.ModuleList(layers))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first, *others = self.layers
        x = first(x.reshape(len(x), *self.image_shape) if self.image_shape else x)
        for layer in others:
            x = layer(torch.relu(x))
        return x

    def as_network(self) -> Network:
        """The weights as they are now, independent of later training."""
        return Network(layers=tuple(layer.as_layer() for layer in self.layers), image_shape=self.image_shape)


def _computed(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, pool: int) -> torch.Tensor:
    if weight.dim() == 2:
        return nn.functional.linear(x.flatten(1), weight, bias)
    # The order of a convolution's inputs in memory that PyTorch is fastest with.
    maps = nn.functional.conv2d(x.to(memory_format=torch.channels_last), weight, bias)
    return nn.functional.max_pool2d(maps, pool) if pool > 1 else maps
