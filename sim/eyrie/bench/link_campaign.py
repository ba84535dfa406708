"""Campaigns against a link and a loader: whatever is damaged, nothing wrong is taken for right, and nothing hangs."""

import random
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from eyrie.bench.bus_simulation import BusSimulation
from eyrie.bench.damaged_line import DAMAGES, DamagedLine
from eyrie.bench.serial_simulation import SerialSimulation
from eyrie.bench.simulated_line import SimulatedLine
from eyrie.bench.simulation import SimulationError
from eyrie.compile.compiled import CompiledNetwork
from eyrie.driver.link_image import pack_link_image
from eyrie.driver.linked_engine import LinkedEngine
from eyrie.driver.schedule import run_network
from eyrie.driver.uartbone_link import UartboneLink
from eyrie.errors import InputError
from eyrie.host.config import HostConfig
from eyrie.host.eie_map import EIE_MAP, MAGIC, DeviceError

_PATIENCE = 12
_MAX_SENDS = 16
"""Commands of a run of a small network, so that each of them has its turn to be damaged."""

_CHANGES: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    lambda draw, part: draw.randbytes(len(part)),
    lambda draw, part: bytes(byte ^ 1 << draw.randrange(8) for byte in part),
    lambda draw, part: bytes(len(part)),
    lambda draw, part: part + part,
    lambda draw, part: part[::-1],
    lambda draw, part: b"",
)
"""What may happen to a stretch of an image."""


def damaged_runs(
    simulation: SerialSimulation, host: HostConfig, network: CompiledNetwork, *, count: int, seed: int
) -> Counter[str]:
    """Run a network over a line that damages one to three of the commands, as often as ``count`` says.

    After each run, whatever came of it, the line settles for two time-outs, and then a read must be answered right. A
    network that damage has made the device forget is loaded anew over a line without damage.

    Returns
    -------
    Counter
        How many runs ended in which way: "exact", "refused" (by the driver or the device), "loaded anew", and how often
        each kind of damage was done.

    Raises
    ------
    SimulationError
        If a result is wrong, or the device does not answer.
    """
    rng = np.random.default_rng(seed)
    low, high = network.clip
    inputs = rng.integers(low, high + 1, (16, network.inputs))
    expected = run_network(network, inputs)
    image = pack_link_image(network)
    outcomes: Counter[str] = Counter()
    below = SimulatedLine(simulation, host.link_timeout)
    LinkedEngine(UartboneLink(below)).load(image)
    for number in range(count):
        draw = random.Random(f"{seed} {number}")
        line = DamagedLine(below, draw)
        link = UartboneLink(line)
        device = LinkedEngine(link, patience=_PATIENCE)
        for _ in range(draw.randint(1, 3)):
            damage = draw.choice(DAMAGES)
            line.arm(draw.randrange(_MAX_SENDS), damage)
            outcomes[damage] += 1
        sample = draw.randrange(len(inputs))
        try:
            outputs, _ = device.run(network.schedule, inputs[sample])
        except InputError:
            outcomes["refused"] += 1
        else:
            if not np.array_equal(outputs, expected[sample]):
                raise SimulationError(f"run {number} of seed {seed}: {outputs} was taken for {expected[sample]}")
            outcomes["exact"] += 1
        line.disarm()
        below.settle()
        below.settle()
        if link.read(EIE_MAP.register("magic").address) != [MAGIC]:
            raise SimulationError(f"run {number} of seed {seed}: the device does not answer right")
        if not device.status()["loaded"]:
            device.load(image)
            outcomes["loaded anew"] += 1
    return outcomes


def single_bit_flips(image: npt.NDArray[np.uint32]) -> Iterator[npt.NDArray[np.uint32]]:
    """The image with each of its bits flipped in turn."""
    for word in range(len(image)):
        for bit in range(32):
            flipped = image.copy()
            flipped[word] ^= np.uint32(1 << bit)
            yield flipped


def corruptions(image: npt.NDArray[np.uint32], *, count: int, seed: int) -> Iterator[npt.NDArray[np.uint32]]:
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


def refused_images(simulation: BusSimulation, images: Iterator[npt.NDArray[np.uint32]]) -> Counter[str]:
    """Load images none of which is right.

    Returns
    -------
    Counter
        How many were refused with each error; "WAITING" for those of which the device waits for more.

    Raises
    ------
    SimulationError
        If one is taken.
    """
    outcomes: Counter[str] = Counter()
    for number, image in enumerate(images):
        verdict = simulation.load(image)
        if verdict.loaded or (not verdict.loading and verdict.error is DeviceError.NONE):
            raise SimulationError(f"image {number} was taken")
        outcomes["WAITING" if verdict.loading else verdict.error.name] += 1
    return outcomes
