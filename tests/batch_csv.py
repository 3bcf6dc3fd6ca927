"""A certificate CSV as the platform's console gives it: BOM, CRLF, three columns (alibaba-iot facts, Console certificate CSV)."""

from __future__ import annotations

import secrets
from pathlib import Path


def write_batch_csv(path: Path, product_key: str, count: int, prefix: str = "unit") -> list[tuple[str, str]]:
    """Write `count` certificates; give their (DeviceName, DeviceSecret) in order."""
    rows = [(f"{prefix}-{number:06d}", secrets.token_hex(16)) for number in range(1, count + 1)]
    lines = ["DeviceName,DeviceSecret,ProductKey", *(f"{name},{secret},{product_key}" for name, secret in rows)]
    path.write_bytes(b"\xef\xbb\xbf" + "".join(f"{line}\r\n" for line in lines).encode())
    return rows
