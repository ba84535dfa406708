"""Damaged images: none is ever taken, and none leaves a network that runs."""

import random
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt

from eyrie.bench.bus_simulation import BusSimulation
from eyrie.bench.simulation import SimulationError
from eyrie.host.eie_map import DeviceError

Words = npt.NDArray[np.uint32]

WAITING = "WAITING"
"""What becomes of an image that ends too early: the device waits for the rest of it."""

_CHANGES: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    lambda draw, part: draw.randbytes(len(part)),
    lambda draw, part: bytes(byte ^ 1 << draw.randrange(8) for byte in part),
    lambda draw, part: bytes(len(part)),
    lambda draw, part: part + part,
    lambda draw, part: part[::-1],
    lambda draw, part: b"",
)
"""What may happen to a stretch of an image."""


def single_bit_flips(image: Words) -> Iterator[Words]:
    """The image with each of its bits flipped in turn."""
    for word in range(len(image)):
        for bit in range(32):
            flipped = image.copy()
            flipped[word] ^= np.uint32(1 << bit)
            yield flipped


def truncations(image: Words) -> Iterator[Words]:
    """The image cut after each word in turn, and before the first."""
    for words in range(len(image)):
        yield image[:words]


def corruptions(image: Words, *, count: int, seed: int) -> Iterator[Words]:
    """The image with bytes overwritten, lost, doubled or swapped, words moved, stretches zeroed; never the image."""
    data = image.tobytes()
    draw = random.Random(seed)
    while count:
        changed = bytearray(data)
        for _ in range(draw.choice([1, 1, 2, 5])):
            at, length = draw.randrange(len(data)), draw.choice([1, 2, 4, 16, 64])
            changed[at : at + length] = draw.choice(_CHANGES)(draw, bytes(changed[at : at + length]))
        changed += bytes(-len(changed) % 4)
        if changed[: len(data)] != data:
            count -= 1
            yield np.frombuffer(bytes(changed), "<u4").astype(np.uint32)


def refusals(simulation: BusSimulation, images: Iterable[Words]) -> Iterator[str]:
    """Load images none of which is right, one over the other, and ask for a start after each.

    Yields
    ------
    str
        With which error each was refused; `WAITING` if the device waits for more of it.

    Raises
    ------
    SimulationError
        If one is taken, or the device starts.
    """
    for number, image in enumerate(images):
        verdict = simulation.load(image)
        if verdict.loaded or (not verdict.loading and verdict.error is DeviceError.NONE):
            raise SimulationError(f"image {number} was taken")
        simulation.control("start")
        after = simulation.verdict()
        if after.error is not (DeviceError.NOT_LOADED if verdict.loading else verdict.error):
            raise SimulationError(f"after image {number} a start gives {after.error.name}")
        if simulation.busy():
            raise SimulationError(f"after image {number} the device runs")
        yield WAITING if verdict.loading else verdict.error.name
