"""`station`: the command group, and the one place where an error becomes a message and an exit code."""

from __future__ import annotations

import importlib
import sys
from typing import Final

import click

from station.cli.context import Session, global_options, say_json
from station.errors import CodedError, InputError

COMMANDS: Final = {
    "demo": "station.cli.demo_command:demo",
    "run": "station.cli.run_command:run",
    "flash": "station.cli.flash_command:flash",
    "batch": "station.cli.batch_commands:batch",
    "unit": "station.cli.unit_commands:unit",
    "profile": "station.cli.profile_commands:profile",
    "audit": "station.cli.audit_commands:audit",
    "ports": "station.cli.ports_command:ports",
    "doctor": "station.cli.doctor_command:doctor",
    "virtual": "station.cli.virtual_commands:virtual",
}
"""Command → `module:object`, imported only when it is called, so that `--help` stays quick."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are needed."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="flashing-station", prog_name="station")
@global_options
def station() -> None:
    """Flash ESP32 units, each with its own cloud certificate, and record who got what."""


def show_error(error: CodedError, as_json: bool) -> None:
    """Print an error: one JSON object on standard output, or its sentences on standard error."""
    if not as_json:
        click.echo(f"station: {error.code}: {error}", err=True)
        return
    faults = error.faults if isinstance(error, InputError) else ()
    say_json(
        {
            "event": "error",
            "code": error.code,
            "place": error.place,
            "cause": error.cause,
            "mend": error.mend,
            "faults": [{"file": f.file, "line": f.line, "cause": f.cause, "mend": f.mend} for f in faults],
        }
    )


def main() -> None:
    """Entry point: exit codes as the command line's contract says (DESIGN §6)."""
    session = Session()
    try:
        code = station.main(standalone_mode=False, obj=session)
        sys.exit(code if isinstance(code, int) else 0)
    except CodedError as error:
        show_error(error, session.json)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("station: interrupted", err=True)
        sys.exit(130)


if __name__ == "__main__":
    main()
