"""The end of a certificate is known from its file, PEM or DER, and anew when the file is replaced."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from config.certificates import Certificates, valid_until
from tests.certificates import Authority


def test_the_end_is_read_of_both_encodings_and_of_nothing_else(tmp_path: Path) -> None:
    certificate, key = Authority(tmp_path).issue("plant-1")
    read = x509.load_pem_x509_certificate(certificate.read_bytes())
    der = tmp_path / "plant-1.der"
    der.write_bytes(read.public_bytes(Encoding.DER))
    end = read.not_valid_after_utc
    assert valid_until(certificate) == valid_until(der) == round(end.timestamp() * 1000)
    assert end > datetime.now(UTC)
    assert valid_until(key) is None
    assert valid_until(tmp_path / "none") is None


def test_a_certificate_that_was_renewed_is_read_again(tmp_path: Path) -> None:
    first, _key = Authority(tmp_path).issue("plant-1")
    known = Certificates({"client": first, "ca": tmp_path / "none"})
    assert known.ends() == {"client": valid_until(first)}
    first.write_text("no certificate at all")
    assert known.ends() == {}
    first.unlink()
    assert known.ends() == {}
    os.replace(tmp_path / "ca.crt", first)
    assert known.ends() == {"client": valid_until(first)}
