"""The numbers behind the charts of EIE's benchmark, as CSV."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from eyrie.anchors.eie import PublishedLayer, published_design
from eyrie.bench.eie_bench import BenchRow
from eyrie.bench.eie_curves import QueuePoint, ScalingPoint

_SIMULATED = "cycle model"
_PUBLISHED = "published"
"""What the last column says: where a row comes from. Published bounds are computed from the published densities."""


def layer_table(published: Sequence[PublishedLayer], rows: Sequence[BenchRow]) -> str:
    """Cycles and utilisation of each layer."""
    head = ("layer", "pes", "bound", "cycles", "utilisation", "source")
    ours = [(row.layer, row.pes, row.bound, row.cycles, row.utilisation, _SIMULATED) for row in rows]
    theirs = [(layer.name, layer.pes, layer.bound, layer.cycles, layer.utilisation, _PUBLISHED) for layer in published]
    return _csv(head, [*ours, *theirs])


def queue_table(published: Sequence[PublishedLayer], points: Sequence[QueuePoint]) -> str:
    """Cycles and efficiency of each layer over queue depths."""
    depth = published_design().queue_depth
    head = ("layer", "pes", "queue_depth", "bound", "cycles", "efficiency", "source")
    ours = [(at.layer, at.pes, at.queue_depth, at.bound, at.cycles, at.efficiency, _SIMULATED) for at in points]
    theirs = [
        (layer.name, layer.pes, depth, layer.bound, layer.cycles, layer.utilisation, _PUBLISHED) for layer in published
    ]
    return _csv(head, [*ours, *theirs])


def scaling_table(published: Sequence[PublishedLayer], points: Sequence[ScalingPoint]) -> str:
    """Cycles, speed-up and padding of each layer over numbers of PEs; the paper says nothing of padding in numbers."""
    index_bits = published_design().index_bits
    head = ("layer", "pes", "index_bits", "cycles", "speed_up", "padding", "padding_in_paper_format", "source")
    ours = [
        (at.layer, at.pes, at.index_bits, at.cycles, at.speed_up, at.padding, at.paper_padding, _SIMULATED)
        for at in points
    ]
    theirs = [
        (layer.name, layer.pes, index_bits, layer.cycles, layer.pes * layer.utilisation, "", "", _PUBLISHED)
        for layer in published
    ]
    return _csv(head, [*ours, *theirs])


def _csv(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([head, *rows])
    return text.getvalue()
