"""What came out of a training."""

import math
from dataclasses import dataclass
from typing import Any

from eyrie.train.network import Network
from eyrie.train.schedule import Schedule


@dataclass(frozen=True, kw_only=True)
class StageReport:
    """One stage.

    Parameters
    ----------
    name : str
    right_before, right_after : int
        Test images classified right by the network that went in and by the one that came out.
    n_test : int
        Test images.
    n_kept, n_weights : int
        Weights that are not zero after the stage, and all.
    seconds : float
        Wall-clock time of the stage without its evaluation.
    """

    name: str
    right_before: int
    right_after: int
    n_test: int
    n_kept: int
    n_weights: int
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """All but the time, which no two runs share."""
        return {
            "name": self.name,
            "right_before": self.right_before,
            "right_after": self.right_after,
            "accuracy_before": self.right_before / self.n_test,
            "accuracy_after": self.right_after / self.n_test,
            "weights_kept": self.n_kept,
        }


@dataclass(frozen=True, kw_only=True)
class LayerReport:
    """One layer of the finished network.

    Parameters
    ----------
    name : str
    inputs, outputs : int
        Of a convolution its channels and filters.
    kernel : tuple of 2 int
        Rows and columns of a convolution's filters; empty for a fully connected layer.
    n_kept, n_distinct : int
        Weights that are not zero, and the distinct values among them.
    """

    name: str
    inputs: int
    outputs: int
    kernel: tuple[int, ...] = ()
    n_kept: int
    n_distinct: int

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "inputs": self.inputs,
            "outputs": self.outputs,
            **({"kernel": list(self.kernel)} if self.kernel else {}),
            "weights_kept": self.n_kept,
            "density": self.n_kept / (self.inputs * self.outputs * math.prod(self.kernel)),
            "distinct_nonzero_values": self.n_distinct,
        }


@dataclass(frozen=True, kw_only=True)
class TrainingReport:
    """The whole training.

    Parameters
    ----------
    model : str
        What the network is called.
    seed, threads : int
    torch_version : str
    schedule : Schedule
    n_training : int
        Training images, those for validation among them.
    stages : tuple of StageReport
        In the order in which they ran; the first is the training of the float network.
    layers : tuple of LayerReport
        Of the compressed network.
    n_shipped, right_shipped_float, right_shipped : int
        Test images written beside the model, and how many of them the float and the compressed network get right.
    """

    model: str
    seed: int
    threads: int
    torch_version: str
    schedule: Schedule
    n_training: int
    stages: tuple[StageReport, ...]
    layers: tuple[LayerReport, ...]
    n_shipped: int
    right_shipped_float: int
    right_shipped: int

    @property
    def float_accuracy(self) -> float:
        """Of the float network on the whole test set, 0 to 1."""
        return self.stages[0].right_after / self.stages[0].n_test

    @property
    def compressed_accuracy(self) -> float:
        """Of the compressed network on the whole test set, 0 to 1, computed with floating-point numbers."""
        return self.stages[-1].right_after / self.stages[-1].n_test

    @property
    def density(self) -> float:
        """Part of all weights that is not zero."""
        return self.stages[-1].n_kept / self.stages[-1].n_weights

    @property
    def seconds(self) -> float:
        return sum(stage.seconds for stage in self.stages)

    def as_json(self) -> dict[str, Any]:
        """What is the same in every run with the same seed, versions and kind of machine."""
        return {
            "model": self.model,
            "data_set": {
                "name": "Fashion-MNIST",
                "origin": "Zalando SE, https://github.com/zalandoresearch/fashion-mnist",
                "licence": "MIT",
                "training_images": self.n_training,
                "test_images": self.stages[0].n_test,
            },
            "seed": self.seed,
            "threads": self.threads,
            "torch_version": self.torch_version,
            "schedule": self.schedule.as_json(),
            "float_accuracy": self.float_accuracy,
            "compressed_accuracy": self.compressed_accuracy,
            "density": self.density,
            "stages": [stage.as_json() for stage in self.stages],
            "layers": [layer.as_json() for layer in self.layers],
            "shipped_images": {
                "images": self.n_shipped,
                "right_float": self.right_shipped_float,
                "right_compressed": self.right_shipped,
            },
        }


def report_layers(network: Network) -> tuple[LayerReport, ...]:
    return tuple(
        LayerReport(
            name=layer.name,
            inputs=layer.weight.shape[1],
            outputs=layer.weight.shape[0],
            kernel=layer.weight.shape[2:],
            n_kept=layer.n_kept,
            n_distinct=layer.n_distinct,
        )
        for layer in network.layers
    )
