"""Work of a network on PEs, against counts by hand and weight by weight."""

import numpy as np
import pytest

from eyrie.compress.interleave import Placement
from eyrie.errors import InputError
from eyrie.train.load import LayerLoad, active_inputs, layer_loads
from eyrie.train.network import Layer, Network


def network_of(*weights: list[list[float]]) -> Network:
    return Network(
        layers=tuple(
            Layer(name=f"ip{number}", weight=np.array(weight, np.float32), bias=np.zeros(len(weight), np.float32))
            for number, weight in enumerate(weights, start=1)
        )
    )


def test_inputs_of_a_layer_are_active_where_the_layer_before_is_positive() -> None:
    network = network_of([[1, 0], [0, -1], [1, 1]], [[1, 1, 0]], [[1]])
    inputs = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0], [-1.0, 1.0]])
    first, second, third = active_inputs(network, inputs)
    assert first.tolist() == [[False, False], [True, False], [False, True], [True, True]]
    # ReLU: -1 and 0 are zero after it.
    assert second.tolist() == [[False] * 3, [True, False, True], [False, False, True], [False, False, False]]
    assert third.tolist() == [[False], [True], [False], [False]]


def test_work_counted_by_hand() -> None:
    network = network_of([[1, 2, 3], [0, 0, 4], [5, 0, 6]])
    active = [np.array([[True, True, False], [False, False, True], [False, False, False]])]
    # PE 0 has rows 0 and 2: three cycles for the first image, two for the second. PE 1 has row 1: none, and one.
    (load,) = layer_loads(network, active, [Placement.interleaved(3, 2)])
    assert load == LayerLoad(name="ip1", n_pes=2, most_kept=5, n_kept=6, largest=5, total=6)
    assert load.imbalance == 5 / 3
    # Row 0 alone on PE 1: two cycles and one, against one and two.
    (placed,) = layer_loads(network, active, [Placement(n_pes=2, slot_of_row=np.array([1, 0, 2]))])
    assert placed == LayerLoad(name="ip1", n_pes=2, most_kept=3, n_kept=6, largest=4, total=6)


def test_work_counted_weight_by_weight() -> None:
    generator = np.random.default_rng(4)
    sizes = [(9, 12), (7, 9), (5, 7)]
    network = network_of(*((generator.integers(-1, 2, size)).tolist() for size in sizes))
    active = [generator.random((6, columns)) < 0.5 for _, columns in sizes]
    placements = [Placement(n_pes=4, slot_of_row=generator.permutation(rows)) for rows, _ in sizes]
    for load, layer, columns, placement in zip(
        layer_loads(network, active, placements), network.layers, active, placements, strict=True
    ):
        largest = total = 0
        for image in columns:
            cycles = [0] * 4
            for row, column in zip(*np.nonzero(layer.weight), strict=True):
                cycles[placement.pe_of_row[row]] += int(image[column])
            largest += max(cycles)
            total += sum(cycles)
        assert (load.largest, load.total, load.n_kept) == (largest, total, np.count_nonzero(layer.weight))


def test_no_work_is_balanced() -> None:
    network = network_of([[0, 0], [0, 0]])
    (load,) = layer_loads(network, [np.ones((3, 2), bool)], [Placement.interleaved(2, 4)])
    assert load == LayerLoad(name="ip1", n_pes=4, most_kept=0, n_kept=0, largest=0, total=0)
    assert load.imbalance == 1.0


def test_json_has_the_counts() -> None:
    load = LayerLoad(name="ip1", n_pes=2, most_kept=3, n_kept=4, largest=6, total=8)
    assert load.as_json() == {
        "name": "ip1",
        "weights_kept": 4,
        "most_weights_on_a_pe": 3,
        "cycles_of_all_pes": 8,
        "cycles_of_the_longest": 6,
        "imbalance": 1.5,
    }


def test_placement_of_another_layer_is_refused() -> None:
    network = network_of([[1, 0], [0, 1]])
    with pytest.raises(InputError, match="ip1 has 2 rows, but its placement 3"):
        layer_loads(network, [np.ones((1, 2), bool)], [Placement.interleaved(3, 2)])
