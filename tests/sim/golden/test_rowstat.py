"""The golden tape interpreter against the reference for convolutions, and what it refuses."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from eyrie.errors import InputError
from eyrie.golden.convolution import forward
from eyrie.golden.rowstat.counts import Counts
from eyrie.golden.rowstat.model import RowstatModel
from eyrie.rowstat.commands import COUNT_BITS, FIELDS, Opcode, Unit, pack, unpack
from eyrie.rowstat.config import PAPER, TINY, RowstatConfig
from tests.sim.golden.coded_rows import code
from tests.sim.golden.rowstat_tapes import (
    Builder,
    Choices,
    Layer,
    add_layer,
    draw_case,
    draw_config,
    draw_layer,
    packets_of,
    read_map,
    shuffled,
    tape_of,
    write_map,
)

Shape = tuple[int, int, int, int]
Words = list[int]


def run(
    config: RowstatConfig, layers: list[tuple[Layer, Choices]], x: np.ndarray, count_bits: int = COUNT_BITS
) -> tuple[np.ndarray, np.ndarray, Counts]:
    """Results by the tape and by the reference, and the work done."""
    builder = Builder(config, count_bits=count_bits)
    address, shape = write_map(builder, x, coded=layers[0][1].coded_inputs), x.shape
    for layer, choices in layers:
        address, shape = add_layer(builder, layer, address, shape, choices)
    tape, filters, memory = builder.finished()
    result = RowstatModel(config, tape).run(filters, memory)
    expected = forward([layer for layer, _ in layers], x, activation_width=config.activation_width)
    coded = layers[-1][1].coded_outputs
    return read_map(result.memory, address, shape, coded=coded), expected, result.counts


def require_equal(config: RowstatConfig, layers: list[tuple[Layer, Choices]], shape: Shape, seed: int = 0) -> Counts:
    rng = np.random.default_rng(seed)
    x = rng.integers(-128, 128, shape) * (rng.random(shape) < 0.6)
    got, expected, counts = run(config, layers, x)
    assert got.shape == expected.shape
    assert np.array_equal(got, expected)
    assert len(np.unique(expected)) > 3
    return counts


def layer(filters: int, channels: int, kernel: tuple[int, int], **values: object) -> Layer:
    return draw_layer(np.random.default_rng(filters), filters, channels, kernel, **values)


CASES: dict[str, tuple[list[tuple[Layer, Choices]], Shape]] = {
    "3 x 3, padding": ([(layer(3, 2, (3, 3), padding=(1, 1, 1, 1)), Choices(filters=3))], (1, 2, 5, 5)),
    "1 x 1": ([(layer(4, 7, (1, 1)), Choices(filters=4, slots=3))], (1, 7, 3, 3)),
    "fully connected, a column a set": (
        [(layer(9, 17, (1, 1)), Choices(filters=3, slots=4, sets=4))],
        (1, 17, 1, 1),
    ),
    "stride 2, unequal padding": (
        [(layer(3, 2, (3, 2), stride=(2, 2), padding=(2, 0, 1, 3)), Choices(slots=2, extra_region=1))],
        (1, 2, 6, 5),
    ),
    "stride over the kernel": ([(layer(2, 2, (4, 4), stride=(5, 5)), Choices(slots=2))], (1, 2, 14, 9)),
    "kernel higher than the array": ([(layer(2, 1, (5, 3)), Choices(slots=2))], (1, 1, 8, 6)),
    "kernel as large as the map": ([(layer(5, 3, (4, 4)), Choices(slots=2, sets=4))], (2, 3, 4, 4)),
    "filters not divisible, two sets": (
        [(layer(5, 4, (3, 3), relu=True), Choices(slots=2, sets=2, items=2, extra_ring=2))],
        (2, 4, 6, 6),
    ),
    "sets that leave columns idle": ([(layer(4, 2, (2, 2)), Choices(filters=2, sets=3))], (1, 2, 4, 4)),
    "coded maps": (
        [
            (
                layer(5, 4, (3, 3), padding=(1, 1, 1, 1), relu=True),
                Choices(slots=2, sets=2, items=2, coded_inputs=True, coded_outputs=True),
            ),
            (layer(3, 5, (2, 2)), Choices(filters=1, sets=3, split=True, coded_inputs=True)),
        ],
        (2, 4, 7, 7),
    ),
    "wide coded maps": (
        [(layer(2, 2, (3, 3)), Choices(filters=1, sets=2, coded_inputs=True, coded_outputs=True))],
        (1, 2, 5, 60),
    ),
    "one row": ([(layer(2, 2, (1, 3), padding=(0, 1, 0, 1)), Choices())], (1, 2, 1, 9)),
    "one column": ([(layer(2, 2, (3, 1)), Choices())], (1, 2, 9, 1)),
    "two layers": (
        [
            (layer(5, 4, (3, 3), padding=(1, 1, 1, 1), relu=True), Choices(slots=2, sets=2, items=2)),
            (layer(3, 5, (2, 2), stride=(3, 3)), Choices(filters=1, sets=3, items=2, extra_region=1)),
        ],
        (2, 4, 7, 7),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_equals_the_reference(name: str) -> None:
    layers, shape = CASES[name]
    require_equal(TINY, layers, shape)


@pytest.mark.parametrize("seed", range(40))
def test_equals_the_reference_on_drawn_layers(seed: int) -> None:
    config = draw_config(seed)
    layers, shape = draw_case(seed, config)
    rng = np.random.default_rng(seed)
    low, high = config.activation_range
    x = rng.integers(low, high + 1, shape) * (rng.random(shape) < 0.6)
    got, expected, counts = run(config, layers, x)
    assert np.array_equal(got, expected)
    done = sum(
        one.weight.shape[1] * one.weight[0, 0].size * places
        for (one, _), places in zip(layers, sizes(layers, shape), strict=True)
    )
    # Every product is made once, but for those with zeros around the map, and filters and rows of columns left over.
    assert counts.multiplies <= counts.multiplies + counts.gated
    assert counts.multiplies + counts.gated >= done


def sizes(layers: list[tuple[Layer, Choices]], shape: Shape) -> list[int]:
    """Outputs of every layer."""
    result = []
    x = np.zeros(shape, np.int64)
    for one, _ in layers:
        x = forward([one], x, activation_width=16)
        result.append(x.size)
    return result


@pytest.mark.parametrize("sharing", [1, 3])
def test_counts_by_hand(sharing: int) -> None:
    config = replace(TINY, rows=2, columns=3, filter_columns=sharing)
    ones = np.ones(2, np.int64)
    one = Layer(weight=np.ones((2, 2, 2, 2), np.int64), bias=ones * 0, multiplier=ones, shift=ones * 0)
    x = np.ones((1, 2, 4, 5), np.int64)
    x[0, 0, 0] = 0
    _, _, counts = run(config, [(one, Choices(filters=2, slots=1))], x)
    # 3 output rows of 4 positions in 3 columns; 2 passes, one a channel, of 2 filter rows in 2 rows of the array.
    # The row of zeros meets filter row 0 in column 0: 4 positions, 2 words, 2 filters.
    assert counts == Counts(
        passes=2,
        multiplies=2 * 6 * 4 * 2 * 2 - 16,
        gated=16,
        ifmap_reads=192,
        ifmap_writes=2 * 6 * 5,
        filter_reads=192 - 16 if sharing == 1 else 64,  # what is gated in column 0 the others multiply
        filter_writes=2 * 6 * 4 // sharing,
        ifmap_network=2 * 4 * 5,
        id_network=2 * 2,
        filter_network=2 * 4,
        psum_network=2 * 6 * 4 * 2,
        ifmap_bank_writes=2 * 4 * 2,
        ifmap_bank_reads=2 * 4 * 5,
        ifmap_bank_words=2 * 4 * (1 + 3),  # values 0 and 1 in a word, then 2, 3 and 4 each by themselves
        filter_fifo=8,
        psum_bank_reads=24,
        psum_bank_writes=48,
        drain_reads=24,
        map_reads=16,
        map_writes=2 * 3,
        filter_words=8,
        tape_words=counts.tape_words,
    )


def two_shared_layers() -> tuple[list[tuple[Layer, Choices]], Shape]:
    """The second layer has a smaller codebook than the first, and an odd number of words on the filter bus."""
    rng = np.random.default_rng(5)
    first, choices = CASES["two layers"][0][0]
    second, others = layer(3, 5, (3, 1), stride=(3, 3)), Choices(filters=1, sets=3, items=4)
    books = np.array([0, -3, 99, -128, 127, 7, 8]), np.array([0, 50, -50])
    layers = [
        (replace(one, weight=rng.choice(book, one.weight.shape), codebook=book), choice)
        for one, choice, book in ((first, choices, books[0]), (second, others, books[1]))
    ]
    return layers, CASES["two layers"][1]


def test_codes_of_a_codebook_change_nothing_but_the_stream() -> None:
    layers, shape = two_shared_layers()
    coded = require_equal(TINY, layers, shape)
    plain = require_equal(TINY, [(replace(one, codebook=None), choices) for one, choices in layers], shape)
    assert coded.filter_network == plain.filter_words
    assert plain.filter_words // 2 < coded.filter_words == coded.filter_fifo <= (plain.filter_words + 2) // 2
    assert (coded.codebook_reads, plain.codebook_reads) == (4 * plain.filter_words, 0)
    assert coded.tape_words == plain.tape_words + (2 + 2) + (2 + 1)
    same = ("filter_words", "filter_fifo", "codebook_reads", "tape_words")
    assert replace(coded, **{name: getattr(plain, name) for name in same}) == plain


def test_narrow_values_lose_their_high_bits() -> None:
    config = replace(TINY, activation_width=8, weight_width=8, accumulator_width=24)
    weight = np.array([[[[1]], [[0x180]]]])
    one = Layer(weight=weight, bias=np.array([0]), multiplier=np.array([1]), shift=np.array([0]))
    x = np.array([[[[5, 0x7FF]], [[1, 0]]]])
    got, _, _ = run(config, [(one, Choices(filters=1, slots=1))], x)
    assert got.ravel().tolist() == [5 - 128, -1]


def test_sums_wrap_round_at_the_accumulators_width() -> None:
    config = replace(TINY, accumulator_width=24)
    one = Layer(
        weight=np.full((1, 3, 1, 1), 1 << 11), bias=np.array([0]), multiplier=np.array([1]), shift=np.array([8])
    )
    got, _, _ = run(config, [(one, Choices(filters=1))], np.full((1, 3, 1, 1), 1 << 11))
    assert got.item() == (3 * (1 << 22) - (1 << 24)) >> 8


def test_more_passes_than_a_counter_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eyrie.golden.rowstat.contract.COUNT_BITS", 6)
    config = replace(TINY, rows=1, columns=1)
    one, x = layer(1, 2, (1, 1)), np.arange(200).reshape(1, 2, 100, 1)
    got, expected, counts = run(config, [(one, Choices(filters=1, items=3))], x, count_bits=6)
    assert counts.passes == 200
    assert np.array_equal(got, expected)


# What is refused: tapes with one thing wrong.


def two_layer_tape(name: str = "two layers") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    layers, shape = CASES[name]
    builder = Builder(TINY)
    address = write_map(builder, np.ones(shape, np.int64), coded=layers[0][1].coded_inputs)
    for one, choices in layers:
        address, shape = add_layer(builder, one, address, shape, choices)
    return builder.finished()


def edit(name: str, number: int, **values: int) -> Callable[[Words], Words]:
    """Other values for fields of the command of this name that comes as number ``number``."""

    def apply(words: Words) -> Words:
        return with_packets(words, lambda found, _: edited(found, number, name, values))

    return apply


def edited(packets: list[tuple[int, Words]], number: int, name: str, values: dict[str, int]) -> list[tuple[int, Words]]:
    places = [at for at, (unit, own) in enumerate(packets) if command_name(unit, own) == name]
    unit, own = packets[places[number]]
    n = len(FIELDS[name])
    packets[places[number]] = unit, [*pack(name, **{**unpack(name, own), **values}), *own[n:]]
    return packets


def command_name(unit: int, words: Words) -> str:
    opcode = words[0] & 15
    return {
        (Unit.FETCH, Opcode.WORK): "fetch",
        (Unit.FETCH, Opcode.CODED): "coded_fetch",
        (Unit.DELIVER, Opcode.LAYER): "deliver_layer",
        (Unit.DELIVER, Opcode.IDS): "deliver_ids",
        (Unit.DELIVER, Opcode.COLUMNS): "deliver_columns",
        (Unit.DELIVER, Opcode.WORK): "deliver_pass",
        (Unit.LOAD, Opcode.LAYER): "load_layer",
        (Unit.LOAD, Opcode.COLUMNS): "load_columns",
        (Unit.LOAD, Opcode.CODEBOOK): "load_codebook",
        (Unit.COMPUTE, Opcode.LAYER): "compute_layer",
        (Unit.COMPUTE, Opcode.WORK): "compute_pass",
        (Unit.DRAIN, Opcode.WORK): "drain",
        (Unit.DRAIN, Opcode.POOL): "pool",
    }[Unit(unit), Opcode(opcode)]


def with_packets(words: Words, change: Callable[[list[tuple[int, Words]], Words], list[tuple[int, Words]]]) -> Words:
    return tape_of(change(packets_of(words), words))


def without(name: str, number: int) -> Callable[[Words], Words]:
    """The tape without a command."""

    def change(packets: list[tuple[int, Words]], _: Words) -> list[tuple[int, Words]]:
        places = [at for at, (unit, own) in enumerate(packets) if command_name(unit, own) == name]
        del packets[places[number]]
        return packets

    return lambda words: with_packets(words, change)


def moved(name: str, number: int, *, to: int) -> Callable[[Words], Words]:
    """The tape with a command at packet ``to``."""

    def change(packets: list[tuple[int, Words]], _: Words) -> list[tuple[int, Words]]:
        places = [at for at, (unit, own) in enumerate(packets) if command_name(unit, own) == name]
        packets.insert(to, packets.pop(places[number]))
        return packets

    return lambda words: with_packets(words, change)


def packet(unit: int, *words: int) -> Words:
    return [unit | len(words) << 3, *words]


REFUSED: dict[str, tuple[Callable[[Words], Words], str]] = {
    "no END": (lambda words: words[:-1], "without an END"),
    "cut": (lambda words: words[:-3], "is cut"),
    "words after the END": (lambda words: [*words, 0], "1 words after its END"),
    "unknown unit": (lambda words: [*packet(7), *words], "unit 7"),
    "unknown opcode": (lambda words: [*packet(Unit.DRAIN, 9), *words], "opcode 9"),
    "opcode of another unit": (lambda words: [*packet(Unit.DRAIN, 1), *words], "opcode 1"),
    "reserved bits": (lambda words: [words[0] | 1 << 40, *words[1:]], "reserved bits"),
    "cut command": (lambda words: [*words[:-1], *packet(Unit.FETCH, 4), 0], "of which 1 are there"),
    "cut ids": (lambda words: [*words[:-1], *packet(Unit.DELIVER, 2), 0], "of which 1 are there"),
    "bank too small": (edit("fetch", 0, bank_address=250), "last bank address"),
    "nothing to fetch": (edit("fetch", 0, words=0), "words must be from 1"),
    "memory too small": (edit("fetch", 0, map_address=1 << 20), "reads word"),
    "too many slots": (edit("deliver_layer", 0, slots=5), "slots must be from 1 to 4"),
    "region too small": (edit("deliver_layer", 0, region=2), "region must be from 3 to 5"),
    "regions too large": (edit("deliver_layer", 0, region=6), "region must be from 3 to 5"),
    "advance": (edit("deliver_layer", 0, advance=2), "advance must be 1, not 2"),
    "units differ": (edit("deliver_layer", 0, steps=6), "steps must be 7, not 6"),
    "too many filters": (edit("compute_layer", 0, filters=5, block=15), "filters must be from 1 to 4"),
    "block": (edit("compute_layer", 0, block=5), "block must be 6, not 5"),
    "ring of less than the slots": (edit("compute_layer", 0, ring=1), "ring must be from 2 to 5"),
    "rings differ": (edit("load_layer", 0, ring=3), "ring must be 2, not 3"),
    "blocks": (edit("load_layer", 0, blocks=3), "blocks must be"),
    "slot": (edit("deliver_ids", 0, slot=4), "slot must be from 0 to 3"),
    "last column": (edit("drain", 0, first_column=3), "last column must be from 0 to 3"),
    "psums over the half": (edit("drain", 0, psum_base=60), "last psum in its half"),
    "pass over the half": (edit("compute_pass", 0, psum_base=60), "last psum in its half"),
    "pass without a partner": (without("deliver_pass", 0), "DELIVER has 47 passes, COMPUTE 48"),
    "pass before a layer": (moved("deliver_layer", 0, to=20), "before the first deliver_layer"),
    "passes of other layers": (moved("compute_layer", 1, to=60), "of layer 0"),
    "layer left out": (without("load_layer", 1), "LOAD has 1 layers, COMPUTE 2"),
    "filters too late": (moved("load_layer", 0, to=60), "comes before its load_layer"),
    "filters too early": (edit("load_layer", 1, wait_computed=1), "waits for 1 passes"),
    "set that does not end": (edit("compute_pass", 47, last_of_set=0), "not the last of its filter set"),
    "wait for the future": (edit("deliver_pass", 0, wait_fetched=5), "wait_fetched is 5, but only"),
    "wait for itself": (edit("deliver_pass", 0, wait_computed=1), "wait_computed is 1, but only 0"),
    "wait from before the start": (edit("fetch", 0, wait_drained=60000), "before the start"),
    "values outside the bank": (edit("deliver_pass", 0, base=250), "bank word"),
    "values never fetched": (edit("deliver_pass", 0, base=100), "which nothing was fetched to"),
    "columns without ids": (without("deliver_columns", 0), "columns have no IDs"),
    "columns without sets": (without("load_columns", 0), "columns have no set numbers"),
    "slots forgotten with the layer": (without("deliver_ids", 16), "slot 0 has no row IDs"),
    "slot without ids": (edit("deliver_ids", 1, slot=3), "slot 1 has no row IDs"),
    "places without values": (edit("deliver_ids", 0, channels=0), "undefined"),
    "adds to nothing": (edit("compute_pass", 0, first=0), "undefined"),
    "drain outside the memory": (edit("drain", 0, map_address=1 << 20), "writes word"),
    "drain without a wait": (edit("drain", 0, wait_computed=3), "without a wait for drain or pool 0"),
    "tile written over": (edit("fetch", 4, wait_delivered=0), "without a wait for deliver_pass"),
    "tile read too early": (edit("deliver_pass", 0, wait_fetched=0), "which nothing was fetched to"),
    "second tile read too early": (edit("deliver_pass", 20, wait_fetched=1), "without a wait for deliver_pass 20"),
    "psums written over": (edit("compute_pass", 16, wait_drained=0), "without a wait for drain"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refuses(name: str) -> None:
    change, message = REFUSED[name]
    tape, filters, memory = two_layer_tape()
    changed = np.array(change([int(word) for word in tape]), np.uint64)
    with pytest.raises(InputError, match=message):
        RowstatModel(TINY, changed).run(filters, memory)


def test_refuses_sets_that_part_columns_of_one_filter_scratch_pad() -> None:
    tape, filters, memory = two_layer_tape("fully connected, a column a set")
    with pytest.raises(InputError, match="column 1 shares its filter scratch pads with others of set 0"):
        RowstatModel(replace(TINY, filter_columns=2), tape).run(filters, memory)


def test_a_codebook_serves_until_the_next_replaces_its_entries() -> None:
    """Without the second layer's own codebook, or with its first entry alone, codes mean weights of the first one's."""
    layers, shape = two_shared_layers()
    (first, _), (second, _) = layers
    builder = Builder(TINY)
    x = np.random.default_rng(0).integers(-9, 9, shape)
    address, after = write_map(builder, x), x.shape
    for one, choice in layers:
        address, after = add_layer(builder, one, address, after, choice)
    tape, filters, memory = builder.finished()
    assert second.codebook is not None
    assert first.codebook is not None
    codes = (second.weight[..., None] == second.codebook).argmax(axis=-1)
    expected = forward([first, replace(second, weight=first.codebook[codes])], x, activation_width=16)
    for change in (without("load_codebook", 1), edit("load_codebook", 1, entries=1)):
        changed = np.array(change([int(word) for word in tape]), np.uint64)
        result = RowstatModel(TINY, changed).run(filters, memory)
        assert np.array_equal(read_map(result.memory, address, after), expected)


CODES_REFUSED: dict[str, tuple[Callable[[Words], Words], str]] = {
    "no codebook": (without("load_codebook", 0), "code 6 lies beyond the 0 entries"),
    "codebook too small": (edit("load_codebook", 0, entries=5), "code 6 lies beyond the 5 entries"),
    "cut codebook": (edit("load_codebook", 1, entries=256), "65 words, of which 3 are there"),
    "plain weights": (edit("load_layer", 0, coded=0), "wants 384 filter words, 200 are left"),
}


@pytest.mark.parametrize("name", CODES_REFUSED)
def test_refuses_codes(name: str) -> None:
    change, message = CODES_REFUSED[name]
    layers, shape = two_shared_layers()
    builder = Builder(TINY)
    address = write_map(builder, np.ones(shape, np.int64))
    for one, choices in layers:
        address, shape = add_layer(builder, one, address, shape, choices)
    tape, filters, memory = builder.finished()
    changed = np.array(change([int(word) for word in tape]), np.uint64)
    with pytest.raises(InputError, match=message):
        RowstatModel(TINY, changed).run(filters, memory)


def test_refuses_codebooks_that_do_not_fit() -> None:
    tape, _, _ = two_layer_tape()
    changed = np.array(edit("load_layer", 0, coded=1)([int(word) for word in tape]), np.uint64)
    with pytest.raises(InputError, match="coded must be from 0 to 0, not 1"):
        RowstatModel(replace(TINY, codebook_entries=0), changed)
    book = pack("load_codebook", opcode=Opcode.CODEBOOK, entries=17)
    for config, most in ((TINY, 16), (replace(TINY, codebook_entries=0), 0)):
        with pytest.raises(InputError, match=f"entries must be from 1 to {most}, not 17"):
            RowstatModel(config, np.array([*packet(Unit.LOAD, *book, *[0] * 5), *tape.tolist()], np.uint64))
    nothing = pack("load_codebook", opcode=Opcode.CODEBOOK, entries=0)
    with pytest.raises(InputError, match="entries must be from 1"):
        RowstatModel(TINY, np.array([*packet(Unit.LOAD, *nothing), *tape.tolist()], np.uint64))


CODED_MAPS_REFUSED: dict[str, tuple[Callable[[Words], Words], str]] = {
    "bank too small": (edit("coded_fetch", 0, bank_address=250), "last bank address"),
    "nothing to fetch": (edit("coded_fetch", 0, rows=0), "rows must be from 1"),
    "no slots": (edit("coded_fetch", 0, slot_words=0), "slot_words must be from 1"),
    "rows of other lengths": (edit("coded_fetch", 0, words=1), "row 0 has a value at 6, beyond its 4"),
    "slots of other lengths": (edit("coded_fetch", 0, slot_words=2), "row 0 has no last word among 2"),
    "memory too small": (edit("coded_fetch", 0, map_address=1 << 20), "reads word"),
    "read without a wait": (edit("coded_fetch", 16, wait_drained=0), "external memory without a wait for drain"),
    "tile written over": (edit("coded_fetch", 4, wait_delivered=0), "without a wait for deliver_pass"),
}


@pytest.mark.parametrize("name", CODED_MAPS_REFUSED)
def test_refuses_coded_maps(name: str) -> None:
    change, message = CODED_MAPS_REFUSED[name]
    tape, filters, memory = two_layer_tape("coded maps")
    changed = np.array(change([int(word) for word in tape]), np.uint64)
    with pytest.raises(InputError, match=message):
        RowstatModel(TINY, changed).run(filters, memory)


def test_refuses_coded_outputs_of_four_columns_at_a_time() -> None:
    tape, _, _ = two_layer_tape("coded maps")
    with pytest.raises(InputError, match="coded must be from 0 to 0, not 1"):
        RowstatModel(replace(TINY, drain_lanes=4), tape)


@pytest.mark.parametrize("zeros", [False, True])
def test_coded_maps_cost_their_words_alone(zeros: bool) -> None:
    """Rows of sixty zeros have a pair, so a word, rows of sixty others twenty words; two strips take four rows of five
    each, of both channels."""
    layers, shape = CASES["wide coded maps"]
    builder = Builder(TINY)
    x = np.full(shape, 0 if zeros else 1)
    address = write_map(builder, x, coded=True)
    address, shape = add_layer(builder, layers[0][0], address, shape, layers[0][1])
    tape, filters, memory = builder.finished()
    result = RowstatModel(TINY, tape).run(filters, memory)
    assert result.counts.map_reads == 2 * 2 * 4 * (1 if zeros else 20)
    written = read_map(result.memory, address, shape, coded=True).reshape(-1, shape[3]).tolist()
    assert result.counts.map_writes == sum(len(code(row)) for row in written)


def test_refuses_what_would_wait_for_ever() -> None:
    """Between the two commands of the first pass comes more for LOAD than its queue holds."""
    tape, filters, memory = two_layer_tape()
    packets = packets_of([int(word) for word in tape])
    names = [command_name(unit, own) for unit, own in packets]
    columns = packets[names.index("load_columns")]
    at = names.index("compute_pass")
    packets[at:at] = [columns] * (TINY.command_depth // 2)
    accepted = RowstatModel(TINY, np.array(tape_of(packets), np.uint64)).run(filters, memory)
    packets[at:at] = [columns]
    with pytest.raises(InputError, match="words for LOAD lie between"):
        RowstatModel(TINY, np.array(tape_of(packets), np.uint64))
    assert accepted.counts.passes == 48


@pytest.mark.parametrize(("extra", "message"), [(-1, "are left"), (1, "1 of 433 filter words are left over")])
def test_refuses_filters_that_do_not_fit(extra: int, message: str) -> None:
    tape, filters, memory = two_layer_tape()
    changed = filters[:extra] if extra < 0 else np.append(filters, np.uint64(0))
    with pytest.raises(InputError, match=message):
        RowstatModel(TINY, tape).run(changed, memory)


def test_an_unchanged_tape_is_accepted_and_its_memory_left_alone() -> None:
    tape, filters, memory = two_layer_tape()
    before = memory.copy()
    same = np.array(with_packets([int(word) for word in tape], lambda packets, _: packets), np.uint64)
    assert np.array_equal(same, tape)
    result = RowstatModel(TINY, tape).run(filters, memory)
    assert np.array_equal(memory, before)
    assert not np.array_equal(result.memory, before)


@pytest.mark.parametrize("seed", range(20))
def test_the_order_of_the_units_does_not_matter(seed: int) -> None:
    layers, shape = draw_case(seed, TINY)
    rng = np.random.default_rng(seed)
    builder = Builder(TINY)
    address = write_map(builder, rng.integers(-99, 99, shape), coded=layers[0][1].coded_inputs)
    for one, choices in layers:
        address, shape = add_layer(builder, one, address, shape, choices)
    tape, filters, memory = builder.finished()
    other = shuffled(TINY, tape, rng)
    assert not np.array_equal(other, tape)
    results = [RowstatModel(TINY, words).run(filters, memory) for words in (tape, other)]
    assert np.array_equal(results[0].memory, results[1].memory)
    results[1].counts.tape_words = results[0].counts.tape_words
    assert results[0].counts == results[1].counts


def test_a_weight_of_zero_keeps_old_values_out() -> None:
    """A place without values is allowed where its weights are zero, whatever number the column has."""
    config = replace(PAPER, rows=5, columns=3)
    require_equal(config, [(layer(3, 2, (3, 3)), Choices(filters=3, slots=2))], (1, 2, 5, 6))
