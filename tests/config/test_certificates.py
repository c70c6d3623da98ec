"""Until when certificates and lists hold is known from their files, PEM or DER, and who goes by one is told in time."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from collector.pki.authority import Authority
from collector.pki.environment import Environment
from config.certificates import Certificates, ExpiryWatch, lasting, valid_until
from config.keys import PemError, write_file
from tests.certificates import Authority as Foreign

DAY = 86_400.0


def test_the_end_is_read_of_both_encodings_and_of_nothing_else(tmp_path: Path) -> None:
    certificate, key = Foreign(tmp_path).issue("plant-1")
    read = x509.load_pem_x509_certificate(certificate.read_bytes())
    der = tmp_path / "plant-1.der"
    der.write_bytes(read.public_bytes(Encoding.DER))
    end = read.not_valid_after_utc
    assert valid_until(certificate) == valid_until(der) == round(end.timestamp() * 1000)
    assert end > datetime.now(UTC)
    assert valid_until(key) is None
    assert valid_until(tmp_path / "none") is None


def test_a_certificate_that_was_renewed_is_read_again(tmp_path: Path) -> None:
    first, _key = Foreign(tmp_path).issue("plant-1")
    known = Certificates({"client": first, "ca": tmp_path / "none"})
    assert known.ends() == {"client": valid_until(first)}
    first.write_text("no certificate at all")
    assert known.ends() == {}
    first.unlink()
    assert known.ends() == {}
    os.replace(tmp_path / "ca.crt", first)
    assert known.ends() == {"client": valid_until(first)}


def made(folder: Path, days: float) -> tuple[Path, int]:
    """A certificate of `days`, and now in ms."""
    environment = Environment(folder)
    Authority.create(environment.pki, "authority")
    environment.add("agent-1", days=days)
    return Path(environment.tls("agent-1")["certificate"]), time.time_ns() // 1_000_000


def later(now: int, days: float) -> int:
    return now + round(days * DAY * 1000)


def test_it_is_told_thirty_days_before_then_each_day_and_when_it_is_over(tmp_path: Path) -> None:
    file, now = made(tmp_path, 730)
    watch = ExpiryWatch([file, tmp_path / "missing"])
    assert watch.news(now, None) is None
    assert watch.news(later(now, 699), None) is None
    [warning] = watch.news(later(now, 701), None) or []
    assert warning.level == "WARN"
    assert warning.text.startswith("certificate agent-1 expires in 29 days")
    assert str(file) in warning.text
    assert watch.news(later(now, 701.5), later(now, 701)) is None
    assert [each.level for each in watch.news(later(now, 702.1), later(now, 701)) or []] == ["WARN"]
    [fault] = watch.news(later(now, 730.1), later(now, 729.9)) or []
    assert fault.level == "FAULT", "that it has expired is told at once"
    assert "has expired" in fault.text
    assert watch.news(later(now, 730.5), later(now, 730.1)) is None


def test_what_lasts_a_week_is_warned_of_in_its_last_third(tmp_path: Path) -> None:
    file, now = made(tmp_path, 7)
    assert ExpiryWatch([file]).news(now, None) is None
    assert len(ExpiryWatch([file]).news(later(now, 5), None) or []) == 1


def test_a_renewed_file_ends_the_warnings(tmp_path: Path) -> None:
    file, now = made(tmp_path, 730)
    watch, old = ExpiryWatch([file]), file.read_bytes()
    assert watch.news(later(now, 710), None)
    environment = Environment(tmp_path)
    environment.add("agent-2", days=2000)
    write_file(file, Path(environment.tls("agent-2")["certificate"]).read_bytes())
    assert watch.news(later(now, 710.1), later(now, 710)) == []
    assert watch.news(later(now, 711), None) is None
    write_file(file, old)
    assert watch.news(later(now, 712), None)


def test_a_revocation_list_and_each_certificate_of_a_bundle_are_watched(tmp_path: Path) -> None:
    _file, now = made(tmp_path, 730)
    pki = tmp_path / "pki"
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes((pki / "ca.crt").read_bytes() + (pki / "crl.pem").read_bytes())
    assert [each.what for each in lasting(bundle)] == ["certificate authority", "revocation list of authority"]
    [warning] = ExpiryWatch([bundle]).news(later(now, 340), None) or []
    assert warning.text.startswith("revocation list of authority expires in 25 days")


def test_a_computer_whose_clock_is_behind_is_told(tmp_path: Path) -> None:
    file, now = made(tmp_path, 730)
    [warning] = ExpiryWatch([file]).news(later(now, -30), None) or []
    assert "is this computer's clock right?" in warning.text


def test_a_file_without_any_is_named(tmp_path: Path) -> None:
    odd = tmp_path / "odd.pem"
    for text in (b"nothing", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        odd.write_bytes(text)
        with pytest.raises(PemError, match=r"odd.pem: expected a certificate or a revocation list"):
            lasting(odd)
