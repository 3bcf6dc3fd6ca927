"""`station support-pack`: what a support engineer needs, in one ZIP file."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import click

from station.cli.context import Session, global_options, pass_session, say, say_json
from station.errors import UsageError


@click.command("support-pack")
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The ZIP file to write.")
@click.option(
    "--profile",
    "profiles",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A profile to put in, or a folder of them; may be given again.",
)
@global_options
@pass_session
def support_pack(session: Session, out: Path, profiles: Sequence[Path]) -> None:
    """Pack what a support engineer needs into one ZIP file.

    Versions, what doctor finds, settings, ports, the last runs and audit events, the log, and the profiles that you name
    (their sdk_config without passwords). Never keys, secrets, PINs, nor certificate files. With --json {event, path, parts}.

    Example: station support-pack --out support.zip --profile smart-plug.yaml
    """
    from station.cli.support_parts import support_parts  # noqa: PLC0415  --help must not pay for what goes in

    if out.exists():
        raise UsageError(f"{out} exists already", "Give another --out, or remove that file")
    parts = dict(support_parts(session, profiles))
    try:
        with zipfile.ZipFile(out, "x", zipfile.ZIP_DEFLATED) as pack:
            for name, content in parts.items():
                pack.writestr(name, content)
    except OSError as error:
        raise UsageError(f"{out} cannot be written ({error.strerror})", "Give another --out", str(out)) from error
    if session.json:
        say_json({"event": "support_pack", "path": out, "parts": sorted(parts)})
    else:
        say(f"{out}: {out.stat().st_size >> 10} KB, {len(parts)} parts. Look into it before you send it.")
