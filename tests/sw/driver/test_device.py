"""One interface on every transport: the same calls, the same results, the same refusals."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eyrie.compile.compiled import CompiledNetwork
from eyrie.driver.device import Device, DeviceInfo
from eyrie.driver.golden_device import GoldenDevice
from eyrie.eie.config import TINY
from eyrie.errors import InputError
from eyrie.host.config import FASTEST
from tests.hw.host.images import NARROW, SMALL, draw_network


def inputs_of(network: CompiledNetwork, samples: int = 2) -> np.ndarray:
    low, high = network.clip
    return np.random.default_rng(samples).integers(low, high + 1, (samples, network.inputs))


@pytest.mark.parametrize("where", ["golden", "rtl", "uart", "board"])
def test_the_same_calls_on_every_transport(where: str, port: str) -> None:
    # TINY is what other tests build too.
    config = TINY if where == "rtl" else SMALL
    with Device.open(port if where == "board" else where, config=config) as device:
        assert device.info().config_hash == config.hash
        for seed in (1, 2):
            network = draw_network(seed, config, largest_side=12)
            device.load(network)
            x = inputs_of(network)
            y, cycles = device.run(x)
            golden = GoldenDevice()
            golden.load(network)
            expected = golden.run(x)
            assert np.array_equal(y, expected.outputs)
            assert cycles is not None
            assert np.array_equal(cycles, expected.cycles)
            info = device.info()
            assert (info.loaded, info.network, info.pes) == (True, network.name, config.n_pes)
    with pytest.raises(InputError, match="nothing is loaded"):
        device.run(x)


def test_what_a_board_says_of_itself(port: str) -> None:
    with Device.open(port) as device:
        info = device.info()
    assert info == DeviceInfo(
        where=port,
        config_hash=SMALL.hash,
        loaded=info.loaded,
        clock=FASTEST.clock,
        baud=1_000_000,
        link_timeout=FASTEST.link_timeout,
        input_depth=FASTEST.input_depth,
        output_depth=FASTEST.output_depth,
        map_version=info.map_version,
        format_version=info.format_version,
    )
    assert (info.map_version, info.format_version) >= (1, 1)


@pytest.mark.parametrize("where", ["golden", "board"])
def test_refusals(where: str, port: str) -> None:
    with Device.open(port if where == "board" else where, config=SMALL) as device:
        other = draw_network(2, NARROW)
        with pytest.raises(InputError, match=f"is for hardware {NARROW.hash:016x}, the device is {SMALL.hash:016x}"):
            device.load(other)
        network = draw_network(3, SMALL)
        with pytest.raises(InputError, match="nothing is loaded; load an image"):
            device.run(inputs_of(network))
        device.load(network)
        x = inputs_of(network)
        for wrong in (x[0], x[:, 1:], x.astype(float)):
            with pytest.raises(InputError, match=rf"inputs must be integers \(samples, {network.inputs}\)"):
                device.run(wrong)
        with pytest.raises(InputError, match=f"inputs must be {network.clip[0]} to {network.clip[1]}, not"):
            device.run(np.full_like(x, network.clip[1] + 1))
        assert len(device.run(x[:0]).outputs) == 0


def test_options_that_do_not_fit_the_transport() -> None:
    with pytest.raises(InputError, match="baud and timeout are for serial ports, not for 'golden'"):
        Device.open("golden", baud=9600)
    with pytest.raises(InputError, match="clock and line can be chosen for 'uart' only, not for 'rtl'"):
        Device.open("rtl", host=FASTEST)


def test_a_board_of_another_configuration(port: str) -> None:
    other = replace(SMALL, n_pes=2)
    with pytest.raises(InputError, match=f"the device is {SMALL.hash:016x}, not {other.hash:016x} as it should be"):
        Device.open(port, config=other)


def test_an_image_is_a_file_or_a_folder_and_checked(folder: Path, tmp_path: Path, port: str) -> None:
    with Device.open(port) as device:
        for image in (folder, folder / "network.eyrie", str(folder)):
            device.load(image)
            assert device.network is not None
        data = bytearray((folder / "network.eyrie").read_bytes())
        data[-5] ^= 1
        (tmp_path / "damaged.eyrie").write_bytes(data)
        with pytest.raises(InputError, match="damaged: its CRC is wrong"):
            device.load(tmp_path / "damaged.eyrie")
        with pytest.raises(InputError, match="cannot read"):
            device.load(tmp_path / "missing.eyrie")


def test_a_network_that_is_there_is_kept_if_that_is_asked_for(port: str) -> None:
    one, other = draw_network(1, SMALL, largest_side=40), draw_network(2, SMALL)
    sent: list[int] = []

    def load(device: Device, network: CompiledNetwork, *, keep: bool) -> int:
        sent.clear()
        device.load(network, keep=keep, progress=lambda done, of: sent.append(done))
        return sum(sent)

    with Device.open(port) as device:
        assert load(device, one, keep=False)
    with Device.open(port) as device:
        assert not load(device, one, keep=True)
        device.run(inputs_of(one))
        assert load(device, other, keep=True)
        assert load(device, other, keep=False)


_BOARD_SCRIPT = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in {"numpy", "serial", "eyrie", *sys.stdlib_module_names}:
            raise ImportError(f"{name} is not for boards")

sys.meta_path.insert(0, Refuse())
import numpy as np
from eyrie.driver.device import Device

with Device.open(sys.argv[1]) as device:
    device.load(sys.argv[2])
    y, cycles = device.run(np.load(sys.argv[3]))
    np.save(sys.argv[4], y)
foreign = {name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names)
print(*sorted(name for name in foreign if not name.startswith("_")))
"""


def test_a_board_needs_numpy_and_pyserial_alone(port: str, folder: Path, tmp_path: Path) -> None:
    network = draw_network(1, SMALL, largest_side=40)
    x = inputs_of(network)
    np.save(tmp_path / "x.npy", x)
    arguments = [port, folder, tmp_path / "x.npy", tmp_path / "y.npy"]
    ended = subprocess.run(
        [sys.executable, "-c", _BOARD_SCRIPT, *map(str, arguments)], capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 0, ended.stderr
    assert set(ended.stdout.split()) <= {"eyrie", "numpy", "serial"}
    golden = GoldenDevice()
    golden.load(network)
    assert np.array_equal(np.load(tmp_path / "y.npy"), golden.run(x).outputs)
