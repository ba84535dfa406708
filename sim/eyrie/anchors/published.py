"""How the files of published figures are read."""

import csv
from importlib import resources


def rows(name: str) -> list[dict[str, str]]:
    """Rows of a file of this package, whose first lines are remarks."""
    text = resources.files("eyrie.anchors").joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
