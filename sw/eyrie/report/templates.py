"""Templates of pages and charts."""

from importlib import resources
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined


def render_template(name: str, **values: Any) -> str:
    """Fill a template of this package.

    Parameters
    ----------
    name : str
        File beside this module.
    values
        What the template names; a name that is missing is an error.
    """
    environment = Environment(
        loader=FunctionLoader(_read), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["percent"] = lambda fraction, digits=2: f"{100 * fraction:.{digits}f} %"
    environment.filters["count"] = lambda number: f"{number:,}"
    environment.filters["kib"] = lambda size: f"{size / 1024:,.1f} KiB"
    return environment.get_template(name).render(values)


def _read(name: str) -> str:
    return resources.files("eyrie.report").joinpath(name).read_text(encoding="utf-8")
