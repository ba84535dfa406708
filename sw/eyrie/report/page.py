"""The report of a demo run as a page: a template filled with what is in the JSON."""

from importlib import resources
from typing import Any

from jinja2 import Environment, StrictUndefined


def render_page(report: dict[str, Any], pictures: list[dict[str, Any]]) -> str:
    """The HTML page of a report.

    Parameters
    ----------
    report : dict
        What `eyrie.commands.demo` writes to ``report.json``.
    pictures : list of dict
        ``uri``, ``label``, ``predicted`` and ``right`` of a few inputs.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["percent"] = lambda fraction, digits=2: f"{100 * fraction:.{digits}f} %"
    environment.filters["count"] = lambda number: f"{number:,}"
    environment.filters["kib"] = lambda size: f"{size / 1024:,.1f} KiB"
    template = resources.files("eyrie.report").joinpath("page.html.j2").read_text(encoding="utf-8")
    return environment.from_string(template).render(report=report, pictures=pictures)
