"""Tapes written by hand, in the plainest mapping there is, and the convolution that they must amount to."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from eyrie.rowstat.commands import NO_CHANNEL, Opcode, Unit, pack
from eyrie.rowstat.config import BUS_WORDS, RowstatConfig

Ints = NDArray[np.int64]
NO_COLUMN = 1023


def words_of(values: list[int]) -> list[int]:
    """64-bit words of 16-bit values, four each, the lowest first."""
    padded = values + [0] * (-len(values) % BUS_WORDS)
    return [
        sum((value & 0xFFFF) << 16 * lane for lane, value in enumerate(padded[first : first + BUS_WORDS]))
        for first in range(0, len(padded), BUS_WORDS)
    ]


def coded_words(words: list[int], codebook: list[int]) -> list[int]:
    """Words of four 16-bit weights as words of eight codes."""
    code_of = {weight & 0xFFFF: code for code, weight in enumerate(codebook)}
    codes = [code_of[word >> 16 * lane & 0xFFFF] for word in words for lane in range(BUS_WORDS)]
    codes += [0] * (-len(codes) % 8)
    return [int.from_bytes(bytes(codes[first : first + 8]), "little") for first in range(0, len(codes), 8)]


def map_words(tensor: Ints) -> list[int]:
    """A feature map (channels, height, width) in external memory."""
    return [word for channel in tensor for row in channel for word in words_of([int(value) for value in row])]


@dataclass(frozen=True, kw_only=True)
class Conv:
    """A layer with all its numbers, and the parameters of its mapping: filters ``p``, slots ``q``, column sets,
    ``region``, ``ring``; with a ``codebook`` the weights go as codes."""

    weight: Ints
    bias: Ints
    multiplier: Ints
    shift: Ints
    relu: bool = False
    stride: int = 1
    padding: int = 0
    p: int = 1
    q: int = 1
    sets: int = 1
    region: int = 0
    ring: int = 0
    codebook: Ints | None = None

    def outputs(self, ifmap: Ints, activation_width: int) -> Ints:
        """The layer by plain NumPy."""
        padded = np.pad(ifmap, ((0, 0), (self.padding,) * 2, (self.padding,) * 2))
        windows = np.lib.stride_tricks.sliding_window_view(padded, self.weight.shape[2:], (1, 2))
        psums = np.einsum("cyxij,mcij->myx", windows[:, :: self.stride, :: self.stride], self.weight)
        result = np.zeros_like(psums)
        bound = 1 << activation_width - 1
        for place, psum in np.ndenumerate(psums):
            m = place[0]
            value = (int(psum) + int(self.bias[m])) * int(self.multiplier[m])
            value = value + (1 << int(self.shift[m]) >> 1) >> int(self.shift[m])
            value = max(-bound, min(bound - 1, value))
            result[place] = max(0, value) if self.relu else value
        return result


def random_conv(seed: int, *, channels: int, filters: int, kernel: tuple[int, int], **mapping: int) -> Conv:
    """A layer with weights, biases and scales of all kinds."""
    draw = np.random.default_rng(seed)
    return Conv(
        weight=draw.integers(-128, 128, (filters, channels, *kernel)),
        bias=draw.integers(-50_000, 50_000, filters),
        multiplier=draw.integers(1, 1 << 16, filters),
        shift=draw.integers(12, 24, filters),
        relu=bool(draw.integers(2)),
        **mapping,  # type: ignore[arg-type]
    )


@dataclass
class Tape:
    """A tape in the making, with the counts that its commands wait for."""

    config: RowstatConfig
    words: list[int] = field(default_factory=list)
    filters: list[int] = field(default_factory=list)
    fetches: int = 0
    passes: int = 0
    drains: int = 0
    layers: int = 0

    def packet(self, unit: Unit, words: list[int] | tuple[int, ...]) -> None:
        """A header and its words."""
        self.words += [*pack("header", unit=unit, count=len(words)), *words]

    def end(self) -> None:
        """The end of the tape."""
        self.packet(Unit.END, [])

    def conv(self, conv: Conv, shape: tuple[int, int, int], *, source: int, target: int) -> tuple[int, int, int]:
        """Append a layer whose input of that shape lies at word ``source``; its output's shape, which is at
        ``target``."""
        config, stride = self.config, conv.stride
        (channels, height, width), (filters, _, kernel, window) = shape, conv.weight.shape
        out_rows, out_columns = (
            (size + 2 * conv.padding - k) // stride + 1 for size, k in ((height, kernel), (width, window))
        )
        pitch, out_pitch = -(-width // BUS_WORDS), -(-out_columns // BUS_WORDS)
        p, q, rows, advance = conv.p, conv.q, config.rows, min(stride, window)
        region, block = conv.region or window, p * window
        ring = conv.ring or q
        strip_rows = min(config.columns // conv.sets, out_rows)
        n_strips, n_filter_sets = -(-out_rows // strip_rows), -(-filters // (p * conv.sets))
        pairs = [(c, i) for c in range(channels) for i in range(kernel)]
        n_groups = -(-len(pairs) // (q * rows))
        psum_half = self.layers % 2 << config.psum_bank_address_width - 1
        assert n_strips * n_filter_sets * out_columns * p <= config.psum_half_words
        assert ring >= q
        assert ring * block <= config.filter_depth
        assert q * region <= config.ifmap_words

        self.packet(
            Unit.FETCH,
            pack(
                "fetch",
                opcode=Opcode.WORK,
                wait_delivered=self.passes,
                wait_drained=self.drains,
                bank_address=0,
                channels=channels,
                words=height * pitch,
                map_address=source,
                channel_stride=height * pitch,
            ),
        )
        self.fetches += 1
        used = range(conv.sets * strip_rows)
        columns = [j % strip_rows * stride if j in used else NO_COLUMN for j in range(config.columns)]
        layer = {"opcode": Opcode.LAYER, "window": window, "advance": advance, "region": region, "steps": out_columns}
        self.packet(
            Unit.DELIVER,
            pack(
                "deliver_layer",
                **layer,
                slots=q,
                stride=stride,
                rows=(strip_rows - 1) * stride + kernel,
                tile_rows=height,
                row_pitch=pitch,
                channel_pitch=height * pitch,
                width=width,
            ),
        )
        self.packet(Unit.DELIVER, [*pack("deliver_columns", opcode=Opcode.COLUMNS), *words_of(columns)])
        sets = [min(j // strip_rows, 31) if j in used else 31 for j in range(config.columns)]
        self.packet(Unit.LOAD, [*pack("deliver_columns", opcode=Opcode.COLUMNS), *words_of(sets)])
        if conv.codebook is not None:
            entries = conv.codebook.tolist()
            header = pack("load_codebook", opcode=Opcode.CODEBOOK, entries=len(entries))
            self.packet(Unit.LOAD, [*header, *words_of(entries)])
        self.packet(
            Unit.LOAD,
            pack(
                "load_layer",
                opcode=Opcode.LAYER,
                wait_computed=self.passes,
                block=block,
                sets=conv.sets,
                ring=ring,
                blocks=n_groups * n_filter_sets * q,
                coded=conv.codebook is not None,
            ),
        )
        first_filter = len(self.filters)
        self.packet(Unit.COMPUTE, pack("compute_layer", **layer, slots=q, filters=p, block=block, ring=ring))

        for group in range(n_groups):
            slots = [pairs[first : first + rows] for first in range(group * q * rows, (group + 1) * q * rows, rows)]
            for slot, own in enumerate(slots):
                first_channel = own[0][0] if own else 0
                ids = [
                    pack("row_id", channel=own[row][0] - first_channel, offset=own[row][1])[0]
                    if row < len(own)
                    else pack("row_id", channel=NO_CHANNEL, offset=0)[0]
                    for row in range(rows)
                ]
                n_channels = own[-1][0] - first_channel + 1 if own else 0
                header = pack(
                    "deliver_ids", opcode=Opcode.IDS, slot=slot, first_channel=first_channel, channels=n_channels
                )
                self.packet(Unit.DELIVER, [*header, *words_of(ids)])
            for filter_set in range(n_filter_sets):
                self._blocks(conv, slots, filter_set)
                for strip in range(n_strips):
                    place = {"first_row": strip * strip_rows * stride - conv.padding, "first_x": -conv.padding}
                    waits = {"wait_fetched": self.fetches, "wait_computed": 0}
                    self.packet(Unit.DELIVER, pack("deliver_pass", opcode=Opcode.WORK, base=0, **waits, **place))
                    self.packet(
                        Unit.COMPUTE,
                        pack(
                            "compute_pass",
                            opcode=Opcode.WORK,
                            wait_drained=self.drains,
                            psum_base=psum_half + (filter_set * n_strips + strip) * out_columns * p,
                            first=group == 0,
                            last_of_set=strip == n_strips - 1,
                        ),
                    )
                    self.passes += 1

        if conv.codebook is not None:
            self.filters[first_filter:] = coded_words(self.filters[first_filter:], conv.codebook.tolist())
        for filter_set in range(n_filter_sets):
            for strip in range(n_strips):
                for number in range(conv.sets):
                    first = (filter_set * conv.sets + number) * p
                    own = range(first, min(first + p, filters))
                    row = strip * strip_rows
                    if not own:
                        continue
                    words = pack(
                        "drain",
                        opcode=Opcode.WORK,
                        wait_computed=self.passes,
                        psum_base=psum_half + (filter_set * n_strips + strip) * out_columns * p,
                        first_column=number * strip_rows,
                        columns=min(strip_rows, out_rows - row),
                        relu=conv.relu,
                        filters=len(own),
                        map_address=target + (first * out_rows + row) * out_pitch,
                        channel_stride=out_rows * out_pitch,
                        row_stride=out_pitch,
                        steps=out_columns,
                        filter_stride=p,
                        coded=0,
                    )
                    scales = [
                        pack(
                            "requantise",
                            bias=int(conv.bias[m]),
                            multiplier=int(conv.multiplier[m]),
                            shift=int(conv.shift[m]),
                        )[0]
                        for m in own
                    ]
                    self.packet(Unit.DRAIN, [*words, *scales])
                    self.drains += 1
        self.layers += 1
        return filters, out_rows, out_columns

    def _blocks(self, conv: Conv, slots: list[list[tuple[int, int]]], filter_set: int) -> None:
        filters, _, _, window = conv.weight.shape
        for own in slots:
            for number in range(conv.sets):
                for group in range(self.config.row_groups):
                    rows = range(group * BUS_WORDS, (group + 1) * BUS_WORDS)
                    for f in range(conv.p):
                        m = (filter_set * conv.sets + number) * conv.p + f
                        for w in range(window):
                            self.filters += words_of(
                                [
                                    int(conv.weight[m, own[row][0], own[row][1], w])
                                    if row < len(own) and m < filters
                                    else 0
                                    for row in rows
                                ]
                            )
