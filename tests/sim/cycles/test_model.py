# amaranth: UnusedElaboratable=no
"""The cycle model's accounts; that its cycles are those of the hardware, `tests/sim/bench/test_campaign.py` shows."""

import numpy as np
import pytest

from eyrie.compile.random_network import draw_case, draw_inputs
from eyrie.compile.schedule import Send
from eyrie.cycles import broadcast_phase, model
from eyrie.cycles.model import CycleModel
from eyrie.eie import array, broadcast, group_crossing, leading_nonzero_detect, pe, requantise, sparse_matrix_read
from eyrie.eie.config import EieConfig
from eyrie.errors import InputError


@pytest.mark.parametrize("seed", range(40))
def test_every_cycle_of_every_pe_is_accounted_for(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n_pes = int(rng.integers(1, 10))
    config = EieConfig(
        n_pes=n_pes,
        column_groups=2 if n_pes % 2 == 0 else 1,
        queue_depth=int(rng.integers(1, 9)),
        index_bits=int(rng.integers(1, 5)),
        accumulator_depth=int(rng.integers(2, 17)),
        table_depth=1 << 13,
        program_depth=1 << 13,
        skip_empty=bool(rng.integers(2)),
    )
    case = draw_case(seed, config=config)
    compiled = case.mapped().compiled
    assert sum(isinstance(transfer, Send) for transfer in compiled.schedule.transfers) == 1
    for sample in draw_inputs(seed, case.network)[[0, 2, 3, -1]]:
        timing = CycleModel(compiled.config, compiled.packets()).run(sample)
        assert timing.multiplies + sum(timing.stalls.values()) == timing.cycles * config.n_pes
        assert min(timing.stalls.values()) >= 0
        assert timing.stalls["filler"] == timing.entries - timing.multiplies == timing.fillers
        assert timing.broadcasts >= np.count_nonzero(sample)


def test_agrees_with_the_hardware_on_what_they_both_name() -> None:
    assert [broadcast_phase.tree_levels(n) for n in range(1, 257)] == [
        leading_nonzero_detect.tree_levels(n) for n in range(1, 257)
    ]
    assert broadcast_phase._DEPTH == broadcast._DEPTH
    assert broadcast_phase._TO_HOLD == broadcast.HOLD_LATENCY
    assert broadcast_phase._TO_QUIET == array.BUSY_LATENCY + 1
    assert broadcast_phase._SHORT == sparse_matrix_read.SHORT
    # From a PE that is no longer busy to the first command of a drain.
    assert array.BUSY_LATENCY + array.COMMAND_LATENCY == pe.DRAIN_AFTER_BUSY
    assert model._DRAINED == array.COMMAND_LATENCY + requantise.DRAIN_LATENCY
    assert model._SCALED_DRAINED == array.COMMAND_LATENCY + requantise.SCALED_DRAIN_LATENCY
    assert model._REDUCED == requantise.REDUCTION_LATENCY
    for n_pes, column_groups in ((4, 2), (4, 4), (64, 2), (64, 4), (256, 2)):
        config = EieConfig(n_pes=n_pes, column_groups=column_groups)
        assert broadcast_phase.levels_to_root(config) == group_crossing.GroupCrossing(config).levels


def test_refuses_an_input_that_is_too_short() -> None:
    case = draw_case(3, config=EieConfig(n_pes=2))
    compiled = case.mapped().compiled
    with pytest.raises(InputError, match="waits for"):
        CycleModel(compiled.config, compiled.packets()).run(np.zeros(0, np.int64))
