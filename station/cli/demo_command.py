"""`station demo`: the training bench."""

from __future__ import annotations

import sys

import click

from station.cli.context import Session, global_options, pass_session
from station.cli.lesson_names import LessonName
from station.cli.loading import loading
from station.cli.serving import is_served, serve_options
from station.cli.training_products import CLOUD_PROFILE, PROFILE_NAMES
from station.errors import UsageError


@click.command()
@click.option("--lanes", type=click.IntRange(1, 16), default=2, show_default=True, help="Lanes on the bench.")
@click.option("--units", type=click.IntRange(min=1), help="Units to walk in all (default: 2 with --auto, else no end).")
@click.option("--auto", is_flag=True, help="Walk the units without a screen, then end.")
@click.option(
    "--profile",
    "profile_name",
    type=click.Choice(PROFILE_NAMES),
    default=CLOUD_PROFILE,
    show_default=True,
    help="Which product; the first one connects to a virtual platform.",
)
@click.option(
    "--lesson",
    type=click.Choice([lesson.value for lesson in LessonName]),
    help="Begin with this lesson (F3 on the screen lists them).",
)
@serve_options
@global_options
@pass_session
def demo(
    session: Session,
    lanes: int,
    units: int | None,
    auto: bool,
    profile_name: str,
    lesson: str | None,
    serve_in_browser: bool,
    host: str,
    serve_port: int,
) -> None:
    """Train on virtual units: the real walk on virtual chips, in a data folder of its own.

    The devices are ordered on a virtual platform, to which the flashed units connect.
    With --auto there is no screen; exit code 0 when every unit passed. With --json one event stands on each line.

    Example: station demo --auto --lanes 2 --units 6
    """
    if lesson is not None and (auto or units is not None):
        raise UsageError("a lesson is given on the screen, without --auto and --units", "Leave them away")
    if lesson == LessonName.PLATFORM and profile_name != CLOUD_PROFILE:
        raise UsageError(f"the product {profile_name} has no platform", f"Choose --profile {CLOUD_PROFILE}")
    if auto and serve_in_browser:
        raise UsageError("--serve shows the screen, --auto works without one", "Give one of the two")
    if not auto and (is_served() or not serve_in_browser):
        with loading():
            from station.cli.training_screen import train_on_screen  # noqa: PLC0415  --help must not pay for Textual

        train_on_screen(session, lanes, units, profile_name, lesson)
        return
    with loading():
        from station.cli.training_shift import serve_training, train_headless  # noqa: PLC0415  as above

    if auto:
        sys.exit(train_headless(session, lanes, units, profile_name))
    serve_training(session, profile_name, host, serve_port)
