"""Documents of the register map: each says the same as the map, and a C compiler agrees."""

import json
import subprocess
from pathlib import Path

from eyrie.bench.tools import find_compiler
from eyrie.driver.register_documents import as_json, c_header, markdown
from eyrie.eie.load_format import LoadError
from eyrie.host.eie_map import EIE_MAP, MAGIC, DeviceError
from eyrie.host.register_map import WORD_BYTES

ROOT = Path(__file__).parents[3]


def test_addresses_that_hosts_rely_on() -> None:
    addresses = {register.name: register.address for register in EIE_MAP.registers}
    assert [addresses[name] for name in ("magic", "version", "hash_high", "hash_low")] == [0, 1, 2, 3]
    assert MAGIC.to_bytes(4, "big") == b"EYRI"
    assert (addresses["control"], addresses["status"], addresses["error"]) == (8, 9, 10)


def test_errors_agree_with_the_load_stream() -> None:
    names = {error.value: error.name for error in LoadError if error is not LoadError.PACKET}
    assert {error.value: error.name for error in DeviceError if error.value in names} == names


def test_json() -> None:
    found = json.loads(as_json(EIE_MAP))
    assert (found["map"], found["version"]) == ("eie", EIE_MAP.version)
    assert [one["name"] for one in found["registers"]] == [one.name for one in EIE_MAP.registers]
    for one, register in zip(found["registers"], EIE_MAP.registers, strict=True):
        assert one["address"] == WORD_BYTES * register.address
        assert [(part["low"], part["width"]) for part in one["fields"]] == [
            (field.low, field.width) for field in register.fields
        ]
    assert [(one["address"], one["bytes"]) for one in found["windows"]] == [(1024, 1024), (2048, 1024), (3072, 1024)]


def test_the_header_in_a_c_program(tmp_path: Path) -> None:
    checks = [f"EYRIE_EIE_MAP_VERSION == {EIE_MAP.version}"]
    for register in EIE_MAP.registers:
        name = f"EYRIE_EIE_{register.name.upper()}"
        checks.append(f"{name} == {4 * register.address}")
        for field in register.fields:
            full = (1 << field.width) - 1
            part = f"{name}_{field.name.upper()}"
            checks.append(f"({part}_MASK >> {part}_SHIFT) == {full}u")
    for window in EIE_MAP.windows:
        name = f"EYRIE_EIE_{window.name.upper()}"
        checks.append(f"{name} == {4 * window.address} && {name}_BYTES == {4 * window.words}")
    (tmp_path / "eie.h").write_text(c_header(EIE_MAP))
    asserts = "\n".join(f'static_assert({check}, "");' for check in checks)
    (tmp_path / "main.cpp").write_text(f'#include "eie.h"\n#include "eie.h"\n{asserts}\n')
    command = [*find_compiler().command, "-std=c++17", "-Wall", "-Werror", "-fsyntax-only", "main.cpp"]
    subprocess.run(command, cwd=tmp_path, check=True)


def test_the_page_has_the_tables() -> None:
    assert markdown(EIE_MAP) in (ROOT / "docs" / "host.md").read_text()
