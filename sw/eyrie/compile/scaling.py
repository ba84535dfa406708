"""Between the user's floating-point samples and the engine's integers."""

from math import prod

import numpy as np
import numpy.typing as npt

from eyrie.compile.compiled import CompiledNetwork
from eyrie.errors import InputError
from eyrie.model.layer import Shape


def require_samples(x: np.ndarray, inputs: int | Shape, what: str = "inputs") -> npt.NDArray[np.float64]:
    """Check samples and return them as float64 (samples, inputs), or (samples, *inputs) for a shape.

    Where a shape is wanted, samples may also be flat, (samples, elements), in the order channel, row, column.

    Raises
    ------
    InputError
        If they are not real numbers of that shape, there are none, or one is not finite.
    """
    if not isinstance(x, np.ndarray) or x.dtype.kind not in "fiub":
        kind = x.dtype if isinstance(x, np.ndarray) else type(x).__name__
        raise InputError(f"{what} must be an array of real numbers, not {kind}")
    shape = (inputs,) if isinstance(inputs, int) else inputs
    if x.ndim == 2 and x.shape[1] == prod(shape):
        x = x.reshape(-1, *shape)
    if x.shape[1:] != shape:
        raise InputError(f"{what} must have shape {samples_of(shape)}, not {x.shape}")
    if not len(x):
        raise InputError(f"{what} have no samples; at least one is needed")
    finite = np.isfinite(x)
    if not finite.all():
        sample, *place = (int(index) for index in np.argwhere(~finite)[0])
        element = place[0] if len(place) == 1 else place
        raise InputError(f"{what}: element {element} of sample {sample} is {x[sample, *place]}; all must be finite")
    return x.astype(np.float64)


def samples_of(shape: Shape) -> str:
    """The shape of samples in words, as in (samples, 1, 28, 28)."""
    return f"({', '.join(map(str, ('samples', *shape)))})"


def quantise_samples(x: np.ndarray, inputs: int | Shape, scale: float, clip: tuple[int, int]) -> npt.NDArray[np.int64]:
    """Samples as activations: clipped to ``clip``, then rounded to the nearest multiple of a scale, halves to even.

    Parameters
    ----------
    x : real numbers (samples, inputs), or (samples, *inputs) for a shape
    inputs : int or tuple of int
    scale : float
        What one unit of an activation stands for.
    clip : (int, int)
        Lowest and highest activation.

    Raises
    ------
    InputError
        If the shape is another, there is no sample, or a value is not finite.
    """
    low, high = (bound * scale for bound in clip)
    return np.rint(np.clip(require_samples(x, inputs), low, high) / scale).astype(np.int64)


def quantise_input(compiled: CompiledNetwork, x: np.ndarray) -> npt.NDArray[np.int64]:
    """Samples as input activations.

    Clipped to the range for which the accumulators are certified, then rounded to the nearest multiple of the input
    scale, halves to even.

    Parameters
    ----------
    compiled : CompiledNetwork
    x : real numbers (samples, inputs)

    Returns
    -------
    int64 (samples, inputs)

    Raises
    ------
    InputError
        If the shape is another, there is no sample, or a value is not finite.
    """
    return quantise_samples(x, compiled.inputs, compiled.input_scale, compiled.clip)


def dequantise_output(compiled: CompiledNetwork, y: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Output activations, int64 (samples, outputs), as the numbers that they stand for, float64 (samples, outputs).

    Raises
    ------
    InputError
        If the shape is another.
    """
    if y.ndim != 2 or y.shape[1] != compiled.outputs:
        raise InputError(f"outputs must have shape (samples, {compiled.outputs}), not {y.shape}")
    return y.astype(np.float64) * compiled.output_scale
