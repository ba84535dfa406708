"""Fillers and bits, counted apart from the encoder."""

import numpy as np
import pytest

from eyrie.bench.eie_storage import ZeroRuns, paper_bits
from eyrie.compress.interleave import Placement
from eyrie.compress.relative_index import encode_array

SEED = 31


def draw_codes(density: float) -> np.ndarray:
    rng = np.random.default_rng(SEED)
    codes = rng.integers(1, 16, (203, 29), np.uint8)
    return codes * (rng.random(codes.shape) < density)


@pytest.mark.parametrize("density", [0.0, 0.01, 0.1, 1.0])
@pytest.mark.parametrize("n_pes", [1, 3, 256])
def test_fillers_are_those_of_the_encoder(density: float, n_pes: int) -> None:
    codes = draw_codes(density)
    permuted = Placement(n_pes=n_pes, slot_of_row=np.random.default_rng(SEED).permutation(230)[:203], n_slots=230)
    for placement in (Placement.interleaved(203, n_pes), permuted):
        runs = ZeroRuns.of(codes, placement)
        assert runs.n_nonzeros == np.count_nonzero(codes)
        for index_bits in range(9):
            parts = encode_array(codes, placement, index_bits)
            assert runs.n_fillers(index_bits) == sum(part.n_fillers for part in parts)


def test_bits_in_the_papers_format() -> None:
    # The paper's example: on one PE this column takes four entries, one of them a filler.
    column = np.zeros((23, 1), np.uint8)
    column[[2, 3, 22], 0] = [1, 2, 3]
    assert paper_bits(column, 1) == 4 * 8 + 16
    # Over two PEs: rows 2 and 22 on one, row 3 on the other, and no run is long.
    assert paper_bits(column, 2) == 3 * 8 + 2 * 16
