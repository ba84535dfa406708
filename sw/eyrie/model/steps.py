"""The primitive steps of an imported model, before they become layers.

A chain of steps is a list of :class:`~eyrie.model.network.DenseLayer` (without ReLU), :class:`Affine` and
:class:`Relu`. The passes in :mod:`eyrie.model.fold` reduce it to layers alone.
"""

from dataclasses import dataclass

import numpy as np

from eyrie.model.network import DenseLayer


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

    # Spreading waits until a layer of that size is there: a model may claim any input shape, its weights are real.
    def _spread(self, values: np.ndarray | None, size: int) -> np.ndarray | None:
        if values is None:
            return None
        shape = (size,) if self.shape is None else self.shape
        return np.broadcast_to(values, shape).reshape(size)


@dataclass(frozen=True, kw_only=True)
class Relu:
    """Negative values become zero."""

    label: str


Step = DenseLayer | Affine | Relu
