"""A synthesis report as tables for people."""

from dataclasses import astuple

from eyrie.synth.capacity import PARTS, Resources, lacking, taken
from eyrie.synth.cells import Cells
from eyrie.synth.yosys import SynthesisReport

COLUMNS = ("module", "instances", "LUTs", "flip-flops", "block RAMs", "distributed RAMs", "multipliers")

FIT_COLUMNS = ("part", "LUTs, memories too", "flip-flops", "block RAMs", "multipliers", "can hold it")

_NAMES = {"luts": "LUTs", "flip_flops": "flip-flops", "block_rams": "block RAMs", "multipliers": "multipliers"}


def report_rows(report: SynthesisReport) -> list[tuple[str | int, ...]]:
    """One row for every kept module, one for the whole design, one for the part of it that is in no kept module."""
    rows = [_row(name, report.instances[name], cells) for name, cells in report.modules.items()]
    if report.modules:
        rest = dict(report.whole.by_kind)
        for name, cells in report.modules.items():
            for kind, count in cells.by_kind.items():
                rest[kind] -= report.instances[name] * count
        rest = {kind: count for kind, count in rest.items() if count}
        rows.append(_row("around them", 1, Cells(target=report.target, by_kind=rest)))
    rows.append(_row(report.top, 1, report.whole))
    return rows


def fit_rows(cells: Cells) -> list[tuple[str | int, ...]]:
    """One row for what a design takes, one for each part of the family with what it has."""
    wanted = taken(cells)
    return [
        ("taken", *astuple(wanted), ""),
        *((name, *astuple(part), _fit(wanted, part)) for name, part in PARTS[cells.target].items()),
    ]


def _fit(wanted: Resources, part: Resources) -> str:
    lacks = lacking(wanted, part)
    if not lacks:
        return "yes"
    return "no: " + ", ".join(f"{want} of {have} {_NAMES[kind]}" for kind, (want, have) in lacks.items())


def _row(name: str, instances: int, cells: Cells) -> tuple[str | int, ...]:
    memories = (_kinds(kinds) for kinds in (cells.block_rams, cells.distributed_rams, cells.multipliers))
    return (name, instances, cells.luts, cells.flip_flops, *memories)


def _kinds(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {kind}" for kind, count in counts.items()) or "0"
