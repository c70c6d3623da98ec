"""An agent says until when its certificate is good, and goes on where it cannot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from config.mqtt import MqttSettings, TlsSettings
from edge_agent.uplink.certificate import certificate_until
from tests.certificates import Authority


def test_the_moment_at_which_the_certificate_expires_is_told_in_ms(tmp_path: Path) -> None:
    certificate, key = Authority(tmp_path).issue("plant-a")
    mqtt = MqttSettings(host="h", tls=TlsSettings(certificate=certificate, key=key))
    until = certificate_until(mqtt)
    assert until is not None
    assert datetime.fromtimestamp(until / 1000, UTC) == (
        x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    )
    assert datetime.fromtimestamp(until / 1000, UTC) > datetime.now(UTC) + timedelta(hours=1)


def test_nothing_is_told_where_there_is_none_or_it_cannot_be_read(tmp_path: Path) -> None:
    broken = tmp_path / "broken.crt"
    broken.write_text("no certificate")
    assert certificate_until(MqttSettings(host="h", tls="disabled")) is None
    assert certificate_until(MqttSettings(host="h")) is None
    for file in (broken, tmp_path / "missing.crt"):
        assert certificate_until(MqttSettings(host="h", tls=TlsSettings(certificate=file))) is None
