"""What a broker needs of an authority, put where the broker reads it."""

from __future__ import annotations

from pathlib import Path

from collector.pki.authority import CERTIFICATE, CRL
from collector.pki.log import logged
from config.keys import OWNER_ONLY, PUBLIC, PemError, read_bounded, read_certificate, read_key, write_file

BROKER_CERTIFICATE, BROKER_KEY = "broker.crt", "broker.key"
"""Under these names the broker's settings look for its own, whatever the authority calls it."""


def publish(folder: Path, issued: Path, name: str, target: Path, owner: str | None = None) -> list[Path]:
    """Copy ca.crt, crl.pem and the certificate and key of `name` into `target`; what was written.

    Each file is replaced in one step, and nothing is when key and certificate do not belong together (PemError).
    `owner`: the user that the broker runs as, whose the key becomes. It stands in the authority's log first.
    """
    certificate, key = issued / f"{name}.crt", issued / f"{name}.key"
    held, made = read_key(key), read_certificate(certificate)
    if held.public_key() != made.public_key():
        raise PemError(f"{key} and {certificate} do not belong together")
    copied = (
        (folder / CERTIFICATE, CERTIFICATE, PUBLIC),
        (folder / CRL, CRL, PUBLIC),
        (certificate, BROKER_CERTIFICATE, PUBLIC),
        (key, BROKER_KEY, OWNER_ONLY),
    )
    logged(folder, "published", f"certificate {name}", {"serial": f"{made.serial_number:x}", "to": str(target)})
    for source, file, mode in copied:
        write_file(target / file, read_bounded(source), mode, owner)
    return [target / file for _source, file, _mode in copied]
