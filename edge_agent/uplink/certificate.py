"""Until when the agent's client certificate is good, for its state: read anew each time, as it may be renewed."""

from __future__ import annotations

from cryptography import x509

from config.mqtt import MqttSettings


def certificate_until(mqtt: MqttSettings) -> int | None:
    """When it expires, ms since 1970 UTC; None without TLS or certificate.

    None also where the file cannot be read: why, the connection says that needs it (`TlsSettings.context`).
    """
    if mqtt.tls == "disabled" or mqtt.tls.certificate is None:
        return None
    try:
        certificate = x509.load_pem_x509_certificate(mqtt.tls.certificate.read_bytes())  # the first is the agent's own
    except (OSError, ValueError):
        return None
    return round(certificate.not_valid_after_utc.timestamp() * 1000)
