"""Pooling in integers, on the host: maxima, and rounded means."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eyrie.errors import InputError
from eyrie.golden.requantise import MAX_MULTIPLIER, requantise
from eyrie.model.layer import Shape
from eyrie.model.pool import Pool
from eyrie.model.window import Window

IntArray = npt.NDArray[np.int64]

_MULTIPLIER_BITS = MAX_MULTIPLIER.bit_length()

_LOWEST = -(1 << 62)
"""Below every activation."""


@dataclass(frozen=True, kw_only=True, eq=False)
class MaximumPool:
    """The largest value of every position of a window; padding never is it. Outputs have the scale of the inputs.

    Parameters
    ----------
    name : str
    window : Window
    """

    name: str
    window: Window

    def positions(self, rows: int, columns: int) -> tuple[int, int]:
        """Positions down and across maps of ``rows`` and ``columns``.

        Raises
        ------
        InputError
            If the padded map is smaller than the window.
        """
        return self.window.positions(rows, columns)

    def forward(self, x: IntArray) -> IntArray:
        """Pooled maps, int64 (samples, channels, down, across), for int64 (samples, channels, rows, columns)."""
        y = np.full((*x.shape[:2], *self.positions(*x.shape[2:])), _LOWEST, np.int64)
        for values in self.window.taps(x, _LOWEST):
            np.maximum(y, values, out=y)
        return y


@dataclass(frozen=True, kw_only=True, eq=False)
class MeanPool:
    """``clamp(sum * multiplier + 2 ** (shift - 1) >> shift)`` of every position of a window; padding is zero.

    Parameters
    ----------
    name : str
    window : Window
    multiplier, shift : int64 (down, across)
        Of each position, since windows at the border may divide by fewer values.
    activation_width : int
        Bits of an output.

    Raises
    ------
    InputError
        If multiplier and shift have different shapes.
    """

    name: str
    window: Window
    multiplier: IntArray
    shift: IntArray
    activation_width: int

    def __post_init__(self) -> None:
        if self.multiplier.ndim != 2 or self.multiplier.shape != self.shift.shape:
            raise InputError(
                f"layer {self.name}: multiplier and shift must have one value for each position, not shapes "
                f"{self.multiplier.shape} and {self.shift.shape}"
            )

    def positions(self, rows: int, columns: int) -> tuple[int, int]:
        """Positions down and across maps of ``rows`` and ``columns``.

        Raises
        ------
        InputError
            If the padded map is smaller than the window, or the positions are not those that have multipliers.
        """
        positions = self.window.positions(rows, columns)
        if positions != self.multiplier.shape:
            raise InputError(
                f"layer {self.name}: maps of {rows} x {columns} have {positions} positions, not {self.multiplier.shape}"
            )
        return positions

    def forward(self, x: IntArray) -> IntArray:
        """Pooled maps, int64 (samples, channels, down, across), for int64 (samples, channels, rows, columns).

        Raises
        ------
        InputError
            As `positions`.
        """
        sums = np.zeros((*x.shape[:2], *self.positions(*x.shape[2:])), np.int64)
        for values in self.window.taps(x, 0):
            sums += values
        return requantise(sums, self.multiplier, self.shift, relu=False, activation_width=self.activation_width)


Pooling = MaximumPool | MeanPool


def quantise_pool(
    pool: Pool, shape: Shape, input_scale: float, bounds: tuple[float, float], activation_width: int
) -> tuple[Pooling, float]:
    """A pooling layer in integers, and the scale of its outputs.

    Means may have a finer scale than what they are taken of, by as many bits as a sum has more, if their range allows
    it: dividing by the number of values then loses nothing.

    Parameters
    ----------
    pool : Pool
    shape : tuple of int
        Channels, rows and columns that it takes.
    input_scale : float
        What one unit of an input stands for.
    bounds : (float, float)
        Range of the outputs.
    activation_width : int
        Bits of an activation.
    """
    if pool.kind == "max":
        return MaximumPool(name=pool.name, window=pool.window), input_scale
    counts = pool.counts(shape)
    finer = min((int(counts.max()) - 1).bit_length(), _MULTIPLIER_BITS - 1)
    highest = (1 << activation_width - 1) - 1
    magnitude = max(-bounds[0], bounds[1]) / input_scale
    while finer and math.ldexp(magnitude, finer) > highest:
        finer -= 1
    fraction, exponent = np.frexp(math.ldexp(1, finer) / counts)
    pooling = MeanPool(
        name=pool.name,
        window=pool.window,
        # Just below a power of two it would be rounded up to that.
        multiplier=np.minimum(np.rint(np.ldexp(fraction, _MULTIPLIER_BITS)).astype(np.int64), MAX_MULTIPLIER),
        shift=_MULTIPLIER_BITS - exponent.astype(np.int64),
        activation_width=activation_width,
    )
    return pooling, math.ldexp(input_scale, -finer)
