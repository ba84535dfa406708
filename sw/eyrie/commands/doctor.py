"""``eyrie doctor``: which tools are there."""

from dataclasses import asdict

import click

from eyrie.commands.terminal import json_option, print_json, print_table


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Say which tools are there, their versions, and what is missing for what.

    Exit status 1 if something that is needed is missing.
    """
    from eyrie.doctor import diagnose

    findings = diagnose()
    if as_json:
        print_json({"tools": [asdict(finding) | {"missing": finding.missing} for finding in findings]})
    else:
        print_table(
            "tools",
            ["tool", "version", "", "for"],
            [[finding.tool, finding.version or "-", finding.need, finding.purpose] for finding in findings],
            left=(0, 1, 2, 3),
        )
    if any(finding.missing for finding in findings):
        raise click.exceptions.Exit(1)
