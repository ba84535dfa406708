"""EieDevice in compiled simulation, at its bus: errors by name, abort and reset at every cycle, damaged images."""

from itertools import islice

import numpy as np
import numpy.typing as npt
import pytest

from eyrie.bench.bus_simulation import BusSimulation, Verdict, build_bus_library, emit_device
from eyrie.bench.image_campaign import WAITING, corruptions, refusals, single_bit_flips, truncations
from eyrie.bench.link_job import LINK_HOST, draw_link_job
from eyrie.bench.reset_campaign import INTERRUPTIONS, interruptions
from eyrie.bench.simulation import SimulationError
from eyrie.compile.compiled import CompiledNetwork
from eyrie.driver.link_image import pack_link_image
from eyrie.driver.schedule import run_network
from eyrie.eie.config import FORMAT_VERSION
from eyrie.host.eie_map import EIE_MAP, MAGIC, DeviceError
from tests.hw.host.images import SMALL, draw_network

IntArray = npt.NDArray[np.int64]

LOADED = Verdict(False, True, DeviceError.NONE, 0)


@pytest.fixture(scope="module")
def device() -> BusSimulation:
    return BusSimulation(build_bus_library(emit_device(SMALL, LINK_HOST)))


def image_of(network: CompiledNetwork) -> npt.NDArray[np.uint32]:
    return np.frombuffer(pack_link_image(network), "<u4").astype(np.uint32)


NETWORK = draw_network(3, SMALL, largest_side=6)
IMAGE = image_of(NETWORK)
INPUT = np.random.default_rng(3).integers(NETWORK.clip[0], NETWORK.clip[1] + 1, NETWORK.inputs)
OUTPUT = run_network(NETWORK, INPUT[None])[0]
N_RECEIVED = NETWORK.schedule.n_received


def put_inputs(device: BusSimulation) -> None:
    for value in INPUT:
        device.write("input", int(value) & 0xFFFFFFFF)


def outputs(device: BusSimulation) -> list[int]:
    return [word - (word >> 31 << 32) for word in (device.read("output") for _ in range(device.read("output_waiting")))]


def assert_runs(device: BusSimulation) -> None:
    """A run from a clear start is exact."""
    device.control("clear")
    device.settle()
    put_inputs(device)
    device.control("start")
    device.settle()
    found = outputs(device)
    assert len(found) == N_RECEIVED
    elements = np.concatenate([part.elements for part in NETWORK.schedule.transfers if hasattr(part, "elements")])
    kept = np.array(found)[elements >= 0]
    assert np.array_equal(kept, OUTPUT[elements[elements >= 0]])
    assert (device.read("runs"), device.read("error")) == (1, 0)


def test_identification(device: BusSimulation) -> None:
    assert device.read("magic") == MAGIC
    assert EIE_MAP.register("version").unpack(device.read("version")) == {
        "map": EIE_MAP.version,
        "format": FORMAT_VERSION,
    }
    assert device.read("hash_high") << 32 | device.read("hash_low") == SMALL.hash
    assert EIE_MAP.register("queues").unpack(device.read("queues")) == {"input": 64, "output": 64}
    assert (device.read("clock"), device.read("link_timeout")) == (LINK_HOST.clock, LINK_HOST.link_timeout)
    device.write("scratch", 0x12345678)
    assert device.read("scratch") == 0x12345678
    with pytest.raises(SimulationError, match="a transfer at 0x0 was refused"):
        device.write("magic", 1)
    with pytest.raises(SimulationError, match="a transfer at 0xc00 was refused"):
        device.write("output", 1)


def test_errors_by_name(device: BusSimulation) -> None:
    device.reset()

    def error_after(*wanted: str) -> DeviceError:
        device.control(*wanted)
        return device.verdict().error

    assert error_after("start") is DeviceError.NOT_LOADED
    assert error_after("clear") is DeviceError.NONE
    device.settle()
    device.write("load", 1)
    assert device.verdict().error is DeviceError.LOAD_OVERFLOW
    assert error_after("start") is DeviceError.LOAD_OVERFLOW  # the first error stays
    assert device.load(IMAGE) == LOADED  # and an announcement clears it
    assert device.read("load_words") == len(IMAGE)
    device.read("output")
    assert device.verdict().error is DeviceError.OUTPUT_UNDERFLOW
    device.control("clear")
    device.settle()
    for _ in range(LINK_HOST.input_depth + 1):
        device.write("input", 5)
    assert device.verdict().error is DeviceError.NONE  # the queue's head comes on top of its words
    device.write("input", 5)
    assert device.verdict().error is DeviceError.INPUT_OVERFLOW
    assert device.read("input_free") == 0
    assert device.read("input_count") == LINK_HOST.input_depth + 1
    device.control("clear")
    device.settle()
    assert device.read("input_free") == LINK_HOST.input_depth
    assert error_after("start") is DeviceError.NONE
    assert error_after("start") is DeviceError.BUSY
    device.control("abort")
    device.settle()
    device.control("clear")
    device.settle()
    device.control("start")
    assert error_after("load") is DeviceError.BUSY
    device.control("abort")
    device.settle()
    assert_runs(device)


def test_networks_one_after_the_other(device: BusSimulation) -> None:
    for seed in range(4):
        network = draw_network(seed, SMALL, largest_side=5)
        assert device.load(image_of(network)) == LOADED
    assert device.load(IMAGE) == LOADED
    assert_runs(device)
    assert_runs(device)


def test_interruptions(device: BusSimulation) -> None:
    # Aborts in every cycle, resets and loads in some; `eyrie torture reset` has them all.
    job = draw_link_job(4, SMALL)
    for kind, every in zip(INTERRUPTIONS, (1, 7, 37, 41), strict=True):
        outcomes = list(interruptions(device, job, kinds=(kind,), every=every))
        of = outcomes[0].of
        assert [outcome.cycle for outcome in outcomes] == list(range(0, of, every)), kind


def test_a_job_that_does_not_end(device: BusSimulation) -> None:
    def job() -> None:
        device.idle(1000)

    assert device.interrupt(job, 999, within_transfers=True)
    assert not device.interrupt(job, 1001, within_transfers=True)


def test_an_image_cut_off(device: BusSimulation) -> None:
    assert set(refusals(device, islice(truncations(IMAGE), 0, None, 3))) == {WAITING}
    assert device.load(IMAGE) == LOADED
    assert_runs(device)


def test_damaged_images(device: BusSimulation) -> None:
    # Every bit of the header and the table, and some of the others; `eyrie torture image` has them all.
    flips = list(single_bit_flips(IMAGE))
    table = 32 * 36
    images = [*flips[:table], *flips[table::33], *corruptions(IMAGE, count=200, seed=1)]
    assert len(list(refusals(device, iter(images)))) == len(images)
    assert device.load(IMAGE) == LOADED
    assert_runs(device)


def test_an_image_that_is_taken_is_found(device: BusSimulation) -> None:
    with pytest.raises(SimulationError, match="image 1 was taken"):
        list(refusals(device, iter([IMAGE[:5], IMAGE])))
