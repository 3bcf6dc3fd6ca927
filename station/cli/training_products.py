"""The products of the training bench: example profiles by name. Loads nothing that --help would have to wait for."""

from __future__ import annotations

from typing import Final

CLOUD_PROFILE: Final = "smart-plug"
"""Its units connect to a virtual platform."""
PROFILE_NAMES: Final = (CLOUD_PROFILE, "training", "esp-aliyun", "micropython", "labelled")
