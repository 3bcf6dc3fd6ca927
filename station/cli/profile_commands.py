"""`station profile check|schema|lock|new|examples`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from station.cli.context import Session, global_options, pass_session, say, say_json
from station.cli.examples import copy_examples
from station.errors import Fault, ProfileError, UsageError
from station.unit import CHIPS

if TYPE_CHECKING:
    from station.profile.lock import LockResult
    from station.profile.new import NewProfile
    from station.profile.recipe import Recipe

_PROFILES = click.argument("profiles", nargs=-1, required=True, type=click.Path(path_type=Path))


@click.group()
@global_options
def profile() -> None:
    """Check, lock and make profiles: what a unit of one product gets."""


@profile.command()
@_PROFILES
@global_options
@pass_session
def check(session: Session, profiles: tuple[Path, ...]) -> None:
    """Say in one go all that is wrong with PROFILES, or what will be written.

    Example: station profile check smart-plug.yaml lamp.yaml
    """
    from station.profile.prepare import prepare_recipe  # noqa: PLC0415  --help must not pay for pydantic

    wrong: list[ProfileError] = []
    for path in profiles:
        try:
            recipe = prepare_recipe(path)
        except ProfileError as error:
            wrong.append(error)
            continue
        if session.json:
            say_json(_as_json(recipe))
        else:
            say(_summary(recipe))
    _raise_together(wrong)


@profile.command()
@global_options
def schema() -> None:
    """Print the JSON Schema of a profile.

    Example: station profile schema
    """
    from station.profile.schema import profile_schema  # noqa: PLC0415  as above

    say_json(profile_schema(), indent=2)


@profile.command()
@_PROFILES
@global_options
@pass_session
def lock(session: Session, profiles: tuple[Path, ...]) -> None:
    """Write the SHA-256 of every file into PROFILES; a run then refuses a file that has changed.

    Example: station profile lock smart-plug.yaml
    """
    from station.profile.lock import lock_profile  # noqa: PLC0415  as above

    wrong: list[ProfileError] = []
    for path in profiles:
        try:
            result = lock_profile(path)
        except ProfileError as error:
            wrong.append(error)
            continue
        if session.json:
            changes = [change._asdict() for change in result.changes]
            say_json({"event": "locked", "path": path, "files": result.files, "changes": changes})
        else:
            say(_lock_text(result))
    _raise_together(wrong)


@profile.command()
@click.argument("name")
@click.option("--product-key", required=True, help="The platform's ProductKey.")
@click.option("--chip", type=click.Choice(CHIPS), help="The chip; without it the build's, else esp32.")
@click.option("--idf-build", type=click.Path(path_type=Path), help="An ESP-IDF project's build folder.")
@click.option("--micropython", type=click.Path(path_type=Path), help="A MicroPython firmware image (.bin).")
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The profile to write.")
@global_options
@pass_session
def new(
    session: Session,
    name: str,
    product_key: str,
    chip: str | None,
    idf_build: Path | None,
    micropython: Path | None,
    out: Path,
) -> None:
    """Write a commented profile for the product NAME.

    Example: station profile new smart-plug --product-key a1B2c3D4e5F --idf-build ../smart-plug/build --out smart-plug.yaml
    """
    from station.profile.new import new_profile  # noqa: PLC0415  as above

    made = new_profile(name, product_key=product_key, out=out, chip=chip, idf_build=idf_build, micropython=micropython)
    tell_made(session, made, "is written", f"station profile lock {made.path}")


@profile.command()
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder to write to.")
@global_options
@pass_session
def examples(session: Session, out: Path) -> None:
    """Write the example profiles, and the device SDK that they flash, into a folder.

    With --json one object {event, folder, profiles}.

    Example: station profile examples --out my-products
    """
    try:
        copy_examples(out)
    except OSError as error:
        raise UsageError(
            f"The folder cannot be written: {error.strerror}", "Name another folder with --out", str(out)
        ) from error
    written = sorted(path.as_posix() for path in (out / "profiles").glob("*.yaml"))
    if session.json:
        say_json({"event": "examples", "folder": out, "profiles": written})
        return
    for path in written:
        say(path)
    say(f"Images for the training bench: station virtual images --out {out / 'profiles' / 'images'}")


def _raise_together(wrong: Sequence[ProfileError]) -> None:
    """Raise the one error, or one that holds the faults of all."""
    if len(wrong) == 1:
        raise wrong[0]
    if wrong:
        faults = tuple(fault for error in wrong for fault in error.faults)
        raise ProfileError(f"{len(wrong)} profiles have mistakes", "Correct the lines named below", "", faults)


def _summary(recipe: Recipe) -> str:
    profile_, partition = recipe.profile, recipe.credentials_partition
    rows = [
        (region.offset, region.name, region.size_bytes, region.sha256[:12]) for region in recipe.static_plan.regions
    ]
    rows.append((partition.offset, f"credentials in {partition.name}", partition.size_bytes, "its own for each unit"))
    width = max(len(name) for _, name, _, _ in rows)
    lines = [
        f"{recipe.path}: good. {profile_.name} {profile_.firmware.version} for {profile_.chip}, "
        f"{profile_.flash_size_bytes >> 10} KB of flash",
        f"  {'region':<{width}}  {'offset':>10}  {'bytes':>9}  sha256",
    ]
    lines += [f"  {name:<{width}}  {offset:#010x}  {size:>9}  {digest}" for offset, name, size, digest in sorted(rows)]
    lines += [f"  warning: {warning}" for warning in recipe.warnings]
    unlocked = [file.name for file in recipe.files if not file.locked]
    if unlocked:
        lines.append(f"  not locked: {', '.join(unlocked)} (station profile lock {recipe.path})")
    return "\n".join(lines)


def _as_json(recipe: Recipe) -> dict[str, object]:
    partition = recipe.credentials_partition
    return {
        "event": "profile",
        "path": recipe.path,
        "name": recipe.profile.name,
        "product_key": recipe.profile.product_key,
        "chip": recipe.profile.chip,
        "version": recipe.profile.firmware.version,
        "flash_size_bytes": recipe.profile.flash_size_bytes,
        "regions": [
            {"name": region.name, "offset": region.offset, "size_bytes": region.size_bytes, "sha256": region.sha256}
            for region in recipe.static_plan.regions
        ],
        "credentials": {"partition": partition.name, "offset": partition.offset, "size_bytes": partition.size_bytes},
        "files": [{"name": file.name, "sha256": file.sha256, "locked": file.locked} for file in recipe.files],
        "warnings": recipe.warnings,
    }


def _lock_text(result: LockResult) -> str:
    lines = [f"{result.path}: {len(result.changes)} of {result.files} hashes written"]
    for change in result.changes:
        before = "new" if change.before is None else f"was {change.before[:12]}"
        lines.append(f"  {change.name}  {change.after[:12]}  ({before})")
    return "\n".join(lines)


def tell_made(session: Session, made: NewProfile, done: str, then: str) -> None:
    """Say what has become of a new profile: what is `done`, what is still to do in it, and if nothing is, what comes `then`."""
    if session.json:
        points = [fault_as_json(fault) for fault in made.open_points]
        say_json({"event": "created", "path": made.path, "open_points": points, "warnings": made.warnings})
        return
    say(f"{made.path} {done}.")
    for point in made.open_points:
        say(f"  still to do: {point}")
    for warning in made.warnings:
        say(f"  warning: {warning}")
    if not made.open_points:
        say(f"Next: {then}")


def fault_as_json(fault: Fault) -> dict[str, object]:
    """Give a mistake as a JSON object."""
    return {"file": fault.file, "line": fault.line, "cause": fault.cause, "mend": fault.mend}
