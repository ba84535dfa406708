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


@pytest.mark.parametrize(("width", "step"), [(8, 1), (16, 1), (32, 1), (32, 4), (32, 8), (16, 8)])
def test_some_bits_at_a_time(width: int, step: int) -> None:
    draw = random.Random(width + step)
    n_cycles = 40 * (1 + width // step)
    valid = [draw.random() < 0.7 for _ in range(n_cycles)]
    start = [draw.random() < 0.01 for _ in range(n_cycles)]
    data = [draw.getrandbits(width) for _ in range(n_cycles)]
    watched = run(
        Crc32(width=width, step=step),
        {},
        {},
        levels={"valid": valid, "start": start, "data": data},
        watch=["crc", "ready"],
        after=n_cycles,
    ).watched
    sequence, taken_at, numbers = b"", -width - 1, 0
    for number, (ready, crc) in enumerate(zip(watched["ready"], watched["crc"], strict=True)):
        assert ready == (number - taken_at > width // step)
        if ready:
            assert crc == zlib.crc32(sequence), f"cycle {number}"
        if start[number]:
            sequence, taken_at = b"", -width - 1
        elif ready and valid[number]:
            sequence, taken_at, numbers = sequence + data[number].to_bytes(width // 8, "little"), number, numbers + 1
    assert numbers > 20


@pytest.mark.parametrize(("width", "step"), [(8, 3), (16, 32), (64, 8), (32, 0)])
def test_refuses_a_step(width: int, step: int) -> None:
    with pytest.raises(ValueError, match=f"CRC step must be a divisor of the width {width}, .* not {step}"):
        Crc32(width=width, step=step)


@pytest.mark.parametrize("width", [0, 4, 12])
def test_refuses_a_width(width: int) -> None:
    with pytest.raises(ValueError, match=f"CRC width must be a multiple of 8 from 8 up, not {width}"):
        Crc32(width=width)
