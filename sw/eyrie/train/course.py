"""What all stages of one training have in common. Imports PyTorch."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from eyrie.train.data import LabelledImages
from eyrie.train.fit import Examples, fit
from eyrie.train.layers import MaskedLayer, TrainableNetwork
from eyrie.train.network import Network
from eyrie.train.progress import EpochDone, Progress
from eyrie.train.schedule import Schedule

VALIDATION_PART = 12
"""One training image in this many is set aside for validation: 5,000 of Fashion-MNIST's 60,000."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Course:
    """Examples, settings and the source of all randomness.

    Parameters
    ----------
    examples : Examples
        Training images without the validation images.
    validation : Examples
        Never trained on; they choose among the epochs of a stage.
    schedule : Schedule
    generator : numpy.random.Generator
        Draws the order of the examples; every stage goes on where the one before it stopped.
    progress : Progress
        Called after every epoch.
    """

    examples: Examples
    validation: Examples
    schedule: Schedule
    generator: np.random.Generator
    progress: Progress

    @classmethod
    def over(
        cls, images: LabelledImages, schedule: Schedule, generator: np.random.Generator, progress: Progress
    ) -> "Course":
        """Set validation images aside, drawn from ``generator``."""
        order = generator.permutation(len(images))
        n_validation = len(images) // VALIDATION_PART
        return cls(
            examples=Examples.from_images(images[order[n_validation:]]),
            validation=Examples.from_images(images[order[:n_validation]]),
            schedule=schedule,
            generator=generator,
            progress=progress,
        )

    def taught_by(self, network: Network) -> "Course":
        """The same course, with ``network`` as the teacher of its examples."""
        model = TrainableNetwork([MaskedLayer(layer, pruned=False) for layer in network.layers], network.image_shape)
        return replace(self, examples=replace(self.examples, teacher=self.examples.scores(model)))

    def train(
        self,
        stage: str,
        model: TrainableNetwork,
        optimizer: torch.optim.Optimizer,
        epochs: int,
        *,
        constant_rate: bool = False,
        after_step: Callable[[int, int], None] = lambda step, n_steps: None,
    ) -> Network:
        """Train ``model`` in place by `fit` and return it as it was after its best epoch.

        That is the one with most validation images right, the last of several.
        """
        best, best_right = model.as_network(), -1
        passes = fit(
            model,
            self.examples,
            optimizer,
            self.generator,
            epochs=epochs,
            batch_size=self.schedule.batch_size,
            constant_rate=constant_rate,
            after_step=after_step,
        )
        for epoch, _ in enumerate(passes, start=1):
            right = self.validation.count_right(model)
            if right >= best_right:
                best, best_right = model.as_network(), right
            self.progress(
                EpochDone(
                    stage=stage,
                    epoch=epoch,
                    epochs=epochs,
                    total_epochs=self.schedule.epochs,
                    validation_accuracy=right / len(self.validation.labels),
                )
            )
        return best
