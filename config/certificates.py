"""Until when a certificate is valid, so that nobody learns of its end by it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cryptography import x509

from config.mqtt import MqttSettings


def valid_until(file: Path) -> int | None:
    """Ms since 1970 UTC until which the first certificate of a file (PEM or DER) is valid; None where there is none."""
    try:
        data = file.read_bytes()
        read = x509.load_pem_x509_certificate if b"-----BEGIN" in data else x509.load_der_x509_certificate
        return round(read(data).not_valid_after_utc.timestamp() * 1000)
    except (OSError, ValueError):
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
