"""RowstatCore: whole layers and networks against plain NumPy."""

import dataclasses

import numpy as np
import pytest

from eyrie.bench.component import STALLS, Stall
from eyrie.rowstat.config import TINY, RowstatConfig
from tests.hw.rowstat.by_hand import Conv, Ints, Tape, map_words, random_conv
from tests.hw.rowstat.session import PORTS, execute


def check(
    convs: list[Conv],
    shape: tuple[int, int, int],
    *,
    config: RowstatConfig = TINY,
    seed: int = 0,
    ifmap: Ints | None = None,
    **options: object,
) -> int:
    """Run layers one after the other, on a random input if none is given, and compare every map; the cycles."""
    if ifmap is None:
        draw = np.random.default_rng(seed)
        ifmap = draw.integers(*config.activation_range, shape, endpoint=True) >> 4
        ifmap[draw.random(shape) < 0.3] = 0
    maps = [ifmap]
    addresses, memory = [0], map_words(maps[0])
    tape = Tape(config)
    for conv in convs:
        addresses.append(len(memory))
        shape = tape.conv(conv, shape, source=addresses[-2], target=addresses[-1])
        maps.append(conv.outputs(maps[-1], config.activation_width))
        assert maps[-1].shape == shape
        memory += [0xDEAD] * len(map_words(maps[-1]))
    tape.end()
    (result,) = execute(config, [(tape.words, tape.filters)], memory, seed=seed, **options)  # type: ignore[arg-type]
    for address, expected in zip(addresses, maps, strict=True):
        words = map_words(expected)
        assert result.memory[address : address + len(words)] == words
    assert (result.tape_taken, result.filters_taken) == (len(tape.words), len(tape.filters))
    assert result.counted == result.cycles
    return result.cycles


KERNEL_3 = random_conv(1, channels=2, filters=3, kernel=(3, 3), padding=1, p=3, region=6)
LAYERS = {
    "3 x 3": (KERNEL_3, (2, 5, 5)),
    "region of one window": (dataclasses.replace(KERNEL_3, region=3), (2, 5, 5)),
    "two slots": (dataclasses.replace(KERNEL_3, p=2, q=2, region=4), (2, 5, 5)),
    "four slots, three of them without a pair": (
        random_conv(2, channels=1, filters=4, kernel=(3, 2), padding=1, p=4, q=4, region=2),
        (1, 4, 6),
    ),
    "two groups of pairs in each of two slots": (
        random_conv(3, channels=4, filters=2, kernel=(3, 3), padding=1, p=1, q=2, region=5),
        (4, 4, 5),
    ),
    "filter rows folded into slots": (
        random_conv(4, channels=3, filters=3, kernel=(4, 2), padding=1, p=3, q=2, region=5),
        (3, 5, 6),
    ),
    "1 x 1": (random_conv(5, channels=7, filters=5, kernel=(1, 1), p=2, region=4), (7, 3, 6)),
    "1 x 1, one filter at a time": (
        random_conv(6, channels=7, filters=2, kernel=(1, 1), p=1, q=3, region=3),
        (7, 3, 6),
    ),
    "stride 2": (random_conv(7, channels=2, filters=3, kernel=(3, 3), stride=2, padding=1, p=3, region=7), (2, 9, 8)),
    "4 x 4, stride 5": (
        random_conv(8, channels=2, filters=2, kernel=(4, 4), stride=5, padding=2, p=2, q=2, region=5),
        (2, 12, 14),
    ),
    "stride 3 of 1 x 1": (random_conv(9, channels=3, filters=2, kernel=(1, 1), stride=3, p=2, region=3), (3, 8, 9)),
    "padding of more than the kernel": (
        random_conv(10, channels=1, filters=1, kernel=(2, 2), padding=3, p=1, region=4),
        (1, 2, 2),
    ),
    "one row, one column": (random_conv(11, channels=3, filters=2, kernel=(1, 3), p=2, region=8), (3, 1, 3)),
    "two column sets": (random_conv(12, channels=2, filters=7, kernel=(3, 3), sets=2, p=2, region=5), (2, 5, 6)),
    "fully connected": (
        random_conv(13, channels=17, filters=10, kernel=(1, 1), sets=4, p=2, q=2, region=3),
        (17, 1, 1),
    ),
    "blocks that go round the ring": (
        random_conv(14, channels=5, filters=6, kernel=(3, 3), p=2, q=2, region=5, ring=3),
        (5, 4, 5),
    ),
    "one position": (random_conv(15, channels=9, filters=4, kernel=(2, 2), p=4, q=3, region=3), (9, 2, 2)),
}
CONFIGS = {
    "1 x 1": dataclasses.replace(TINY, rows=1, columns=1, psum_bank_words=256),
    "2 x 5": dataclasses.replace(TINY, rows=2, columns=5),
    "5 x 2": dataclasses.replace(TINY, rows=5, columns=2, max_slots=3, filter_depth=16),
    "9 x 1": dataclasses.replace(TINY, rows=9, columns=1, psum_bank_words=200),
    "8 bits": dataclasses.replace(TINY, activation_width=8, weight_width=8, accumulator_width=24),
    "wide psums": dataclasses.replace(TINY, accumulator_width=42, psum_bank_words=100),
}
NETWORK = [
    random_conv(20, channels=2, filters=3, kernel=(3, 3), padding=1, p=3, region=6),
    random_conv(21, channels=3, filters=5, kernel=(2, 2), stride=2, p=2, q=2, region=3),
    random_conv(22, channels=5, filters=8, kernel=(2, 3), sets=2, p=2, q=2, region=4),
]
NETWORK_INPUT = (2, 5, 6)


@pytest.mark.parametrize("name", LAYERS)
def test_layer(name: str) -> None:
    conv, shape = LAYERS[name]
    check([conv], shape)


@pytest.mark.parametrize("name", CONFIGS)
def test_configuration(name: str) -> None:
    check([dataclasses.replace(KERNEL_3, p=2, q=2, region=4)], (2, 5, 5), config=CONFIGS[name])


def test_layers_one_after_the_other() -> None:
    check(NETWORK, NETWORK_INPUT)


@pytest.mark.parametrize("stall", STALLS)
def test_stalls_change_nothing(stall: Stall) -> None:
    check(NETWORK, NETWORK_INPUT, stall=stall, seed=1)


def test_plain_and_coded_layers() -> None:
    """Codebooks of a layer each, of 1 to 16 entries, and a plain layer between."""
    draw = np.random.default_rng(9)
    layers = []
    for conv, n_entries in zip(NETWORK, (16, 0, 3), strict=True):
        codebook = np.array([0, *draw.integers(-128, 128, n_entries - 1)]) if n_entries else None
        weight = conv.weight if codebook is None else draw.choice(codebook, conv.weight.shape)
        layers.append(dataclasses.replace(conv, weight=weight, codebook=codebook))
    for stall in STALLS:
        check(layers, NETWORK_INPUT, stall=stall, seed=1)
    zeros = dataclasses.replace(NETWORK[0], weight=np.zeros_like(NETWORK[0].weight), codebook=np.zeros(1, np.int64))
    check([zeros], NETWORK_INPUT, config=dataclasses.replace(TINY, codebook_entries=1, weight_width=9))


@pytest.mark.parametrize("port", PORTS)
def test_a_stall_of_one_port(port: str) -> None:
    check(NETWORK[:2], NETWORK_INPUT, stall={port: "gaps"}, seed=2)


@pytest.mark.parametrize("latency", [1, 2, 3, 100])
def test_latency_of_the_memory(latency: int) -> None:
    check(NETWORK[:2], NETWORK_INPUT, latency=latency)


def test_most_negative_values() -> None:
    # Every product is 2 ** 30; the psums need all but the highest bit of 42.
    config = CONFIGS["wide psums"]
    conv = dataclasses.replace(KERNEL_3, weight=np.full((3, 2, 3, 3), config.weight_range[0]), shift=np.full(3, 35))
    ifmap = np.full((2, 5, 5), config.activation_range[0])
    check([dataclasses.replace(conv, p=2, q=2, region=4)], (2, 5, 5), config=config, ifmap=ifmap)


def test_a_second_tape() -> None:
    # Counters start again, and what the first tape left behind does not matter.
    draw = np.random.default_rng(5)
    inputs = [draw.integers(-99, 100, NETWORK_INPUT) for _ in range(2)]
    tapes, memory = [], []
    for ifmap in inputs:
        tape = Tape(TINY)
        source = len(memory)
        memory += map_words(ifmap)
        tape.conv(NETWORK[0], NETWORK_INPUT, source=source, target=len(memory))
        tape.end()
        expected = map_words(NETWORK[0].outputs(ifmap, TINY.activation_width))
        memory += [0] * len(expected)
        tapes.append((tape.words, tape.filters))
    results = execute(TINY, tapes, memory)
    assert results[0].cycles == results[1].cycles
    for number, ifmap in enumerate(inputs):
        expected = map_words(NETWORK[0].outputs(ifmap, TINY.activation_width))
        end = len(memory) // 2 * (number + 1)
        assert results[1].memory[end - len(expected) : end] == expected


def test_an_empty_tape() -> None:
    tape = Tape(TINY)
    tape.end()
    (result,) = execute(TINY, [(tape.words, [])], [7])
    assert result.memory == [7]
    assert (result.cycles, result.counted) == (2, 2)


def test_what_follows_an_end_is_not_taken() -> None:
    tape = Tape(TINY)
    tape.end()
    (result,) = execute(TINY, [(tape.words * 2, [])], [])
    assert result.tape_taken == 1
