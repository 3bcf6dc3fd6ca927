"""`station virtual`: one virtual chip on a port, the virtual platform, and the images of the bench."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import click

from station.cli.context import Session, global_options, pass_session, say, say_json
from station.cli.stopping import noted_signals, wait_for_the_end
from station.cli.virtual_platform_command import platform
from station.errors import Code, PortFault, UsageError
from station.virtual.boot import make_run_mode
from station.virtual.chip_model import CHIP_KINDS, FLASH_SIZES_BYTES
from station.virtual.faults import Faults
from station.virtual.fixture import DEFAULT_MAC, Fixture, Unit, make_unit
from station.virtual.loader_answer import SILICON_TIMINGS, FlashTimings
from station.virtual.security_fuses import SecurityFuses


@click.group()
def virtual() -> None:
    """Virtual chips and a virtual platform, for training and for trying things out."""


@virtual.command()
@click.option("--port", type=click.IntRange(0, 65535), required=True, help="TCP port on 127.0.0.1; 0 takes a free one.")
@click.option("--chip", type=click.Choice(list(CHIP_KINDS)), default="esp32", show_default=True, help="Which chip.")
@click.option("--mac", default=DEFAULT_MAC, show_default=True, help="Its base MAC.")
@click.option(
    "--flash",
    "flash_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File that is its flash; made when it is not there. Without it the flash is forgotten at the end.",
)
@click.option(
    "--flash-size", type=click.Choice(list(FLASH_SIZES_BYTES)), default="4MB", show_default=True, help="Its flash."
)
@click.option(
    "--flash-times",
    type=click.Choice(["none", "typical"]),
    default="none",
    show_default=True,
    help="How long erasing and programming take: no time, or as long as on a typical board.",
)
@click.option(
    "--latency-ms",
    type=click.FloatRange(0, 1000),
    default=1.0,
    show_default=True,
    help="The adapter's, on each answer.",
)
@click.option("--boot-held", is_flag=True, help="BOOT is pressed: every reset enters download mode.")
@click.option("--revision", type=click.IntRange(0, 999), help="Its silicon: major times 100 plus minor, as 300.")
@click.option(
    "--secure-boot", type=click.Choice(["v1", "v2"]), help="Burnt: it starts signed images only; v1 on an esp32."
)
@click.option(
    "--flash-encryption",
    type=click.Choice(["development", "release"]),
    help="Burnt: what it reads of its flash is decrypted first.",
)
@click.option("--jtag-disabled", is_flag=True, help="Burnt.")
@click.option("--secure-download", is_flag=True, help="Burnt: download mode keeps a few commands; not on an esp32.")
@click.option("--download-disabled", is_flag=True, help="Burnt: it never enters download mode again.")
@click.option("--encrypted-download-disabled", is_flag=True, help="Burnt: download mode no longer encrypts.")
@click.option(
    "--burnt-key", "burnt_keys", type=int, multiple=True, metavar="N", help="This key block is in use, read-protected."
)
@global_options
@pass_session
def chip(
    session: Session,
    port: int,
    chip: str,
    mac: str,
    flash_file: Path | None,
    flash_size: str,
    flash_times: str,
    latency_ms: float,
    boot_held: bool,
    revision: int | None,
    secure_boot: str | None,
    flash_encryption: str | None,
    jtag_disabled: bool,
    secure_download: bool,
    download_disabled: bool,
    encrypted_download_disabled: bool,
    burnt_keys: tuple[int, ...],
) -> None:
    """Serve one chip on an RFC 2217 port until Ctrl-C.

    Any tool that speaks to a chip may use the port, for example: esptool --port rfc2217://127.0.0.1:4000 flash-id.
    With --json one object {event, url, port, chip, mac, flash_size, flash} says that it is ready.

    Example: station virtual chip --port 4000 --chip esp32c3
    """
    with _told_as_usage(flash_file):
        fuses = SecurityFuses(
            flash_encryption=flash_encryption is not None,
            release_mode=flash_encryption == "release",
            secure_boot=secure_boot == "v2",
            secure_boot_v1=secure_boot == "v1",
            jtag_disabled=jtag_disabled,
            secure_download=secure_download,
            download_disabled=download_disabled,
            encrypted_download_disabled=encrypted_download_disabled,
            burnt_keys=frozenset(burnt_keys),
        )
        unit = make_unit(
            mac, chip=chip, flash_size=flash_size, flash_file=flash_file, security=fuses, revision=revision
        )
    timings = SILICON_TIMINGS if flash_times == "typical" else FlashTimings()
    with noted_signals() as request, _fixture(unit, port, latency_ms / 1000, timings, boot_held=boot_held) as fixture:
        if session.json:
            say_json(
                {
                    "event": "ready",
                    "url": fixture.url,
                    "port": fixture.port,
                    "chip": chip,
                    "mac": unit.model.mac,
                    "flash_size": flash_size,
                    "flash": None if flash_file is None else str(flash_file),
                }
            )
        else:
            say(fixture.url)
        wait_for_the_end(request)


def _fixture(unit: Unit, port: int, latency_s: float, timings: FlashTimings, *, boot_held: bool) -> Fixture:
    try:
        return Fixture(
            unit,
            port=port,
            reply_latency_s=latency_s,
            boot=make_run_mode,
            timings=timings,
            faults=Faults(boot_held=boot_held),
        )
    except OSError as error:
        raise PortFault(
            Code.PORT_BUSY,
            f"The TCP port cannot be opened: {error.strerror}",
            "Close the program that has it, or take another with --port",
            f"127.0.0.1:{port}",
        ) from error


@virtual.command()
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder to write to.")
@global_options
@pass_session
def images(session: Session, out: Path) -> None:
    """Write the images of the bench's products into a folder.

    With --json one object {event, folder, files}.

    Example: station virtual images --out profiles/images
    """
    from station.virtual.images import make_bench_images  # noqa: PLC0415  `virtual chip` must not pay for esptool

    try:
        make_bench_images(out)
    except OSError as error:
        raise UsageError(
            f"The folder cannot be written: {error.strerror}", "Name another folder with --out", str(out)
        ) from error
    files = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.bin"))
    if session.json:
        say_json({"event": "images", "folder": str(out), "files": files})
        return
    for file in files:
        say(str(out / file))


@contextlib.contextmanager
def _told_as_usage(flash_file: Path | None) -> Iterator[None]:
    """Make a unit that cannot be a UsageError."""
    try:
        yield
    except ValueError as error:
        raise UsageError(f"There is no such unit: {error}", "See station virtual chip --help") from error
    except OSError as error:
        raise UsageError(
            f"The flash file cannot be used: {error.strerror}", "Name another file with --flash", str(flash_file)
        ) from error


virtual.add_command(platform)
