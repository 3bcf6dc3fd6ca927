"""`station`: the command group, and the one place where an error becomes a message and an exit code."""

from __future__ import annotations

import difflib
import errno
import importlib
import io
import os
import sys
from contextlib import suppress
from typing import Final

import click
from click.shell_completion import CompletionItem

from station.cli.completion import COMPLETE_VARIABLE, support_powershell
from station.cli.context import Session, global_options, say_json
from station.cli.stopping import Stopped, let_output_go
from station.errors import Aborted, Code, CodedError, InputError, InternalFault, StationFault, UsageError

COMMANDS: Final = {
    "demo": ("station.cli.demo_command:demo", "Train on virtual units."),
    "run": ("station.cli.run_command:run", "Open the technician's screen on a profile."),
    "watch": ("station.cli.watch_command:watch", "Show the line on a big screen."),
    "flash": ("station.cli.flash_command:flash", "Walk units without a screen."),
    "batch": ("station.cli.batch_commands:batch", "Import and look at batches of certificates."),
    "unit": ("station.cli.unit_commands:unit", "Look at one unit, or void its certificate."),
    "results": ("station.cli.results_commands:results", "What other systems are told of each unit, and what waits."),
    "label": ("station.cli.label_commands:label", "Print the labels of units that passed, or look at one."),
    "operator": ("station.cli.operator_commands:operator", "Say who works here, and who may decide."),
    "new": ("station.cli.new_command:new", "Ask what a new product needs, and leave its profile."),
    "profile": ("station.cli.profile_commands:profile", "Check, lock and make profiles."),
    "audit": ("station.cli.audit_commands:audit", "Export the record of everything that happened, and verify it."),
    "order": ("station.cli.order_commands:order", "Work orders: what shall be made, and how far it is."),
    "report": ("station.cli.report_command:report", "What a batch came to: a page, a table, numbers."),
    "recover": ("station.cli.recover_command:recover", "List what was broken off; go on after a restored backup."),
    "ledger": ("station.cli.ledger_commands:ledger", "Back the ledger up, or change its key."),
    "key": ("station.cli.key_commands:key", "Show the public keys of this station."),
    "ports": ("station.cli.ports_command:ports", "List the serial ports of this PC."),
    "lanes": ("station.cli.lanes_commands:lanes", "Show or teach which lane is at which plug."),
    "settings": ("station.cli.settings_commands:settings", "Look at this station's settings, or begin their file."),
    "doctor": ("station.cli.doctor_command:doctor", "Look at everything the station needs, and tell the mend."),
    "support-pack": ("station.cli.support_pack:support_pack", "Pack what a support engineer needs into one file."),
    "completion": ("station.cli.completion:completion", "Print what makes a shell complete this command line."),
    "platform": ("station.cli.platform_commands:platform", "Order devices and ask about them on the IoT platform."),
    "virtual": (
        "station.cli.virtual_commands:virtual",
        "Virtual chips and a virtual platform, for trying things out.",
    ),
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

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        near = difflib.get_close_matches(args[0], COMMANDS, n=1)
        if near and args[0] not in COMMANDS:
            ctx.fail(f"No such command {args[0]!r}. Did you mean {near[0]!r}?")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        names = [CompletionItem(name, help=line) for name, (_, line) in COMMANDS.items() if name.startswith(incomplete)]
        return names + click.Command.shell_complete(self, ctx, incomplete)

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
        with suppress(OSError):  # a terminal that was closed
            click.echo(f"station: {error.code}: {error}", err=True)
        return
    faults = error.faults if isinstance(error, InputError) else ()
    with suppress(OSError):  # nobody reads the output any more
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
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="replace")  # a pipe on Windows has the code page's few letters: no ✔ in cp936
    if os.environ.get(COMPLETE_VARIABLE, "").startswith("pwsh"):
        support_powershell()
    try:
        code = station.main(prog_name="station", standalone_mode=False, obj=session)
        sys.exit(code if isinstance(code, int) else 0)
    except CodedError as error:
        show_error(error, session.json)
        sys.exit(error.status if isinstance(error, Stopped) else error.exit_code)
    except click.ClickException as error:
        # A command line that cannot be read has not set the session's JSON either.
        if session.json or "--json" in sys.argv[1:]:
            show_error(_bad_usage(error), as_json=True)
        else:
            error.show()
        sys.exit(UsageError.exit_code)
    except (click.Abort, KeyboardInterrupt):
        show_error(Aborted(Code.ABORTED, "Interrupted", "Start the command again"), session.json)
        sys.exit(Aborted.exit_code)
    except Exception as error:  # noqa: BLE001  the last place that can turn a bug into a message
        fault = _own_fault(error, session)
        show_error(fault, session.json)
        sys.exit(fault.exit_code)
    finally:
        let_output_go()


def _bad_usage(error: click.ClickException) -> UsageError:
    context = getattr(error, "ctx", None)
    command = context.command_path if isinstance(context, click.Context) else "station"
    return UsageError(error.format_message().rstrip("."), f"See `{command} --help`", command)


def _own_fault(error: Exception, session: Session) -> CodedError:
    """Give what nobody foresaw as a fault of the station; where it struck goes into the log, without values."""
    if isinstance(error, ImportError):
        return InternalFault(
            f"A part of the station cannot be loaded ({error.name})", "Install it again: pip install ."
        )
    if isinstance(error, OSError):
        full = error.errno == errno.ENOSPC
        return StationFault(
            Code.DISK_FULL if full else Code.INTERNAL,
            f"The system refuses a file ({error.strerror or type(error).__name__})",
            "Free some space on its disk" if full else "Look at its disk and at the rights of this user",
            str(error.filename or "standard output"),
        )
    from station.cli.station_log import note_fault  # noqa: PLC0415  --help needs no log

    with suppress(OSError):
        note_fault(session.data, error)
    return InternalFault(f"The station met an error of its own ({type(error).__name__})")


if __name__ == "__main__":
    main()
