"""Plain against balanced pruning, with a training too short to learn anything. Needs PyTorch."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from eyrie.compress.balance import balanced_placement
from eyrie.compress.interleave import Placement
from eyrie.errors import InputError
from eyrie.train import pruning_study
from eyrie.train.data import FashionMnist, LabelledImages
from eyrie.train.lenet300 import train_compressed
from eyrie.train.load import LayerLoad, active_inputs, layer_loads
from eyrie.train.progress import EpochDone
from eyrie.train.pruning_study import NetworkLoad, PruningStudy, place_rows, study_pruning
from eyrie.train.schedule import QUICK
from eyrie.train.timing import count_cycles

SCHEDULE = replace(QUICK, batch_size=100)
PES = (4, 64)
SEEDS = (3, 2)
LAYERS = ("ip1", "ip2", "ip3")
TIMED = 5


def drawn_images(seed: int, n: int) -> LabelledImages:
    generator = np.random.default_rng(seed)
    # Columns differ in how often they are zero.
    pixels = generator.integers(0, 256, (n, 784)) * (generator.random((n, 784)) < np.linspace(0, 1, 784))
    return LabelledImages(pixels=pixels.astype(np.uint8), labels=generator.integers(0, 10, n).astype(np.uint8))


DATA = FashionMnist(training=drawn_images(1, 300), test=drawn_images(2, 500))


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("study")


@pytest.fixture(scope="module", autouse=True)
def few_timed() -> Iterator[None]:
    """Cycles of a few images only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pruning_study, "N_TIMED", TIMED)
        yield


@pytest.fixture(scope="module")
def study(output: Path) -> PruningStudy:
    return study_pruning(DATA, output, schedule=SCHEDULE, pes=PES, seeds=SEEDS)


def written_weights(folder: Path) -> dict[str, np.ndarray]:
    model = onnx.load_from_string(gzip.decompress((folder / "lenet-300-100.onnx.gz").read_bytes()))
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    return {name: tensors[f"{name}.weight"] for name in LAYERS}


def kept_on_pes(weight: np.ndarray, n_pes: int) -> list[int]:
    pe_of_row = Placement.interleaved(len(weight), n_pes).pe_of_row
    return np.bincount(pe_of_row, np.count_nonzero(weight, axis=1), minlength=n_pes).astype(int).tolist()


def test_a_plain_network_and_one_a_number_of_pes_is_trained_for_every_seed(study: PruningStudy, output: Path) -> None:
    assert [(trained.facts["seed"], trained.balanced_pes) for trained in study.networks] == [
        (3, None),
        (3, 4),
        (3, 64),
        (2, None),
        (2, 4),
        (2, 64),
    ]
    assert sorted(path.name for path in output.iterdir()) == sorted(
        f"seed-{seed}-{name}" for seed in SEEDS for name in ("plain", "balanced-4", "balanced-64")
    )
    # One float network a seed, and as many weights left in all.
    assert len({(trained.facts["seed"], trained.float_right) for trained in study.networks}) == 2
    assert {trained.weights_kept for trained in study.networks} == {21_776}


def test_plain_network_is_that_of_the_training_alone(study: PruningStudy, output: Path) -> None:
    network, report = train_compressed(DATA, schedule=SCHEDULE, seed=3)
    written = written_weights(output / "seed-3-plain")
    for layer in network.layers:
        assert np.array_equal(written[layer.name], layer.weight)
    assert study.networks[0].facts == report.as_json()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("n_pes", "expected"),
    [
        (4, [4 * [4704], 4 * [675], 4 * [65]]),
        # Of 64 PEs only ten have a row of ip3.
        (64, [64 * [294], 12 * [43] + 52 * [42], 10 * [26] + 54 * [0]]),
    ],
)
def test_balanced_networks_have_as_many_weights_on_each_pe(
    study: PruningStudy, output: Path, seed: int, n_pes: int, expected: list[list[int]]
) -> None:
    balanced = written_weights(output / f"seed-{seed}-balanced-{n_pes}")
    plain = written_weights(output / f"seed-{seed}-plain")
    assert [kept_on_pes(balanced[name], n_pes) for name in LAYERS] == expected
    assert [kept_on_pes(plain[name], n_pes) for name in LAYERS] != expected


def test_work_is_counted_for_every_way(study: PruningStudy) -> None:
    ways = [(False, False), (False, True), (True, False), (True, True)]
    assert [(load.seed, load.n_pes, load.balanced, load.placed) for load in study.loads] == [
        (seed, n_pes, *way) for seed in SEEDS for n_pes in PES for way in ways
    ]
    for load in study.loads:
        assert [layer.name for layer in load.layers] == list(LAYERS)
        assert [layer.n_kept for layer in load.layers] == [18_816, 2_700, 260]
    interleaved, _, balanced, _ = (load.layers[0].most_kept for load in study.loads[:4])
    assert interleaved > balanced == 4704


def test_rows_are_placed_for_the_training_images(study: PruningStudy) -> None:
    network, _ = train_compressed(DATA, schedule=SCHEDULE, seed=3)

    def loads(data: FashionMnist, *, placed: bool) -> tuple[LayerLoad, ...]:
        return layer_loads(
            network, active_inputs(network, DATA.test.inputs), place_rows(network, data, 64, placed=placed)
        )

    assert loads(DATA, placed=True) == study.loads[5].layers
    other = replace(DATA, training=DATA.test[:256])
    assert loads(other, placed=True) != study.loads[5].layers
    assert loads(other, placed=False) == study.loads[4].layers
    assert study.loads[5].layers[0].largest < study.loads[4].layers[0].largest
    density = active_inputs(network, DATA.training[:256].inputs)[0].mean(axis=0)
    placement = balanced_placement(network.layers[0].weight != 0, 64, activation_density=density)
    work = active_inputs(network, DATA.test.inputs)[0] @ (network.layers[0].weight != 0).astype(np.int64).T
    on_pe = np.stack([work[:, placement.pe_of_row == pe].sum(axis=1) for pe in range(64)], axis=1)
    assert study.loads[5].layers[0].largest == on_pe.max(axis=1).sum()


def test_means_are_over_the_seeds(study: PruningStudy) -> None:
    assert study.accuracy(64) == (study.networks[2].accuracy + study.networks[5].accuracy) / 2
    assert study.accuracy(None) == (study.networks[0].accuracy + study.networks[3].accuracy) / 2
    imbalances = [study.loads[number].imbalance for number in (6, 14)]
    assert study.imbalance(64, balanced=True, placed=False) == sum(imbalances) / 2
    cycles = study.loads[6].cycles + study.loads[14].cycles
    assert study.cycles(64, balanced=True, placed=False) == pytest.approx(sum(cycles) / (2 * TIMED))


def test_json_has_the_figures_and_the_versions(study: PruningStudy) -> None:
    facts = json.loads(json.dumps(study.as_json(), allow_nan=False))
    assert sorted(facts["versions"]) == ["eyrie", "numpy", "python", "torch"]
    assert facts["schedule"] == SCHEDULE.as_json()
    assert (facts["test_images"], facts["calibration_images"], facts["timed_images"]) == (500, 256, TIMED)
    assert facts["engine"] == {"queue_depth": 8, "codebook_bits": 4, "index_bits": 4, "activation_width": 16}
    assert [(row["seed"], row["balanced_pes"], row["right"]) for row in facts["networks"]] == [
        (trained.facts["seed"], trained.balanced_pes, trained.right) for trained in study.networks
    ]
    assert [row["imbalance"] for row in facts["loads"]] == [load.imbalance for load in study.loads]
    assert [row["cycles_an_image"] for row in facts["loads"]] == [sum(load.cycles) / TIMED for load in study.loads]
    assert [row["pes"] for row in facts["mean_over_seeds"]] == [4, 64]
    assert facts["mean_over_seeds"][1] == {
        "pes": 64,
        "accuracy_plain": study.accuracy(None),
        "accuracy_balanced": study.accuracy(64),
        "imbalance": {
            "plain_interleaved": study.imbalance(64, balanced=False, placed=False),
            "plain_placed": study.imbalance(64, balanced=False, placed=True),
            "balanced_interleaved": study.imbalance(64, balanced=True, placed=False),
            "balanced_placed": study.imbalance(64, balanced=True, placed=True),
        },
        "cycles_an_image": {
            "plain_interleaved": study.cycles(64, balanced=False, placed=False),
            "plain_placed": study.cycles(64, balanced=False, placed=True),
            "balanced_interleaved": study.cycles(64, balanced=True, placed=False),
            "balanced_placed": study.cycles(64, balanced=True, placed=True),
        },
    }


def test_imbalance_of_a_network_weighs_its_layers_by_their_work() -> None:
    layers = (
        LayerLoad(name="ip1", n_pes=4, most_kept=9, n_kept=20, largest=30, total=80),
        LayerLoad(name="ip2", n_pes=4, most_kept=2, n_kept=4, largest=10, total=20),
    )
    load = NetworkLoad(seed=1, n_pes=4, balanced=False, placed=False, layers=layers, cycles=(50,))
    assert load.imbalance == 1.6
    idle = tuple(replace(layer, largest=0, total=0) for layer in layers)
    assert replace(load, layers=idle).imbalance == 1.0


def test_cycles_are_those_of_the_first_test_images(study: PruningStudy) -> None:
    network = study.networks[2].network
    for number, placed in ((6, False), (7, True)):
        load = study.loads[number]
        assert (load.seed, load.n_pes, load.balanced, load.placed) == (3, 64, True, placed)
        placements = place_rows(network, DATA, 64, placed=placed)
        calibration, inputs = DATA.training[:256].inputs, DATA.test[:3].inputs
        assert count_cycles(network, calibration, inputs, placements) == load.cycles[:3]
        assert len(load.cycles) == TIMED
    # Every active input takes a cycle, on however many PEs.
    active = active_inputs(network, DATA.test[:TIMED].inputs)[0].sum(axis=1)
    assert (np.array(study.loads[6].cycles) > active).all()


def test_progress_tells_of_every_training(tmp_path: Path) -> None:
    events: list[EpochDone] = []
    study_pruning(DATA, tmp_path, schedule=SCHEDULE, pes=(4,), seeds=(3,), progress=events.append)
    assert len(events) == 2 * SCHEDULE.epochs


def test_number_of_pes_out_of_range_is_refused_before_training(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="n_pes must be an integer from 1 to 256, not 257"):
        study_pruning(DATA, tmp_path, schedule=SCHEDULE, pes=(4, 257), seeds=(3,))
    assert not list(tmp_path.iterdir())


def test_networks_of_an_earlier_study_are_not_trained_again(study: PruningStudy, output: Path) -> None:
    events: list[EpochDone] = []
    again = study_pruning(DATA, output, schedule=SCHEDULE, pes=PES, seeds=SEEDS, progress=events.append)
    assert events == []
    assert again.as_json() == study.as_json()
    assert again.loads == study.loads
