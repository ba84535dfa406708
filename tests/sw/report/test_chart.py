"""Charts: points where they belong, and text that cannot break the page."""

import re
from xml.dom import minidom

import pytest

from eyrie.report.chart import Axis, Line, Mark, bar_chart, line_chart

POWERS = Axis(label="queue", ticks=(1, 2, 4, 8), log=True)
SHARES = Axis(label="share", ticks=(0, 0.5, 1))


def test_axes() -> None:
    assert [SHARES.place(value, 300, 100) for value in (0, 0.25, 1)] == [300, 250, 100]
    assert [POWERS.place(value, 0, 90) for value in (1, 2, 4, 8)] == [0, 30, 60, 90]


def test_lines_and_marks() -> None:
    line = Line(label="alex-6", colour="#123456", points=((1, 0.5), (8, 1)))
    mark = Mark(label="alex-6", colour="#654321", point=(8, 0.75))
    svg = minidom.parseString(line_chart("efficiency", POWERS, SHARES, [line], [mark], marks_label="the paper"))
    ticks = {node.firstChild.data: node for node in svg.getElementsByTagName("text")}
    left, right = (float(ticks[text].getAttribute("x")) for text in ("1", "8"))
    circles = [
        (float(it.getAttribute("cx")), float(it.getAttribute("cy"))) for it in svg.getElementsByTagName("circle")
    ]
    assert [x for x, _ in circles] == [left, right]
    assert circles[0][1] > circles[1][1], "up is more"
    (polyline,) = svg.getElementsByTagName("polyline")
    assert polyline.getAttribute("points").split() == [f"{x},{y}" for x, y in circles]
    diamond = svg.getElementsByTagName("path")[0]
    x, y = map(float, re.match(r"M(\S+) (\S+)l", diamond.getAttribute("d")).groups())
    # Three quarters lie half-way between the line's two points; the path begins at the diamond's top.
    assert (x, y + 7) == (right, (circles[0][1] + circles[1][1]) / 2)
    assert diamond.getElementsByTagName("title")[0].firstChild.data == "alex-6, the paper: 0.75"
    assert {"efficiency", "queue", "share", "the paper"} <= {
        node.firstChild.data for name in ("text", "title") for node in svg.getElementsByTagName(name)
    }


def test_bars_are_as_high_as_their_values() -> None:
    svg = minidom.parseString(
        bar_chart("utilisation", SHARES, ["a", "b"], [("ours", "#111111", [1, 0.5]), ("theirs", "#222222", [0.5, 0])])
    )
    bars = [it for it in svg.getElementsByTagName("rect") if it.getElementsByTagName("title")]
    heights = {it.firstChild.firstChild.data: float(it.getAttribute("height")) for it in bars}
    full = heights["a, ours: 1"]
    assert heights == {"a, ours: 1": full, "b, ours: 0.5": full / 2, "a, theirs: 0.5": full / 2, "b, theirs: 0": 0}


@pytest.mark.parametrize("text", ["<script>", "a & b", '"'])
def test_text_is_escaped(text: str) -> None:
    line = Line(label=text, colour="red", points=((1, 0), (2, 1)))
    svg = minidom.parseString(line_chart(text, POWERS, SHARES, [line]))
    assert svg.getElementsByTagName("title")[0].firstChild.data == text
