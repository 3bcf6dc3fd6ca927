"""What the lessons are called on the command line. Loads nothing that --help would have to wait for."""

from __future__ import annotations

from enum import StrEnum


class LessonName(StrEnum):
    """A lesson of the training."""

    PULLED = "pulled"
    WRONG_CHIP = "wrong_chip"
    FOREIGN = "foreign"
    PLATFORM = "platform"
    """Needs a product that asks the platform."""
    LAST = "last"
