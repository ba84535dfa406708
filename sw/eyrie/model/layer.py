"""What all layers of a network have in common: a name, the shapes they take and give, and what they compute."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from eyrie.errors import InputError

Shape = tuple[int, ...]
"""Of one sample, without the samples in front: ``(values,)``, or ``(channels, rows, columns)`` of feature maps."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer(ABC):
    """One step of a network.

    Parameters
    ----------
    name : str
        What reports and errors call the layer.
    """

    name: str

    @abstractmethod
    def output_shape(self, shape: Shape) -> Shape:
        """Shape of a sample after the layer, for samples of ``shape``.

        Raises
        ------
        InputError
            If the layer cannot take such samples. The message names the layer.
        """

    @abstractmethod
    def forward(self, x: np.ndarray) -> np.ndarray:
        """Outputs in float64, shape (samples, *output shape), for float64 ``x`` of a shape that the layer takes."""


def require_finite(layer: str, field: str, array: np.ndarray, dimensions: tuple[str, ...]) -> None:
    """Check a weight or bias.

    Parameters
    ----------
    layer, field : str
        What the message calls them.
    array : float64 array
    dimensions : tuple of str
        What each dimension counts.

    Raises
    ------
    InputError
        If it is no array of float64, has another number of dimensions or none of a size, or holds a value that is not
        finite.
    """
    if not isinstance(array, np.ndarray) or array.dtype != np.float64:
        kind = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise InputError(f"layer {layer!r}: {field} must be an array of float64, not {kind}")
    if array.ndim != len(dimensions) or array.size == 0:
        wanted = f"({dimensions[0]},)" if len(dimensions) == 1 else f"({', '.join(dimensions)})"
        raise InputError(f"layer {layer!r}: {field} must have shape {wanted} with no size 0, not {array.shape}")
    if not np.isfinite(array).all():
        index = first_not_finite(array)
        raise InputError(f"layer {layer!r}: {field}{list(index)} is {array[index]}, it must be finite")


def first_not_finite(array: np.ndarray) -> tuple[int, ...]:
    """Index of the first NaN or infinity in row-major order, where there is one."""
    position = int(np.argmin(np.isfinite(array)))
    return tuple(int(i) for i in np.unravel_index(position, array.shape))
