"""The primitive steps of an imported model, before they become layers.

A chain of steps is a list of layers (without ReLU), :class:`Pad`, :class:`Affine` and :class:`Relu`. The passes in
:mod:`eyrie.model.fold` reduce it to layers alone.
"""

from dataclasses import dataclass

import numpy as np

from eyrie.model.conv import ConvLayer
from eyrie.model.dense import DenseLayer
from eyrie.model.pool import Pool


@dataclass(frozen=True, kw_only=True, eq=False)
class Affine:
    """``y = x * scale + shift`` on each value of a sample: normalisation, a separate bias, a scale.

    Parameters
    ----------
    label : str
        The operator and name of the node that it comes from, for errors.
    shape : tuple of int, or None
        Shape of one sample where the step stands; None while unknown, and then the constants are single values.
    scale, shift : float64 array or None
        Broadcast to ``shape``. None means "left as it is", so that a step without a scale never touches a weight.
    """

    label: str
    shape: tuple[int, ...] | None
    scale: np.ndarray | None = None
    shift: np.ndarray | None = None

    def spread_scale(self, size: int) -> np.ndarray | None:
        """The scale of each of a sample's ``size`` values, in order."""
        return self._spread(self.scale, size)

    def spread_shift(self, size: int) -> np.ndarray | None:
        """The shift of each of a sample's ``size`` values, in order."""
        return self._spread(self.shift, size)

    def per_channel(self, channels: int) -> "Affine | None":
        """The same step with one scale and one shift for each of the ``channels`` maps of a sample.

        None where they differ within a map, or samples have another number of maps.
        """
        constants = []
        for values in (self.scale, self.shift):
            if values is None or values.size == 1:
                constants.append(values if values is None else np.broadcast_to(values.reshape(1), (channels,)))
            elif self.shape and values.ndim == len(self.shape) and values.shape[0] == values.size == channels:
                # One value for each part along the first dimension, which are the maps.
                constants.append(values.reshape(channels))
            else:
                return None
        scale, shift = constants
        return Affine(label=self.label, shape=(channels,), scale=scale, shift=shift)

    # Spreading waits until a layer of that size is there: a model may claim any input shape, its weights are real.
    def _spread(self, values: np.ndarray | None, size: int) -> np.ndarray | None:
        if values is None:
            return None
        shape = (size,) if self.shape is None else self.shape
        return np.broadcast_to(values, shape).reshape(size)


@dataclass(frozen=True, kw_only=True)
class Pad:
    """Rows and columns of zeros around each map.

    Parameters
    ----------
    label : str
        The operator and name of the node that it comes from, for errors.
    padding : tuple of 4 int
        At the top, left, bottom and right.
    """

    label: str
    padding: tuple[int, int, int, int]


@dataclass(frozen=True, kw_only=True)
class Relu:
    """Negative values become zero, and those above a limit become the limit.

    Parameters
    ----------
    label : str
        The operator and name of the node that it comes from, for errors.
    limit : float or None
        6 for ReLU6; None for none.
    """

    label: str
    limit: float | None = None


Step = DenseLayer | ConvLayer | Pool | Pad | Affine | Relu
