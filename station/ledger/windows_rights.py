"""Who may use a file on Windows: its access list says so, a mode says nothing there.

Sources: learn.microsoft.com, "ACE strings", "Well-known SIDs", "GetNamedSecurityInfo"; the list is that of Python's own
`os.mkdir(mode=0o700)` (CVE-2024-4030): the owner, the system, and administrators, who can take every file anyway.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

_OWNER_ONLY: Final = "D:P(A;;FA;;;OW)(A;;FA;;;SY)(A;;FA;;;BA)"
_TRUSTED: Final = frozenset({"S-1-3-4", "S-1-5-18", "S-1-5-32-544"})
"""Owner rights, the system, administrators."""


def keep_to_owner(path: Path) -> None:
    """Let nobody but the owner use a file, whatever its folder would pass on; OSError."""
    import win32security as security  # noqa: PLC0415  Windows alone has it

    with _translated(path):
        rights = security.ConvertStringSecurityDescriptorToSecurityDescriptor(_OWNER_ONLY, security.SDDL_REVISION_1)
        which = security.DACL_SECURITY_INFORMATION | security.PROTECTED_DACL_SECURITY_INFORMATION
        entries = rights.GetSecurityDescriptorDacl()
        security.SetNamedSecurityInfo(str(path), security.SE_FILE_OBJECT, which, None, None, entries, None)


def may_others(path: Path) -> bool:
    """Say whether the list lets anybody in besides the owner, this user, the system and administrators; OSError."""
    import win32security as security  # noqa: PLC0415  as above

    with _translated(path):
        which = security.OWNER_SECURITY_INFORMATION | security.DACL_SECURITY_INFORMATION
        rights = security.GetNamedSecurityInfo(str(path), security.SE_FILE_OBJECT, which)
        entries = rights.GetSecurityDescriptorDacl()
        if entries is None:  # no list at all: everybody may everything
            return True
        ours = (rights.GetSecurityDescriptorOwner(), _this_user())
        allowed = _TRUSTED | {security.ConvertSidToStringSid(sid) for sid in ours}
        for index in range(entries.GetAceCount()):
            (kind, flags), _rights, sid = entries.GetAce(index)[:3]
            is_for_it = kind == security.ACCESS_ALLOWED_ACE_TYPE and not flags & security.INHERIT_ONLY_ACE
            if is_for_it and security.ConvertSidToStringSid(sid) not in allowed:
                return True
    return False


def _this_user() -> Any:
    import win32api  # noqa: PLC0415  as above
    import win32security as security  # noqa: PLC0415  as above

    token = security.OpenProcessToken(win32api.GetCurrentProcess(), security.TOKEN_QUERY)
    return security.GetTokenInformation(token, security.TokenUser)[0]


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    import pywintypes  # noqa: PLC0415  as above

    try:
        yield
    except pywintypes.error as error:
        raise OSError(0, error.strerror, str(path), error.winerror) from None
