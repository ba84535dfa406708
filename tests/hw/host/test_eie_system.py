"""EieSystem at its pins, in compiled simulation of the emitted Verilog: the driver's bytes in, golden outputs out."""

import zlib

import numpy as np
import pytest

from eyrie.bench.host_system import simulate_system
from eyrie.bench.link_campaign import damaged_sequences
from eyrie.bench.link_job import LINK_HOST, draw_link_job
from eyrie.bench.serial_line import SerialLine
from eyrie.bench.serial_simulation import SerialSimulation
from eyrie.bench.simulated_line import SimulatedLine
from eyrie.driver.link_image import pack_link_image
from eyrie.driver.linked_engine import LinkedEngine
from eyrie.driver.schedule import run_network
from eyrie.driver.uartbone_link import LinkError, UartboneLink
from eyrie.errors import InputError
from eyrie.host.config import HostConfig
from eyrie.host.eie_map import EIE_MAP, MAGIC
from tests.hw.host.images import NARROW, SMALL, draw_network


@pytest.fixture(scope="module")
def simulation() -> SerialSimulation:
    return simulate_system(SMALL, LINK_HOST)


@pytest.fixture
def device(simulation: SerialSimulation) -> LinkedEngine:
    return LinkedEngine(UartboneLink(SimulatedLine(simulation, LINK_HOST.link_timeout)), patience=20)


def test_info(device: LinkedEngine) -> None:
    info = device.info()
    assert (info.config_hash, info.clock) == (SMALL.hash, LINK_HOST.clock)
    assert (info.input_depth, info.output_depth) == (64, 64)


def test_networks_one_over_the_other_on_many_inputs(device: LinkedEngine) -> None:
    for seed in (1, 2, 5):
        network = draw_network(seed, SMALL, largest_side=40)
        device.load(pack_link_image(network))
        inputs = np.random.default_rng(seed).integers(network.clip[0], network.clip[1] + 1, (8, network.inputs))
        expected = run_network(network, inputs)
        for x, y in zip(inputs, expected, strict=True):
            outputs, cycles = device.run(network.schedule, x)
            assert np.array_equal(outputs, y)
            assert cycles > 0


def test_bytes_as_litex_sends_them(simulation: SerialSimulation) -> None:
    # Register `magic`, then two words to `scratch` and one read back, with the host's clock 2 % off either way.
    scratch = EIE_MAP.register("scratch").address
    write = bytes([3, 2, 0, 0, 0, scratch, 1, 2, 3, 4, 0xCA, 0xFE, 0xBA, 0xBE])
    for offset in (-0.02, 0.02):
        line = SerialLine(LINK_HOST.divisor * (1 + offset)).idle(1).send(bytes([2, 1, 0, 0, 0, 0]) + write)
        line.send(bytes([2, 1, 0, 0, 0, scratch]))
        answer = simulation.put(line, wanted=8, patience=2000)
        assert answer == MAGIC.to_bytes(4, "big") + bytes.fromhex("cafebabe")


def test_refusals_reach_the_user_by_name(device: LinkedEngine) -> None:
    network = draw_network(2, SMALL)
    image = bytearray(pack_link_image(network))
    x = np.zeros(network.inputs, np.int64)
    image[-3] ^= 0x10
    with pytest.raises(InputError, match="the device refuses the image: CRC in section"):
        device.load(bytes(image))
    with pytest.raises(InputError, match="the device has no network; load an image"):
        device.run(network.schedule, x)
    other = pack_link_image(draw_network(2, NARROW))
    with pytest.raises(InputError, match=r"the device refuses the image: HASH$"):
        device.load(other)
    device.load(pack_link_image(network))
    device.run(network.schedule, x)


def test_a_host_that_was_killed_in_mid_transfer(simulation: SerialSimulation, device: LinkedEngine) -> None:
    network = draw_network(1, SMALL)
    image = pack_link_image(network)
    x = np.full(network.inputs, network.clip[1])
    for cut in (3, 40, 300):
        # The first bytes of a load, then nothing; the next host opens the device and loads.
        sent = bytes([1, 1, 0, 0, 0, EIE_MAP.register("control").address, 0, 0, 0, 1, 3, 255, 0, 0, 1, 0]) + image
        simulation.send(sent[:cut])
        again = LinkedEngine(UartboneLink(SimulatedLine(simulation, LINK_HOST.link_timeout)))
        again.load(image)
        assert np.array_equal(again.run(network.schedule, x)[0], run_network(network, x[None])[0])


def test_a_dead_line() -> None:
    class Dead:
        def send(self, data: bytes) -> None:
            pass

        def receive(self, count: int) -> bytes:
            return b""

        def settle(self) -> None:
            pass

    with pytest.raises(LinkError, match="the device answered 0 of 28 bytes of a read at 0x0"):
        LinkedEngine(UartboneLink(Dead()))


def test_damaged_sequences(simulation: SerialSimulation) -> None:
    # `eyrie torture link` has thousands of them.
    jobs = [draw_link_job(seed, SMALL) for seed in (2, 4)]
    outcomes = list(damaged_sequences(simulation, LINK_HOST.link_timeout, jobs, count=40, seed=1))
    assert len(outcomes) == 40
    assert all(outcome.taken for outcome in outcomes if not outcome.damages)
    assert {outcome.what for outcome in outcomes} == {"run", "load"}
    assert {outcome.taken for outcome in outcomes if outcome.what == "run"} == {True, False}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"baud": 12_000_000}, "baud 12000000 leaves 4 cycles of a 50000000 Hz clock a bit, not 8"),
        ({"clock": 1_000_000, "baud": 115_200}, "a 1000000 Hz clock gives no baud within 1 % of 115200"),
        ({"link_timeout": 1000}, "link_timeout 1000 is no longer than two bytes of 500 cycles"),
        ({"input_depth": 1000}, "input_depth must be a power of two, not 1000"),
    ],
)
def test_configurations_that_cannot_work(fields: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        HostConfig(**fields)


def test_the_crc_is_that_of_zlib_for_signed_activations(device: LinkedEngine) -> None:
    device.quiesce()
    values = [5, -5, 32767, -32768]
    device.link.write(EIE_MAP.window("input").address, [value & 0xFFFFFFFF for value in values])
    assert device.read("input_crc") == zlib.crc32(np.array(values, "<i2").tobytes())
