"""The whole training of LeNet-5 on a small data set made up for it. Needs PyTorch."""

from pathlib import Path

import numpy as np
import pytest

from eyrie.errors import InputError
from eyrie.train import lenet5
from eyrie.train.artefacts import write_artefacts
from eyrie.train.data import FashionMnist, LabelledImages
from eyrie.train.lenet5 import initial_network, train_compressed, train_lenet_5
from eyrie.train.network import Network
from eyrie.train.report import TrainingReport
from eyrie.train.schedule import FULL, Schedule

SCHEDULE = Schedule(
    train_epochs=3,
    prune_epochs=2,
    retrain_epochs=4,
    tune_epochs=1,
    batch_size=25,
    densities=(0.66, 0.12, 0.08, 0.19),
    codebook_bits=(8, 8, 4, 4),
)
KEPT = (330, 3_000, 32_000, 950)


def made_up_data(seed: int) -> FashionMnist:
    """One random coarse pattern a class, with noise: any network that learns separates them."""
    generator = np.random.default_rng(seed)
    patterns = generator.integers(0, 128, (10, 7, 7)).repeat(4, axis=1).repeat(4, axis=2).reshape(10, 784)

    def draw(n: int) -> LabelledImages:
        labels = generator.integers(0, 10, n)
        pixels = patterns[labels] + generator.integers(0, 128, (n, 784))
        return LabelledImages(pixels=pixels.astype(np.uint8), labels=labels.astype(np.uint8))

    return FashionMnist(training=draw(600), test=draw(500))


DATA = made_up_data(1)


@pytest.fixture(scope="module")
def trained() -> tuple[Network, TrainingReport]:
    return train_compressed(DATA, schedule=SCHEDULE, seed=5)


def test_every_stage_is_reported(trained: tuple[Network, TrainingReport]) -> None:
    network, report = trained
    assert report.model == "LeNet-5"
    assert [stage.name for stage in report.stages] == ["train", "prune", "retrain", "share", "tune"]
    assert [stage.n_kept for stage in report.stages] == [430_500] + 4 * [sum(KEPT)]
    assert report.stages[0].right_before < 150
    assert report.float_accuracy > 0.95
    assert report.compressed_accuracy > 0.9
    assert report.stages[-1].right_after == network.count_right(DATA.test)


def test_result_has_the_densities_and_few_values(trained: tuple[Network, TrainingReport]) -> None:
    network, report = trained
    assert tuple(layer.n_kept for layer in network.layers) == KEPT
    assert [layer.weight.shape for layer in network.layers] == [(20, 1, 5, 5), (50, 20, 5, 5), (500, 800), (10, 500)]
    assert [layer.pool for layer in network.layers] == [2, 2, 1, 1]
    for layer, most in zip(network.layers, (255, 255, 15, 15), strict=True):
        assert most // 2 <= layer.n_distinct <= most
    assert [layer.kernel for layer in report.layers] == [(5, 5), (5, 5), (), ()]


def test_first_weights_have_the_variance_of_their_inputs() -> None:
    for layer in initial_network(np.random.default_rng(1)).layers:
        variance = 2 / np.prod(layer.weight.shape[1:])
        assert 0.8 * variance < layer.weight.var() < 1.2 * variance
        assert not layer.bias.any()


def test_the_same_seed_writes_the_same_files(
    trained: tuple[Network, TrainingReport], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # The real data set takes too long for a test: its reader is replaced, and the schedules.
    monkeypatch.setattr(lenet5, "read_fashion_mnist", lambda folder: {tmp_path / "in": DATA}[folder])
    monkeypatch.setattr(lenet5, "QUICK_LENET_5", SCHEDULE)
    train_lenet_5(tmp_path / "in", tmp_path / "out", seed=5, quick=True)
    written = write_artefacts(tmp_path / "again", *trained, DATA)
    assert {path.name for path in written} == {path.name for path in (tmp_path / "out").iterdir()}
    assert {path.name for path in written} > {"lenet-5.onnx.gz", "lenet-5.json"}
    for path in written:
        assert path.read_bytes() == (tmp_path / "out" / path.name).read_bytes()


def test_schedule_of_another_network_is_refused() -> None:
    with pytest.raises(InputError, match="there must be 4 densities, one a layer, not 3"):
        train_compressed(DATA, schedule=FULL)
