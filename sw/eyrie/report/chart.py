"""Charts as SVG: lines over powers of two, and bars side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2

from eyrie.report.templates import render_template

WIDTH, HEIGHT = 860, 400
"""Size of a chart in its own units; a page scales it."""

_LEFT, _RIGHT, _TOP, _BOTTOM = 68, 690, 16, 346

Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Axis:
    """From data to a place on the page.

    Parameters
    ----------
    label : str
    ticks : tuple of float
        Where there is a line and a number; the first and the last bound the axis.
    log : bool
        Powers of two have equal distances. Otherwise the axis is linear.
    """

    label: str
    ticks: tuple[float, ...]
    log: bool = False

    def place(self, value: float, begin: float, end: float) -> float:
        """Where a value lies between ``begin`` and ``end``, the places of the first and the last tick."""
        low, high, here = (log2(number) if self.log else number for number in (self.ticks[0], self.ticks[-1], value))
        return round(begin + (end - begin) * (here - low) / (high - low), 2)


@dataclass(frozen=True, kw_only=True)
class Line:
    """Points joined in order.

    Parameters
    ----------
    label : str
    colour : str
    points : tuple of (x, y)
    dashed : bool
        A line to compare with: dashed, and without dots.
    """

    label: str
    colour: str
    points: tuple[Point, ...]
    dashed: bool = False


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A single point from elsewhere, drawn as a diamond."""

    label: str
    colour: str
    point: Point


def line_chart(
    title: str, x: Axis, y: Axis, lines: Sequence[Line], marks: Sequence[Mark] = (), *, marks_label: str = ""
) -> str:
    """Lines, and marks beside them, as SVG.

    Parameters
    ----------
    title : str
        For those who cannot see it.
    x, y : Axis
    lines : sequence of Line
    marks : sequence of Mark
    marks_label : str
        What all marks are.
    """

    def place(point: Point) -> Point:
        return x.place(point[0], _LEFT, _RIGHT), y.place(point[1], _BOTTOM, _TOP)

    return render_template(
        "line_chart.svg.j2",
        **_frame(title, y),
        x_label=x.label,
        x_ticks=[(f"{tick:g}", x.place(tick, _LEFT, _RIGHT)) for tick in x.ticks],
        lines=[(line, [(place(point), point) for point in line.points]) for line in lines],
        marks=[(mark, place(mark.point)) for mark in marks],
        marks_label=marks_label,
    )


def bar_chart(title: str, y: Axis, groups: Sequence[str], bars: Sequence[tuple[str, str, Sequence[float]]]) -> str:
    """Bars in groups as SVG.

    Parameters
    ----------
    title : str
        For those who cannot see it.
    y : Axis
    groups : sequence of str
        What stands side by side.
    bars : sequence of (label, colour, values)
        The bars of a group from left to right, each with a value a group.
    """
    pitch = (_RIGHT - _LEFT) / len(groups)
    width = 0.8 * pitch / len(bars)
    placed = []
    for number, (label, colour, values) in enumerate(bars):
        for group, value in enumerate(values):
            left = round(_LEFT + pitch * (group + 0.1) + width * number, 2)
            placed.append(
                (left, y.place(value, _BOTTOM, _TOP), colour, f"{groups[group]}, {label}: {value:.3g}", value)
            )
    return render_template(
        "bar_chart.svg.j2",
        **_frame(title, y),
        bars=placed,
        bar_width=round(width, 2),
        groups=[(group, round(_LEFT + pitch * (number + 0.5), 2)) for number, group in enumerate(groups)],
        legend=[(label, colour) for label, colour, _ in bars],
    )


def _frame(title: str, y: Axis) -> dict[str, object]:
    """What all charts have."""
    return {
        "title": title,
        "size": (WIDTH, HEIGHT),
        "box": (_LEFT, _TOP, _RIGHT, _BOTTOM),
        "y_label": y.label,
        "y_ticks": [(f"{tick:g}", y.place(tick, _BOTTOM, _TOP)) for tick in y.ticks],
    }
