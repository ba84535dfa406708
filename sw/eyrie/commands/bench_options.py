"""Options of ``eyrie bench``: which layers, and what goes past the paper."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import click

from eyrie.anchors.eie import published_layers
from eyrie.bench.eie_levers import PAPER, Levers


class IndexBits(click.ParamType):
    """A width, or what it is chosen for."""

    name = "1-8|cycles|bits"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value in ("cycles", "bits"):
            return value
        if value in map(str, range(1, 9)):
            return int(value)
        self.fail(f"{value!r} is neither 1 to 8 nor cycles nor bits", param, ctx)


class Layers(click.ParamType):
    """Names of EIE's layers with commas between them, or all."""

    name = "all|NAME,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        layers = {layer.name: layer for layer in published_layers()}
        names = list(layers) if value == "all" else value.split(",")
        for name in names:
            if name not in layers:
                self.fail(f"there is no layer {name!r}, only {', '.join(layers)}", param, ctx)
        return [layer for name, layer in layers.items() if name in names]


_SWITCH = click.Choice(["on", "off"])

_OPTIONS = (
    ("--queue-depth", click.IntRange(1, 1024), "Slices that a PE's queue holds.  [default: 64]"),
    ("--index-bits", IndexBits(), "Bits of a zero run, or what they are chosen for.  [default: cycles]"),
    ("--balance", _SWITCH, "Rows are placed for balance, or interleaved.  [default: on]"),
    ("--skip-empty", _SWITCH, "Empty slices cost the multiplier nothing, or a cycle.  [default: on]"),
    (
        "--column-groups",
        click.Choice(["1", "2", "4"]),
        "Groups of PEs over which layers split their columns if that takes fewer cycles; 1: none do.  [default: 2]",
    ),
)


def lever_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that switch what goes past the paper."""
    for name, kind, text in reversed(_OPTIONS):
        command = click.option(name, type=kind, help=text)(command)
    text = "Everything past the paper is off, apart from what these options say."
    return click.option("--paper", is_flag=True, help=text)(command)


def levers_from(
    *,
    paper: bool,
    queue_depth: int | None,
    index_bits: Any,
    balance: str | None,
    skip_empty: str | None,
    column_groups: str | None,
) -> Levers:
    """The levers that the options give."""
    given = {
        "queue_depth": queue_depth,
        "index_bits": index_bits,
        "balance": balance and balance == "on",
        "skip_empty": skip_empty and skip_empty == "on",
        "column_groups": column_groups and int(column_groups),
    }
    return replace(PAPER if paper else Levers(), **{name: value for name, value in given.items() if value is not None})
