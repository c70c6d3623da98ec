"""What was done with an authority, in an audit log of its own in its folder: who, when, what, to which certificate.

An entry is durable before what it tells of is done, so a SIGKILL may leave an entry of what was not done, and never a
certificate, revocation or list that no entry tells of.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from collector.audit import Deed, os_user
from collector.audit_file import AuditFile
from collector.pki.index import Issued
from collector.state_file import StateError

FILE = "audit.db"
_NOT_DONE = "what cannot be logged is not done"


def log_file(folder: Path) -> AuditFile:
    """The log of an authority's folder, opened or made; StateError when it cannot be, also when it is damaged."""
    return AuditFile(folder, FILE, "sha256", lost="who did what with the authority", mend=False)


def logged(folder: Path, what: str, subject: str, details: Mapping[str, Any]) -> None:
    """Log what the user of this system is about to do; OSError when it cannot be logged."""
    _put(folder, [Deed(os_user(), what, subject, details)])


def logged_of(folder: Path, what: str, issued: Iterable[Issued], **more: Any) -> None:
    """The same of certificates: name, role and serial number, and `more`."""
    user = os_user()
    _put(folder, [
        Deed(user, what, f"certificate {each.name}", {"role": each.role, "serial": each.serial, **more})
        for each in issued
    ])  # fmt: skip


def _put(folder: Path, deeds: list[Deed]) -> None:
    try:
        with closing(log_file(folder)) as file, file.transaction():
            file.log(deeds)
    except StateError as err:
        raise OSError(f"{err}; {_NOT_DONE}") from err
    except sqlite3.Error as err:
        raise OSError(f"{folder / FILE}: {err}; {_NOT_DONE}") from err
