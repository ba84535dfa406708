"""The stages of Deep Compression (Han et al., ICLR 2016): each takes a network and returns another.

Imports PyTorch. Where a stage trains for several epochs, the best one on validation images is returned; those come out
of the training set, never out of the test set.
"""

from dataclasses import replace

import numpy as np
import torch

from eyrie.compress.share import share_weights
from eyrie.train.course import Course
from eyrie.train.layers import MaskedLayer, SharedLayer, TrainableNetwork
from eyrie.train.network import Network

STEPS_PER_CUT = 50
"""Steps of training between two rounds of pruning."""


def train(network: Network, course: Course) -> Network:
    """Train all weights."""
    schedule = course.schedule
    model = TrainableNetwork([MaskedLayer(layer, pruned=False) for layer in network.layers], network.image_shape)
    weights = [layer.weight for layer in model.layers]
    biases = [layer.bias for layer in model.layers]
    optimizer = torch.optim.AdamW(
        [{"params": weights, "weight_decay": schedule.weight_decay}, {"params": biases, "weight_decay": 0.0}],
        lr=schedule.learning_rate,
    )
    return course.train("train", model, optimizer, schedule.train_epochs)


def prune(network: Network, course: Course) -> Network:
    """Prune each layer to its density, a little at a time while the rest is trained, balanced if the schedule says so.

    The density falls along the cubic curve of Zhu and Gupta (arXiv:1710.01878): fast while there is much to spare.
    """
    schedule = course.schedule
    layers = [MaskedLayer(layer, pruned=False) for layer in network.layers]
    model = TrainableNetwork(layers, network.image_shape)

    def cut(step: int, n_steps: int) -> None:
        if step % STEPS_PER_CUT == 0 or step == n_steps:
            for layer, density in zip(layers, schedule.densities, strict=True):
                layer.prune(density + (1 - density) * (1 - step / n_steps) ** 3, schedule.balanced_pes)

    optimizer = torch.optim.Adam(model.parameters(), lr=schedule.retraining_rate)
    course.train("prune", model, optimizer, schedule.prune_epochs, constant_rate=True, after_step=cut)
    # Not the best epoch but the last: only then are all layers at their density.
    return model.as_network()


def retrain(network: Network, course: Course) -> Network:
    """Train the weights that are not zero; the others stay zero."""
    schedule = course.schedule
    model = TrainableNetwork([MaskedLayer(layer, pruned=True) for layer in network.layers], network.image_shape)
    optimizer = torch.optim.Adam(model.parameters(), lr=schedule.retraining_rate)
    return course.train("retrain", model, optimizer, schedule.retrain_epochs)


def share(network: Network, course: Course) -> Network:
    """Replace the weights of each layer by the centroids of their clusters; nothing is trained."""
    layers = []
    for layer, bits in zip(network.layers, course.schedule.bits_of(len(network.layers)), strict=True):
        weight = share_weights(layer.weight, bits).weight
        layers.append(replace(layer, weight=weight.astype(np.float32)))
    return replace(network, layers=tuple(layers))


def tune(network: Network, course: Course) -> Network:
    """Train the shared values of a network that has them, and the biases; which weights share a value stays."""
    schedule = course.schedule
    model = TrainableNetwork(
        [
            # Few distinct values are taken over exactly: this finds the codes again, it does not cluster once more.
            SharedLayer(layer.name, share_weights(layer.weight, bits), layer.bias, layer.pool)
            for layer, bits in zip(network.layers, schedule.bits_of(len(network.layers)), strict=True)
        ],
        network.image_shape,
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=schedule.retraining_rate)
    return course.train("tune", model, optimizer, schedule.tune_epochs)
