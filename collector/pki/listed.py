"""What an authority has signed, as rows; read without its key."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509

from collector.pki.authority import CERTIFICATE, CRL
from collector.pki.index import FILE, Index, Issued, read_index
from config.certificates import Lasting, lasting
from config.keys import PemError, read_certificate

Row = dict[str, Any]


def rows(folder: Path, now: int) -> list[Row]:
    """Name, role, serial, expires (ms UTC), state; the authority and its revocation list first. `now`: ms UTC.

    State: valid, expiring, expired, revoked, or replaced (by a newer one; it still lets its name in). PemError or
    OSError where there is no authority.
    """
    index = _index(folder)
    return [*_own(folder, index, now), *(_row(each, index, now) for each in index.issued)]


def behind(folder: Path) -> bool:
    """Whether the revocation list lacks somebody whom the index says to be revoked: a command was killed in between."""
    listed = {each.serial_number for each in x509.load_pem_x509_crl((folder / CRL).read_bytes())}
    return any(each.revoked is not None and int(each.serial, 16) not in listed for each in _index(folder).issued)


def _index(folder: Path) -> Index:
    if not (folder / FILE).is_file():
        raise PemError(f"{folder}: there is no authority here; edge-collector pki init makes one")
    return read_index(folder)


def _own(folder: Path, index: Index, now: int) -> Iterator[Row]:
    authority = read_certificate(folder / CERTIFICATE)
    for file, role, serial in (
        (CERTIFICATE, "authority", f"{authority.serial_number:x}"),
        (CRL, "revocation list", str(index.crl)),
    ):
        for each in lasting(folder / file):
            ends = int(each.ends.timestamp() * 1000)
            yield {"name": file, "role": role, "serial": serial, "expires": ends, "state": _state(each, now)}


def _row(issued: Issued, index: Index, now: int) -> Row:
    made = issued.certificate
    state = _state(Lasting(Path(issued.name), "", made.not_valid_before_utc, made.not_valid_after_utc), now)
    newest = next(iter(index.live(issued.name, now)), issued)
    if issued.revoked is not None:
        state = f"revoked ({issued.reason})"
    elif state != "expired" and newest.serial != issued.serial:
        state = "replaced"
    return {"name": issued.name, "role": issued.role, "serial": issued.serial, "expires": issued.ends, "state": state}


def _state(each: Lasting, now: int) -> str:
    return each.state(datetime.fromtimestamp(now / 1000, UTC))
