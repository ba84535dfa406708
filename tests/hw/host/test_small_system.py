"""The system of the iCEBreaker at its pins: entries and program in single-port memories, checksums a bit at a time."""

import numpy as np
import pytest

from eyrie.bench.host_system import simulate_system
from eyrie.bench.simulated_line import SimulatedLine
from eyrie.driver.link_image import pack_link_image
from eyrie.driver.linked_engine import LinkedEngine
from eyrie.driver.schedule import run_network
from eyrie.driver.uartbone_link import UartboneLink
from eyrie.errors import InputError
from eyrie.host.config import HostConfig
from eyrie.host.eie_map import EIE_MAP
from eyrie.platforms.icebreaker import ICEBREAKER
from tests.hw.host.images import draw_network

CONFIG, HOST = ICEBREAKER.engine, ICEBREAKER.host


@pytest.fixture(scope="module")
def device() -> LinkedEngine:
    line = SimulatedLine(simulate_system(CONFIG, HOST), HOST.link_timeout)
    return LinkedEngine(UartboneLink(line), patience=20)


def test_it_is_the_small_one() -> None:
    assert (CONFIG.entry_memory, CONFIG.program_memory) == ("single_port", "single_port")
    assert (HOST.crc_width, HOST.counter_width, HOST.stall_counters) == (1, 16, False)


def test_networks_one_over_the_other(device: LinkedEngine) -> None:
    for seed in (1, 2, 5):
        network = draw_network(seed, CONFIG, largest_side=40)
        device.load(pack_link_image(network))
        inputs = np.random.default_rng(seed).integers(network.clip[0], network.clip[1] + 1, (3, network.inputs))
        expected = run_network(network, inputs)
        for x, y in zip(inputs, expected, strict=True):
            outputs, cycles = device.run(network.schedule, x)
            assert np.array_equal(outputs, y)
            assert cycles > 0
        assert device.read("run_cycles") == 0
        assert device.read("load_words") == len(pack_link_image(network)) // 4


def test_damage_is_found(device: LinkedEngine) -> None:
    network = draw_network(2, CONFIG, largest_side=20)
    image = bytearray(pack_link_image(network))
    image[-3] ^= 0x10
    with pytest.raises(InputError, match="the device refuses the image: CRC in section"):
        device.load(bytes(image))
    image[-3] ^= 0x10
    device.load(bytes(image))
    x = np.full(network.inputs, network.clip[1])
    assert np.array_equal(device.run(network.schedule, x)[0], run_network(network, x[None])[0])


def test_a_full_input_queue_says_so(device: LinkedEngine) -> None:
    device.quiesce()
    assert device.read("input_free") == HOST.input_depth
    device.link.write(EIE_MAP.window("input").address, [1] * (HOST.input_depth + 2))
    assert device.error()[0].name == "INPUT_OVERFLOW"
    device.quiesce()
    assert device.error()[0].name == "NONE"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"crc_width": 3}, "crc_width must be one of 1, 2, 4, 8, 16, 32, not 3"),
        ({"counter_width": 8}, "counter_width must be an integer from 16 to 32, not 8"),
        ({"stall_counters": 1}, "stall_counters must be true or false, not 1"),
    ],
)
def test_settings_that_cannot_be(fields: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        HostConfig(**fields)
