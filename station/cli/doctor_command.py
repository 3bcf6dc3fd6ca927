"""`station doctor`: what is wrong with this PC, and the mend."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import click

from station.cli.context import Session, global_options, pass_session, say, say_json
from station.cli.finding import Health


@click.command()
@click.argument("profiles", nargs=-1, type=click.Path(path_type=Path))
@global_options
@pass_session
def doctor(session: Session, profiles: tuple[Path, ...]) -> None:
    """Look at everything the station needs, and tell the mend of what is wrong. PROFILES are looked at too, with their images.

    Exit code 3 when units cannot be walked. With --json an array of {subject, health, seen, mend}.

    Example: station doctor smart-plug.yaml
    """
    from station.cli.looks import look_at_everything  # noqa: PLC0415  --help must not pay for what it looks at

    findings = look_at_everything(session, profiles)
    if session.json:
        say_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            mark = {Health.GOOD: "✔", Health.ODD: "▲", Health.BAD: "✘"}[finding.health]
            say(f"{mark} {finding.subject:<14} {finding.seen}" + (f"\n    → {finding.mend}" if finding.mend else ""))
    sys.exit(3 if any(finding.health is Health.BAD for finding in findings) else 0)
