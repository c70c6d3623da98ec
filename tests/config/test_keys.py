"""Private keys are their owner's alone, and a file is replaced in one step."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from config.keys import PemError, fingerprint, new_key, read_certificate, read_key, write_file, write_key
from config.mqtt import MqttSettings, TlsSettings
from config.private import readable_keys
from tests.certificates import Authority


def test_a_key_is_its_owners_alone_from_its_first_moment(tmp_path: Path) -> None:
    key, before = new_key(), os.umask(0)
    try:
        write_key(tmp_path / "deep" / "a.key", key)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "deep" / "a.key").stat().st_mode) == 0o600
    assert read_key(tmp_path / "deep" / "a.key").private_numbers() == key.private_numbers()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_that_others_may_read_is_refused_everywhere(tmp_path: Path, mode: int) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("agent-1")
    tls = TlsSettings(ca=tmp_path / "ca.crt", certificate=certificate, key=key)
    tls.context()
    key.chmod(mode)
    with pytest.raises(PermissionError, match=rf"agent-1.key: others may read.*mode {mode:04o}.*chmod 600"):
        read_key(key)
    with pytest.raises(PermissionError, match="others may read"):
        tls.context()
    [warning] = readable_keys(MqttSettings(host="broker.example", tls=tls))
    assert (warning.path, warning.severity) == (("tls", "key"), "warning")


def test_a_key_that_stands_with_its_certificate_is_refused_likewise(tmp_path: Path) -> None:
    certificate, key = Authority(tmp_path).issue("agent-1")
    both = tmp_path / "both.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    both.chmod(0o644)
    with pytest.raises(PermissionError, match="others may read"):
        TlsSettings(certificate=both).context()


def test_what_systemd_hands_over_is_its_own_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An access list shows as rights of the group there (systemd.exec(5), LoadCredential)."""
    write_key(tmp_path / "a.key", new_key())
    (tmp_path / "a.key").chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    read_key(tmp_path / "a.key")


def test_files_that_hold_something_else_are_named(tmp_path: Path) -> None:
    odd = tmp_path / "odd.pem"
    write_file(odd, b"nothing of the kind", 0o600)
    for read, expected in ((read_key, "a private key"), (read_certificate, "a certificate")):
        with pytest.raises(PemError, match=f"odd.pem: expected {expected}"):
            read(odd)
    write_file(odd, b"x" * (2**20 + 1), 0o600)
    with pytest.raises(PemError, match="at most 1048576 bytes"):
        read_key(odd)


def test_a_file_that_cannot_be_replaced_stays_and_leaves_no_litter(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    with pytest.raises(OSError, match="here"):
        write_file(tmp_path / "here", b"a folder stands there")
    with pytest.raises(LookupError, match="nobody-of-this-name"):
        write_file(tmp_path / "file", b"new", owner="nobody-of-this-name")
    assert [each.name for each in tmp_path.iterdir()] == ["here"]


def test_two_people_can_compare_a_fingerprint() -> None:
    key = new_key().public_key()
    assert len(fingerprint(key).split()) == 8
    assert fingerprint(key) == fingerprint(key) != fingerprint(new_key().public_key())
