"""What an authority has signed and revoked: one file, replaced in one step, so that a SIGKILL leaves it whole.

Each certificate is written here before anybody gets it: what is not in the index was never handed out, and what is can
be revoked by its serial number.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from cryptography import x509
from msgspec import Meta, Struct

from config.keys import OWNER_ONLY, PemError, write_file

Role = Literal["agent", "collector", "broker"]
FILE = "index.json"


class Issued(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One certificate; times in ms since 1970 UTC, the serial number in hex (JSON's numbers are too short for it)."""

    name: str
    role: Role
    serial: Annotated[str, Meta(pattern=r"^[0-9a-f]{1,40}$")]
    begins: int
    ends: int
    pem: str
    revoked: int | None = None
    reason: str = ""

    @property
    def certificate(self) -> x509.Certificate:
        """The certificate itself."""
        return x509.load_pem_x509_certificate(self.pem.encode())


class Index(Struct, frozen=True, kw_only=True):
    """All of them, oldest first, and the number of the newest revocation list."""

    v: Literal[1] = 1
    crl: int = 0
    issued: tuple[Issued, ...] = ()

    def of(self, name: str) -> list[Issued]:
        """The certificates of a name, newest first."""
        return [each for each in reversed(self.issued) if each.name == name]

    def live(self, name: str, now: int) -> list[Issued]:
        """Those of a name that let somebody in at `now` (ms UTC), newest first."""
        return [each for each in self.of(name) if each.revoked is None and each.ends > now]


def read_index(folder: Path) -> Index:
    """The index of an authority's folder; OSError where there is none, PemError where it is damaged."""
    file = folder / FILE
    try:
        return msgspec.json.decode(file.read_bytes(), type=Index)
    except msgspec.DecodeError as err:
        raise PemError(f"{file}: expected the index of an authority: {err}; restore it from a backup") from err


def write_index(folder: Path, index: Index) -> None:
    """Replace the index, durably."""
    write_file(folder / FILE, msgspec.json.format(msgspec.json.encode(index)) + b"\n", OWNER_ONLY)
