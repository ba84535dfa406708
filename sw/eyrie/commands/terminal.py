"""What every subcommand prints: tables for people, JSON for programs, progress on a terminal and nowhere else."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
"""The option of every subcommand that has a result."""


class Task:
    """Something long that is under way, shown as one line if there is a terminal to show it on."""

    def __init__(self, bar: Progress | None = None, task: TaskID | None = None) -> None:
        self._bar, self._task = bar, task

    def __call__(self, done: int, of: int) -> None:
        """Say how far it is."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, total=of)

    def say(self, line: str) -> None:
        """Say what is being done now."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, description=line)


def print_json(value: Any) -> None:
    """One JSON object on standard output."""
    click.echo(json.dumps(value, indent=2, allow_nan=False))


def print_table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], *, left: Sequence[int] = (0,)
) -> None:
    """A table on standard output; columns are right-aligned but for those with a number in ``left``."""
    table = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number in left else "right")
    for row in rows:
        table.add_row(*map(_cell, row))
    _print(table)


def print_facts(title: str, facts: Sequence[tuple[str, Any]]) -> None:
    """A table of two columns without a head: what, and how much."""
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for what, value in facts:
        table.add_row(_cell(what), _cell(value))
    _print(table)


def _cell(value: Any) -> Text:
    return Text(f"{value:,}" if isinstance(value, int) else str(value))


def _print(table: Table) -> None:
    console = Console(highlight=False)
    # Away from a terminal nothing may be cut to a width that nobody has.
    (console if console.is_terminal else Console(highlight=False, width=160)).print(table)


@contextmanager
def progress(label: str) -> Iterator[Task]:
    """Show a line with ``label`` on standard error while the block runs, if that is a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Task()
        return
    columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as bar:
        yield Task(bar, bar.add_task(label, total=None))


def percent(fraction: float, digits: int = 2) -> str:
    """A fraction as a percentage."""
    return f"{100 * fraction:.{digits}f} %"
