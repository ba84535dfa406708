"""Balanced placement of rows: valid, better than interleaved, and the same every time."""

import os
import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eyrie.compress import balance
from eyrie.compress.balance import balanced_placement
from eyrie.compress.interleave import MAX_PES, Placement
from eyrie.compress.relative_index import encode_array
from eyrie.errors import InputError

PROPERTY = settings(derandomize=True, deadline=None, max_examples=100)


def drawn_codes(seed: int, rows: int, columns: int, density: float) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return (generator.random((rows, columns)) < density) * generator.integers(1, 16, (rows, columns), dtype=np.uint8)


def uneven_codes() -> np.ndarray:
    """Rows and columns of very different density, as training leaves them."""
    generator = np.random.default_rng(8)
    density = generator.random((100, 1)) ** 2 * generator.random((1, 300)) * 0.6
    return (generator.random((100, 300)) < density).astype(np.uint8)


def pe_loads(codes: np.ndarray, placement: Placement, active: np.ndarray | slice = slice(None)) -> np.ndarray:
    """Non-zeros in the active columns on each PE."""
    return np.bincount(
        placement.pe_of_row, np.count_nonzero(codes[:, active], axis=1), minlength=placement.n_pes
    ).astype(np.int64)


def max_loads(codes: np.ndarray, placement: Placement, activation_density: float) -> int:
    """Load of the most loaded PE, summed over a hundred drawn activations."""
    generator = np.random.default_rng(77)
    actives = [generator.random(codes.shape[1]) < activation_density for _ in range(100)]
    return sum(int(pe_loads(codes, placement, active).max()) for active in actives)


def sum_of_squares(codes: np.ndarray, pe_of_row: np.ndarray, n_pes: int) -> int:
    """Four times the expected square of the loads where each column is active with probability 1/2."""
    on_pe = np.stack([np.count_nonzero(codes[pe_of_row == pe], axis=0) for pe in range(n_pes)])
    return int((on_pe.sum(axis=1) ** 2).sum() + (on_pe**2).sum())


@PROPERTY
@given(
    seed=st.integers(0, 2**32),
    rows=st.integers(0, 60),
    columns=st.integers(0, 30),
    density=st.sampled_from([0.0, 0.05, 0.4, 1.0]),
    n_pes=st.integers(1, 70),
    activation_density=st.sampled_from([0.0, 0.3, 1.0]),
)
def test_every_row_has_one_slot_and_no_pe_more_than_its_share(
    seed: int, rows: int, columns: int, density: float, n_pes: int, activation_density: float
) -> None:
    codes = drawn_codes(seed, rows, columns, density)
    before = codes.copy()
    placement = balanced_placement(codes, n_pes, activation_density=activation_density)
    assert (placement.n_pes, placement.rows) == (n_pes, rows)
    assert placement.local_rows == Placement.interleaved(rows, n_pes).local_rows
    assert np.unique(placement.slot_of_row).size == rows
    assert np.array_equal(codes, before)


@pytest.mark.parametrize(
    ("shape", "density", "activation_density", "n_pes", "interleaved", "balanced"),
    [
        pytest.param((512, 512), 0.1, 0.375, 16, 66_393, 63_994, id="square"),
        pytest.param((500, 512), 0.25, 0.4, 64, 44_550, 42_747, id="31-full-pes-of-64"),
        pytest.param((200, 1200), 0.1, 1.0, 64, 51_400, 41_800, id="all-active"),
        pytest.param((1024, 96), 0.11, 1.0, 64, 20_000, 17_300, id="tall"),
        pytest.param((96, 3000), 0.04, 0.183, 16, 15_051, 14_744, id="wide"),
    ],
)
def test_the_most_loaded_pe_has_less_than_where_rows_are_interleaved(
    shape: tuple[int, int], density: float, activation_density: float, n_pes: int, interleaved: int, balanced: int
) -> None:
    codes = drawn_codes(3, *shape, density)
    placement = balanced_placement(codes, n_pes, activation_density=activation_density)
    assert max_loads(codes, Placement.interleaved(shape[0], n_pes), activation_density) == interleaved
    assert max_loads(codes, placement, activation_density) == balanced


def test_uneven_rows_are_even_on_the_pes() -> None:
    codes = uneven_codes()
    assert sorted(pe_loads(codes, Placement.interleaved(100, 8)).tolist()) == [232, 241, 264, 279, 307, 354, 373, 435]
    assert sorted(pe_loads(codes, balanced_placement(codes, 8, activation_density=1.0)).tolist()) == 3 * [310] + 5 * [
        311
    ]


def test_search_does_better_than_loads_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    codes = drawn_codes(4, 512, 512, 0.1)
    searched = max_loads(codes, balanced_placement(codes, 16, activation_density=0.375), 0.375)
    monkeypatch.setattr(balance, "MAX_SEARCHED_ROWS", 511)
    by_loads = max_loads(codes, balanced_placement(codes, 16, activation_density=0.375), 0.375)
    assert (searched, by_loads) == (64_484, 65_506)


@pytest.mark.parametrize(("rows", "n_pes", "seed"), [(24, 4, 1), (25, 4, 2), (30, 7, 3), (9, 8, 4)])
def test_no_swap_or_move_is_left_that_lowers_the_sum_of_squares(rows: int, n_pes: int, seed: int) -> None:
    codes = drawn_codes(seed, rows, 40, 0.3)
    local_rows = -(-rows // n_pes)
    pe_of_row = balanced_placement(codes, n_pes, activation_density=0.5).pe_of_row
    reached = sum_of_squares(codes, pe_of_row, n_pes)
    assert reached < sum_of_squares(codes, np.arange(rows) % n_pes, n_pes)
    for one, other in combinations(range(rows), 2):
        swapped = pe_of_row.copy()
        swapped[[one, other]] = pe_of_row[[other, one]]
        assert sum_of_squares(codes, swapped, n_pes) >= reached, f"rows {one} and {other}"
    for row in range(rows):
        for pe in np.flatnonzero(np.bincount(pe_of_row, minlength=n_pes) < local_rows):
            moved = pe_of_row.copy()
            moved[row] = pe
            assert sum_of_squares(codes, moved, n_pes) >= reached, f"row {row} to PE {pe}"


def test_columns_that_are_never_active_do_not_count() -> None:
    codes = drawn_codes(5, 120, 200, 0.3)
    codes[:, 100:] *= (np.arange(120) < 30)[:, None]
    density = np.where(np.arange(200) < 100, 0.4, 0.0)
    placement = balanced_placement(codes, 8, activation_density=density)
    alone = balanced_placement(codes[:, :100], 8, activation_density=0.4)
    assert placement.slot_of_row.tolist() == alone.slot_of_row.tolist()
    every = balanced_placement(codes, 8, activation_density=0.4)
    assert placement.slot_of_row.tolist() != every.slot_of_row.tolist()


def test_columns_that_are_often_active_count_most() -> None:
    codes = drawn_codes(6, 256, 400, 0.1)
    density = np.where(np.arange(400) < 200, 0.5, 0.02)
    generator = np.random.default_rng(9)
    actives = [generator.random(400) < density for _ in range(100)]
    placements = [balanced_placement(codes, 16, activation_density=known) for known in (density, 0.26)]
    by_column, by_mean = (
        sum(int(pe_loads(codes, placement, active).max()) for active in actives) for placement in placements
    )
    assert (by_column, by_mean) == (17_833, 18_191)


def test_columns_left_out_of_a_large_layer_are_those_that_matter_least(monkeypatch: pytest.MonkeyPatch) -> None:
    # The rarely active columns of `other` have the same non-zeros in each row, so the same loads, but elsewhere.
    codes = drawn_codes(7, 128, 400, 0.1)
    other = codes.copy()
    other[:, 1::2] = np.random.default_rng(1).permuted(codes[:, 1::2], axis=1)
    density = np.where(np.arange(400) % 2 == 0, 0.5, 0.02)

    def slots(codes: np.ndarray) -> list[int]:
        return balanced_placement(codes, 8, activation_density=density).slot_of_row.tolist()

    assert slots(codes) != slots(other)
    monkeypatch.setattr(balance, "MAX_OVERLAP_PRODUCTS", 200 * 128**2)
    assert slots(codes) == slots(other)
    monkeypatch.undo()
    monkeypatch.setattr(balance, "MAX_OVERLAP_COLUMNS", 200)
    assert slots(codes) == slots(other)


def test_columns_without_a_zero_are_not_among_those_that_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    codes = drawn_codes(7, 128, 200, 0.1)
    with_dense = np.concatenate([np.ones((128, 200), np.uint8), codes], axis=1)
    monkeypatch.setattr(balance, "MAX_OVERLAP_COLUMNS", 200)
    slots = balanced_placement(codes, 8, activation_density=0.5).slot_of_row
    assert np.array_equal(balanced_placement(with_dense, 8, activation_density=0.5).slot_of_row, slots)


def test_rows_beyond_the_limit_are_placed_by_their_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    # Eleven rows and one idle slot: one more than the limit.
    codes = np.triu(np.ones((11, 11), np.uint8))
    monkeypatch.setattr(balance, "MAX_SEARCHED_ROWS", 11)
    monkeypatch.setattr(balance, "_SwapSearch", None)
    placement = balanced_placement(codes, 4)
    # Loads of 11, 10, 9 and 8 go to PEs 0 to 3, then 7, 6, 5 and 4 to PEs 3 to 0, and the rest where least is.
    assert placement.pe_of_row.tolist() == [0, 1, 2, 3, 3, 2, 1, 0, 0, 1, 2]


@pytest.mark.parametrize("threads", ["1", "2"])
def test_placement_is_the_same_with_any_number_of_threads(threads: str) -> None:
    program = (
        "import hashlib, numpy as np\n"
        "from eyrie.compress.balance import balanced_placement\n"
        "generator = np.random.default_rng(10)\n"
        "codes = (generator.random((700, 900)) < 0.1).astype(np.uint8)\n"
        "slots = balanced_placement(codes, 64, activation_density=generator.random(900)).slot_of_row\n"
        "print(hashlib.sha256(slots.astype('<i8').tobytes()).hexdigest())\n"
    )
    environment = os.environ | {"OPENBLAS_NUM_THREADS": threads}
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, env=environment)
    assert done.stdout == "6fd8bb43f9da03960e071827e26b01a3ef94158ed056be760becb81491d6657f\n"


def test_rows_with_most_work_come_first_on_a_pe() -> None:
    codes = uneven_codes()
    placement = balanced_placement(codes, 8, activation_density=1.0)
    loads = np.count_nonzero(codes, axis=1)
    for pe in range(8):
        rows = np.flatnonzero(placement.pe_of_row == pe)
        assert np.all(np.diff(loads[rows[np.argsort(placement.local_row_of_row[rows])]]) <= 0)
        assert sorted(placement.local_row_of_row[rows]) == list(range(rows.size))
    ascending = Placement(n_pes=8, slot_of_row=_ascending_rows(placement))
    fillers = [sum(part.n_fillers for part in encode_array(codes, one, 2)) for one in (placement, ascending)]
    assert fillers == [447, 1901]


def _ascending_rows(placement: Placement) -> np.ndarray:
    """Slots on the same PEs, rows in their original order."""
    slots = np.empty(placement.rows, np.int64)
    for pe in range(placement.n_pes):
        rows = np.flatnonzero(placement.pe_of_row == pe)
        slots[rows] = np.arange(rows.size) * placement.n_pes + pe
    return slots


def test_pes_with_more_rows_come_first() -> None:
    placement = balanced_placement(drawn_codes(11, 10, 50, 0.3), 4)
    assert np.bincount(placement.pe_of_row).tolist() == [3, 3, 2, 2]
    assert placement.n_slots == 10


def test_one_heavy_row_has_a_pe_of_its_own() -> None:
    codes = np.zeros((7, 100), np.uint8)
    codes[4] = 1
    codes[:, :5] = 1
    placement = balanced_placement(codes, 3)
    assert np.bincount(placement.pe_of_row).tolist() == [3, 3, 1]
    assert placement.slot_of_row[4] == 2
    assert placement.local_rows == 3


def test_one_heavy_row_among_a_full_number_of_rows() -> None:
    codes = np.zeros((9, 100), np.uint8)
    codes[4] = 1
    codes[:, :3] = 1
    codes[[0, 1], 0] = 0
    placement = balanced_placement(codes, 3, activation_density=1.0)
    assert np.bincount(placement.pe_of_row).tolist() == [3, 3, 3]
    assert sorted(pe_loads(codes, placement).tolist()) == [9, 9, 104]


@pytest.mark.parametrize(
    ("codes", "n_pes"),
    [
        pytest.param(np.zeros((20, 30), np.uint8), 4, id="all-zero"),
        pytest.param(np.zeros((0, 30), np.uint8), 4, id="no-row"),
        pytest.param(np.zeros((20, 0), np.uint8), 4, id="no-column"),
        pytest.param(drawn_codes(1, 1, 30, 0.5), 4, id="one-row"),
        pytest.param(drawn_codes(1, 20, 30, 0.5), 1, id="one-pe"),
        pytest.param(drawn_codes(1, 20, 30, 0.5), 20, id="a-pe-for-every-row"),
        pytest.param(drawn_codes(1, 20, 30, 0.5), 64, id="more-pes-than-rows"),
    ],
)
def test_rows_are_interleaved_where_nothing_can_be_balanced(codes: np.ndarray, n_pes: int) -> None:
    placement = balanced_placement(codes, n_pes)
    assert placement.slot_of_row.tolist() == list(range(codes.shape[0]))
    assert (placement.n_pes, placement.n_slots) == (n_pes, codes.shape[0])


@pytest.mark.parametrize(
    "codes", [np.ones((20, 30), np.uint8), np.ones((20, 1), np.uint8)], ids=["dense", "one-column"]
)
def test_equal_rows_are_shared_out(codes: np.ndarray) -> None:
    for activation_density in (0.0, 0.4, 1.0):
        placement = balanced_placement(codes, 8, activation_density=activation_density)
        assert np.bincount(placement.pe_of_row).tolist() == [3, 3, 3, 3, 2, 2, 2, 2]


def test_bool_and_codes_are_the_same() -> None:
    codes = drawn_codes(12, 60, 80, 0.2)
    assert np.array_equal(balanced_placement(codes, 8).slot_of_row, balanced_placement(codes != 0, 8).slot_of_row)


@pytest.mark.parametrize(
    ("codes", "options", "message"),
    [
        (np.ones((4, 4)), {}, r"codes must be a uint8 or bool matrix, not float64 \(4, 4\)"),
        (np.ones(4, np.uint8), {}, "codes must be a uint8 or bool matrix"),
        (np.ones((4, 4), np.uint8), {"n_pes": 0}, "n_pes must be an integer from 1"),
        (np.ones((4, 4), np.uint8), {"n_pes": MAX_PES + 1}, "n_pes must be an integer from 1"),
        (np.ones((4, 4), np.uint8), {"activation_density": -0.1}, r"must be from 0 to 1, not -0\.1"),
        (np.ones((4, 4), np.uint8), {"activation_density": 1.1}, r"must be from 0 to 1, not 1\.1"),
        (np.ones((4, 4), np.uint8), {"activation_density": float("nan")}, "must be from 0 to 1, not nan"),
        (
            np.ones((4, 4), np.uint8),
            {"activation_density": np.full(3, 0.5)},
            r"one for each of 4 columns, not .*\(3,\)",
        ),
        (np.ones((4, 4), np.uint8), {"activation_density": "half"}, "must be a number or one for each of 4 columns"),
    ],
)
def test_arguments_out_of_range_are_refused(codes: np.ndarray, options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        balanced_placement(codes, **({"n_pes": 2} | options))


def test_groups_of_columns_are_balanced_each_by_itself() -> None:
    codes = drawn_codes(12, 96, 400, 0.2)
    group = np.arange(400) // 200
    placement = balanced_placement(codes, 8, activation_density=1.0, group_of_column=group)
    for number in range(2):
        loads = pe_loads(codes[:, group == number], placement)
        assert loads.max() <= 1.01 * loads.mean()
    # Without knowing of the groups it balances their sum.
    blind = balanced_placement(codes, 8, activation_density=1.0)
    assert max(pe_loads(codes[:, group == number], blind).max() for number in range(2)) > loads.max()


@pytest.mark.parametrize("group", [np.zeros(3, np.int64), np.full(50, -1), np.zeros(50)])
def test_groups_of_columns_that_are_refused(group: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"^group_of_column must "):
        balanced_placement(drawn_codes(11, 10, 50, 0.3), 4, group_of_column=group)
