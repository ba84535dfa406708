"""The report of a demo run as a page: a template filled with what is in the JSON."""

from typing import Any

from eyrie.report.templates import render_template


def render_page(report: dict[str, Any], pictures: list[dict[str, Any]]) -> str:
    """The HTML page of a report.

    Parameters
    ----------
    report : dict
        What `eyrie.commands.demo` writes to ``report.json``.
    pictures : list of dict
        ``uri``, ``label``, ``predicted`` and ``right`` of a few inputs.
    """
    return render_template("page.html.j2", report=report, pictures=pictures)
