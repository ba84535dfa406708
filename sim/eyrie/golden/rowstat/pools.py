"""What a POOL makes of the ifmap bank: maxima or requantised sums, as rows of an output map."""

import numpy as np
import numpy.typing as npt

from eyrie.errors import InputError
from eyrie.golden.memories import sign_extended
from eyrie.golden.requantise import requantise
from eyrie.golden.rowstat.counts import Counts
from eyrie.golden.rowstat.delivery import Delivery
from eyrie.golden.rowstat.order import Known
from eyrie.golden.rowstat.tape import Command
from eyrie.rowstat.commands import unpack
from eyrie.rowstat.config import BUS_WORDS, RowstatConfig

IntArray = npt.NDArray[np.int64]


def pool(
    config: RowstatConfig, command: Command, number: int, known: Known, delivery: Delivery, counts: Counts
) -> IntArray:
    """Pooled rows, int64 (channels, rows, steps); the command is number ``number`` of those that DRAIN counts.

    Raises
    ------
    InputError
        If it takes what was never fetched or may not have been, a pass may still read the bank, or a multiplier is out
        of its range.
    """
    channels, rows, kernel, steps = (command[field] for field in ("channels", "rows", "kernel", "steps"))
    c, y, i = np.arange(channels)[:, None, None], np.arange(rows)[:, None], np.arange(kernel)
    lines = c * command["channel_pitch"] + y * command["row_advance"] + i * command["row_pitch"]
    lines = BUS_WORDS * (command["bank_address"] + lines)
    x = command["first_x"] + command["stride"] * np.arange(steps)[:, None] + np.arange(command["window"])
    on_map = (x >= 0) & (x <= command["edge"])
    values = delivery.pool(command, number, known, lines[..., None] + x[on_map])
    nothing = 0 if command["mean"] else config.activation_range[0]
    windows = np.full((channels, rows, kernel, *x.shape), nothing, np.int64)
    windows[..., on_map] = values
    pooled = windows.sum(axis=(2, 4)) if command["mean"] else windows.max(axis=(2, 4))
    words = [np.unique(window[inside] // BUS_WORDS).size for window, inside in zip(x, on_map, strict=True)]
    counts.pool_words += channels * rows * kernel * sum(words)
    scales = [unpack("pool_scale", [word]) for word in command.rest]
    ends = steps - np.array([scale["behind"] for scale in scales])
    columns = np.diff(ends, prepend=0)
    multiplier, shift = (
        np.repeat(np.array([scale[field] for scale in scales], np.int64), columns) for field in ("multiplier", "shift")
    )
    sums = sign_extended(pooled, config.accumulator_width)
    try:
        return requantise(sums, multiplier, shift, relu=False, activation_width=config.activation_width)
    except ValueError as error:
        raise InputError(f"{command}: {error}") from error
