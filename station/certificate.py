"""Certificates: ProductKey, DeviceName, DeviceSecret, and their life (DESIGN §4).

Limits are the platform's: help.aliyun.com "create a device" and the official C SDK's buffer sizes (infra_defs.h).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

DEVICE_NAME_PATTERN: Final = re.compile(r"[A-Za-z0-9\-_@.:]{4,32}", re.ASCII)
PRODUCT_KEY_PATTERN: Final = re.compile(r"[A-Za-z0-9]{1,20}", re.ASCII)
DEVICE_SECRET_PATTERN: Final = re.compile(r"[A-Za-z0-9\-_@.:]{1,64}", re.ASCII)


class Secret:
    """A text that prints as stars; `reveal` is the only way to its value (invariant I4)."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Give the clear text: for the wire to the chip and for encryption, nothing else."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a secret is never pickled")


@dataclass(frozen=True, slots=True, order=True)
class Identity:
    """The public part of a certificate; unique on the platform."""

    product_key: str
    device_name: str

    def __str__(self) -> str:
        return f"{self.product_key}/{self.device_name}"


@dataclass(frozen=True, slots=True)
class Certificate:
    """One identity with its secret fields (`DeviceSecret`, …) and the CSV's other columns, both by column name."""

    identity: Identity
    secrets: Mapping[str, Secret]
    extras: Mapping[str, str] = field(default_factory=dict)

    @property
    def device_secret(self) -> Secret:
        return self.secrets["DeviceSecret"]


class CertificateState(StrEnum):
    """Where a certificate is in its life; each word is the stored word."""

    AVAILABLE = "available"
    """Nobody has it."""
    ALLOCATED = "allocated"
    """Meant for one MAC; no byte of it has left the PC."""
    INSTALLING = "installing"
    """Bytes of it may be in the chip of one MAC: it belongs to that MAC for ever."""
    INSTALLED = "installed"
    """Proven to be in the chip."""
    ACTIVATED = "activated"
    """The platform saw the unit."""
    VOID = "void"
    """May never be used again."""


ALLOWED_MOVES: Final[Mapping[CertificateState, frozenset[CertificateState]]] = MappingProxyType(
    {
        CertificateState.AVAILABLE: frozenset({CertificateState.ALLOCATED, CertificateState.VOID}),
        CertificateState.ALLOCATED: frozenset(
            {CertificateState.AVAILABLE, CertificateState.INSTALLING, CertificateState.VOID}
        ),
        CertificateState.INSTALLING: frozenset({CertificateState.INSTALLED, CertificateState.VOID}),
        CertificateState.INSTALLED: frozenset({CertificateState.ACTIVATED, CertificateState.VOID}),
        CertificateState.ACTIVATED: frozenset({CertificateState.VOID}),
        CertificateState.VOID: frozenset(),
    }
)
"""The life of a certificate. A rework keeps its state: installed stays installed while it is written again."""


def device_name_fault(name: str) -> str | None:
    """Say what is wrong with a DeviceName, or None: 4–32 of letters, digits, - _ @ . :"""
    return _fault("DeviceName", name, DEVICE_NAME_PATTERN, 4, 32, "letters, digits, - _ @ . :")


def product_key_fault(key: str) -> str | None:
    """Say what is wrong with a ProductKey, or None: 1–20 letters and digits."""
    return _fault("ProductKey", key, PRODUCT_KEY_PATTERN, 1, 20, "letters and digits")


def device_secret_fault(secret: str) -> str | None:
    """Say what is wrong with a DeviceSecret without showing it, or None: 1–64 of letters, digits, - _ @ . :"""
    if DEVICE_SECRET_PATTERN.fullmatch(secret):
        return None
    if not secret:
        return "DeviceSecret is empty"
    if len(secret) > 64:
        return f"DeviceSecret has {len(secret)} characters, at most 64 are allowed"
    return "DeviceSecret holds a character that the platform does not allow (letters, digits, - _ @ . : only)"


def _fault(field: str, text: str, pattern: re.Pattern[str], least: int, most: int, allowed: str) -> str | None:
    if pattern.fullmatch(text):
        return None
    if not text:
        return f"{field} is empty"
    if not least <= len(text) <= most:
        return f"{field} {text[:40]!a} has {len(text)} characters, {least} to {most} are allowed"
    return f"{field} {text!a} holds a character that the platform does not allow ({allowed} only)"
