"""A plain way from a layer to a tape, written by hand for the tests: no search, every choice is an argument."""

from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from eyrie.errors import InputError
from eyrie.golden.rowstat.contract import CheckedTape
from eyrie.rowstat.commands import COUNT_BITS, NO_CHANNEL, Opcode, Unit, pack
from eyrie.rowstat.config import BUS_WORDS, PAIRS, RowstatConfig
from tests.sim.golden.coded_rows import code, values_of_row


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A layer in integers, one group."""

    weight: np.ndarray
    bias: np.ndarray
    multiplier: np.ndarray
    shift: np.ndarray
    relu: bool = False
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    groups: int = 1
    codebook: np.ndarray | None = None

    @property
    def shape(self) -> "Layer":
        """What says stride, padding and groups."""
        return self


@dataclass(frozen=True, kw_only=True)
class Choices:
    """Filters and slots of a PE, column sets, strips that stay together, regions, blocks, a FETCH a channel, and which
    maps are run-length coded."""

    filters: int = 2
    slots: int = 1
    sets: int = 1
    items: int = 1
    extra_region: int = 0
    extra_ring: int = 0
    split: bool = False
    coded_inputs: bool = False
    coded_outputs: bool = False


@dataclass
class Builder:
    """A tape, its filters and its memory while they grow."""

    config: RowstatConfig
    words: list[int] = field(default_factory=list)
    filters: list[np.ndarray] = field(default_factory=list)
    memory: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint64))
    count_bits: int = COUNT_BITS
    fetched: int = 0
    passes: int = 0
    drained: int = 0

    def packet(self, unit: Unit, *words: int) -> None:
        """One command for a unit."""
        self.words += [*pack("header", unit=unit, count=len(words)), *words]

    def wait(self, count: int, now: int) -> int:
        """The field for a wait for ``count`` things, or more if that is long ago; ``now`` things are told of so far."""
        return max(count, now - (1 << self.count_bits - 2)) % (1 << self.count_bits)

    def finished(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Tape, filter words and memory."""
        tape = np.array([*self.words, *pack("header", unit=Unit.END, count=0)], np.uint64)
        return tape, np.concatenate(self.filters), self.memory.copy()


def quarters(values: np.ndarray) -> list[int]:
    """16-bit numbers in words, the lowest first."""
    padded = np.zeros(-(-len(values) // BUS_WORDS) * BUS_WORDS, "<u2")
    padded[: len(values)] = values
    return [int(word) for word in padded.view("<u8")]


def words_of_row(width: int, coded: bool) -> int:
    """Words from a row of a map to the next."""
    return -(-width // (PAIRS if coded else BUS_WORDS))


def write_map(builder: Builder, x: np.ndarray, *, coded: bool = False) -> int:
    """Put a map (batch, channels, rows, columns) at the end of the memory; its address."""
    if coded:
        slots = np.zeros((x[..., 0].size, words_of_row(x.shape[3], coded)), np.uint64)
        for slot, row in zip(slots, x.reshape(len(slots), -1).tolist(), strict=True):
            words = code(row)
            slot[: len(words)] = words
        builder.memory = np.concatenate([builder.memory, slots.ravel()])
        return len(builder.memory) - slots.size
    padded = np.zeros((*x.shape[:3], -(-x.shape[3] // BUS_WORDS) * BUS_WORDS), "<i2")
    padded[..., : x.shape[3]] = x
    address = len(builder.memory)
    builder.memory = np.concatenate([builder.memory, padded.view("<u8").ravel()])
    return address


def read_map(memory: np.ndarray, address: int, shape: tuple[int, int, int, int], *, coded: bool = False) -> np.ndarray:
    """The map of this shape at that address, int64."""
    row = words_of_row(shape[3], coded)
    count = int(np.prod(shape[:3])) * row
    if coded:
        slots = memory[address : address + count].reshape(-1, row).tolist()
        return np.array([values_of_row(slot, shape[3]) for slot in slots]).reshape(shape)
    values = memory[address : address + count].view("<i2").astype(np.int64)
    return values.reshape(*shape[:3], row * BUS_WORDS)[..., : shape[3]]


def add_layer(
    builder: Builder,
    layer: Layer,
    address: int,
    shape: tuple[int, int, int, int],
    choices: Choices,
    *,
    first_input: bool = False,
) -> tuple[int, tuple[int, int, int, int]]:
    """Commands and filters of a layer whose input of this shape lies at that address.

    With ``first_input`` no command before makes the input.

    Returns
    -------
    (address, shape) of the output, at the end of the memory.
    """
    config = builder.config
    height, width = shape[2:]
    batch, channels = shape[:2]
    n_filters, _, kernel, window = layer.weight.shape
    stride = layer.stride[0]
    assert layer.stride == (stride, stride)
    assert layer.groups == 1
    top, left, bottom, right = layer.padding
    rows_out = (height + top + bottom - kernel) // stride + 1
    steps = (width + left + right - window) // stride + 1
    out_shape = (batch, n_filters, rows_out, steps)
    out = write_map(builder, np.zeros(out_shape, np.int64), coded=choices.coded_outputs)
    row_words, out_words = -(-width // BUS_WORDS), words_of_row(steps, choices.coded_outputs)
    slot_words = words_of_row(width, choices.coded_inputs)

    p, q, sets = choices.filters, choices.slots, choices.sets
    strip = strip_rows(config, sets)
    rows = (strip - 1) * stride + kernel
    tile_rows = min(height, rows)
    advance = min(stride, window)
    region, ring = window + choices.extra_region, q + choices.extra_ring
    per_pass = config.rows * q
    n_groups = -(-channels * kernel // per_pass)
    n_sets = -(-n_filters // (p * sets))
    items = [(b, y) for b in range(batch) for y in range(0, rows_out, strip)]
    chunks = [items[i : i + choices.items] for i in range(0, len(items), choices.items)]

    weights = np.zeros((n_groups, n_sets, sets, q, config.rows, p, window), np.int64)
    ids = np.full((n_groups, q, config.rows), NO_CHANNEL)
    firsts = np.zeros((n_groups, q, 2), np.int64)
    for pair in range(channels * kernel):
        channel, i = divmod(pair, kernel)
        group, slot, row = np.unravel_index(pair, (n_groups, q, config.rows))
        if not firsts[group, slot, 1]:
            firsts[group, slot, 0] = channel
        firsts[group, slot, 1] = channel - firsts[group, slot, 0] + 1
        ids[group, slot, row] = channel - firsts[group, slot, 0] + (i << 6)
        for m in range(n_filters):
            number, f = divmod(m, p)
            fs, t = divmod(number, sets)
            weights[group, fs, t, slot, row, f] = layer.weight[m, channel, i]
    layer_channels = [
        sorted({n // kernel for n in range(g * per_pass, min((g + 1) * per_pass, channels * kernel))})
        for g in range(n_groups)
    ]
    columns = np.arange(config.columns)
    idle = columns >= strip * sets
    column_ids = np.where(idle, 1023, columns % strip * stride)
    set_numbers = np.where(idle, 31, columns // strip)

    d, c = Unit.DELIVER, Unit.COMPUTE
    shared = {"slots": q, "window": window, "advance": advance, "region": region, "steps": steps}
    tile_words = tile_rows * row_words
    builder.packet(
        d,
        *pack(
            "deliver_layer",
            opcode=Opcode.LAYER,
            stride=stride,
            rows=rows,
            tile_rows=tile_rows,
            row_pitch=row_words,
            channel_pitch=tile_words,
            width=width,
            **shared,
        ),
    )
    builder.packet(d, *pack("deliver_columns", opcode=Opcode.COLUMNS), *quarters(column_ids))
    builder.packet(Unit.LOAD, *pack("deliver_columns", opcode=Opcode.COLUMNS), *quarters(set_numbers))
    if layer.codebook is not None:
        header = pack("load_codebook", opcode=Opcode.CODEBOOK, entries=len(layer.codebook))
        builder.packet(Unit.LOAD, *header, *quarters(layer.codebook))
    builder.packet(
        Unit.LOAD,
        *pack(
            "load_layer",
            opcode=Opcode.LAYER,
            wait_computed=builder.wait(builder.passes, builder.passes),
            block=p * window,
            sets=sets,
            ring=ring,
            blocks=len(chunks) * n_groups * n_sets * q,
            coded=layer.codebook is not None,
        ),
    )
    first_filter = len(builder.filters)
    builder.packet(c, *pack("compute_layer", opcode=Opcode.LAYER, filters=p, block=p * window, ring=ring, **shared))
    half_bit = 1 << config.psum_bank_address_width - 1
    half_done = [builder.drained, builder.drained]
    turn_done = [builder.passes, builder.passes]
    layer_begin = 0 if first_input else builder.drained
    for number, chunk in enumerate(chunks):
        half = number % 2
        for group in range(n_groups):
            own = layer_channels[group]
            space = len(own) * tile_words
            area = len(chunk) * space
            assert 2 * area <= config.ifmap_bank_words
            turn = (number * n_groups + group) % 2
            # Two areas in turn: the passes of the tile before the last must have been delivered.
            done = turn_done[turn]
            at_once = 1 if choices.split else len(own)
            for index, (b, y) in enumerate(chunk):
                first = y * stride - top
                low = min(max(first, 0), height - tile_rows)
                for begin in range(0, len(own), at_once):
                    kind = {"opcode": Opcode.WORK, "words": tile_words}
                    if choices.coded_inputs:
                        kind = {"opcode": Opcode.CODED, "words": row_words, "rows": tile_rows, "slot_words": slot_words}
                    builder.packet(
                        Unit.FETCH,
                        *pack(
                            "coded_fetch" if choices.coded_inputs else "fetch",
                            wait_delivered=builder.wait(done, builder.passes),
                            wait_drained=builder.wait(layer_begin, builder.drained),
                            bank_address=turn * (config.ifmap_bank_words // 2) + index * space + begin * tile_words,
                            channels=at_once,
                            map_address=address + ((b * channels + own[begin]) * height + low) * slot_words,
                            channel_stride=height * slot_words,
                            **kind,
                        ),
                    )
                    builder.fetched += 1
            for slot in range(q):
                first_channel, n_channels = (int(v) for v in firsts[group, slot])
                builder.packet(
                    d,
                    *pack(
                        "deliver_ids",
                        opcode=Opcode.IDS,
                        slot=slot,
                        first_channel=first_channel - own[0] if n_channels else 0,
                        channels=n_channels,
                    ),
                    *quarters(ids[group, slot]),
                )
            for fs in range(n_sets):
                block = weights[group, fs].transpose(1, 0, 2, 3, 4)  # slot, set, row, filter, word
                lanes = np.zeros((q, sets, config.row_groups * BUS_WORDS, p * window), "<i2")
                lanes[:, :, : config.rows] = block.reshape(q, sets, config.rows, -1)
                lanes = lanes.reshape(q, sets, config.row_groups, BUS_WORDS, -1).swapaxes(3, 4)
                builder.filters.append(np.ascontiguousarray(lanes).view("<u8").ravel())
                for index, (_, y) in enumerate(chunk):
                    first = y * stride - top
                    low = min(max(first, 0), height - tile_rows)
                    builder.packet(
                        d,
                        *pack(
                            "deliver_pass",
                            opcode=Opcode.WORK,
                            wait_fetched=builder.wait(
                                builder.fetched - (len(chunk) - index - 1) * (len(own) // at_once), builder.fetched
                            ),
                            wait_computed=builder.wait(0, builder.passes),
                            base=turn * (config.ifmap_bank_words // 2) + index * space,
                            first_row=first - low,
                            first_x=-left,
                        ),
                    )
                    base = half * half_bit + (index * n_sets + fs) * steps * p
                    builder.packet(
                        c,
                        *pack(
                            "compute_pass",
                            opcode=Opcode.WORK,
                            wait_drained=builder.wait(half_done[half], builder.drained),
                            psum_base=base,
                            first=group == 0,
                            last_of_set=index == len(chunk) - 1,
                        ),
                    )
                    builder.passes += 1
            turn_done[turn] = builder.passes
        for index, (b, y) in enumerate(chunk):
            for fs in range(n_sets):
                for t in range(sets):
                    m = (fs * sets + t) * p
                    n = min(p, n_filters - m)
                    if n <= 0:
                        continue
                    builder.packet(
                        Unit.DRAIN,
                        *pack(
                            "drain",
                            opcode=Opcode.WORK,
                            wait_computed=builder.wait(builder.passes, builder.passes),
                            psum_base=half * half_bit + (index * n_sets + fs) * steps * p,
                            first_column=t * strip,
                            columns=min(strip, rows_out - y),
                            relu=layer.relu,
                            filters=n,
                            map_address=out + ((b * n_filters + m) * rows_out + y) * out_words,
                            channel_stride=rows_out * out_words,
                            row_stride=out_words,
                            steps=steps,
                            filter_stride=p,
                            coded=choices.coded_outputs,
                        ),
                        *(
                            pack(
                                "requantise",
                                bias=int(layer.bias[k]),
                                multiplier=int(layer.multiplier[k]),
                                shift=int(layer.shift[k]),
                            )[0]
                            for k in range(m, m + n)
                        ),
                    )
                    builder.drained += 1
        half_done[half] = builder.drained
    if layer.codebook is not None:
        builder.filters[first_filter:] = [coded(np.concatenate(builder.filters[first_filter:]), layer.codebook)]
    return out, out_shape


def strip_rows(config: RowstatConfig, sets: int) -> int:
    """Output rows of a strip: as many as columns of a set, which share filter scratch pads with none of another set."""
    return config.columns // sets // config.filter_columns * config.filter_columns


def coded(words: np.ndarray, codebook: np.ndarray) -> np.ndarray:
    """Words of four weights as words of eight codes."""
    equal = words.view("<i2")[:, None] == codebook
    assert equal.any(axis=1).all()
    codes = equal.argmax(axis=1).astype(np.uint8)
    return np.concatenate([codes, np.zeros(-len(codes) % 8, np.uint8)]).view("<u8")


def shared(rng: np.random.Generator, layer: Layer, entries: int) -> Layer:
    """The layer with weights of a codebook with so many entries at most."""
    codebook = np.array([0, *rng.integers(-128, 128, int(rng.integers(entries)))])
    return replace(layer, weight=rng.choice(codebook, layer.weight.shape), codebook=codebook)


def draw_layer(
    rng: np.random.Generator, filters: int, channels: int, kernel: tuple[int, int], **values: object
) -> Layer:
    """A layer with random weights, scaled so that most results are in range."""
    layer = Layer(
        weight=rng.integers(-128, 128, (filters, channels, *kernel)),
        bias=rng.integers(-(2**12), 2**12, filters),
        multiplier=rng.integers(1, 2**7, filters),
        shift=rng.integers(10, 17, filters),
    )
    return replace(layer, **values)  # type: ignore[arg-type]


def draw_config(seed: int) -> RowstatConfig:
    """A small engine."""
    rng = np.random.default_rng(seed)
    config = RowstatConfig(
        rows=int(rng.integers(1, 7)),
        columns=int(rng.integers(1, 7)),
        activation_width=int(rng.integers(8, 17)),
        weight_width=int(rng.integers(9, 17)),
        accumulator_width=42,
        ifmap_depth=int(rng.integers(6, 20)),
        ifmap_ahead=int(rng.integers(0, 6)),
        filter_depth=64,
        psum_depth=8,
        ifmap_bank_words=4096,
        psum_bank_words=512,
        filter_fifo_words=16,
        max_slots=4,
        command_depth=32,
        codebook_entries=int(rng.choice([0, 4, 64, 256])),
    )
    divisors = [number for number in range(1, config.columns + 1) if config.columns % number == 0]
    return replace(config, filter_columns=int(rng.choice(divisors)))


def draw_case(seed: int, config: RowstatConfig) -> tuple[list[tuple[Layer, Choices]], tuple[int, int, int, int]]:
    """One or two layers that fit an engine, and the shape of their input."""
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(1, 3)), int(rng.integers(1, 6)), *(int(v) for v in rng.integers(6, 12, 2)))
    layers, height, width, channels = [], shape[2], shape[3], shape[1]
    wanted = int(rng.integers(1, 3))
    for _ in range(100):
        kernel = (int(rng.integers(1, min(5, height) + 1)), int(rng.integers(1, min(5, width) + 1)))
        stride = int(rng.integers(1, 4))
        padding = tuple(int(v) for v in rng.integers(0, 3, 4))
        filters = int(rng.integers(1, 10))
        layer = draw_layer(
            rng, filters, channels, kernel, stride=(stride, stride), padding=padding, relu=bool(rng.integers(2))
        )
        slots = int(rng.integers(1, min(config.max_slots, config.ifmap_words // kernel[1]) + 1))
        own = int(rng.integers(1, min(config.psum_depth, config.filter_depth // (slots * kernel[1])) + 1))
        steps = (width + padding[1] + padding[3] - kernel[1]) // stride + 1
        sets = int(rng.integers(1, config.row_filter_pads + 1))
        rows = min(height, (strip_rows(config, sets) - 1) * stride + kernel[0])
        tile = rows * -(-width // BUS_WORDS) * min(channels, 1 + -(-slots * config.rows // kernel[0]))
        n_sets = -(-filters // (own * sets))
        most_items = min(config.psum_half_words // (steps * own * n_sets), config.ifmap_bank_words // 2 // tile)
        if not most_items:
            continue
        choices = Choices(
            filters=own,
            slots=slots,
            sets=sets,
            items=int(rng.integers(1, min(most_items, 3) + 1)),
            extra_region=int(rng.integers(0, config.ifmap_words // slots - kernel[1] + 1)),
            extra_ring=int(rng.integers(0, min(63, config.filter_depth // (own * kernel[1])) - slots + 1)),
            split=bool(rng.integers(2)),
        )
        if config.codebook_entries and rng.integers(2):
            layer = shared(rng, layer, config.codebook_entries)
        layers.append((layer, choices))
        height = (height + padding[0] + padding[2] - kernel[0]) // stride + 1
        width, channels = steps, filters
        if len(layers) == wanted:
            break
    coded = [config.drain_lanes <= 2 and bool(draw) for draw in rng.integers(0, 2, len(layers) + 1)]
    choices_of_layers = [
        replace(choices, coded_inputs=inputs, coded_outputs=outputs)
        for (_, choices), (inputs, outputs) in zip(layers, pairwise(coded), strict=True)
    ]
    return [(layer, choices) for (layer, _), choices in zip(layers, choices_of_layers, strict=True)], shape


def packets_of(words: list[int]) -> list[tuple[int, list[int]]]:
    """Unit and words of every packet of a tape but the END."""
    packets, at = [], 0
    while words[at] & 7 != Unit.END:
        count = words[at] >> 3
        packets.append((words[at] & 7, words[at + 1 : at + 1 + count]))
        at += 1 + count
    return packets


def tape_of(packets: list[tuple[int, list[int]]]) -> list[int]:
    """The tape of these packets."""
    words: list[int] = []
    for unit, own in packets:
        words += [*pack("header", unit=unit, count=len(own)), *own]
    return [*words, *pack("header", unit=Unit.END, count=0)]


def shuffled(config: RowstatConfig, tape: np.ndarray, rng: np.random.Generator, moves: int = 25) -> np.ndarray:
    """The same commands in another order of the units, as far as the waits allow it, and in other packets."""
    packets = packets_of([int(word) for word in tape])
    for _ in range(moves):
        here = int(rng.integers(len(packets)))
        distance = int(rng.integers(1, 12))
        to = here
        while to > 0 and here - to < distance and packets[to - 1][0] != packets[here][0]:
            to -= 1
        changed = [*packets[:to], packets[here], *packets[to:here], *packets[here + 1 :]]
        packets = changed if _is_allowed(config, changed) else packets
    joined: list[tuple[int, list[int]]] = []
    for unit, own in packets:
        if joined and joined[-1][0] == unit and len(joined[-1][1]) < 100 and rng.random() < 0.7:
            joined[-1] = unit, joined[-1][1] + own
        else:
            cut = int(rng.integers(len(own) + 1))  # 0 makes a packet without words
            joined += [(unit, own[:cut]), (unit, own[cut:])]
    return np.array(tape_of(joined), np.uint64)


def with_more_columns(config: RowstatConfig, tape: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same tape with the columns' ids said again before some passes."""
    packets = packets_of([int(word) for word in tape])
    places = [at for at, (unit, own) in enumerate(packets) if unit == Unit.DELIVER and own[0] & 15 == Opcode.WORK]
    for at in sorted(rng.choice(places, min(6, len(places)), replace=False), reverse=True):
        columns = next(p for p in packets[at::-1] if p[0] == Unit.DELIVER and p[1][0] & 15 == Opcode.COLUMNS)
        changed = [*packets[:at], columns, *packets[at:]]
        packets = changed if _is_allowed(config, changed) else packets
    return np.array(tape_of(packets), np.uint64)


def _is_allowed(config: RowstatConfig, packets: list[tuple[int, list[int]]]) -> bool:
    try:
        CheckedTape.parse(config, np.array(tape_of(packets), np.uint64))
    except InputError:
        return False
    return True
