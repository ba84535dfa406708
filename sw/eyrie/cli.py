"""The command `eyrie`: a thin layer over the Python API.

Exit status: 0 done; 1 the run ended and what it checked does not hold; 2 bad input or usage, with one line on
standard error.
"""

import importlib
import sys
from typing import Any

import click

from eyrie.errors import InputError

_COMMANDS = {
    "train": "eyrie.train.command",
    "compile": "eyrie.commands.compile",
    "run": "eyrie.commands.run",
    "evaluate": "eyrie.commands.evaluate",
    "info": "eyrie.commands.info",
    "serve": "eyrie.commands.serve",
    "rehearse": "eyrie.commands.rehearse",
    "report": "eyrie.commands.report",
    "verilog": "eyrie.commands.verilog",
    "synth": "eyrie.commands.synth",
    "route": "eyrie.commands.route",
    "build": "eyrie.commands.build",
    "verify": "eyrie.commands.verify",
    "prove": "eyrie.commands.prove",
    "torture": "eyrie.commands.torture",
    "bench": "eyrie.commands.bench",
    "doctor": "eyrie.commands.doctor",
    "demo": "eyrie.commands.demo",
}


class _LazyGroup(click.Group):
    """Imports a subcommand only when it is named, so that the command line answers at once."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(_COMMANDS[name]), name)
        return command

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except KeyboardInterrupt as error:
            # Click would print an empty line of its own.
            raise InputError("interrupted; nothing was left half-written") from error


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="eyrie")
def cli() -> None:
    """Compress a trained network and run it on sparse hardware generated in Amaranth."""


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line and end the process with its exit status."""
    status: Any = 0
    try:
        status = cli.main(arguments, standalone_mode=False)
    except click.exceptions.Exit as ended:
        status = ended.exit_code
    except click.ClickException as error:
        where = f"{error.ctx.command_path}: " if isinstance(error, click.UsageError) and error.ctx else ""
        status = _complain(f"{where}{error.format_message()}")
    except InputError as error:
        status = _complain(str(error))
    except BrokenPipeError:
        # The reader of our output has gone: nothing more to say to it.
        sys.stdout = None
        status = 2
    except OSError as error:
        status = _complain(f"{error.filename or 'system'}: {error.strerror or error}")
    sys.exit(status or 0)


def _complain(message: str) -> int:
    print(f"eyrie: {' '.join(message.split())}", file=sys.stderr)
    return 2
