"""A key file is its owner's alone, also on Windows, which these tests imitate: there rights are a list."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from station.errors import Code, LedgerFault
from station.ledger import owner_only
from station.ledger.owner_only import require_owner_only, write_owner_only

USER, OTHERS, SYSTEM = "S-1-5-21-1-2-3-1001", "S-1-1-0", "S-1-5-18"
ALLOW, DENY, INHERIT_ONLY = 0, 1, 8
Entry = tuple[tuple[int, int], int, str]


def entry(sid: str, kind: int = ALLOW, flags: int = 0) -> Entry:
    return (kind, flags), 0x1F01FF, sid


class Windows:
    """Stands in for pywin32: files have a list of who is let in, which a new one takes over from its folder."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, inherited: Sequence[Entry] | None) -> None:
        self.inherited = inherited
        self.lists: dict[str, Sequence[Entry] | None] = {}
        self.fails = False
        self.error = type("error", (Exception,), {"strerror": "拒绝访问。", "winerror": 5})
        security = ModuleType("win32security")
        vars(security).update(
            SDDL_REVISION_1=1,
            SE_FILE_OBJECT=1,
            OWNER_SECURITY_INFORMATION=1,
            DACL_SECURITY_INFORMATION=4,
            PROTECTED_DACL_SECURITY_INFORMATION=0x80000000,
            ACCESS_ALLOWED_ACE_TYPE=ALLOW,
            INHERIT_ONLY_ACE=INHERIT_ONLY,
            TOKEN_QUERY=8,
            TokenUser=1,
            ConvertStringSecurityDescriptorToSecurityDescriptor=self._read_rights,
            SetNamedSecurityInfo=self._set_rights,
            GetNamedSecurityInfo=self._get_rights,
            ConvertSidToStringSid=str,
            OpenProcessToken=lambda _process, _access: 1,
            GetTokenInformation=lambda _token, _kind: (USER, 0),
        )
        monkeypatch.setitem(sys.modules, "win32security", security)
        monkeypatch.setitem(sys.modules, "win32api", SimpleNamespace(GetCurrentProcess=lambda: 1))
        monkeypatch.setitem(sys.modules, "pywintypes", SimpleNamespace(error=self.error))
        monkeypatch.setattr(owner_only, "ON_WINDOWS", True)

    def _read_rights(self, text: str, _revision: int) -> SimpleNamespace:
        assert text.startswith("D:P(")
        sids = {"OW": "S-1-3-4", "SY": SYSTEM, "BA": "S-1-5-32-544"}
        entries = [entry(sids[part.split(";")[-1].rstrip(")")]) for part in text[3:].split("(")[1:]]
        return SimpleNamespace(GetSecurityDescriptorDacl=lambda: entries)

    def _set_rights(
        self, name: str, _kind: int, which: int, _owner: None, _group: None, *lists: Sequence[Entry]
    ) -> None:
        if self.fails:
            raise self.error
        assert which == 0x80000004
        assert Path(name).stat().st_size == 0, "the rights come before the first byte"
        self.lists[name] = lists[0]

    def _get_rights(self, name: str, _kind: int, _which: int) -> SimpleNamespace:
        written = [
            entries for path, entries in self.lists.items() if Path(path).name.startswith(f".{Path(name).name}.")
        ]
        entries = written[-1] if written else self.inherited
        dacl = None
        if entries is not None:
            dacl = SimpleNamespace(GetAceCount=lambda: len(entries), GetAce=lambda index: entries[index])
        return SimpleNamespace(GetSecurityDescriptorDacl=lambda: dacl, GetSecurityDescriptorOwner=lambda: USER)


@pytest.mark.parametrize(
    ("entries", "is_open"),
    [
        ([entry(USER), entry(SYSTEM), entry("S-1-5-32-544")], False),
        ([entry(USER), entry(OTHERS)], True),
        ([entry("S-1-5-11")], True),
        ([entry(OTHERS, DENY), entry(USER)], False),
        ([entry(OTHERS, flags=INHERIT_ONLY), entry(USER)], False),
        ([], False),
        (None, True),
    ],
)
def test_on_windows_a_key_is_refused_when_its_list_lets_others_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entries: list[Entry] | None, is_open: bool
) -> None:
    Windows(monkeypatch, entries)
    key = tmp_path / "ledger.key"
    key.touch()
    if not is_open:
        require_owner_only(key, key.stat())
        return
    with pytest.raises(LedgerFault) as caught:
        require_owner_only(key, key.stat())
    assert caught.value.code is Code.KEY_EXPOSED
    assert caught.value.mend.startswith(f'Run: icacls "{key}" /inheritance:r /grant:r ')


def test_on_windows_a_new_key_is_its_owners_in_a_folder_that_is_everybodys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Windows(monkeypatch, [entry(OTHERS), entry(USER)])
    key = tmp_path / "ledger.key"
    write_owner_only(key, "secret\n")
    require_owner_only(key, key.stat())
    assert key.read_bytes() == b"secret\n"


def test_a_key_whose_rights_cannot_be_set_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Windows(monkeypatch, []).fails = True
    with pytest.raises(OSError, match="拒绝访问"):
        write_owner_only(tmp_path / "ledger.key", "secret\n")
    assert list(tmp_path.iterdir()) == []
