"""The whole training on a small data set made up for it. Needs PyTorch."""

import json
from dataclasses import replace
from functools import wraps
from pathlib import Path

import numpy as np
import pytest
import torch

from eyrie.errors import InputError
from eyrie.train import lenet300, stages
from eyrie.train.artefacts import write_artefacts
from eyrie.train.course import Course
from eyrie.train.data import FashionMnist, LabelledImages
from eyrie.train.lenet300 import train_compressed, train_lenet_300_100
from eyrie.train.network import Network
from eyrie.train.progress import EpochDone
from eyrie.train.report import TrainingReport
from eyrie.train.schedule import QUICK, Schedule

SCHEDULE = Schedule(train_epochs=3, prune_epochs=2, retrain_epochs=4, tune_epochs=2, batch_size=100)
KEPT = (18_816, 2_700, 260)


def made_up_data(seed: int) -> FashionMnist:
    """One random pattern a class, with noise: any network that learns separates them."""
    generator = np.random.default_rng(seed)
    patterns = generator.integers(0, 128, (10, 784))

    def draw(n: int) -> LabelledImages:
        labels = generator.integers(0, 10, n)
        pixels = patterns[labels] + generator.integers(0, 128, (n, 784))
        return LabelledImages(pixels=pixels.astype(np.uint8), labels=labels.astype(np.uint8))

    return FashionMnist(training=draw(1200), test=draw(500))


DATA = made_up_data(1)


@pytest.fixture(scope="module")
def trained() -> tuple[Network, TrainingReport]:
    return train_compressed(DATA, schedule=SCHEDULE, seed=5)


def weights(network: Network) -> list[bytes]:
    return [layer.weight.tobytes() + layer.bias.tobytes() for layer in network.layers]


def test_every_stage_is_reported(trained: tuple[Network, TrainingReport]) -> None:
    network, report = trained
    assert [stage.name for stage in report.stages] == ["train", "prune", "retrain", "share", "tune"]
    for before, after in zip(report.stages, report.stages[1:], strict=False):
        assert after.right_before == before.right_after
    assert [stage.n_kept for stage in report.stages] == [266_200] + 4 * [sum(KEPT)]
    assert report.stages[0].right_before < 150
    assert report.float_accuracy > 0.95
    assert report.compressed_accuracy > 0.9
    assert report.stages[-1].right_after == network.count_right(DATA.test)
    assert report.right_shipped == network.count_right(DATA.test[:500])
    assert report.right_shipped_float == report.stages[0].right_after
    assert report.torch_version == torch.__version__


def test_result_has_the_densities_and_few_values(trained: tuple[Network, TrainingReport]) -> None:
    network, report = trained
    assert tuple(layer.n_kept for layer in network.layers) == KEPT
    assert [layer.weight.shape for layer in network.layers] == [(300, 784), (100, 300), (10, 100)]
    for layer, reported in zip(network.layers, report.layers, strict=True):
        assert 2 <= layer.n_distinct <= 15
        assert (reported.name, reported.n_kept, reported.n_distinct) == (layer.name, layer.n_kept, layer.n_distinct)


def test_same_seed_gives_the_same_bytes(trained: tuple[Network, TrainingReport], tmp_path: Path) -> None:
    again = train_compressed(DATA, schedule=SCHEDULE, seed=5)
    first = write_artefacts(tmp_path / "a", *trained, DATA)
    second = write_artefacts(tmp_path / "b", *again, DATA)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_another_seed_gives_another_network(trained: tuple[Network, TrainingReport]) -> None:
    other, _ = train_compressed(DATA, schedule=SCHEDULE, seed=6)
    assert not set(weights(other)) & set(weights(trained[0]))


def test_test_set_has_no_part_in_the_training(trained: tuple[Network, TrainingReport]) -> None:
    wrong = LabelledImages(pixels=255 - DATA.test.pixels, labels=9 - DATA.test.labels)
    network, report = train_compressed(replace(DATA, test=wrong), schedule=SCHEDULE, seed=5)
    assert weights(network) == weights(trained[0])
    assert report.compressed_accuracy < 0.5


def test_progress_tells_of_every_epoch() -> None:
    events: list[EpochDone] = []
    train_compressed(DATA, schedule=SCHEDULE, seed=5, progress=events.append)
    assert [(event.stage, event.epoch, event.epochs) for event in events] == [
        *(
            (stage, epoch, n)
            for stage, n in (("train", 3), ("prune", 2), ("retrain", 4), ("tune", 2))
            for epoch in range(1, n + 1)
        )
    ]
    assert {event.total_epochs for event in events} == {11}
    # 1,200 images, one in twelve set aside.
    assert all((event.validation_accuracy * 100).is_integer() for event in events)
    assert events[2].validation_accuracy > 0.9


def test_settings_of_pytorch_are_left_as_they_were() -> None:
    seen = []

    def look(event: EpochDone) -> None:
        seen.append((torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()))

    original = torch.get_num_threads()
    try:
        for threads, deterministic in ((2, False), (3, True)):
            torch.set_num_threads(threads)
            torch.use_deterministic_algorithms(deterministic)
            random_state = torch.random.get_rng_state()
            train_compressed(DATA, schedule=replace(QUICK, batch_size=100), seed=5, progress=look)
            assert torch.get_num_threads() == threads
            assert torch.are_deterministic_algorithms_enabled() is deterministic
            assert torch.equal(torch.random.get_rng_state(), random_state)
    finally:
        torch.set_num_threads(original)
        torch.use_deterministic_algorithms(False)
    assert set(seen) == {(1, True)}


@pytest.mark.parametrize("name", ["prune", "retrain", "tune"])
def test_float_network_teaches_the_later_stages(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    courses: list[Course] = []
    results: list[Network] = []
    train, stage = stages.train, getattr(stages, name)

    @wraps(train)
    def remember_result(network: Network, course: Course) -> Network:
        assert course.examples.teacher is None
        results.append(train(network, course))
        return results[-1]

    @wraps(stage)
    def remember_teacher(network: Network, course: Course) -> Network:
        courses.append(course)
        return stage(network, course)

    monkeypatch.setattr(stages, "train", remember_result)
    monkeypatch.setattr(stages, name, remember_teacher)
    train_compressed(DATA, schedule=replace(QUICK, batch_size=100), seed=5)
    (course,), (result,) = courses, results
    assert course.examples.teacher is not None
    expected = result.outputs(course.examples.inputs.numpy()).argmax(axis=1)
    assert np.array_equal(course.examples.teacher.argmax(dim=1).numpy(), expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, "seed must be 0 or more, not -1"),
        ({"threads": 0}, "threads must be 1 or more, not 0"),
        ({"schedule": replace(SCHEDULE, batch_size=1101)}, "1100 training images do not fill one batch of 1101"),
    ],
)
def test_argument_outside_its_range_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        train_compressed(DATA, **({"schedule": SCHEDULE} | options))  # type: ignore[arg-type]


@pytest.mark.parametrize("quick", [False, True])
def test_files_are_written_from_the_folder_of_the_data_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quick: bool
) -> None:
    # The real data set takes too long for a test: its reader is replaced, and the long schedule.
    monkeypatch.setattr(lenet300, "read_fashion_mnist", lambda folder: {tmp_path / "in": DATA}[folder])
    monkeypatch.setattr(lenet300, "FULL", SCHEDULE)
    monkeypatch.setattr(lenet300, "QUICK", replace(QUICK, batch_size=100))
    report = train_lenet_300_100(tmp_path / "in", tmp_path / "out", seed=5, quick=quick)
    assert report.schedule.epochs == (4 if quick else 11)
    assert report.schedule.balanced_pes is None
    assert len(list((tmp_path / "out").iterdir())) == 5


def test_number_of_pes_reaches_the_pruning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(lenet300, "read_fashion_mnist", lambda folder: DATA)
    monkeypatch.setattr(lenet300, "QUICK", replace(QUICK, batch_size=100))
    report = train_lenet_300_100(tmp_path, tmp_path / "out", seed=5, quick=True, balanced_pes=16)
    assert report.schedule.balanced_pes == 16
    assert json.loads((tmp_path / "out" / "lenet-300-100.json").read_text())["schedule"]["balanced_pes"] == 16
    assert [layer.n_kept for layer in report.layers] == list(KEPT)
