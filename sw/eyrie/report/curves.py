"""Charts of EIE's benchmark: utilisation, queue depths, numbers of PEs."""

from collections.abc import Callable, Iterable, Sequence
from math import ceil
from typing import NamedTuple, TypeVar

from eyrie.anchors.eie import PublishedLayer, published_design
from eyrie.bench.eie_bench import BenchRow
from eyrie.bench.eie_curves import QueuePoint, ScalingPoint
from eyrie.report.chart import Axis, Line, Mark, bar_chart, line_chart

_COLOURS = ("#0b3c6f", "#2474c6", "#6aaeea", "#8a2c0d", "#d1602b", "#eda06f", "#0f5132", "#2e9360", "#79c79e")
"""One a layer; three families of three, as in the paper's table."""

_OURS, _THEIRS, _IDEAL = "#0b6e6e", "#b8c4ce", "#5d6b7a"
_PAPER = "the paper"
_SHARES = (0, 0.2, 0.4, 0.6, 0.8, 1)
_STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
"""Between the ticks of an axis of shares."""

_AnyPoint = TypeVar("_AnyPoint", QueuePoint, ScalingPoint)


class Curve(NamedTuple):
    """A chart.

    Parameters
    ----------
    title : str
    svg : str
    note : str
        What it shows, beside where its numbers come from.
    table : str
        Name of the table with its numbers, see `eyrie.report.curve_tables`.
    """

    title: str
    svg: str
    note: str
    table: str


def utilisation_chart(published: Sequence[PublishedLayer], rows: Sequence[BenchRow]) -> Curve:
    """Bars, with the paper's beside them if these are runs on as many PEs."""
    title = "Utilisation of the multipliers"
    bars = [("ours", _OURS, [row.utilisation for row in rows])]
    if all(row.paper_cycles is not None for row in rows):
        bars.append((_PAPER, _THEIRS, [layer.utilisation for layer in published]))
    chart = bar_chart(title, Axis(label="bound / cycles", ticks=_SHARES), [row.layer for row in rows], bars)
    return Curve(title, chart, "Share of the cycles in which a multiplier does useful work.", "layers")


def efficiency_chart(published: Sequence[PublishedLayer], points: Sequence[QueuePoint]) -> Curve:
    """Lines over queue depths, with the paper's points at its own if these are runs on as many PEs."""
    title = "Efficiency over queue depth"
    design = published_design()
    ticks = _powers(point.queue_depth for point in points)
    comparable = ticks[0] <= design.queue_depth <= ticks[-1] and all(point.pes == design.pes for point in points)
    chart = line_chart(
        title,
        Axis(label="slices that a queue holds", ticks=ticks, log=True),
        Axis(label="bound / cycles", ticks=_SHARES),
        _lines(published, points, lambda point: (point.queue_depth, point.efficiency)),
        _marks(published, design.queue_depth, lambda layer: layer.utilisation) if comparable else (),
        marks_label=_PAPER,
    )
    return Curve(title, chart, "Bound: useful multiplies over PEs.", "queue-depth")


def speed_up_chart(published: Sequence[PublishedLayer], points: Sequence[ScalingPoint]) -> Curve:
    """Lines over numbers of PEs, with the paper's points at its own."""
    title = "Speed-up over PEs"
    design = published_design()
    ticks = _powers(point.pes for point in points)
    ideal = Line(label="no cycle lost", colour=_IDEAL, points=tuple((pes, pes) for pes in ticks), dashed=True)
    comparable = ticks[0] <= design.pes <= ticks[-1]
    chart = line_chart(
        title,
        Axis(label="PEs", ticks=ticks, log=True),
        Axis(label="useful multiplies / cycle", ticks=(ticks[0] / 2, *ticks), log=True),
        [ideal, *_lines(published, points, lambda point: (point.pes, point.speed_up))],
        _marks(published, design.pes, lambda layer: layer.pes * layer.utilisation) if comparable else (),
        marks_label=_PAPER,
    )
    return Curve(title, chart, "Over one multiplier that never waits.", "pes")


def padding_chart(published: Sequence[PublishedLayer], points: Sequence[ScalingPoint]) -> Curve:
    """Lines over numbers of PEs, for the index width of the runs."""
    title = "Padding over PEs"
    chart = _padding(title, published, points, lambda point: point.padding)
    return Curve(title, chart, "Fillers among the entries that are stored, with the index width of these runs.", "pes")


def paper_padding_chart(published: Sequence[PublishedLayer], points: Sequence[ScalingPoint]) -> Curve:
    """Lines over numbers of PEs, for the paper's index width."""
    title = "Padding over PEs in the paper's format"
    chart = _padding(title, published, points, lambda point: point.paper_padding)
    return Curve(title, chart, "The same for runs of four bits on interleaved rows, counted in the matrices.", "pes")


def _padding(
    title: str,
    published: Sequence[PublishedLayer],
    points: Sequence[ScalingPoint],
    share: Callable[[ScalingPoint], float],
) -> str:
    most = max(share(point) for point in points)
    step = next(step for step in _STEPS if most <= 6 * step)
    ticks = tuple(round(step * number, 3) for number in range(max(1, ceil(most / step)) + 1))
    return line_chart(
        title,
        Axis(label="PEs", ticks=_powers(point.pes for point in points), log=True),
        Axis(label="fillers / entries", ticks=ticks),
        _lines(published, points, lambda point: (point.pes, share(point))),
    )


def _lines(
    published: Sequence[PublishedLayer],
    points: Sequence[_AnyPoint],
    place: Callable[[_AnyPoint], tuple[float, float]],
) -> list[Line]:
    own = {layer.name: tuple(place(point) for point in points if point.layer == layer.name) for layer in published}
    return [Line(label=name, colour=colour, points=own[name]) for name, colour in _colours(published) if own[name]]


def _marks(published: Sequence[PublishedLayer], x: float, y: Callable[[PublishedLayer], float]) -> list[Mark]:
    heights = {layer.name: y(layer) for layer in published}
    return [Mark(label=name, colour=colour, point=(x, heights[name])) for name, colour in _colours(published)]


def _colours(published: Sequence[PublishedLayer]) -> list[tuple[str, str]]:
    return [(layer.name, _COLOURS[number % len(_COLOURS)]) for number, layer in enumerate(published)]


def _powers(values: Iterable[int]) -> tuple[float, ...]:
    """Ticks of an axis: powers of two from the least, which is one, to the greatest or beyond; at least two."""
    distinct = sorted(set(values))
    ticks = [float(distinct[0])]
    while ticks[-1] < distinct[-1] or len(ticks) < 2:
        ticks.append(2 * ticks[-1])
    return tuple(ticks)
