"""The image's metadata section: what the host must know, in JSON."""

import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from eyrie.compile.compiled import CompiledNetwork, LayerInfo
from eyrie.compile.schedule import MAX_SIZE, HostSchedule, Receive, Send
from eyrie.compress.interleave import Placement
from eyrie.eie.config import QUAD, EieConfig
from eyrie.errors import InputError


@dataclass(frozen=True, kw_only=True, eq=False)
class Metadata:
    """Those fields of a `CompiledNetwork` that no memory holds."""

    name: str
    layers: tuple[LayerInfo, ...]
    schedule: HostSchedule
    input_scale: float
    output_scale: float
    clip: tuple[int, int]
    host_operators: tuple[str, ...]


def pack_metadata(compiled: CompiledNetwork) -> bytes:
    """Canonical JSON: the same network gives the same bytes."""
    layers = []
    for layer in compiled.layers:
        fields = asdict(layer)
        if layer.slot_of_row == tuple(range(layer.rows)):
            fields["slot_of_row"] = None
        if not layer.apart:
            del fields["apart"]
        layers.append(fields)
    transfers = [
        ["send", transfer.tensor, transfer.start, transfer.count]
        if isinstance(transfer, Send)
        else ["receive", transfer.tensor, transfer.elements.tolist()]
        for transfer in compiled.schedule.transfers
    ]
    fields = {
        "name": compiled.name,
        "layers": layers,
        "sizes": compiled.schedule.sizes,
        "transfers": transfers,
        "input_scale": compiled.input_scale,
        "output_scale": compiled.output_scale,
        "clip": compiled.clip,
        "host_operators": compiled.host_operators,
    }
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def unpack_metadata(data: bytes, config: EieConfig) -> Metadata:
    """What `pack_metadata` wrote.

    Raises
    ------
    InputError
        If it is not such JSON, or layers, placements, schedule and configuration do not fit each other.
    """
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError(f"image metadata are not JSON: {error}") from error
    top = _Fields(fields, "metadata")
    layers = tuple(_layer(_Fields(entry, "layer"), config) for entry in top.items("layers"))
    sizes = tuple(_integer(size, "size", 1, MAX_SIZE) for size in top.items("sizes"))
    schedule = HostSchedule(sizes=sizes, transfers=tuple(_transfer(entry) for entry in top.items("transfers")))
    clip = [_integer(bound, "clip", *config.activation_range) for bound in top.items("clip")]
    if not layers or sizes != (layers[0].columns, *(layer.rows for layer in layers)):
        raise InputError(f"image metadata: tensors of {sizes} elements do not fit the layers")
    if any(before.rows != after.columns for before, after in itertools.pairwise(layers)):
        raise InputError("image metadata: a layer does not take what the one before makes")
    bases = [layer.column_base for layer in layers]
    if bases[0] or any(before >= after for before, after in itertools.pairwise(bases)):
        raise InputError(f"image metadata: column bases {bases} do not ascend from 0")
    if len(clip) != 2 or not clip[0] <= 0 <= clip[1]:
        raise InputError(f"image metadata: clip must be a range around 0, not {clip}")
    return Metadata(
        name=top.text("name"),
        layers=layers,
        schedule=schedule,
        input_scale=top.scale("input_scale"),
        output_scale=top.scale("output_scale"),
        clip=(clip[0], clip[1]),
        host_operators=tuple(_text(operator, "host operator") for operator in top.items("host_operators")),
    )


def _layer(fields: "_Fields", config: EieConfig) -> LayerInfo:
    rows = fields.integer("rows", 1, MAX_SIZE)
    slots = fields.get("slot_of_row")
    most = config.n_pes * config.table_depth
    if rows > most:
        raise InputError(
            f"image metadata: {rows} rows do not fit {config.n_pes} PEs with table_depth {config.table_depth}"
        )
    if slots is None:
        slots = range(rows)
    elif not isinstance(slots, list):
        raise InputError("image metadata: slot_of_row must be a list")
    slot_of_row = tuple(_integer(slot, "slot_of_row", 0, most - 1) for slot in slots)
    if len(slot_of_row) != rows:
        raise InputError(f"image metadata: {len(slot_of_row)} slots for {rows} rows")
    n_slots = fields.integer("n_slots", 1, most)
    Placement(n_pes=config.n_pes, slot_of_row=np.array(slot_of_row, np.int64), n_slots=n_slots)
    relu, apart = fields.get("relu"), fields.value.get("apart", False)
    for name, value in (("relu", relu), ("apart", apart)):
        if not isinstance(value, bool):
            raise InputError(f"image metadata: {name} must be true or false, not {value!r}")
    if apart and config.column_groups == 1:
        raise InputError("image metadata: columns are split over groups, but the configuration has only one")
    return LayerInfo(
        name=fields.text("name"),
        rows=rows,
        columns=fields.integer("columns", 1, MAX_SIZE),
        relu=relu,
        weight_scale=fields.scale("weight_scale"),
        output_scale=fields.scale("output_scale"),
        column_base=fields.integer("column_base", 0, QUAD * config.table_depth),
        slot_of_row=slot_of_row,
        n_slots=n_slots,
        apart=apart,
    )


def _transfer(entry: Any) -> Send | Receive:
    if isinstance(entry, list) and len(entry) == 4 and entry[0] == "send":
        tensor, start, count = (_integer(number, "transfer", 0, MAX_SIZE) for number in entry[1:])
        return Send(tensor=tensor, start=start, count=count)
    if isinstance(entry, list) and len(entry) == 3 and entry[0] == "receive" and isinstance(entry[2], list):
        elements = [_integer(element, "element", -1, MAX_SIZE) for element in entry[2]]
        return Receive(tensor=_integer(entry[1], "tensor", 0, MAX_SIZE), elements=np.array(elements, np.int64))
    raise InputError("image metadata: a transfer is neither a send nor a receive")


class _Fields:
    """A JSON object whose fields are checked as they are taken."""

    def __init__(self, value: Any, what: str) -> None:
        if not isinstance(value, dict):
            raise InputError(f"image metadata: {what} must be an object")
        self.value, self.what = value, what

    def get(self, name: str) -> Any:
        if name not in self.value:
            raise InputError(f"image metadata: {self.what} has no {name}")
        return self.value[name]

    def items(self, name: str) -> Sequence[Any]:
        value = self.get(name)
        if not isinstance(value, list):
            raise InputError(f"image metadata: {name} must be a list")
        return value

    def integer(self, name: str, low: int, high: int) -> int:
        return _integer(self.get(name), name, low, high)

    def text(self, name: str) -> str:
        return _text(self.get(name), name)

    def scale(self, name: str) -> float:
        value = self.get(name)
        if not isinstance(value, float) or not math.isfinite(value) or value <= 0:
            raise InputError(f"image metadata: {name} must be a positive number, not {value!r}")
        return value


def _integer(value: Any, name: str, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InputError(f"image metadata: {name} must be an integer from {low} to {high}, not {value!r}")
    return value


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise InputError(f"image metadata: {name} must be text, not {value!r}")
    return value
