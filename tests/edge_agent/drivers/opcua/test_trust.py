from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from edge_agent.drivers.opcua.trust import NotTrustedError, require_trusted

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    def __init__(self, ca: bool = True) -> None:
        self.key = rsa.generate_private_key(65537, 2048)
        self.certificate = self.issue("authority", self.key, x509.BasicConstraints(ca, None))

    def issue(
        self, subject: str, key: rsa.RSAPrivateKey, extension: x509.ExtensionType, ends: datetime = NOW + DAY
    ) -> x509.Certificate:
        builder = x509.CertificateBuilder(name("authority"), name(subject), key.public_key())
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(NOW - 3 * DAY).not_valid_after(ends).add_extension(extension, False)
        return builder.sign(self.key, hashes.SHA256())

    def server(self, host: str, ends: datetime = NOW + DAY) -> x509.Certificate:
        return self.issue("server", self.key, x509.SubjectAlternativeName([x509.DNSName(host)]), ends)

    def revoke(self, certificate: x509.Certificate, file: Path) -> None:
        entry = x509.RevokedCertificateBuilder(certificate.serial_number, NOW - DAY).build()
        builder = x509.CertificateRevocationListBuilder(name("authority"), NOW - DAY, NOW + DAY)
        file.write_bytes(
            builder.add_revoked_certificate(entry).sign(self.key, hashes.SHA256()).public_bytes(Encoding.DER)
        )


def test_an_authority_accepts_the_host_that_its_certificate_names_and_no_other(tmp_path: Path) -> None:
    authority = Authority()
    (tmp_path / "ca.pem").write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    require_trusted(authority.server("plc.test"), tmp_path, "PLC.test")
    with pytest.raises(NotTrustedError, match="another server's"):
        require_trusted(authority.server("plc.test"), tmp_path, "dcs.test")


def test_a_revoked_an_expired_and_a_forged_certificate_are_refused(tmp_path: Path) -> None:
    authority, forger = Authority(), Authority()
    (tmp_path / "ca.pem").write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    revoked = authority.server("plc.test")
    authority.revoke(revoked, tmp_path / "list.crl")
    with pytest.raises(NotTrustedError, match="revoked"):
        require_trusted(revoked, tmp_path, "plc.test")
    with pytest.raises(NotTrustedError, match="check both clocks"):
        require_trusted(authority.server("plc.test", NOW - DAY), tmp_path, "plc.test")
    with pytest.raises(NotTrustedError, match="not trusted"):
        require_trusted(forger.server("plc.test"), tmp_path, "plc.test")


def test_a_trusted_server_is_no_authority_for_others(tmp_path: Path) -> None:
    server = Authority(ca=False)
    (tmp_path / "server.pem").write_bytes(server.certificate.public_bytes(Encoding.PEM))
    with pytest.raises(NotTrustedError, match="not trusted"):
        require_trusted(server.server("plc.test"), tmp_path, "plc.test")


def test_a_broken_file_in_the_trust_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.der").write_bytes(b"nonsense")
    with pytest.raises(NotTrustedError, match=r"broken\.der"):
        require_trusted(Authority().certificate, tmp_path, "plc.test")
