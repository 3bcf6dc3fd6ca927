"""A batch as the platform's console gives it, with invented certificates: for the demo and for training."""

from __future__ import annotations

import csv
import os
import secrets
from pathlib import Path
from typing import Final

_HEADER: Final = ("DeviceName", "DeviceSecret", "ProductKey")
_SECRET_BYTES: Final = 16
_PREFIX_BYTES: Final = 2


def write_sample_batch(path: Path, product_key: str, count: int, *, prefix: str | None = None) -> None:
    """Write a CSV of `count` certificates that only its owner may read: UTF-8 with BOM, CRLF, DeviceNames `<prefix>-00001`, ….

    The default prefix is random, so that two sample batches never name the same device. FileExistsError when the file is there.
    """
    begin = prefix if prefix is not None else f"training-{secrets.token_hex(_PREFIX_BYTES)}"
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "x", encoding="utf-8-sig", newline="", opener=_for_its_owner_only) as file:
        rows = csv.writer(file, lineterminator="\r\n")
        rows.writerow(_HEADER)
        rows.writerows((f"{begin}-{n:05d}", secrets.token_hex(_SECRET_BYTES), product_key) for n in range(1, count + 1))


def _for_its_owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
