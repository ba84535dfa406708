"""Between the user's floating-point samples and the engine's integers."""

import numpy as np
import numpy.typing as npt

from eyrie.compile.compiled import CompiledNetwork
from eyrie.errors import InputError


def require_samples(x: np.ndarray, inputs: int, what: str = "inputs") -> npt.NDArray[np.float64]:
    """Check samples and return them as float64 (samples, inputs).

    Raises
    ------
    InputError
        If they are not real numbers of that shape, there are none, or one is not finite.
    """
    if not isinstance(x, np.ndarray) or x.dtype.kind not in "fiub":
        kind = x.dtype if isinstance(x, np.ndarray) else type(x).__name__
        raise InputError(f"{what} must be an array of real numbers, not {kind}")
    if x.ndim != 2 or x.shape[1] != inputs:
        raise InputError(f"{what} must have shape (samples, {inputs}), not {x.shape}")
    if not len(x):
        raise InputError(f"{what} have no samples; at least one is needed")
    finite = np.isfinite(x)
    if not finite.all():
        sample, element = (int(index) for index in np.argwhere(~finite)[0])
        raise InputError(f"{what}: element {element} of sample {sample} is {x[sample, element]}; all must be finite")
    return x.astype(np.float64)


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
    low, high = (bound * compiled.input_scale for bound in compiled.clip)
    clipped = np.clip(require_samples(x, compiled.inputs), low, high)
    return np.rint(clipped / compiled.input_scale).astype(np.int64)


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
