"""The page of a bitstream: what is in it, how full the part is, and how fast it can be."""

from typing import Any

from eyrie.report.templates import render_template


def render_build(report: dict[str, Any]) -> str:
    """The HTML page of what ``eyrie build`` made.

    Parameters
    ----------
    report : dict
        What `eyrie.platforms.build_report.BuildReport.as_json` gives, with ``command``, ``eyrie`` (the version),
        ``files`` and ``network`` (None without one).
    """
    chosen = next((run for run in report["runs"] if run["seed"] == report["best_seed"]), None)
    facts = [
        ("part", report["device"]),
        ("clock", f"{report['clock'] / 1e6:g} MHz from {report['oscillator'] / 1e6:g} MHz"),
        ("serial line", f"{report['baud']:,} baud"),
        ("engine", f"{report['config']['n_pes']} PEs, {report['config_hash']}"),
        ("Verilog, SHA-256", report["verilog_sha256"]),
        *([("network", report["network"]["name"])] if report["network"] else []),
        *(
            [("bitstream", f"{report['bitstream']['file']}, {report['bitstream']['bytes']:,} bytes")]
            if report["bitstream"]
            else []
        ),
        *report["tools"].items(),
    ]
    return render_template("build.html.j2", report=report, chosen=chosen, facts=facts)
