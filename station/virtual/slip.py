"""SLIP frames (RFC 1055) as the loaders use them: C0 begins and ends a frame, DB escapes C0 and DB."""

from __future__ import annotations

from typing import Final

END: Final = b"\xc0"
ESCAPE: Final = 0xDB
_ESCAPED: Final = {0xDC: 0xC0, 0xDD: 0xDB}


def encode_frame(payload: bytes) -> bytes:
    """Give the bytes on the wire for one frame."""
    return END + payload.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc") + END


class FrameDecoder:
    """Finds frames in a stream. Bytes outside a frame and empty frames are passed over, as the chips do.

    With `strict` a frame with a wrong escape is dropped (the stub); otherwise the escape is dropped (the ROM).
    """

    def __init__(self, *, strict: bool = False) -> None:
        self._strict = strict
        self._begun = False
        self._pending = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes from the wire; give the frames that they complete."""
        frames: list[bytes] = []
        first, *rest = data.split(END)
        self._take(first)
        for part in rest:
            if self._begun and self._pending:
                frame = self._unescape(self._pending)
                if frame is not None:
                    frames.append(frame)
                self._begun = False
            else:
                self._begun = True
            self._pending = b""
            self._take(part)
        return frames

    def _take(self, part: bytes) -> None:
        if self._begun:
            self._pending += part

    def _unescape(self, raw: bytes) -> bytes | None:
        head, *parts = raw.split(bytes([ESCAPE]))
        pieces = [head]
        for part in parts:
            if part and part[0] in _ESCAPED:
                pieces.append(bytes([_ESCAPED[part[0]]]) + part[1:])
            elif self._strict:
                return None
            else:
                pieces.append(part)
        return b"".join(pieces)
