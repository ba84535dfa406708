"""The stages one by one. Needs PyTorch."""

from dataclasses import replace

import numpy as np
import pytest

from eyrie.train import stages
from eyrie.train.course import Course
from eyrie.train.data import LabelledImages
from eyrie.train.layers import MaskedLayer, TrainableNetwork
from eyrie.train.lenet300 import initial_network
from eyrie.train.network import Network
from eyrie.train.progress import EpochDone, silent
from eyrie.train.schedule import Schedule

SEED = 21
SCHEDULE = Schedule(train_epochs=1, prune_epochs=1, retrain_epochs=1, tune_epochs=1, batch_size=50)


def drawn_images(n: int) -> LabelledImages:
    generator = np.random.default_rng(SEED)
    return LabelledImages(
        pixels=generator.integers(0, 256, (n, 784), dtype=np.uint8),
        labels=generator.integers(0, 10, n, dtype=np.uint8),
    )


@pytest.fixture
def course() -> Course:
    return Course.over(drawn_images(240), SCHEDULE, np.random.default_rng(SEED), silent)


@pytest.fixture
def network() -> Network:
    return initial_network(np.random.default_rng(SEED))


def nonzeros(network: Network) -> list[list[bool]]:
    return [(layer.weight != 0).ravel().tolist() for layer in network.layers]


def codes(network: Network) -> list[list[int]]:
    """Which weights share a value, whatever the values are."""
    numbered = []
    for layer in network.layers:
        seen: dict[float, int] = {}
        numbered.append([seen.setdefault(float(value), len(seen)) for value in layer.weight.ravel()])
    return numbered


def test_validation_images_are_set_aside() -> None:
    images = drawn_images(240)
    course = Course.over(images, SCHEDULE, np.random.default_rng(SEED), silent)
    assert len(course.validation.labels) == 20
    assert len(course.examples.labels) == 220
    parts = np.concatenate([course.validation.inputs.numpy(), course.examples.inputs.numpy()])
    labels = np.concatenate([course.validation.labels.numpy(), course.examples.labels.numpy()])
    whole = np.column_stack([images.inputs, images.labels])
    assert np.array_equal(np.sort(np.column_stack([parts, labels]), axis=0), np.sort(whole, axis=0))
    # Every image goes to one part with its own label.
    rows = {row.tobytes(): label for row, label in zip(images.inputs, images.labels, strict=True)}
    assert len(rows) == 240
    assert all(rows.pop(row.tobytes()) == label for row, label in zip(parts, labels, strict=True))


def test_stages_keep_what_they_must(network: Network, course: Course) -> None:
    pruned = stages.prune(network, course)
    assert [layer.n_kept for layer in pruned.layers] == [18_816, 2_700, 260]
    retrained = stages.retrain(pruned, course)
    assert nonzeros(retrained) == nonzeros(pruned)
    shared = stages.share(retrained, course)
    assert nonzeros(shared) == nonzeros(pruned)
    assert [layer.n_distinct for layer in shared.layers] == [15, 15, 15]
    tuned = stages.tune(shared, course)
    assert codes(tuned) == codes(shared)
    for before, after in ((network, pruned), (pruned, retrained), (retrained, shared), (shared, tuned)):
        for one, other in zip(before.layers, after.layers, strict=True):
            assert not np.array_equal(one.weight, other.weight)


def test_pruning_is_balanced_if_the_schedule_says_so(network: Network, course: Course) -> None:
    balanced = replace(course, schedule=replace(SCHEDULE, balanced_pes=4))
    pruned = stages.prune(network, balanced)
    on_pes = [[np.count_nonzero(layer.weight[pe::4]) for pe in range(4)] for layer in pruned.layers]
    assert on_pes == [4 * [4704], 4 * [675], 4 * [65]]
    tuned = stages.tune(stages.share(stages.retrain(pruned, balanced), balanced), balanced)
    assert nonzeros(tuned) == nonzeros(pruned)


@pytest.mark.parametrize("bits", [1, 2, 8])
def test_codebook_has_the_width_of_the_schedule(network: Network, course: Course, bits: int) -> None:
    shared = stages.share(network, replace(course, schedule=replace(SCHEDULE, codebook_bits=bits)))
    assert [layer.n_distinct for layer in shared.layers] == 3 * [2**bits - 1]


def test_last_of_the_best_epochs_is_returned(network: Network, course: Course) -> None:
    # The learning rate is such that the accuracy goes up and down; the returned network must have the best of them.
    events: list[EpochDone] = []
    wild = replace(course, schedule=replace(SCHEDULE, train_epochs=12, learning_rate=0.05), progress=events.append)
    best = stages.train(network, wild)
    accuracies = [event.validation_accuracy for event in events]
    model = TrainableNetwork([MaskedLayer(layer, pruned=False) for layer in best.layers])
    assert wild.validation.count_right(model) / 20 == max(accuracies)
    assert accuracies[-1] < max(accuracies), f"seed {SEED}: every epoch was as good, so nothing was chosen"


def test_teacher_gives_its_scores(network: Network, course: Course) -> None:
    taught = course.taught_by(network)
    assert course.examples.teacher is None
    assert taught.examples.teacher is not None
    expected = network.outputs(course.examples.inputs.numpy()).argmax(axis=1)
    assert np.array_equal(taught.examples.teacher.argmax(dim=1).numpy(), expected)
