# amaranth: UnusedElaboratable=no
"""Docstrings of the components of the host's side against what the components are."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator

import pytest
from amaranth.lib import wiring

import eyrie.host
from eyrie.eie.config import TINY
from eyrie.host.axi_lite_bridge import AxiLiteBridge
from eyrie.host.config import FASTEST
from eyrie.host.crc32 import Crc32
from eyrie.host.eie_axi import EieAxi
from eyrie.host.eie_device import EieDevice
from eyrie.host.eie_map import EIE_MAP
from eyrie.host.eie_system import EieSystem
from eyrie.host.huffman_decoder import HuffmanDecoder
from eyrie.host.image_loader import ImageLoader
from eyrie.host.register_bank import RegisterBank
from eyrie.host.run_control import RunControl
from eyrie.host.section_reader import SectionReader
from eyrie.host.section_unpacker import SectionUnpacker
from eyrie.host.stream_window import ReadWindow, WriteWindow
from eyrie.host.uart import Uart
from eyrie.host.uart_receiver import UartReceiver
from eyrie.host.uart_transmitter import UartTransmitter
from eyrie.host.uartbone import Uartbone
from eyrie.host.wishbone_decoder import Range, WishboneDecoder
from tests.hw.test_members import assert_same, documented_member, section

EXAMPLES: dict[type, Callable[[], wiring.Component]] = {
    Crc32: lambda: Crc32(width=16),
    EieAxi: lambda: EieAxi(TINY, FASTEST),
    AxiLiteBridge: lambda: AxiLiteBridge(address_width=5),
    EieDevice: lambda: EieDevice(TINY, FASTEST, streams=True),
    EieSystem: lambda: EieSystem(TINY, FASTEST),
    HuffmanDecoder: lambda: HuffmanDecoder(max_symbols=20),
    ImageLoader: lambda: ImageLoader(TINY),
    ReadWindow: lambda: ReadWindow(address_width=5),
    RegisterBank: lambda: RegisterBank(EIE_MAP),
    RunControl: lambda: RunControl(TINY, FASTEST),
    SectionReader: lambda: SectionReader(config_hash=TINY.hash),
    SectionUnpacker: lambda: SectionUnpacker(TINY),
    Uart: lambda: Uart(divisor=8),
    UartReceiver: lambda: UartReceiver(divisor=8),
    UartTransmitter: lambda: UartTransmitter(divisor=8),
    Uartbone: lambda: Uartbone(timeout=100),
    WishboneDecoder: lambda: WishboneDecoder(address_width=6, ranges=[Range(name="one", address=0, width=6)]),
    WriteWindow: lambda: WriteWindow(address_width=5),
}


def components() -> Iterator[type[wiring.Component]]:
    for info in pkgutil.walk_packages(eyrie.host.__path__, f"{eyrie.host.__name__}."):
        module = importlib.import_module(info.name)
        for _, member in inspect.getmembers(module, inspect.isclass):
            if issubclass(member, wiring.Component) and member.__module__ == module.__name__:
                yield member


COMPONENTS = {component.__name__: component for component in components()}


def build(name: str) -> wiring.Component:
    component = COMPONENTS[name]
    return EXAMPLES.get(component, component)()


@pytest.mark.parametrize("name", COMPONENTS)
def test_members(name: str) -> None:
    dut = build(name)
    actual = dict(dut.signature.members.items())
    for member, kind in section(COMPONENTS[name], "Members"):
        # Members named after registers and slaves stand for as many as there are; a name goes to its first pattern.
        found = [one for one in actual if re.fullmatch(re.sub(r"\{\w+\}", r"\\w+", member), one)]
        if member == "{register}":
            found = [one for one in found if not one.endswith(("_written", "_data"))]
        assert found, f"{name} has no {member}"
        for one in found:
            if "{" not in kind and "{" not in member:
                assert_same(documented_member(kind, dut), actual[one], f"{name}.{one}")
            del actual[one]
    assert not actual, f"{name} does not document {', '.join(actual)}"


@pytest.mark.parametrize("name", COMPONENTS)
def test_parameters_are_attributes(name: str) -> None:
    parameters = list(inspect.signature(COMPONENTS[name].__init__).parameters)[1:]
    documented = section(COMPONENTS[name], "Parameters") if parameters else []
    assert [parameter for parameter, _ in documented] == parameters
    for parameter in parameters:
        assert hasattr(build(name), parameter), f"{name}.{parameter}"


def test_all_components_are_found() -> None:
    assert {"EieSystem", "BitReader", "LoadStreamWriter", "WishboneDecoder"} <= set(COMPONENTS)
