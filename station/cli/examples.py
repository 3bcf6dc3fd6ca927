"""The example profiles and the device SDK: beside the package in a clone, else where the wheel has put them."""

from __future__ import annotations

import shutil
from importlib import metadata
from pathlib import Path
from typing import Final

import station
from station.errors import InternalFault

DISTRIBUTION: Final = "flashing-station"
_SIGN: Final = ("profiles", "training.yaml")


def examples_folder() -> Path:
    """Give the folder that holds `profiles` and `firmware`; InternalFault when they were taken away."""
    clone = Path(station.__file__).resolve().parent.parent
    if (clone / "pyproject.toml").is_file() and clone.joinpath(*_SIGN).is_file():
        return clone
    for file in metadata.files(DISTRIBUTION) or ():
        if file.parts[-2:] == _SIGN and (found := Path(str(file.locate())).resolve()).is_file():
            return found.parent.parent
    raise InternalFault("The example profiles and the device SDK are not there", "Install the station again")


def copy_examples(folder: Path) -> None:
    """Copy `profiles` and `firmware` below a folder, over what is there; OSError."""
    source = examples_folder()
    shutil.copytree(
        source / "profiles", folder / "profiles", dirs_exist_ok=True, ignore=shutil.ignore_patterns("images")
    )
    shutil.copytree(
        source / "firmware", folder / "firmware", dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
    )
