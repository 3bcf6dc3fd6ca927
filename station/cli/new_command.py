"""`station new`: at most ten questions, and a profile that works."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click

from station.cli.asking import at_terminal
from station.cli.context import Session, global_options, pass_session
from station.errors import CodedError, ProfileError, UsageError
from station.unit import CHIPS

if TYPE_CHECKING:
    from station.profile.firmware_survey import FirmwareParts

Answer = TypeVar("Answer")
_NONE: Final = "none"
_ONLINE_LIMIT: Final = "30s"
_BOOT: Final = re.compile(r"'(.*)'", re.DOTALL)


@click.command("new")
@click.argument("firmware", required=False, type=click.Path(path_type=Path))
@global_options
@pass_session
def new(session: Session, firmware: Path | None) -> None:
    """Ask what a new product needs, and leave a profile that is checked and locked.

    FIRMWARE is an ESP-IDF project or its build folder, a folder with bootloader, partition table and application, or a
    MicroPython image. Chip, flash size, partitions and addresses are found by the station: Enter takes what it proposes.
    Nothing is written before the last answer. `station profile new` does the same from options, for scripts.
    With --json one object {event, path, open_points, warnings}.

    Example: station new ../smart-plug/build
    """
    if not at_terminal():
        raise UsageError("Questions are asked at a terminal, and there is none", "Use `station profile new`")
    from station.cli.profile_commands import tell_made  # noqa: PLC0415  --help must not pay for pydantic
    from station.profile.lock import lock_profile  # noqa: PLC0415  as above
    from station.profile.new import write_profile  # noqa: PLC0415  as above

    path, parts = _firmware(firmware)
    _tell_found(parts)
    name = _ask("Name of the product", _name_of(parts, path), _checked_name)
    product_key = _ask("ProductKey, from the product's page of the platform's console", None, _checked_product_key)
    chip = _ask("Chip", parts.chip, _checked_chip)
    flash_size = _ask("The least flash that a unit has", parts.flash_size, _checked_flash_size)
    filesystem = _filesystem(parts)
    boot = _ask("Console line of a unit that has started (regular expression)", _plain(parts.boot), _checked_pattern)
    online = _online()
    out = _ask("File to write", f"{name}.yaml", _checked_out)

    parts = _surveyed(path, chip, out.parent)
    parts.flash_size, parts.boot, parts.online = flash_size, _single_quoted(boot), online
    if boot != _plain(type(parts)(chip).boot):
        parts.boot_hint = "what a unit prints when it has started"
    if filesystem is not None:
        from station.profile.firmware_survey import relative_to  # noqa: PLC0415  as above

        parts.filesystem = relative_to(filesystem, out.parent)
    made = write_profile(name, product_key, out, parts)
    if not made.open_points:
        lock_profile(out)
    done = "is written" if made.open_points else "is written, checked and locked"
    tell_made(session, made, done, f"station batch import CERTIFICATES.csv, then: station run {out}")


def _firmware(given: Path | None) -> tuple[Path, FirmwareParts]:
    """Give the firmware and what it says about itself; asked for again until it is one."""
    if given is not None:
        return given, _surveyed(given, None, Path())
    here = next((path for path in (Path("build"), Path()) if (path / "flasher_args.json").is_file()), None)

    def check(text: str) -> tuple[Path, FirmwareParts]:
        return Path(text), _surveyed(Path(text), None, Path())

    return _ask("Firmware: ESP-IDF build folder, or image", None if here is None else str(here), check)


def _surveyed(path: Path, chip: str | None, folder: Path) -> FirmwareParts:
    from station.profile.firmware_survey import survey_firmware  # noqa: PLC0415  as above

    return survey_firmware(path, chip, folder)


def _tell_found(parts: FirmwareParts) -> None:
    table = parts.table
    names = ", ".join(partition.name for partition in table.partitions) if table is not None else "no partition table"
    click.echo(f"Found: {parts.chip}, {parts.flash_size}, version {parts.version}; {names}.", err=True)


def _name_of(parts: FirmwareParts, path: Path) -> str | None:
    resolved = path.resolve()
    folder = resolved.parent if resolved.name == "build" or resolved.is_file() else resolved
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", parts.project or folder.name).strip("-")
    return name or None


def _filesystem(parts: FirmwareParts) -> Path | None:
    """Give the folder of a MicroPython application; None for other firmware."""
    if parts.filesystem is None:
        return None
    here = next((path for path in (Path("app"), Path("src")) if (path / "main.py").is_file()), None)

    def check(text: str) -> Path | None:
        if text == _NONE:
            return None
        if not (Path(text) / "main.py").is_file():
            raise UsageError(f"{text} holds no main.py", f"Give the folder that does, or {_NONE}")
        return Path(text)

    return _ask("Folder with the application's main.py, or none", str(here or _NONE), check)


def _online() -> str | None:
    """Give the check `online:` as YAML, None for no check."""

    def check(text: str) -> str:
        if text not in {"platform", "console", _NONE}:
            raise UsageError(f"{text!r} is none of them", "Answer platform, console or none")
        return text

    by = _ask("Who says that a unit is online: platform, console, none", _NONE, check)
    if by == "console":
        line = _ask("Console line of a unit that is online (regular expression)", None, _checked_pattern)
        return f"{{by: console, expect: {_single_quoted(line)}, within: {_ONLINE_LIMIT}}}"
    return None if by == _NONE else f"{{by: platform, within: {_ONLINE_LIMIT}}}"


def _ask(question: str, proposal: str | None, check: Callable[[str], Answer]) -> Answer:
    """Ask until the answer can be used; each refusal says why."""
    while True:
        text = str(click.prompt(question, err=True, default=proposal)).strip()
        try:
            return check(text)
        except ProfileError as refused:
            for fault in refused.faults or (refused,):
                click.echo(f"  {fault}", err=True)
        except CodedError as refused:
            click.echo(f"  {refused.cause}. {refused.mend}", err=True)


def _checked_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", text):
        raise UsageError(f"{text!r} is no name of a product", "Use letters, digits and - _ .")
    return text


def _checked_product_key(text: str) -> str:
    from station.certificate import product_key_fault  # noqa: PLC0415  as above

    if (fault := product_key_fault(text)) is not None:
        raise UsageError(fault, "Copy it from the product's page of the platform's console")
    return text


def _checked_chip(text: str) -> str:
    plain = re.sub(r"[^a-z0-9]", "", text.lower())
    if plain not in CHIPS:
        raise UsageError(f"{text!r} is no chip", f"Write one of {', '.join(CHIPS)}")
    return plain


def _checked_flash_size(text: str) -> str:
    from station.profile.quantities import read_size  # noqa: PLC0415  as above

    return _refused_as_usage(text.upper().replace(" ", ""), read_size)


def _checked_pattern(text: str) -> str:
    from station.profile.quantities import read_pattern  # noqa: PLC0415  as above

    return _refused_as_usage(text, read_pattern)


def _refused_as_usage(text: str, read: Callable[[str], object]) -> str:
    from pydantic_core import PydanticCustomError  # noqa: PLC0415  as above

    try:
        read(text)
    except PydanticCustomError as refused:
        context = refused.context or {}
        raise UsageError(str(context["cause"]), str(context["mend"])) from None
    return text


def _checked_out(text: str) -> Path:
    path = Path(text)
    if path.suffix not in {".yaml", ".yml"}:
        raise UsageError(f"{text} is no YAML file", f"Write {path.stem or 'product'}.yaml")
    if path.exists():
        raise UsageError(f"{text} exists already", "Give another name")
    return path


def _plain(yaml_text: str) -> str:
    found = _BOOT.fullmatch(yaml_text)
    return yaml_text if found is None else found[1].replace("''", "'")


def _single_quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
