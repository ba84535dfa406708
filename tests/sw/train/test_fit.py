"""Gradient descent: order of the examples, learning rate and loss. Needs PyTorch."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch

from eyrie.errors import InputError
from eyrie.train.fit import Examples, fit
from eyrie.train.layers import MaskedLayer, TrainableNetwork
from eyrie.train.network import Layer

SEED = 31


@dataclass
class RecordedExamples:
    """Stands for `Examples` and notes which of them are asked for."""

    labels: torch.Tensor
    batches: list[list[int]] = field(default_factory=list)

    def loss(self, model: TrainableNetwork, index: torch.Tensor) -> torch.Tensor:
        self.batches.append(index.tolist())
        return model(torch.ones(1, 3)).sum()


def network() -> TrainableNetwork:
    generator = np.random.default_rng(SEED)
    layer = Layer(name="ip1", weight=generator.normal(size=(4, 3)).astype("f4"), bias=np.ones(4, np.float32))
    return TrainableNetwork([MaskedLayer(layer, pruned=False)])


def run(examples: RecordedExamples, *, constant_rate: bool) -> tuple[list[float], list[tuple[int, int]]]:
    """Three epochs in batches of four: learning rate and arguments of ``after_step`` at every step."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=8.0)
    rates: list[float] = []
    steps: list[tuple[int, int]] = []

    def after_step(step: int, n_steps: int) -> None:
        rates.append(optimizer.param_groups[0]["lr"])
        steps.append((step, n_steps))

    generator = np.random.default_rng(SEED)
    passes = fit(
        model,
        examples,  # type: ignore[arg-type]
        optimizer,
        generator,
        epochs=3,
        batch_size=4,
        constant_rate=constant_rate,
        after_step=after_step,
    )
    assert len(list(passes)) == 3
    return rates, steps


def test_every_epoch_has_each_example_at_most_once_in_a_new_order() -> None:
    examples = RecordedExamples(torch.zeros(11))
    run(examples, constant_rate=True)
    assert [len(batch) for batch in examples.batches] == 6 * [4]
    epochs = [examples.batches[i] + examples.batches[i + 1] for i in (0, 2, 4)]
    assert all(len(set(epoch)) == 8 and set(epoch) <= set(range(11)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3


def test_steps_are_counted_over_all_epochs() -> None:
    _, steps = run(RecordedExamples(torch.zeros(11)), constant_rate=False)
    assert steps == [(step, 6) for step in range(1, 7)]


def test_learning_rate_falls_along_half_a_cosine_to_zero() -> None:
    rates, _ = run(RecordedExamples(torch.zeros(8)), constant_rate=False)
    expected = [4 * (1 + np.cos(np.pi * step / 6)) for step in range(1, 7)]
    assert max(abs(rate - value) for rate, value in zip(rates, expected, strict=True)) < 1e-9


def test_learning_rate_can_stay() -> None:
    rates, _ = run(RecordedExamples(torch.zeros(8)), constant_rate=True)
    assert rates == 6 * [8.0]


def test_batch_that_cannot_be_filled_is_refused() -> None:
    with pytest.raises(InputError, match="3 training images do not fill one batch of 4"):
        run(RecordedExamples(torch.zeros(3)), constant_rate=False)


def test_loss_is_thirty_percent_labels_and_seventy_percent_teacher() -> None:
    generator = np.random.default_rng(SEED)
    model = network()
    inputs, teacher = generator.normal(size=(6, 3)), generator.normal(size=(6, 4))
    labels, index = generator.integers(0, 4, 6), np.array([5, 0, 3])
    examples = Examples(inputs=torch.tensor(inputs, dtype=torch.float32), labels=torch.tensor(labels))
    with torch.no_grad():
        hard = float(examples.loss(model, torch.tensor(index)))
        taught = replace(examples, teacher=torch.tensor(teacher, dtype=torch.float32))
        both = float(taught.loss(model, torch.tensor(index)))

    scores = model.as_network().outputs(inputs)[index]
    cross_entropy = -np.mean(np.log(softmax(scores))[np.arange(3), labels[index]])
    target, own = softmax(teacher[index] / 2), softmax(scores / 2)
    divergence = np.mean(np.sum(target * np.log(target / own), axis=1))
    # PyTorch computes in float32.
    assert abs(hard - cross_entropy) < 1e-5
    assert abs(both - (0.3 * cross_entropy + 0.7 * 4 * divergence)) < 1e-5


def softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores)
    return powers / powers.sum(axis=1, keepdims=True)
