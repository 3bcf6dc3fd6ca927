"""A certificate file as bytes: is it text at all, in which encoding, with lines of a sane length? Memory stays bounded.

Survey first (the whole file, nothing kept), then read the lines; the digest of both readings must be the same.
"""

from __future__ import annotations

import codecs
import hashlib
import io
import stat
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from station.errors import BatchError, Fault

LINE_LIMIT_BYTES: Final = 64 * 1024
"""No line of a certificate file comes near; a file without line ends must not fill the memory."""
FILE_LIMIT_BYTES: Final = 2 << 30
"""Several times the largest list that the platform can give."""
_CHUNK_BYTES: Final = 1024 * 1024
_SAVE_AS: Final = "Open it in the spreadsheet program and save it as 'CSV UTF-8 (comma separated)'"
_AGAIN: Final = "Download the certificates again from the console"
_MAGIC: Final = (
    (b"PK\x03\x04", "is a spreadsheet (.xlsx) or a zip file, not a CSV", _SAVE_AS),
    (b"\xd0\xcf\x11\xe0", "is an old spreadsheet (.xls), not a CSV", _SAVE_AS),
    (b"\xff\xfe", "is in UTF-16", _SAVE_AS),
    (b"\xfe\xff", "is in UTF-16", _SAVE_AS),
    (b"\x1f\x8b", "is compressed (gzip)", "Unpack it first"),
    (b"%PDF", "is a PDF, not a CSV", _AGAIN),
)


@dataclass(frozen=True, slots=True)
class Survey:
    """What is known of a file before its lines are read. `digest` is keyed, in hex; `content` is a sealed file's clear text."""

    path: Path
    size_bytes: int
    encoding: str
    digest: str
    ends_with_newline: bool
    content: bytes | None = field(default=None, repr=False)


def survey(path: Path, hasher: hashlib.blake2b, content: bytes | None = None) -> Survey:
    """Read a file (or the `content` that came out of it) once; BatchError when it can be no certificate CSV."""
    size = _require_regular_file(path)
    if content == b"":
        raise whole_file(path, "is empty", _AGAIN)
    try:
        ends_with_newline = _scan(path, hasher, content)
        encoding = "utf-8" if _decode_fault(path, "utf-8", content) is None else "gb18030"
        if encoding == "gb18030" and (line := _decode_fault(path, "gb18030", content)) is not None:
            raise whole_file(path, "is neither UTF-8 nor GB18030 text", _SAVE_AS, line)
    except OSError as error:
        raise _unreadable(path, error) from None
    size = size if content is None else len(content)
    return Survey(path, size, encoding, hasher.hexdigest(), ends_with_newline, content)


def text_lines(
    surveyed: Survey, hasher: hashlib.blake2b | None = None, progress: Callable[[int], None] | None = None
) -> Generator[str, None, None]:
    """Give each line without its line end; `progress` hears the bytes read so far. BatchError when the file changed."""
    decode = codecs.getincrementaldecoder(surveyed.encoding)().decode
    done_bytes = 0
    rest = ""
    try:
        with _opened(surveyed.path, surveyed.content) as file:
            while chunk := file.read(_CHUNK_BYTES):
                text = rest + decode(chunk) if done_bytes else decode(chunk).removeprefix("\ufeff")
                done_bytes += len(chunk)
                if hasher is not None:
                    hasher.update(chunk)
                lines = text.split("\n")
                rest = lines.pop()
                if len(rest) > LINE_LIMIT_BYTES:
                    raise changed_meanwhile(surveyed.path)
                for line in lines:
                    yield line[:-1] if line.endswith("\r") else line
                if progress is not None:
                    progress(done_bytes)
    except OSError as error:
        raise _unreadable(surveyed.path, error) from None
    except UnicodeDecodeError:
        raise changed_meanwhile(surveyed.path) from None
    if rest:
        yield rest.removesuffix("\r")
    if hasher is not None and hasher.hexdigest() != surveyed.digest:
        raise changed_meanwhile(surveyed.path)


def whole_file(path: Path, cause: str, mend: str, line: int | None = None) -> BatchError:
    """Give the error for a file that is wrong as a whole, or from `line` on so badly that nothing more can be said."""
    return BatchError(f"{path.name} {cause}", mend, str(path), [Fault(path.name, line, cause, mend)])


def changed_meanwhile(path: Path) -> BatchError:
    """Give the error for a file that another program wrote to between the two readings."""
    return whole_file(path, "was changed while it was read", "Wait until it is written completely and import it again")


def _require_regular_file(path: Path) -> int:
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    if stat.S_ISDIR(status.st_mode):
        raise whole_file(path, "is a folder", "Name the CSV file in it")
    if not stat.S_ISREG(status.st_mode):
        raise whole_file(path, "is not a regular file", "Name the CSV file that the console gave")
    if status.st_size > FILE_LIMIT_BYTES:
        raise whole_file(path, f"has more than {FILE_LIMIT_BYTES >> 30} GB and is no list of the console", _AGAIN)
    if status.st_size == 0:
        raise whole_file(path, "is empty", _AGAIN)
    return status.st_size


def _opened(path: Path, content: bytes | None) -> BinaryIO:
    return path.open("rb") if content is None else io.BytesIO(content)


def _unreadable(path: Path, error: Exception) -> BatchError:
    if isinstance(error, FileNotFoundError):
        return whole_file(path, "does not exist", "Check the path")
    reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
    return whole_file(path, f"cannot be read: {reason}", "Give this user the right to read it, or copy it to this PC")


def _scan(path: Path, hasher: hashlib.blake2b, content: bytes | None) -> bool:
    """Look at every byte for what no text has; tell whether the last line is ended."""
    line = 1
    unfinished_bytes = 0
    last = b""
    with _opened(path, content) as file:
        while chunk := file.read(_CHUNK_BYTES):
            if not last:
                _require_text_head(path, chunk)
            hasher.update(chunk)
            if (nul := chunk.find(b"\0")) >= 0:
                raise whole_file(path, "holds NUL bytes: it is damaged", _AGAIN, line + chunk.count(b"\n", 0, nul))
            lengths = [len(piece) for piece in chunk.split(b"\n")]
            lengths[0] += unfinished_bytes
            if max(lengths) > LINE_LIMIT_BYTES:
                too_long = next(index for index, length in enumerate(lengths) if length > LINE_LIMIT_BYTES)
                raise _oversized(path, chunk, line + too_long)
            line += len(lengths) - 1
            unfinished_bytes = lengths[-1]
            last = chunk[-1:]
    return last == b"\n"


def _require_text_head(path: Path, head: bytes) -> None:
    for magic, cause, mend in _MAGIC:
        if head.startswith(magic):
            raise whole_file(path, cause, mend)
    start = head[:64]
    if start.count(0) * 3 >= len(start):
        raise whole_file(path, "is in UTF-16 or is not text at all", _SAVE_AS)
    if not head.removeprefix(codecs.BOM_UTF8).strip():
        raise whole_file(path, "is empty", _AGAIN)


def _oversized(path: Path, chunk: bytes, line: int) -> BatchError:
    if chunk.count(b"\r") > chunk.count(b"\n"):
        return whole_file(path, "has line ends of an old kind (CR alone)", _SAVE_AS, line)
    return whole_file(path, f"has a line of more than {LINE_LIMIT_BYTES // 1024} KiB", _AGAIN, line)


def _decode_fault(path: Path, encoding: str, content: bytes | None) -> int | None:
    """Give the number of the first line that is not text in this encoding, or None."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    with _opened(path, content) as file:
        while True:
            chunk = file.read(_CHUNK_BYTES)
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                return line + error.object.count(b"\n", 0, error.start)
            if not chunk:
                return None
            line += chunk.count(b"\n")
