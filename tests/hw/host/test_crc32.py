# amaranth: UnusedElaboratable=no
"""CRC-32 against zlib."""

import random
import zlib

import pytest

from eyrie.bench.component import run
from eyrie.host.crc32 import Crc32


@pytest.mark.parametrize("width", [8, 16, 32])
def test_as_zlib(width: int) -> None:
    draw = random.Random(width)
    valid = [draw.random() < 0.7 for _ in range(300)]
    start = [number == 0 or draw.random() < 0.03 for number in range(300)]
    data = [draw.getrandbits(width) for _ in range(300)]
    seen = run(
        Crc32(width=width), {}, {}, levels={"valid": valid, "start": start, "data": data}, watch=["crc"], after=301
    ).watched["crc"]
    sequence = b""
    for number in range(300):
        if start[number]:
            sequence = b""
        if valid[number]:
            sequence += data[number].to_bytes(width // 8, "little")
        assert seen[number + 1] == zlib.crc32(sequence), f"cycle {number}"


@pytest.mark.parametrize("width", [0, 4, 12])
def test_refuses_a_width(width: int) -> None:
    with pytest.raises(ValueError, match=f"CRC width must be a multiple of 8 from 8 up, not {width}"):
        Crc32(width=width)
