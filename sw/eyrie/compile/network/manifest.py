"""The list of a network's segments in JSON: how numbers enter and leave, and what each segment is."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from eyrie.compile.compiled import CompiledNetwork
from eyrie.compile.network.integers import Interface
from eyrie.compile.network.pooling import MaximumPool, MeanPool
from eyrie.compile.network.segmented import ConvolutionSegment, DenseSegment, Segment, SegmentedNetwork
from eyrie.compile.rowstat.layer import MAX_EXTENT
from eyrie.compile.rowstat.maps import MapPlace
from eyrie.errors import InputError
from eyrie.golden.requantise import MAX_MULTIPLIER, MAX_SHIFT
from eyrie.model.window import Window
from eyrie.rowstat.config import RowstatConfig

VERSION = 1

MAX_WORDS = 1 << 28
"""Words of an external memory that a reader makes room for."""


def pack_manifest(network: SegmentedNetwork, digests: dict[str, str]) -> str:
    """The list as JSON text, which depends on nothing but the network.

    Parameters
    ----------
    network : SegmentedNetwork
    digests : dict of str to str
        SHA-256 of every file beside the list, by name.
    """
    fields = {
        "version": VERSION,
        "interface": asdict(network.interface),
        "segments": [_describe(segment) for segment in network.segments],
        "files": digests,
    }
    return json.dumps(fields, indent=2, allow_nan=False) + "\n"


class Manifest:
    """A list of segments that was read, field by field.

    Parameters
    ----------
    text : bytes

    Attributes
    ----------
    interface : Interface
    digests : dict of str to str
        SHA-256 of every file beside the list, by name.

    Raises
    ------
    InputError
        If it is not such JSON, or a field is missing or out of its range.
    """

    def __init__(self, text: bytes) -> None:
        try:
            fields = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"the list of segments is not JSON: {error}") from error
        top = _Fields(fields, "the list of segments")
        version = top.integer("version", 0, 1 << 31)
        if version != VERSION:
            raise InputError(f"the list of segments has version {version}, not {VERSION}")
        self.interface = _interface(_Fields(top.get("interface"), "interface"))
        self.digests = {name: str(digest) for name, digest in _Fields(top.get("files"), "files").value.items()}
        self._segments = [_Fields(segment, f"segment {n}") for n, segment in enumerate(top.items("segments"))]

    def network(
        self, config: RowstatConfig | None, streams: Sequence[tuple[bytes, bytes]], dense: CompiledNetwork | None
    ) -> SegmentedNetwork:
        """The whole network.

        Parameters
        ----------
        config : RowstatConfig or None
            Of the row-stationary engine, if convolutions run on it.
        streams : sequence of (bytes, bytes)
            Tape and filters of each segment of convolutions, in order.
        dense : CompiledNetwork or None
            The fully connected layers, if there are any.

        Raises
        ------
        InputError
            If files are missing, widths differ, or segments do not fit each other.
        """
        width = self.interface.activation_width
        remaining = list(streams)
        segments: list[Segment] = []
        for fields in self._segments:
            kind, name = fields.text("kind"), fields.text("name")
            if kind == "convolutions" and config is not None and remaining:
                tape, filters = (_words(data, name) for data in remaining.pop(0))
                inputs, outputs = (_place(_Fields(fields.get(where), where)) for where in ("inputs", "outputs"))
                segments.append(
                    ConvolutionSegment(
                        name=name, config=config, tape=tape, filters=filters, inputs=inputs, outputs=outputs
                    )
                )
            elif kind == "dense" and dense is not None:
                segments.append(DenseSegment(name=name, compiled=dense))
            elif kind in ("maximum", "mean"):
                segments.append(_pooling(fields, kind, name, width))
            else:
                raise InputError(f"{fields.what} is {kind!r}, of which there are no files")
        widths = {width, *(engine.activation_width for engine in (config, dense and dense.config) if engine)}
        if widths != {width}:
            raise InputError(f"the list of segments and its engines differ: activations of {sorted(widths)} bits")
        return SegmentedNetwork(interface=self.interface, segments=tuple(segments))

    @property
    def n_convolutions(self) -> int:
        """Segments of convolutions."""
        return sum(fields.text("kind") == "convolutions" for fields in self._segments)

    @property
    def has_dense(self) -> bool:
        """Whether there are fully connected layers."""
        return any(fields.text("kind") == "dense" for fields in self._segments)


def _describe(segment: Segment) -> dict[str, Any]:
    if isinstance(segment, ConvolutionSegment):
        places = {"inputs": asdict(segment.inputs), "outputs": asdict(segment.outputs)}
        return {"kind": "convolutions", "name": segment.name, **places}
    if isinstance(segment, DenseSegment):
        return {"kind": "dense", "name": segment.name}
    if isinstance(segment, MaximumPool):
        return {"kind": "maximum", "name": segment.name, "window": asdict(segment.window)}
    scales = {"multiplier": segment.multiplier.tolist(), "shift": segment.shift.tolist()}
    return {"kind": "mean", "name": segment.name, "window": asdict(segment.window), **scales}


def _interface(fields: "_Fields") -> Interface:
    width = fields.integer("activation_width", 8, 16)
    limit = 1 << width - 1
    clip = fields.integers("clip", -limit, limit - 1)
    if len(clip) != 2 or not clip[0] <= 0 <= clip[1]:
        raise InputError(f"interface: clip must be a range around 0, not {clip}")
    return Interface(
        name=fields.text("name"),
        input_shape=fields.integers("input_shape", 1, MAX_EXTENT),
        output_shape=fields.integers("output_shape", 1, MAX_EXTENT),
        activation_width=width,
        input_scale=fields.scale("input_scale"),
        output_scale=fields.scale("output_scale"),
        clip=(clip[0], clip[1]),
        host_operators=tuple(str(operator) for operator in fields.items("host_operators")),
    )


def _place(fields: "_Fields") -> MapPlace:
    place = MapPlace(
        base=fields.integer("base", 0, MAX_WORDS),
        batch=fields.integer("batch", 1, MAX_EXTENT),
        channels=fields.integer("channels", 1, MAX_EXTENT),
        height=fields.integer("height", 1, MAX_EXTENT),
        width=fields.integer("width", 1, MAX_EXTENT),
    )
    if place.end > MAX_WORDS:
        raise InputError(f"{fields.what}: feature maps up to word {place.end - 1}, beyond {MAX_WORDS} words")
    return place


def _pooling(fields: "_Fields", kind: str, name: str, activation_width: int) -> MaximumPool | MeanPool:
    own = _Fields(fields.get("window"), f"{fields.what}: window")
    kernel, stride = own.integers("kernel", 1, MAX_EXTENT), own.integers("stride", 1, MAX_EXTENT)
    padding = own.integers("padding", 0, MAX_EXTENT)
    if (len(kernel), len(stride), len(padding)) != (2, 2, 4):
        raise InputError(f"{own.what} must have two sizes, two strides and four paddings")
    window = Window(
        kernel=(kernel[0], kernel[1]),
        stride=(stride[0], stride[1]),
        padding=(padding[0], padding[1], padding[2], padding[3]),
    )
    if kind == "maximum":
        return MaximumPool(name=name, window=window)
    multiplier, shift = (
        np.array([_integers(row, field, low, high) for row in fields.items(field)], np.int64)
        for field, low, high in (("multiplier", 1, MAX_MULTIPLIER), ("shift", 0, MAX_SHIFT))
    )
    return MeanPool(name=name, window=window, multiplier=multiplier, shift=shift, activation_width=activation_width)


def _words(data: bytes, name: str) -> np.ndarray:
    if len(data) % 8:
        raise InputError(f"segment {name}: {len(data)} bytes are no whole 64-bit words")
    return np.frombuffer(data, "<u8").astype(np.uint64)


class _Fields:
    """A JSON object whose fields are checked as they are taken."""

    def __init__(self, value: Any, what: str) -> None:
        if not isinstance(value, dict):
            raise InputError(f"{what} must be a JSON object")
        self.value, self.what = value, what

    def get(self, name: str) -> Any:
        if name not in self.value:
            raise InputError(f"{self.what} has no {name}")
        return self.value[name]

    def items(self, name: str) -> list[Any]:
        return _list(self.get(name), f"{self.what}: {name}")

    def integer(self, name: str, low: int, high: int) -> int:
        return _integer(self.get(name), f"{self.what}: {name}", low, high)

    def integers(self, name: str, low: int, high: int) -> tuple[int, ...]:
        return _integers(self.get(name), f"{self.what}: {name}", low, high)

    def text(self, name: str) -> str:
        value = self.get(name)
        if not isinstance(value, str):
            raise InputError(f"{self.what}: {name} must be text, not {value!r}")
        return value

    def scale(self, name: str) -> float:
        value = self.get(name)
        if not isinstance(value, float) or not math.isfinite(value) or value <= 0:
            raise InputError(f"{self.what}: {name} must be a positive number, not {value!r}")
        return value


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise InputError(f"{what} must be a list, not {value!r}")
    return value


def _integers(value: Any, what: str, low: int, high: int) -> tuple[int, ...]:
    return tuple(_integer(item, what, low, high) for item in _list(value, what))


def _integer(value: Any, what: str, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InputError(f"{what} must be an integer from {low} to {high}, not {value!r}")
    return value
