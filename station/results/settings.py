"""Where results go: the section `results` of the station's settings. Never holds a password: a file beside it does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, model_validator

from station.ledger.owner_only import may_others, mend_of_rights
from station.platform.settings import CertificateFile, TimeLimitS, refusal

CHANNEL_FORM: Final = "letters, digits, - and _, up to 40"
_CHANNEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_HEADER: Final = re.compile(r"[!-~][ -~]{0,4095}")


def _channel_name(value: str) -> str:
    if not _CHANNEL.fullmatch(value):
        raise refusal("that is no name of a channel", f"Write {CHANNEL_FORM}")
    return value


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise refusal("url is no address", "Write it as https://host/path")
    if parts.username or parts.password:
        raise refusal("url holds a password", "Put what `Authorization` is to say into a file, `authorization_file`")
    return value


def _in_data_folder(value: str, info: ValidationInfo) -> str:
    return str(Path((info.context or {}).get("folder", "."), value))


ChannelName = Annotated[str, AfterValidator(_channel_name)]
Words = Annotated[str, Field(min_length=1, max_length=100)]


class WatsSettings(BaseModel):
    """What WATS wants to know beside the result."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    process_code: Annotated[int, Field(ge=1, le=32767, examples=[10])]
    """The number of the test operation, as WATS has it."""
    location: Words = "Factory"
    """Where the station stands."""
    purpose: Words = "Production"
    """What it is for."""
    part_number: Words | None = None
    """Part number of the product; without it the profile's name."""
    revision: Words | None = None
    """Revision of the product; without it the firmware's version."""


class ChannelSettings(BaseModel):
    """One other system: a `folder` or a `url`, and `wats` where it wants its results in WATS's own format."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    folder: Annotated[str, AfterValidator(_in_data_folder), Field(min_length=1, examples=["D:/results"])] | None = None
    """A folder that exists; each result becomes a file in it."""
    url: Annotated[str, AfterValidator(_url), Field(examples=["https://mes.example.com/results"])] | None = None
    """Each result is sent there by POST."""
    authorization_file: Annotated[str, AfterValidator(_in_data_folder), Field(examples=["mes.txt"])] | None = None
    """A file whose first line is the header `Authorization`, as `Bearer …`; relative ones are in the data folder."""
    ca_file: CertificateFile = ""
    """Root certificate (PEM) of a server that no public authority vouches for."""
    timeout_s: TimeLimitS = 10.0
    """How long an answer may take."""
    wats: WatsSettings | None = None
    """Results are written in the WATS Standard JSON Format."""

    @model_validator(mode="after")
    def _goes_somewhere(self) -> ChannelSettings:
        if (self.folder is None) == (self.url is None):
            raise refusal("a channel goes to one place", "Write folder: or url:")
        if self.folder is not None and self.authorization_file is not None:
            raise refusal("a folder asks for no authorization", "Remove authorization_file")
        return self

    @property
    def place(self) -> str:
        """The folder, or the address without its query, which may be a password."""
        return self.folder or (self.url or "").partition("?")[0]


class NoAuthorization(ValueError):
    """A file's header cannot be used; the text says why, never what the file holds."""


def read_authorization(path: Path) -> str:
    """Give the header that a file holds; OSError, NoAuthorization when its first line cannot be one, or others may read it."""
    if may_others(path, path.stat().st_mode):
        raise NoAuthorization(f"others than its owner may read or write it. {mend_of_rights(path)}")
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    if not lines or not _HEADER.fullmatch(lines[0].strip()):
        raise NoAuthorization("its first line is no header")
    return lines[0].strip()
