"""Tables of ``eyrie bench``."""

from collections.abc import Sequence
from typing import Any

import click

from eyrie.bench.eie_ablation import AblationRow
from eyrie.bench.eie_bench import BenchRow
from eyrie.commands.terminal import percent, print_table


def print_bench(rows: Sequence[BenchRow], report: dict[str, Any]) -> None:
    """Cycles beside the paper's, what the multipliers did when they did not work, and bits beside the paper's."""
    where = "cycle model" if report["on"] == "model" else f"emitted Verilog, Verilator {report['tools']['verilator']}"
    print_table(
        f"EIE's layers on {report['pes']} PEs, {where}, seed {report['seed']}",
        ["layer", "multiplies", "bound", "cycles", "/ bound", "paper", "paper / ours", "utilisation", "check"],
        [
            [
                *(row.layer, row.useful_multiplies, round(row.bound), row.cycles, f"{row.cycles_over_bound:.3f}"),
                *("" if row.paper_cycles is None else row.paper_cycles, _ratio(row.paper_over_cycles)),
                *(percent(row.utilisation, 1), "match" if row.matches else "differ"),
            ]
            for row in rows
        ],
    )
    causes = list(rows[0].stalls)
    print_table(
        "Share of the multipliers' cycles lost, by cause; cycles with the broadcast held",
        ["layer", *causes, "queue full"],
        [
            [row.layer, *(percent(row.stalls[cause] / (row.cycles * row.pes)) for cause in causes), row.queue_full]
            for row in rows
        ],
    )
    print_table(
        "Entries read, and bits stored for a weight that is not zero",
        ["layer", "index bits", "entries", "fillers", "bits / weight", "paper's format"],
        [
            [
                *(row.layer, row.index_bits, row.entries, row.fillers),
                *(f"{row.bits_per_weight:.2f}", f"{row.paper_bits_per_weight:.2f}"),
            ]
            for row in rows
        ],
    )
    click.echo(f"Cycles: {report['definition_of_cycles']}.")
    if (mean := report["geometric_mean_paper_over_cycles"]) is not None:
        click.echo(f"Geometric mean of paper / ours: {mean:.3f}.")


def print_ablation(rows: Sequence[AblationRow]) -> None:
    """Cycles and bits with each set of levers."""
    layers = list(dict.fromkeys(row.layer for row in rows))
    variants = list(dict.fromkeys(row.levers for row in rows))
    of = {(row.layer, row.levers): row for row in rows}
    papers = {row.layer: row.paper_cycles for row in rows}
    cycles = [[name, papers[name] or "", *(of[name, variant].cycles for variant in variants)] for name in layers]
    over = [[name, *(f"{of[name, variant].cycles_over_bound:.3f}" for variant in variants)] for name in layers]
    bits = [[name, *(f"{of[name, variant].bits_per_weight:.2f}" for variant in variants)] for name in layers]
    where = f"{rows[0].pes} PEs, cycle model, seed {rows[0].seed}"
    print_table(f"Cycles: {where}", ["layer", "paper", *variants], cycles)
    print_table(f"Cycles / bound: {where}", ["layer", *variants], over)
    print_table(f"Bits stored for a weight that is not zero: {where}", ["layer", *variants], bits)


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
