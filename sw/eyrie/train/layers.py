"""Fully connected layers as PyTorch trains them: with a mask of kept weights, and with shared weights.

Imports PyTorch; everything that must do without it stays above this module.
"""

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from torch import nn

from eyrie.compress.prune import prune_balanced, prune_by_magnitude
from eyrie.compress.share import SharedWeights
from eyrie.train.network import Layer, Network


class MaskedLinear(nn.Module):
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
        self.weight = nn.Parameter(torch.from_numpy(layer.weight.copy()))
        self.bias = nn.Parameter(torch.from_numpy(layer.bias.copy()))
        mask = layer.weight != 0 if pruned else np.ones_like(layer.weight)
        self.register_buffer("mask", torch.from_numpy(mask.astype(np.float32)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.linear(x, self.weight * self.mask, self.bias)

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
        return Layer(name=self.name, weight=weight, bias=self.bias.detach().numpy().copy())


class SharedLinear(nn.Module):
    """A layer whose weights are codes into trainable centroids.

    The gradient of a centroid is the sum of the gradients of its weights (Deep Compression, section 3.3). Code 0 is
    zero and is not trained.
    """

    codes: torch.Tensor

    def __init__(self, name: str, shared: SharedWeights, bias: np.ndarray) -> None:
        super().__init__()
        self.name = name
        self.centroids = nn.Parameter(torch.from_numpy(shared.codebook[1:].astype(np.float32)))
        self.bias = nn.Parameter(torch.from_numpy(bias.copy()))
        self.register_buffer("codes", torch.from_numpy(shared.codes.astype(np.int64)))

    @property
    def weight(self) -> torch.Tensor:
        return torch.cat([self.centroids.new_zeros(1), self.centroids])[self.codes]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.linear(x, self.weight, self.bias)

    def as_layer(self) -> Layer:
        return Layer(name=self.name, weight=self.weight.detach().numpy(), bias=self.bias.detach().numpy().copy())


class TrainableNetwork(nn.Module):
    """`MaskedLinear` or `SharedLinear` layers with a ReLU between each two."""

    def __init__(self, layers: list[MaskedLinear] | list[SharedLinear]) -> None:
        super().__init__()
        # What a list of modules holds is not part of its type.
        self.layers = cast("Sequence[MaskedLinear] | Sequence[SharedLinear]", nn.ModuleList(layers))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first, *others = self.layers
        x = first(x)
        for layer in others:
            x = layer(torch.relu(x))
        return x

    def as_network(self) -> Network:
        """The weights as they are now, independent of later training."""
        return Network(layers=tuple(layer.as_layer() for layer in self.layers))
