"""The trial of a new version: it must reach the platform in time, or the chip restarts and in the end goes back."""

import machine

from aliyun import firmware
from aliyun.slots import Slots

LIMIT_MS = 300000
TIMER = 0


def begin_start():
    """Count this start and set the guard where a version is on trial; gives the slots. The launcher calls it, nobody else."""
    firmware.begin_start()
    slots = Slots()
    slots.begin_start()
    if slots.is_on_trial or firmware.is_on_trial():
        # A timer and not the application's own loop: a new version may well hang.
        machine.Timer(TIMER).init(mode=machine.Timer.ONE_SHOT, period=LIMIT_MS, callback=_restart)
    return slots


def confirm():
    """Keep what runs: it has reached the platform."""
    slots = Slots()
    if slots.is_on_trial or firmware.is_on_trial():
        machine.Timer(TIMER).deinit()
        slots.confirm()
        firmware.confirm()


def _restart(_timer):
    machine.reset()
