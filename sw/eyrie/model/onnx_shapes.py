"""Shape operators on activations: whether they leave every sample and the order of its values as they are.

A shape here is that of one sample, without the batch dimension in front. Each function returns the shape after the
operator, and raises :class:`MovesValues` with the reason (no name in front) where samples or values would move.
"""

import math
from collections.abc import Sequence

from eyrie.errors import InputError
from eyrie.model.layer import Shape

BATCH = -(2**62)
"""Stands for the number of samples in constants that a model computes from the shape of an activation."""


class MovesValues(InputError):
    """An operator would mix samples, reorder values or change their type: only the host may do so, after the end."""


def flattened(shape: Shape, axis: int) -> Shape:
    """Shape after Flatten at ``axis``, counted with the batch dimension; negative from the end."""
    rank = 1 + len(shape)
    position = axis + rank if axis < 0 else axis
    if not 1 <= position <= rank or math.prod(shape[: position - 1]) != 1:
        raise MovesValues(f"flattens samples of shape {list(shape)} at axis {axis}, which would mix samples")
    return (math.prod(shape[position - 1 :]),)


def reshaped(shape: Shape, batch: int | None, target: Sequence[int], allow_zero: bool) -> Shape:
    """Shape after Reshape to ``target``, whose first size must stand for the batch.

    Parameters
    ----------
    shape : tuple of int
        Before.
    batch : int or None
        Number of samples where the model fixes it.
    target : sequence of int
        As ONNX defines it, with ``BATCH`` where it was computed from the batch.
    allow_zero : bool
        Whether a size of 0 means 0 rather than "as before".
    """
    refusal = MovesValues(
        f"reshapes samples of shape {list(shape)} to {[size if size != BATCH else 'batch' for size in target]}, "
        f"which is not one row for each sample"
    )
    before = (BATCH, *shape)
    sizes = list(target)
    for i, size in enumerate(sizes):
        if size == 0 and not allow_zero and i < len(before):
            sizes[i] = before[i]
    if not sizes or any(size < 1 and size not in (-1, BATCH) for size in sizes) or sizes.count(-1) > 1:
        raise refusal
    first, rest = sizes[0], sizes[1:]
    if first not in (-1, BATCH, batch):
        raise refusal
    if -1 in rest:
        known = math.prod(size for size in rest if size != -1)
        rest[rest.index(-1)] = max(1, math.prod(shape) // known)
    if math.prod(rest) != math.prod(shape):
        raise refusal
    return tuple(rest)


def squeezed(shape: Shape, axes: Sequence[int] | None) -> Shape:
    """Shape after Squeeze of ``axes``, counted with the batch dimension; None means all of size 1."""
    if axes is None:
        raise MovesValues("squeezes without axes, which would drop the batch of a single sample")
    positions = _positions(axes, 1 + len(shape))
    if any(shape[position - 1] != 1 for position in positions):
        raise MovesValues(f"squeezes samples of shape {list(shape)} at axes {list(axes)}, where a size is not 1")
    return tuple(size for position, size in enumerate(shape, 1) if position not in positions)


def unsqueezed(shape: Shape, axes: Sequence[int]) -> Shape:
    """Shape after Unsqueeze at ``axes``, counted with the batch dimension and the new ones."""
    rank = 1 + len(shape) + len(axes)
    positions = _positions(axes, rank)
    sizes = iter(shape)
    return tuple(1 if position in positions else next(sizes) for position in range(1, rank))


def transposed(shape: Shape, permutation: Sequence[int] | None) -> Shape:
    """Shape after Transpose, allowed where it moves nothing but sizes of 1."""
    before = (BATCH, *shape)
    order = list(reversed(range(len(before)))) if permutation is None else list(permutation)
    moved = [axis for axis in order if 0 <= axis < len(before) and before[axis] != 1]
    if sorted(order) != list(range(len(before))) or order[0] != 0 or moved != sorted(moved):
        raise MovesValues(f"transposes samples of shape {list(shape)} by {order}, which would reorder values")
    return tuple(before[axis] for axis in order[1:])


def _positions(axes: Sequence[int], rank: int) -> set[int]:
    positions = {axis + rank if axis < 0 else axis for axis in axes}
    if len(positions) != len(axes) or not all(1 <= position < rank for position in positions):
        raise MovesValues(f"names axes {list(axes)} of {rank}; they must differ and not be 0, the batch")
    return positions
