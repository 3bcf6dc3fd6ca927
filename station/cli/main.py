"""`station`: the command group, and the one place where an error becomes a message and an exit code."""

from __future__ import annotations

import importlib
import sys
from typing import Final

import click

from station.cli.context import Session, global_options, say_json
from station.errors import CodedError, InputError

COMMANDS: Final = {
    "demo": ("station.cli.demo_command:demo", "Train on virtual units."),
    "run": ("station.cli.run_command:run", "Open the technician's screen on a profile."),
    "flash": ("station.cli.flash_command:flash", "Walk units without a screen."),
    "batch": ("station.cli.batch_commands:batch", "Import and look at batches of certificates."),
    "unit": ("station.cli.unit_commands:unit", "Look at one unit, or void its certificate."),
    "profile": ("station.cli.profile_commands:profile", "Check, lock and make profiles."),
    "audit": ("station.cli.audit_commands:audit", "Export the record of everything that happened."),
    "ports": ("station.cli.ports_command:ports", "List the serial ports of this PC."),
    "doctor": ("station.cli.doctor_command:doctor", "Look at everything the station needs, and tell the mend."),
    "virtual": ("station.cli.virtual_commands:virtual", "Virtual chips, for training and for trying things out."),
}
"""Command → `module:object` and a line of help; the module is imported only when the command is called."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are needed."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


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
