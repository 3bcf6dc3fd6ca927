"""The lessons themselves: each provokes one fault on the bench, says what to do, and ends when the lane reports it done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from station.cli.classroom import TRAINER, TRAINER_PIN, Classroom
from station.cli.lesson_names import LessonName
from station.errors import Code
from station.events import UnitDisposed, VerdictReached
from station.tui.lesson import Hand, Stage
from station.verdict import Verdict

Praise = dict[str, str]
"""What fills the last sentence."""
Script = Callable[[Classroom], Praise]

PULLED_AT: Final = 0.3
AWAY_AT: Final = 0.6
"""Shares of the bytes to write."""
AWAY_S: Final = 6.0
"""Long enough to read the tile."""


def pulled(room: Classroom) -> Praise:
    """A unit is pulled out while it is written, and put in again."""
    room.say(Stage.WATCH)
    mac = room.insert()
    room.until_written(PULLED_AT)
    room.remove()
    room.verdict(Code.UNIT_GONE)
    room.until_empty()
    room.ask_for_hand(Stage.ACT, Hand.PUT_IN)
    room.say(Stage.WAIT)
    room.insert(mac)
    return {"device_name": room.verdict(None).device_name or ""}


def wrong_chip(room: Classroom) -> Praise:
    """A board with another chip is refused, and put aside with F6."""
    room.say(Stage.WATCH)
    mac = room.insert(chip="esp32c3")
    room.verdict(Code.WRONG_CHIP)
    room.say(Stage.ACT)
    room.until(UnitDisposed, lambda event: event.mac == mac and event.disposition is not None)
    room.ask_for_hand(Stage.THEN, Hand.TAKE_OUT)
    room.remove()
    return {}


def foreign(room: Classroom) -> Praise:
    """A unit carries a certificate that nobody knows; the line lead has it replaced, or puts the unit aside."""
    room.have_line_lead()
    room.say(Stage.WATCH)
    mac = room.insert_from_desk()
    room.verdict(Code.FOREIGN_CERTIFICATE)
    while True:
        room.say(Stage.ACT, lead=TRAINER, pin=TRAINER_PIN)
        if room.until(UnitDisposed, lambda event: event.mac == mac).disposition is not None:
            return {}
        room.say(Stage.WAIT)
        # What the ledger does not know cannot be kept: that comes back as the same code.
        if room.until(VerdictReached).code is None:
            return {}


def platform(room: Classroom) -> Praise:
    """The platform cannot be reached while a unit is made, comes back, and the unit is tried again."""
    if room.cloud is None:
        raise ValueError("this product has no platform")
    room.say(Stage.WATCH)
    room.insert()
    room.until_written(AWAY_AT)
    with room.cloud.away():
        room.verdict(Code.PLATFORM_UNREACHABLE, Code.NOT_ONLINE)
        room.say(Stage.THEN)
        room.pause(AWAY_S)
    while True:
        room.say(Stage.ACT)
        again = room.until(VerdictReached)
        if again.verdict is Verdict.PASS:
            return {"device_name": again.device_name or ""}


def last(room: Classroom) -> Praise:
    """The batch's last certificate is used; the next unit gets none."""
    room.leave_one_certificate()
    room.say(Stage.WATCH)
    room.insert()
    room.verdict(None)
    room.ask_for_hand(Stage.THEN, Hand.TAKE_OUT)
    room.remove()
    room.until_empty()
    room.ask_for_hand(Stage.THEN, Hand.PUT_IN)
    room.insert()
    room.verdict(Code.NO_CERTIFICATE_LEFT)
    room.ask_for_hand(Stage.ACT, Hand.TAKE_OUT)
    room.remove()
    return {}


SCRIPTS: Final[dict[str, Script]] = {
    LessonName.PULLED: pulled,
    LessonName.WRONG_CHIP: wrong_chip,
    LessonName.FOREIGN: foreign,
    LessonName.PLATFORM: platform,
    LessonName.LAST: last,
}
"""In the order in which they are given; the last one uses the batch up."""
