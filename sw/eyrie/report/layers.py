"""Rows of the tables of layers, from what ``compile.json`` says."""

from typing import Any

from eyrie.compile.network.fields import Fields

_MOST = 1 << 48
"""No count of weights, bytes or multiplies is larger."""


def dense_rows(report: Fields) -> list[dict[str, Any]]:
    """Fully connected layers, from a `eyrie.compile.report.CompileReport` as JSON holds it.

    Raises
    ------
    InputError
        If a figure is missing or no such number.
    """
    accumulator_width = report.inner("config").integer("accumulator_width", 1, 64)
    rows = []
    for number, value in enumerate(report.items("layers")):
        layer = Fields(value, f"layer {number}")
        storage = layer.inner("storage")
        shape = [layer.integer(name, 1, _MOST) for name in ("rows", "columns")]
        nonzeros = _count(layer, "nonzeros")
        rows.append(
            {
                "name": layer.text("name"),
                "shape": " x ".join(map(str, shape)),
                "weights": shape[0] * shape[1],
                "nonzeros": nonzeros,
                "density": nonzeros / (shape[0] * shape[1]),
                "entries": _count(layer, "entries"),
                "fillers": _count(layer, "fillers"),
                "fullest_pe": _count(layer, "entries_of_fullest_pe"),
                "emptiest_pe": _count(layer, "entries_of_emptiest_pe"),
                "weight_bits": _count(layer, "weight_bits"),
                "sum_bits": _count(layer.inner("certificate"), "bits"),
                "accumulator_width": accumulator_width,
                "dense_bytes": _count(storage, "dense_bits") // 8,
                "huffman_bytes": -(-_count(storage, "huffman_bits") // 8),
            }
        )
    return rows


def convolution_rows(report: Fields) -> list[dict[str, Any]]:
    """Convolutions, from what `eyrie.compile.network.folder.report_segments` gives; errors likewise."""
    rows = []
    for number, value in enumerate(report.items("convolutions")):
        layer = Fields(value, f"convolution {number}")
        weights, nonzeros = layer.integer("weights", 1, _MOST), _count(layer, "nonzeros")
        rows.append(
            {
                "name": layer.text("name"),
                "shape": " x ".join(map(str, layer.integers("shape", 1, _MOST))),
                "macs": _count(layer, "macs"),
                "weights": weights,
                "nonzeros": nonzeros,
                "density": nonzeros / weights,
                "distinct": _count(layer, "distinct"),
                "coded": layer.truth("coded"),
                "weight_bits": _count(layer, "weight_bits"),
                "bits_given_up": _count(layer, "weight_bits_given_up"),
                "sum_bits": _count(layer, "psum_bits"),
                "accumulator_width": _count(layer, "accumulator_width"),
                "dense_bytes": 4 * weights,
                "mapping": describe_mapping(layer.inner("mapping")),
                "reason": layer.text("reason"),
            }
        )
    return rows


def describe_mapping(mapping: Fields) -> str:
    """A mapping in one line, with the letters of the paper where it has them."""
    strips = " x ".join(map(str, mapping.integers("tile_strips", 1, _MOST)))
    parts = [
        f"p = {_count(mapping, 'filters')} filters and q = {_count(mapping, 'slots')} slots of "
        f"{_count(mapping, 'slot_pairs')} pairs a PE",
        f"T = {_count(mapping, 'sets')} column sets of e = {_count(mapping, 'strip_rows')} output rows",
        f"strips of {_count(mapping, 'steps')} columns",
        f"{_count(mapping, 'filter_sets')} filter sets, {_count(mapping, 'tiles')} tiles of {strips} strips resident",
        *(["halves of the psum banks in turn"] if mapping.truth("rolling") else []),
        *(["ifmaps stay for all filters"] if mapping.truth("keep") else []),
    ]
    return "; ".join(parts)


def _count(fields: Fields, name: str) -> int:
    return fields.integer(name, 0, _MOST)
