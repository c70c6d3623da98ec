"""The authority: it signs, renews and revokes (RFC 5280), and keeps the revocation list that the broker goes by.

A certificate is for one use: the broker's proves a server, an agent's or a collector's proves a client, so that a
stolen one of an agent cannot play the broker. Serial numbers are random. Whatever is asked is logged first
(`collector.pki.log`); then the index is written and the revocation list made from it, so that the next command mends
what a SIGKILL left behind.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from msgspec.structs import replace

from collector.pki.index import FILE, Index, Issued, Role, read_index, write_index
from collector.pki.log import logged, logged_of
from collector.pki.names import alternative_names, check_name, hosts_of
from config.keys import PemError, new_key, read_certificate, read_key, write_file, write_key

log = logging.getLogger(__name__)

KEY, CERTIFICATE, CRL = "ca.key", "ca.crt", "crl.pem"
DAYS = 730
"""Days that a certificate holds: sites are far, and what is stolen is revoked, not waited for."""
AUTHORITY_DAYS = 7300
CRL_DAYS = 365
"""Days that a revocation list holds. An expired one locks everybody out, and it is made anew by each change."""
BEHIND = timedelta(days=1)
"""How far before its making a certificate begins to hold: the clock of a PC at a site may be behind."""
_USAGE = {"digital_signature": False, "content_commitment": False, "key_encipherment": False,
          "data_encipherment": False, "key_agreement": False, "key_cert_sign": False, "crl_sign": False,
          "encipher_only": False, "decipher_only": False}  # fmt: skip


class Authority:
    """An authority in its folder: ca.key (owner-only), ca.crt, crl.pem, index.json, audit.db. Made by `create` or
    `opened`. OSError from what changes something, also when it cannot be logged.
    """

    def __init__(self, folder: Path) -> None:
        """PemError or OSError when the folder holds none, or its key is readable by others."""
        if not (folder / FILE).is_file():
            raise PemError(f"{folder}: there is no authority here; edge-collector pki init makes one")
        self._folder = folder
        self._key = read_key(folder / KEY)
        self._certificate = read_certificate(folder / CERTIFICATE)
        if self._certificate.public_key() != self._key.public_key():
            raise PemError(f"{folder}: {KEY} and {CERTIFICATE} do not belong together")
        self.index = read_index(folder)
        self._mend()

    @classmethod
    def create(cls, folder: Path, name: str, days: int = AUTHORITY_DAYS) -> Authority:
        """Make an authority and its first, empty revocation list; FileExistsError where there is one.

        The index comes last: what a SIGKILL leaves without one is no authority yet, and is made again.
        """
        if (folder / FILE).exists():
            raise FileExistsError(f"{folder}: there is an authority here already; its certificates would be orphaned")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = new_key()
        subject, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), datetime.now(UTC)
        usage = x509.KeyUsage(**{**_USAGE, "key_cert_sign": True, "crl_sign": True})
        known = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        certificate = (
            x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - BEHIND)
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(known, critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(known), critical=False)
            .sign(key, hashes.SHA256())
        )
        logged(folder, "made", f"authority {name}", {"serial": f"{certificate.serial_number:x}"})
        write_key(folder / KEY, key)
        write_file(folder / CERTIFICATE, _pem(certificate))
        write_index(folder, Index())
        return cls(folder)

    @property
    def certificate(self) -> x509.Certificate:
        """The authority's own certificate."""
        return self._certificate

    def issue(
        self, name: str, role: Role, key: CertificatePublicKeyTypes, *, hosts: Sequence[str] = (), days: float = DAYS
    ) -> Issued:
        """Sign a certificate for a name that has none; ValueError when it has, or a broker has no `hosts`."""
        self.vacant(name)
        return self._sign("issued", name, role, key, hosts, days)

    def vacant(self, name: str) -> None:
        """ValueError when the name has a certificate that lets it in, or is no name."""
        if live := self.index.live(check_name(name), _ms(datetime.now(UTC))):
            raise ValueError(
                f"{name} has a certificate already (serial {live[0].serial}): renew it, or revoke it first if its key "
                "is lost or stolen"
            )

    def renew(
        self, name: str, key: CertificatePublicKeyTypes | None = None, *, hosts: Sequence[str] = (), days: float = DAYS
    ) -> Issued:
        """Sign another for a name that has one: left out, for the same key and hosts. The old one holds to its end.

        ValueError when the name has none, or its last one was revoked.
        """
        last = next(iter(self.index.of(name)), None)
        if last is None or last.revoked is not None:
            why = "has no certificate here" if last is None else "was revoked, so its key is not trusted any more"
            raise ValueError(f"{name} {why}: issue one")
        old = last.certificate
        return self._sign("renewed", name, last.role, key or old.public_key(), hosts or hosts_of(old), days)

    def revoke(self, name: str, reason: x509.ReasonFlags, serial: str = "") -> list[Issued]:
        """Revoke all that a name holds, or the one of that serial number; what was revoked.

        ValueError when there is none.
        """
        now = _ms(datetime.now(UTC))
        found = [each for each in self.index.live(name, now) if serial in ("", each.serial)]
        if not found:
            raise ValueError(f"{name} has no certificate {f'{serial} ' if serial else ''}here that could be revoked")
        logged_of(self._folder, "revoked", found, reason=reason.value)
        gone = {each.serial for each in found}
        changed = tuple(
            replace(each, revoked=now, reason=reason.value) if each.serial in gone else each
            for each in self.index.issued
        )
        self._keep(replace(self.index, issued=changed))
        self.publish_crl()
        return found

    def publish_crl(self, days: float = CRL_DAYS) -> None:
        """Make the revocation list anew, with the next number; the broker reads it on SIGHUP."""
        logged(self._folder, "made", "revocation list", {"number": self.index.crl + 1})
        self._keep(replace(self.index, crl=self.index.crl + 1))
        now = datetime.now(UTC)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._certificate.subject)
            .last_update(now - BEHIND)
            .next_update(min(now + timedelta(days=days), self._certificate.not_valid_after_utc))
            .add_extension(x509.CRLNumber(self.index.crl), critical=False)
            .add_extension(self._issuer(), critical=False)
        )
        for each in self.index.issued:
            if each.revoked is not None:
                builder = builder.add_revoked_certificate(_entry(each))
        made = builder.sign(self._key, hashes.SHA256())
        write_file(self._folder / CRL, made.public_bytes(serialization.Encoding.PEM))

    def _sign(
        self, what: str, name: str, role: Role, key: CertificatePublicKeyTypes, hosts: Sequence[str], days: float
    ) -> Issued:
        if role == "broker" and not hosts:
            raise ValueError(f"{name}: a broker's certificate needs the names or addresses by which clients reach it")
        if role != "broker" and hosts:
            raise ValueError(f"{name}: hosts are for a broker's certificate; its role is {role}")
        now = datetime.now(UTC)
        use = ExtendedKeyUsageOID.SERVER_AUTH if role == "broker" else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(self._certificate.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(max(now - BEHIND, self._certificate.not_valid_before_utc))
            .not_valid_after(min(now + timedelta(days=days), self._certificate.not_valid_after_utc))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.KeyUsage(**{**_USAGE, "digital_signature": True}), critical=True)
            .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(self._issuer(), critical=False)
        )
        if hosts:
            builder = builder.add_extension(alternative_names(hosts), critical=False)
        made = builder.sign(self._key, hashes.SHA256())
        issued = Issued(
            name=name, role=role, serial=f"{made.serial_number:x}", begins=_ms(made.not_valid_before_utc),
            ends=_ms(made.not_valid_after_utc), pem=_pem(made).decode(),
        )  # fmt: skip
        logged_of(self._folder, what, [issued])
        self._keep(replace(self.index, issued=(*self.index.issued, issued)))
        return issued

    def _issuer(self) -> x509.AuthorityKeyIdentifier:
        known = self._certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(known)

    def _keep(self, index: Index) -> None:
        write_index(self._folder, index)
        self.index = index

    def _mend(self) -> None:
        """A revocation list that a SIGKILL kept behind the index is made anew."""
        revoked = {int(each.serial, 16) for each in self.index.issued if each.revoked is not None}
        try:
            content = x509.load_pem_x509_crl((self._folder / CRL).read_bytes())
            listed = {each.serial_number for each in content}
        except FileNotFoundError:
            listed = None
        except ValueError as err:
            log.warning("%s: it is no revocation list (%s) and is made anew", self._folder / CRL, err)
            listed = None
        if listed != revoked:
            self.publish_crl()


@contextmanager
def opened(folder: Path) -> Iterator[Authority]:
    """The authority of a folder, for one command at a time: a second one waits."""
    if not folder.is_dir():
        raise PemError(f"{folder}: there is no authority here; edge-collector pki init makes one")
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield Authority(folder)
    finally:
        os.close(handle)


def _entry(each: Issued) -> x509.RevokedCertificate:
    when = datetime.fromtimestamp((each.revoked or 0) / 1000, UTC)
    reason = x509.CRLReason(x509.ReasonFlags(each.reason))
    builder = x509.RevokedCertificateBuilder().serial_number(int(each.serial, 16)).revocation_date(when)
    return builder.add_extension(reason, critical=False).build()


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
