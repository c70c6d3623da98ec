"""Until when certificates and revocation lists hold, so that nobody learns of an end by it: who is told in time."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, NamedTuple

from cryptography import x509

from config.keys import PemError, read_bounded
from config.mqtt import MqttSettings

EARLY = timedelta(days=30)
"""How long before its end one is warned of …"""
SHARE = 3
"""… but never during more than this part of its life, so that one of a week is not warned of from its first day."""
EACH_DAY = 86_400.0
CODE = "certificate"
"""Code of the alarm, of an agent's certificates and of a collector's."""
_BLOCK = re.compile(rb"-----BEGIN (CERTIFICATE|X509 CRL)-----.+?-----END \1-----\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Lasting:
    """One certificate or revocation list of a file, and from when to when it holds (UTC)."""

    file: Path
    what: str
    """``certificate NAME`` or ``revocation list of NAME``."""
    begins: datetime
    ends: datetime

    def state(self, now: datetime) -> Literal["future", "valid", "expiring", "expired"]:
        """Whether it holds, and whether it is time to renew it."""
        if now >= self.ends:
            return "expired"
        if now < self.begins:
            return "future"
        return "expiring" if self.ends - now <= min(EARLY, (self.ends - self.begins) / SHARE) else "valid"


def lasting(file: Path) -> list[Lasting]:
    """Every certificate and revocation list of a file: of PEM all, of DER its one certificate.

    OSError or PemError when it cannot be read.
    """
    data = read_bounded(file)
    try:
        if b"-----BEGIN" not in data:
            return [_certificate(file, x509.load_der_x509_certificate(data))]
        found = [_one(file, block[1], block[0]) for block in _BLOCK.finditer(data)]
    except ValueError as err:
        raise PemError(f"{file}: expected a certificate or a revocation list (PEM): {err}") from err
    if not found:
        raise PemError(f"{file}: expected a certificate or a revocation list (PEM)")
    return found


def _one(file: Path, kind: bytes, text: bytes) -> Lasting:
    if kind == b"CERTIFICATE":
        return _certificate(file, x509.load_pem_x509_certificate(text))
    found = x509.load_pem_x509_crl(text)
    if found.next_update_utc is None:
        raise PemError(f"{file}: the revocation list does not say until when it holds")
    return Lasting(file, f"revocation list of {common_name(found.issuer)}", found.last_update_utc,
                   found.next_update_utc)  # fmt: skip


def _certificate(file: Path, made: x509.Certificate) -> Lasting:
    name = f"certificate {common_name(made.subject)}"
    return Lasting(file, name, made.not_valid_before_utc, made.not_valid_after_utc)


def common_name(name: x509.Name) -> str:
    """The last common name of a subject; the whole of it where there is none."""
    found = name.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(found[-1].value) if found else name.rfc4514_string()


def valid_until(file: Path) -> int | None:
    """Ms since 1970 UTC until which all of a file holds; None where nothing can be read."""
    try:
        return round(min(each.ends for each in lasting(file)).timestamp() * 1000)
    except (OSError, PemError):
        return None  # `check` and the connection itself say what is wrong with it


class Certificates:
    """The ends of some certificates; a file is read again when it has changed."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = dict(files)
        self._known: dict[str, tuple[tuple[int, int], int | None]] = {}

    def ends(self) -> dict[str, int]:
        """By what each is for, until when it is valid, ms; what cannot be read is left out."""
        found: dict[str, int] = {}
        for name, file in self._files.items():
            try:
                written = file.stat()
            except OSError:
                continue
            mark = (written.st_mtime_ns, written.st_size)
            if self._known.get(name, ((0, 0), None))[0] != mark:
                self._known[name] = mark, valid_until(file)
            if (end := self._known[name][1]) is not None:
                found[name] = end
        return found


def of_link(mqtt: MqttSettings) -> dict[str, Path]:
    """The certificates by which a program and its broker know each other, as far as they stand in files here."""
    if mqtt.tls == "disabled":
        return {}
    files = {"client": mqtt.tls.certificate, "ca": mqtt.tls.ca}
    return {name: file for name, file in files.items() if file is not None}


class ExpiryWarning(NamedTuple):
    """What somebody should be told."""

    level: Literal["WARN", "FAULT"]
    text: str


def warnings(files: Iterable[Path], now: float) -> dict[tuple[Path, str, str], ExpiryWarning]:
    """What does not hold, or not for long, at `now` (s since 1970 UTC); by file, what it is, and its state.

    A file that is missing or broken is told by whoever needs it.
    """
    found: dict[tuple[Path, str, str], ExpiryWarning] = {}
    for file in files:
        try:
            parts = lasting(file)
        except (OSError, PemError):
            continue
        for each in parts:
            state = each.state(datetime.fromtimestamp(now, UTC))
            if state != "valid":
                found[file, each.what, state] = _warning(each, state, now)
    return found


def _warning(each: Lasting, state: str, now: float) -> ExpiryWarning:
    if state == "expired":
        return ExpiryWarning("FAULT", f"{each.what} has expired at {_utc(each.ends)} ({each.file}): it lets nobody in")
    if state == "future":
        text = f"{each.what} holds from {_utc(each.begins)} only ({each.file}): is this computer's clock right?"
        return ExpiryWarning("WARN", text)
    left = (each.ends.timestamp() - now) / 3600
    when = f"{left:.0f} hours" if left < 48 else f"{left / 24:.0f} days"
    return ExpiryWarning("WARN", f"{each.what} expires in {when}, at {_utc(each.ends)} ({each.file}): renew it")


def _utc(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")


class ExpiryWatch:
    """When an alarm of certificates is told: each day, at once when more comes to it, and once when all hold again."""

    def __init__(self, files: Collection[Path]) -> None:
        self._files = files
        self._known: set[tuple[Path, str, str]] | None = None

    def news(self, now: int, since: int | None) -> list[ExpiryWarning] | None:
        """Read the files; all that is to be told at `now`, where an alarm stands `since` (ms UTC), or else none does.

        None: nothing is new. An empty list: the alarm has ended.
        """
        found = warnings(self._files, now / 1000)
        more = set() if self._known is None else found.keys() - self._known  # a restart is nothing new
        self._known = set(found)
        if since is None:
            return list(found.values()) or None
        if found and not more and 0 <= now - since < EACH_DAY * 1000:
            return None
        return list(found.values())


def gravest(found: Iterable[ExpiryWarning]) -> Literal["WARN", "FAULT"]:
    """Level of the one alarm of all."""
    return "FAULT" if any(each.level == "FAULT" for each in found) else "WARN"


def told_together(found: Iterable[ExpiryWarning]) -> str:
    """Text of the one alarm of all; of none, that it has ended."""
    return "; ".join(each.text for each in found) or "all certificates and revocation lists hold again"
