"""The trust list: which servers an engineer has accepted. An empty folder trusts nobody.

A server is trusted if its certificate itself lies in the folder, or if an authority's does that issued it and the
certificate names the host that is called (OPC UA part 4, 6.1.3). ``*.crl`` beside them revoke.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from edge_agent.drivers.opcua.settings import REJECTED

SUFFIXES = (".der", ".cer", ".crt", ".pem")
MAX_REJECTED = 20
"""Rejected certificates that are kept; the oldest make room, so that nobody can fill the disk."""


class NotTrustedError(ConnectionError):
    """The server's certificate is not accepted; the text tells an engineer what to do."""


def load_certificate(content: bytes) -> x509.Certificate:
    """A certificate from DER or PEM; ValueError when it is neither."""
    if content.lstrip().startswith(b"-----BEGIN"):
        return x509.load_pem_x509_certificate(content)
    return x509.load_der_x509_certificate(content)


def thumbprint(certificate: x509.Certificate) -> str:
    """SHA-1 over DER, in hex: the name that OPC UA gives a certificate (part 6, 6.2.2)."""
    return certificate.fingerprint(hashes.SHA1()).hex()  # noqa: S303  # a name, no protection


def require_trusted(certificate: x509.Certificate, folder: Path, host: str) -> None:
    """Return for a trusted server; NotTrustedError for any other, whose certificate is then kept in ``rejected/``."""
    now = datetime.now(UTC)
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise NotTrustedError(
            f"the certificate of {host} is valid from {certificate.not_valid_before_utc} to "
            f"{certificate.not_valid_after_utc}, now it is {now:%Y-%m-%d %H:%M}; check both clocks, or renew it"
        )
    for trusted in _certificates(folder):
        if trusted == certificate:
            return
        if _issued(certificate, trusted):
            _require_by_authority(certificate, trusted, folder, host)
            return
    kept = _reject(certificate, folder)
    raise NotTrustedError(
        f"the certificate of {host} is not trusted: {certificate.subject.rfc4514_string()}, thumbprint "
        f"{thumbprint(certificate)}; compare the thumbprint at the server, then move {kept} to {folder}"
    )


def _certificates(folder: Path) -> Iterator[x509.Certificate]:
    if not folder.is_dir():
        return
    for file in sorted(folder.iterdir()):
        if file.suffix.lower() not in SUFFIXES:
            continue
        try:
            yield load_certificate(file.read_bytes())
        except ValueError as err:
            raise NotTrustedError(f"{file} is no certificate, neither DER nor PEM: {err}") from err


def _issued(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        constraints = authority.extensions.get_extension_for_class(x509.BasicConstraints).value
        certificate.verify_directly_issued_by(authority)
    except (x509.ExtensionNotFound, ValueError, TypeError, InvalidSignature):
        return False
    now = datetime.now(UTC)
    return constraints.ca and authority.not_valid_before_utc <= now <= authority.not_valid_after_utc


def _require_by_authority(certificate: x509.Certificate, authority: x509.Certificate, folder: Path, host: str) -> None:
    for file in sorted(folder.glob("*.crl")):
        content = file.read_bytes()
        pem = content.lstrip().startswith(b"-----BEGIN")
        revoked = x509.load_pem_x509_crl(content) if pem else x509.load_der_x509_crl(content)
        key = authority.public_key()
        if revoked.issuer != authority.subject or not revoked.is_signature_valid(key):  # type: ignore[arg-type]
            continue
        if revoked.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None:
            raise NotTrustedError(f"the certificate of {host} was revoked by its authority ({file})")
    if host.lower() not in _hosts(certificate):
        raise NotTrustedError(f"the certificate, of a trusted authority, does not name {host}: it is another server's")


def _hosts(certificate: x509.Certificate) -> set[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    hosts = {name.lower() for name in names.get_values_for_type(x509.DNSName)}
    return hosts | {str(ip_address(str(each))) for each in names.get_values_for_type(x509.IPAddress)}


def _reject(certificate: x509.Certificate, folder: Path) -> Path:
    rejected = folder / REJECTED
    rejected.mkdir(parents=True, exist_ok=True)
    file = rejected / f"{thumbprint(certificate)}.der"
    if not file.exists():
        for oldest in sorted(rejected.glob("*.der"), key=lambda each: each.stat().st_mtime)[: -MAX_REJECTED + 1]:
            oldest.unlink()
        file.write_bytes(certificate.public_bytes(Encoding.DER))
    return file
