"""Where the key of a ledger comes from: a file beside it, the system's keyring, or a passphrase that a person types.

The ledger stores which one it is, with what is needed to find the key there, never the key.
scrypt's cost is OWASP's advice (Password Storage Cheat Sheet: N=2^17, r=8, p=1, which takes 128 MB).
"""

from __future__ import annotations

import os
import secrets
import unicodedata
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from station.errors import Code, LedgerFault, UsageError, Why
from station.ledger.key_source import KeySource
from station.ledger.secret_box import KEY_BYTES, key_of_text, make_key, new_key, read_key, text_of_key
from station.system_keyring import SystemKeyring, Trouble

Parameters = Mapping[str, str | int]
AskPassphrase = Callable[[str], str]
"""Asks a person; hears the question."""

KEY_FILE: Final = "ledger.key"
PASSPHRASE_LENGTH_MIN: Final = 12
SCRYPT_N: Final = 2**17
_SCRYPT_N_MAX: Final = 2**20
_SCRYPT_R: Final = 8
_SALT_BYTES: Final = 16
_SERVICE: Final = "flashing-station"


def nobody_to_ask(_question: str) -> str:
    """What a program without a terminal answers."""
    raise LedgerFault(
        Code.KEY_MISSING,
        "the ledger is opened with a passphrase, and nobody can be asked for it here",
        "Start this on a terminal, or name a file of yours that holds it with --passphrase-file",
    )


def make_source(
    source: KeySource, data: Path, ledger_id: str, key_id: int, ask: AskPassphrase
) -> tuple[Parameters, bytes]:
    """Make a new key and put it in its place; give how to find it again, and the key. LedgerFault, UsageError, OSError."""
    if source is KeySource.FILE:
        name = f"ledger-{secrets.token_hex(4)}.key"  # never a name that an older copy of the ledger may need
        make_key(data / name)
        return {"name": name}, read_key(data / name)
    if source is KeySource.KEYRING:
        parameters: Parameters = {"service": _SERVICE, "user": f"{ledger_id}/{key_id}"}
        key = new_key()
        keep_key(parameters, key)
        return parameters, _keyring_get(parameters)
    passphrase = ask("New passphrase of the ledger")
    if len(passphrase) < PASSPHRASE_LENGTH_MIN:
        raise UsageError(
            f"the passphrase has fewer than {PASSPHRASE_LENGTH_MIN} characters",
            "Take a longer one: several words that nobody expects beside each other",
        )
    parameters = {"kdf": "scrypt", "salt": os.urandom(_SALT_BYTES).hex(), "n": SCRYPT_N, "r": _SCRYPT_R, "p": 1}
    return parameters, _derived(passphrase, parameters)


def fetch_key(source: KeySource, parameters: Parameters, data: Path, ask: AskPassphrase) -> bytes:
    """Give the key from its place; LedgerFault KEY_MISSING, KEY_EXPOSED or KEY_WRONG, each with the mend."""
    if source is KeySource.FILE:
        return read_key(data / Path(str(parameters.get("name", KEY_FILE))).name)
    if source is KeySource.KEYRING:
        return _keyring_get(parameters)
    return _derived(ask("Passphrase of the ledger"), parameters)


def keep_key(parameters: Parameters, key: bytes) -> None:
    """Put a key into this user's keyring; LedgerFault."""
    _KEYRING.put(str(parameters["service"]), str(parameters["user"]), text_of_key(key))


def place_of(source: KeySource, parameters: Parameters, data: Path) -> str:
    """Say where the key is, for a person."""
    if source is KeySource.FILE:
        return str(data / Path(str(parameters.get("name", KEY_FILE))).name)
    return "the system keyring" if source is KeySource.KEYRING else "a passphrase"


def forget_key(source: KeySource, parameters: Parameters) -> None:
    """Remove a key that no row needs any more from the keyring. A key file is left: backups may need it."""
    if source is KeySource.KEYRING:
        with suppress(LedgerFault):  # an entry too many harms nobody
            _KEYRING.remove(str(parameters["service"]), str(parameters["user"]))


def discard_key(source: KeySource, parameters: Parameters, data: Path) -> None:
    """Remove a key that never came into use."""
    forget_key(source, parameters)
    if source is KeySource.FILE:
        with suppress(OSError):  # a file too many harms nobody
            Path(place_of(source, parameters, data)).unlink()


def _derived(passphrase: str, parameters: Parameters) -> bytes:
    cost = parameters.get("n")
    right = isinstance(cost, int) and 2 <= cost <= _SCRYPT_N_MAX and parameters.get("r") == _SCRYPT_R
    try:
        salt = bytes.fromhex(str(parameters.get("salt"))) if right and parameters.get("p") == 1 else b""
    except ValueError:
        salt = b""
    if not isinstance(cost, int) or len(salt) < _SALT_BYTES:
        raise LedgerFault(
            Code.LEDGER_UNREADABLE,
            "what the ledger says about its passphrase is damaged",
            "Stop the station, keep the ledger, and bring back the last backup of the data folder",
            why=Why.DAMAGED,
        )
    kdf = Scrypt(salt, KEY_BYTES, n=cost, r=_SCRYPT_R, p=1)
    return kdf.derive(unicodedata.normalize("NFC", passphrase).encode("utf-8", "surrogatepass"))


def _keyring_get(parameters: Parameters) -> bytes:
    user = str(parameters.get("user"))
    text = _KEYRING.get(str(parameters.get("service")), user)
    if text is None:
        raise LedgerFault(
            Code.KEY_MISSING,
            "the system keyring of this user holds no key of this ledger",
            "Work as the user who made it, or bring the keyring back from its backup",
            user,
            why=Why.KEYRING,
        )
    key = key_of_text(text)
    if key is None:
        raise LedgerFault(
            Code.KEY_WRONG,
            "what the system keyring holds for this ledger is no key",
            "Bring the keyring back from its backup",
            user,
            why=Why.NO_KEY,
        )
    return key


def _keyring_fault(trouble: Trouble, reason: str) -> LedgerFault:
    cause, mend = {
        Trouble.NOT_INSTALLED: (
            "the ledger's key is in the system keyring, and the program that opens it is not installed",
            "Run: pip install 'flashing-station[keyring]'",
        ),
        Trouble.NOT_SAFE: (
            "this system has no keyring that keeps a key safe",
            "Sign in to a desktop session with a keyring, or keep the key in a file or a passphrase",
        ),
        Trouble.LOCKED: (f"the system keyring does not open ({reason})", "Unlock it, and start again"),
    }[trouble]
    return LedgerFault(Code.KEY_MISSING, cause, mend)


_KEYRING: Final = SystemKeyring(_keyring_fault)
