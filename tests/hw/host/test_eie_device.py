"""EieDevice in compiled simulation, at its bus: errors by name, abort and reset at every cycle, damaged images."""

import numpy as np
import numpy.typing as npt
import pytest

from eyrie.bench.bus_simulation import BusSimulation, Verdict, build_bus_library, emit_device
from eyrie.bench.simulation import SimulationError
from eyrie.compile.compiled import CompiledNetwork
from eyrie.driver.link_image import pack_link_image
from eyrie.driver.schedule import run_network
from eyrie.eie.config import FORMAT_VERSION
from eyrie.host.config import FASTEST
from eyrie.host.eie_map import EIE_MAP, MAGIC, DeviceError
from tests.hw.host.images import SMALL, draw_network

IntArray = npt.NDArray[np.int64]

LOADED = Verdict(False, True, DeviceError.NONE, 0)


@pytest.fixture(scope="module")
def device() -> BusSimulation:
    return BusSimulation(build_bus_library(emit_device(SMALL, FASTEST)))


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
    assert EIE_MAP.register("queues").unpack(device.read("queues")) == {"input": 1024, "output": 1024}
    assert (device.read("clock"), device.read("link_timeout")) == (FASTEST.clock, FASTEST.link_timeout)
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
    for _ in range(FASTEST.input_depth + 1):
        device.write("input", 5)
    assert device.verdict().error is DeviceError.NONE  # the queue's head comes on top of its words
    device.write("input", 5)
    assert device.verdict().error is DeviceError.INPUT_OVERFLOW
    assert device.read("input_free") == 0
    assert device.read("input_count") == FASTEST.input_depth + 1
    device.control("clear")
    device.settle()
    assert device.read("input_free") == FASTEST.input_depth
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


def cycles_of_the_job(device: BusSimulation) -> int:
    device.control("clear")
    device.settle()
    put_inputs(device)
    device.control("start")
    device.settle()
    return device.read("run_cycles")


def test_abort_at_every_cycle(device: BusSimulation) -> None:
    assert device.load(IMAGE) == LOADED
    for cycle in range(cycles_of_the_job(device) + 10):
        device.control("clear")
        device.settle()
        put_inputs(device)
        device.control("start")
        device.idle(cycle)
        device.control("abort")
        device.settle()
        assert_runs(device)


def test_reset_at_every_cycle_of_a_run(device: BusSimulation) -> None:
    for cycle in range(0, cycles_of_the_job(device) + 10, 3):
        assert device.load(IMAGE) == LOADED
        put_inputs(device)
        device.control("start")
        device.idle(cycle)
        device.reset()
        assert device.verdict() == Verdict(False, False, DeviceError.NONE, 0)
        device.control("start")
        assert device.verdict().error is DeviceError.NOT_LOADED
    assert device.load(IMAGE) == LOADED
    assert_runs(device)


def test_an_image_cut_after_every_word(device: BusSimulation) -> None:
    for cut in range(len(IMAGE)):
        assert device.load(IMAGE[:cut]) == Verdict(True, False, DeviceError.NONE, 0), f"cut after {cut} words"
        device.control("start")
        assert device.verdict().error is DeviceError.NOT_LOADED
        if cut % 16 == 0:
            assert device.load(IMAGE) == LOADED
            assert_runs(device)


def test_single_bit_flips(device: BusSimulation) -> None:
    # Every bit of the header and the table, and one of each other word; `eyrie.bench.link_campaign` has them all.
    for word in range(len(IMAGE)):
        for bit in range(32) if word < 36 else [word % 32]:
            flipped = IMAGE.copy()
            flipped[word] ^= np.uint32(1 << bit)
            verdict = device.load(flipped)
            assert not verdict.loaded, f"bit {bit} of word {word}"
            assert not verdict.loading, f"bit {bit} of word {word}"
            assert verdict.error is not DeviceError.NONE, f"bit {bit} of word {word}"
    assert device.load(IMAGE) == LOADED
    assert_runs(device)
