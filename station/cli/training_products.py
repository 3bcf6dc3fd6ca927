"""The products of the training bench: example profiles by name. Loads nothing that --help would have to wait for."""

from __future__ import annotations

import importlib.util
from typing import Final

from station.cli.context import Session, say

CLOUD_PROFILE: Final = "smart-plug"
"""Its units connect to a virtual platform."""
PROFILE_NAMES: Final = (CLOUD_PROFILE, "training", "esp-aliyun", "micropython", "labelled")


def has_official_client() -> bool:
    """Say whether the platform's own client is installed; without it the console's CSV and the units' own word must do."""
    return importlib.util.find_spec("alibabacloud_iot20180120") is not None


def tell_missing_client(session: Session, profile_name: str) -> None:
    """Tell a person what the training does without."""
    if profile_name == CLOUD_PROFILE and not has_official_client() and not session.json:
        say("Without the official client units are believed by their own word: pip install '.[platform]' for more.")
