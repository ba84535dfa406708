"""Reports as pages: templates filled with what is in the JSON beside them."""

from typing import Any

from eyrie.report.templates import render_template


def render_demo(report: dict[str, Any], pictures: list[dict[str, Any]]) -> str:
    """The HTML page of a run of the demo.

    Parameters
    ----------
    report : dict
        What `eyrie.report.demo.run_demo` gives.
    pictures : list of dict
        ``uri``, ``label``, and ``said``: of each network the ``class`` and whether it is ``right``.
    """
    return render_template("demo.html.j2", report=report, pictures=pictures)


def render_network(report: dict[str, Any]) -> str:
    """The HTML page of a compiled network.

    Parameters
    ----------
    report : dict
        What `eyrie.report.compiled_network.report_compiled` gives, with ``command`` and ``eyrie``, the version.
    """
    hardware = [(it["name"], f"{it['hardware']}, {it['hash']}") for it in report["segments"] if it["hash"]]
    return render_template("network.html.j2", report=report, hardware=hardware)
