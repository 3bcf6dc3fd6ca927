"""Everything that `station doctor` looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from station.cli.context import Session
from station.cli.finding import Finding, Health
from station.cli.ledger_looks import look_at_ledger
from station.cli.pc_looks import look_at_data_folder, look_at_python, look_at_settings, look_at_terminal
from station.cli.peripheral_looks import look_at_light, look_at_printer
from station.cli.platform_looks import look_at_platform
from station.cli.port_looks import look_at_ports
from station.cli.result_looks import look_at_results
from station.errors import ProfileError
from station.profile.prepare import prepare_recipe


def look_at_everything(session: Session, profiles: Sequence[Path] = ()) -> list[Finding]:
    """Give what every look finds."""
    found = [finding for look in LOOKS for finding in look(session)]
    return found + [finding for path in profiles for finding in _look_at_profile(path)]


def _look_at_profile(path: Path) -> Iterator[Finding]:
    try:
        recipe = prepare_recipe(path)
    except ProfileError as error:
        for fault in error.faults:
            yield Finding("profile", Health.BAD, f"{fault.file}:{fault.line or 1}: {fault.cause}", fault.mend)
        return
    yield Finding("profile", Health.GOOD, f"{path}: {recipe.profile.name} {recipe.profile.firmware.version}")
    for warning in recipe.warnings:
        yield Finding("profile", Health.ODD, f"{path}: {warning}")
    if not all(file.locked for file in recipe.files):
        mend = f"station profile lock {path}: then a changed image stops the line"
        yield Finding("profile", Health.ODD, f"{path}: not every image is locked", mend)


LOOKS: Final[tuple[Callable[[Session], Iterator[Finding]], ...]] = (
    look_at_python,
    look_at_terminal,
    look_at_settings,
    look_at_platform,
    look_at_ports,
    look_at_printer,
    look_at_light,
    look_at_data_folder,
    look_at_ledger,
    look_at_results,
)
