"""Gradient descent, one epoch at a time. Imports PyTorch."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from eyrie.errors import InputError
from eyrie.train.data import LabelledImages
from eyrie.train.layers import TrainableNetwork
from eyrie.train.network import CHUNK

TEACHER_SHARE = 0.7
"""Part of the loss that follows the teacher; the rest follows the labels."""

TEMPERATURE = 2.0
"""Softens the teacher's and the learner's scores alike."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Examples:
    """What a network learns from.

    Parameters
    ----------
    inputs : float32 (n, pixels)
    labels : int64 (n,)
    teacher : float32 (n, classes) or None
        Scores of a better network, to be followed beside the labels (Hinton et al., arXiv:1503.02531).
    """

    inputs: torch.Tensor
    labels: torch.Tensor
    teacher: torch.Tensor | None = None

    @classmethod
    def from_images(cls, images: LabelledImages) -> "Examples":
        return cls(
            inputs=torch.from_numpy(images.inputs), labels=torch.from_numpy(images.labels.astype(np.int64, copy=True))
        )

    def loss(self, model: TrainableNetwork, index: torch.Tensor) -> torch.Tensor:
        """Mean loss of the examples at ``index``."""
        scores = model(self.inputs[index])
        hard = functional.cross_entropy(scores, self.labels[index])
        if self.teacher is None:
            return hard
        soft = functional.kl_div(
            functional.log_softmax(scores / TEMPERATURE, dim=1),
            functional.log_softmax(self.teacher[index] / TEMPERATURE, dim=1),
            log_target=True,
            reduction="batchmean",
        )
        # The gradient of the soft part shrinks with the square of the temperature.
        return (1 - TEACHER_SHARE) * hard + TEACHER_SHARE * TEMPERATURE**2 * soft

    def scores(self, model: TrainableNetwork) -> torch.Tensor:
        """What ``model`` gives for all examples: float32 (n, classes)."""
        with torch.no_grad():
            return torch.cat([model(inputs) for inputs in self.inputs.split(CHUNK)])

    def count_right(self, model: TrainableNetwork) -> int:
        return int((self.scores(model).argmax(dim=1) == self.labels).sum())


def fit(
    model: TrainableNetwork,
    examples: Examples,
    optimizer: torch.optim.Optimizer,
    generator: np.random.Generator,
    *,
    epochs: int,
    batch_size: int,
    constant_rate: bool = False,
    after_step: Callable[[int, int], None] = lambda step, n_steps: None,
) -> Iterator[None]:
    """Train ``model`` in place and yield after every epoch.

    Each epoch draws a new order from ``generator`` and leaves out the examples that do not fill a last batch. The
    learning rate falls from the optimizer's to zero along half a cosine over all epochs, unless ``constant_rate``.
    ``after_step`` is called with the steps done so far, 1 and up, and the number of all steps.

    Raises
    ------
    InputError
        If there are fewer examples than fill one batch.
    """
    n_batches = len(examples.labels) // batch_size
    if n_batches == 0:
        raise InputError(f"{len(examples.labels)} training images do not fill one batch of {batch_size}")
    n_steps = epochs * n_batches
    rate = None if constant_rate else torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, n_steps)
    for epoch in range(epochs):
        order = torch.from_numpy(generator.permutation(len(examples.labels)))
        for batch in range(n_batches):
            optimizer.zero_grad()
            examples.loss(model, order[batch * batch_size : (batch + 1) * batch_size]).backward()
            optimizer.step()
            if rate is not None:
                rate.step()
            after_step(epoch * n_batches + batch + 1, n_steps)
        yield
