"""The corner cases, by name: one layer (or two) whose matrix is written down, on the engine model and dense."""

from dataclasses import replace

import numpy as np
import pytest

from eyrie.compile.image import pack_image, unpack_image
from eyrie.compile.mapping import MappedNetwork, map_network
from eyrie.compile.quantised import QuantisedLayer, QuantisedNetwork
from eyrie.compress.interleave import Placement
from eyrie.driver.schedule import run_network
from eyrie.eie.config import EieConfig
from eyrie.golden.dense import forward
from eyrie.golden.engine import EngineModel

N_PES = 4
CONFIG = EieConfig(n_pes=N_PES, index_bits=2, codebook_bits=2, accumulator_width=40)
LONGEST = CONFIG.max_run
CODEBOOK = np.array([0, 3, -32768, 32767])
LOW, HIGH = CONFIG.activation_range


def layer(codes: np.ndarray, codebook: np.ndarray = CODEBOOK, name: str = "layer") -> QuantisedLayer:
    rows = len(codes)
    return QuantisedLayer(
        name=name,
        codes=codes.astype(np.uint8),
        codebook=codebook,
        weight_scale=1.0,
        bias=np.arange(rows) * 1000 - 2000,
        multiplier=np.ones(rows, np.int64),
        shift=np.full(rows, 16),
        relu=False,
    )


def network(*layers: QuantisedLayer) -> QuantisedNetwork:
    return QuantisedNetwork(
        name="corner", layers=layers, activation_width=16, scales=(1.0,) * (len(layers) + 1), clip=(LOW, HIGH)
    )


def check(
    net: QuantisedNetwork, config: EieConfig = CONFIG, *, sized: bool = True, **arguments: object
) -> MappedNetwork:
    """Engine model equals dense reference on extremes and random samples, before and after the image file."""
    mapped = map_network(net, config, sized=sized, **arguments)  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    x = np.stack(
        [
            np.zeros(net.inputs, np.int64),
            np.full(net.inputs, LOW),
            np.full(net.inputs, HIGH),
            np.where(np.arange(net.inputs) % 2, LOW, HIGH),
            *(rng.integers(LOW, HIGH + 1, (4, net.inputs)) * (rng.random((4, net.inputs)) < 0.5)),
        ]
    )
    expected = forward(net.layers, x, activation_width=16)
    assert np.array_equal(run_network(mapped.compiled, x), expected)
    assert np.array_equal(run_network(unpack_image(pack_image(mapped.compiled)), x), expected)
    return mapped


def dense_codes(rows: int, columns: int) -> np.ndarray:
    return np.arange(rows * columns).reshape(rows, columns) % 3 + 1


def test_all_zero_row() -> None:
    codes = dense_codes(9, 7)
    codes[4] = 0
    check(network(layer(codes)))


@pytest.mark.parametrize("columns", [[3], [0], [6], [2, 3, 4], [0, 1, 5, 6]], ids=str)
def test_all_zero_columns(columns: list[int]) -> None:
    codes = dense_codes(9, 7)
    codes[:, columns] = 0
    check(network(layer(codes)))


def test_all_zero_matrix() -> None:
    assert check(network(layer(np.zeros((9, 7))))).layers[0].entries.sum() == 0


def test_all_zero_activation_vector_between_layers() -> None:
    dead = replace(layer(np.zeros((5, 7))), bias=np.zeros(5, np.int64))
    check(network(dead, layer(dense_codes(3, 5), name="after")))


@pytest.mark.parametrize("gap", [LONGEST - 1, LONGEST, LONGEST + 1, 2 * LONGEST + 2, 5 * (LONGEST + 1), 40])
@pytest.mark.parametrize("n_pes", [1, N_PES])
def test_zero_run(gap: int, n_pes: int) -> None:
    """Two non-zeros on one PE with ``gap`` zero rows of its own above each."""
    codes = np.zeros((n_pes * (2 * gap + 2), 2))
    codes[n_pes * gap, 0] = codes[n_pes * (2 * gap + 1), 0] = 2
    mapped = check(network(layer(codes)), replace(CONFIG, n_pes=n_pes))
    assert mapped.layers[0].n_fillers == 2 * (gap // (LONGEST + 1))


def test_pe_with_no_work() -> None:
    codes = dense_codes(12, 7)
    codes[2::N_PES] = 0
    mapped = check(network(layer(codes)))
    assert (mapped.layers[0].entries == 0).tolist() == [False, False, True, False]
    assert len(mapped.compiled.entries[2]) == 0


def test_one_pe_with_all_the_work() -> None:
    codes = dense_codes(12, 7)
    codes[np.arange(12) % N_PES != 1] = 0
    assert (check(network(layer(codes))).layers[0].entries > 0).tolist() == [False, True, False, False]


def test_fully_dense() -> None:
    assert check(network(layer(dense_codes(12, 7)))).layers[0].entries.tolist() == [21] * N_PES


@pytest.mark.parametrize(("rows", "columns"), [(1, 7), (9, 1), (1, 1)])
def test_one_row_or_one_column(rows: int, columns: int) -> None:
    check(network(layer(dense_codes(rows, columns))))


@pytest.mark.parametrize("rows", [3, 4, 5, 7, 9])
@pytest.mark.parametrize("n_pes", [3, 4])
def test_rows_not_divisible_by_the_pes(rows: int, n_pes: int) -> None:
    check(network(layer(dense_codes(rows, 7))), replace(CONFIG, n_pes=n_pes))


@pytest.mark.parametrize("rows", [8, 9, 16, 17, 30])
def test_more_rows_than_one_pass_holds(rows: int) -> None:
    mapped = check(network(layer(dense_codes(rows, 7))), replace(CONFIG, accumulator_depth=2), sized=False)
    assert len(mapped.layers[0].tiling.passes) == -(-rows // (2 * N_PES))


@pytest.mark.parametrize("columns", [8, 9, 16, 17, 30])
def test_more_columns_than_the_bank_holds(columns: int) -> None:
    mapped = check(network(layer(dense_codes(5, columns))), replace(CONFIG, activation_depth=2), sized=False)
    assert len(mapped.layers[0].tiling.batches) == -(-columns // (2 * N_PES))


@pytest.mark.parametrize(("count_bits", "passes"), [(1, 8), (2, 3), (3, 2), (4, 1)])
def test_slices_longer_than_can_be_counted(count_bits: int, passes: int) -> None:
    """Eight rows on each PE, all of them full: 1, 3, 7 or 15 entries can be counted."""
    mapped = check(network(layer(dense_codes(30, 7))), replace(CONFIG, count_bits=count_bits), sized=False)
    assert len(mapped.layers[0].tiling.passes) == passes
    assert mapped.layers[0].fullest_slice == min(8, 2**count_bits - 1)


def test_slices_are_not_cut_further_than_they_are_too_long() -> None:
    """Sixteen rows on a PE with a weight in every other one, of which three can be counted: six rows a pass do."""
    codes = np.zeros((16, 3))
    codes[::2] = 1
    mapped = check(network(layer(codes)), replace(CONFIG, n_pes=1, count_bits=2), sized=False)
    assert [len(slots) for slots in mapped.layers[0].tiling.passes] == [6, 6, 4]


def test_slices_whose_entries_lie_close_together_are_cut_again() -> None:
    """Sixteen rows on a PE with five weights in a row: cutting them in proportion is not enough."""
    codes = np.zeros((16, 3))
    codes[4:9] = 1
    mapped = check(network(layer(codes)), replace(CONFIG, n_pes=1, index_bits=4, count_bits=2), sized=False)
    assert mapped.layers[0].fullest_slice <= 3
    assert len(mapped.layers[0].tiling.passes) > 2


def test_only_the_layer_with_the_long_slice_is_cut() -> None:
    """Four rows a PE, all full, and two: the first then takes passes and batches at once, and a trip to the host."""
    net = network(layer(dense_codes(16, 17)), layer(dense_codes(5, 16), name="after"))
    config = replace(CONFIG, activation_depth=4)
    for count_bits, passes, round_trips in ((3, [1, 1], 0), (2, [2, 1], 1), (1, [4, 2], 1)):
        mapped = check(net, replace(config, count_bits=count_bits), sized=False)
        assert [len(placed.tiling.passes) for placed in mapped.layers] == passes
        assert mapped.compiled.schedule.n_round_trips == round_trips


@pytest.mark.parametrize("longest", [1, 2, 3, 4, 7, 8])
def test_counts_are_as_wide_as_the_fullest_slice_needs(longest: int) -> None:
    codes = np.zeros((8, 5))
    codes[:longest, 2] = 1
    mapped = check(network(layer(codes)), replace(CONFIG, n_pes=1))
    assert mapped.compiled.config.count_bits == longest.bit_length()
    assert mapped.compiled.counts.tolist() == [[0, 0, longest, 0, 0, 0, 0, 0]]


def test_as_many_entries_as_the_memory_holds() -> None:
    """The third column of the last four begins right behind the last entry, where an address starts again from 0."""
    codes = np.zeros((8, 4))
    codes[:, :2] = dense_codes(8, 2)
    config = replace(CONFIG, n_pes=1, entry_depth=16, count_bits=4)
    mapped = check(network(layer(codes)), config, sized=False)
    word = mapped.compiled.packets()[2].elements[0]
    assert word & 15 == 0
    assert word >> 4 == 8 | 8 << 4


def test_hidden_vector_that_takes_passes_and_stays() -> None:
    net = network(layer(dense_codes(30, 7)), layer(dense_codes(5, 30), name="after"))
    mapped = check(net, replace(CONFIG, accumulator_depth=3), sized=False)
    assert len(mapped.layers[0].tiling.passes) == 3
    assert mapped.compiled.schedule.n_round_trips == 0


def test_hidden_vector_that_does_not_fit_goes_through_the_host() -> None:
    net = network(layer(dense_codes(30, 7)), layer(dense_codes(5, 30), name="after"))
    mapped = check(net, replace(CONFIG, activation_depth=3), sized=False)
    assert mapped.compiled.schedule.n_round_trips == 1
    assert len(mapped.layers[1].tiling.batches) == 3


def test_hidden_vector_of_a_layer_with_passes_and_batches_goes_through_the_host() -> None:
    """It would fit, but loading the second pass's batches would overwrite the first pass's results."""
    net = network(layer(dense_codes(16, 17)), layer(dense_codes(5, 16), name="after"))
    mapped = check(net, replace(CONFIG, activation_depth=4, accumulator_depth=2), sized=False)
    assert mapped.compiled.schedule.n_round_trips == 1


def test_activations_all_at_the_most_negative_value() -> None:
    """Both at the input (`check` does it) and between layers: the products are the largest that there are."""
    saturated = replace(layer(dense_codes(5, 7)), bias=np.full(5, -(2**38)))
    net = network(saturated, layer(np.full((3, 5), 2), name="after"))
    hidden = forward(net.layers[:1], np.zeros((1, 7), np.int64), activation_width=16)
    assert (hidden == LOW).all()
    check(net)


def test_codebook_of_one_entry() -> None:
    check(network(layer(np.zeros((5, 7)), codebook=np.array([0]))))


def test_codebook_of_one_entry_beside_zero() -> None:
    check(network(layer(np.ones((5, 7)), codebook=np.array([0, -7]))), replace(CONFIG, codebook_bits=1))


def test_rows_permuted_and_slots_idle_between_layers() -> None:
    rng = np.random.default_rng(3)
    net = network(*(layer(dense_codes(r, c), name=f"l{r}") for c, r in [(7, 11), (11, 6), (6, 5)]))
    placements = [
        Placement(n_pes=N_PES, slot_of_row=rng.permutation(part.rows + 6)[: part.rows], n_slots=part.rows + 6)
        for part in net.layers
    ]
    mapped = check(net, placements=placements)
    assert mapped.compiled.counts.shape[1] == 8 + (11 + 6 + 3) + (6 + 6)


def test_second_network_loaded_over_the_first() -> None:
    """What the first leaves behind its own end must not matter."""
    config = replace(CONFIG, entry_depth=128)
    first = map_network(network(layer(dense_codes(12, 20))), config, sized=False).compiled
    net = network(layer(dense_codes(5, 7)), layer(dense_codes(3, 5), name="after"))
    second = map_network(net, config, sized=False).compiled
    model = EngineModel(config, [*first.packets(), *second.packets()])
    x = np.arange(14).reshape(2, 7) * 1000
    assert np.array_equal(run_network(second, x, model), forward(net.layers, x, activation_width=16))
