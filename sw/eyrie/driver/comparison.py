"""Two runs of the same network, segment by segment: the simulated hardware against the models."""

from typing import NamedTuple

import numpy as np

from eyrie.driver.segments import SegmentedRun


class SegmentComparison(NamedTuple):
    """What a segment did on the hardware, and what the models say it does.

    Parameters
    ----------
    name, place : str
        As in `eyrie.driver.segments.SegmentRun`.
    cycles, model_cycles : int or None
        Clock cycles of all samples together, counted by the hardware and by the engine's cycle model; None on the host.
    mismatches : int
        Samples for which it made something else than the golden model; a segment that takes what another made wrong
        differs likewise.
    """

    name: str
    place: str
    cycles: int | None
    model_cycles: int | None
    mismatches: int

    @property
    def agrees(self) -> bool:
        """Whether all outputs and the cycles are those of the models."""
        return self.mismatches == 0 and self.cycles == self.model_cycles


def compare_runs(run: SegmentedRun, golden: SegmentedRun) -> tuple[SegmentComparison, ...]:
    """Compare a run of the hardware with a timed run of the golden models on the same samples."""
    return tuple(
        SegmentComparison(own.name, own.place, own.cycles, model.cycles, n_different(made, expected))
        for own, model, made, expected in zip(
            run.segments, golden.segments, run.activations, golden.activations, strict=True
        )
    )


def n_different(made: np.ndarray, expected: np.ndarray) -> int:
    """Samples, the first dimension, in which two arrays of the same shape differ."""
    return int(np.count_nonzero((made != expected).reshape(len(made), -1).any(axis=1)))
