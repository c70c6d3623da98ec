"""``edge-agent enrol``: the agent's key and certificate. The key is made here and never leaves this computer."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import click
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pydantic import ConfigDict

from config.certificates import common_name
from config.cli import settings_errors
from config.keys import PemError, fingerprint, new_key, read_bounded, read_certificate, read_key, write_file, write_key
from config.load import load
from config.model import Settings, Written
from config.mqtt import MqttSettings, TlsSettings
from config.printable import plain
from profiles.wire.topics import ID_PATTERN, ID_WORDS

_PATH = click.Path(path_type=Path)


class Enrolled(Settings):
    """What enrolling needs of an agent's settings: whoever enrols need not have described his instruments yet."""

    model_config = ConfigDict(extra="ignore")

    agent: Annotated[str, Written(ID_PATTERN, ID_WORDS)]
    """Its id."""
    mqtt: MqttSettings
    """The broker, and under `tls` the files."""


@click.command("enrol")
@click.argument("file", type=_PATH, default="agent.yaml")
@click.option("--install", type=_PATH, metavar="CERTIFICATE", help="Check what the authority signed, and use it.")
@click.option("--ca", type=_PATH, help="With --install: the authority's certificate, to be trusted from now on.")
@click.option("--owner", metavar="USER", help="Whose a new key becomes, where the agent runs as another; needs root.")
@settings_errors
def command(file: Path, install: Path | None, ca: Path | None, owner: str | None) -> None:
    """Make the key that FILE (agent.yaml) names under mqtt.tls, unless there is one, and a request (.csr) for it.

    Take the request to whoever runs the authority (`edge-collector pki issue AGENT --csr …`), compare the fingerprint,
    and --install the certificate that comes back. A running agent uses it at its next connection.
    """
    settings = load(file, Enrolled).settings
    try:
        tls = _tls(settings)
        if install is None:
            if ca is not None:
                raise click.UsageError("--ca goes with --install")
            _request(settings.agent, *tls, owner)
        else:
            _install(settings, install, ca)
    except (PemError, OSError, LookupError) as err:
        raise click.ClickException(str(err)) from err


def _tls(settings: Enrolled) -> tuple[Path, Path]:
    """Where key and certificate belong."""
    tls = settings.mqtt.tls
    if not isinstance(tls, TlsSettings) or tls.key is None or tls.certificate is None:
        raise PemError("mqtt.tls: expected `certificate` and `key`, the files that are to hold them")
    if tls.key_password is not None:
        raise PemError("mqtt.tls.key_password: a key with a password is made elsewhere, as is its request")
    return tls.key, tls.certificate


def _request(agent: str, key_file: Path, certificate: Path, owner: str | None) -> None:
    if key_file.exists():
        key = read_key(key_file)
        click.echo(f"{key_file} is there and stays")
    else:
        key = new_key()
        write_key(key_file, key, owner)
        click.echo(f"made {key_file}: it never leaves this computer")
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, agent)])
    request = x509.CertificateSigningRequestBuilder(subject).sign(key, hashes.SHA256())
    target = certificate.with_name(f"{agent}.csr")
    write_file(target, request.public_bytes(serialization.Encoding.PEM))
    click.echo(f"wrote {target}; have it signed: edge-collector pki issue {agent} --csr {target.name}")
    click.echo(f"fingerprint of its key {fingerprint(key.public_key())}")


def _install(settings: Enrolled, file: Path, ca: Path | None) -> None:
    key_file, target = _tls(settings)
    tls = settings.mqtt.tls
    assert isinstance(tls, TlsSettings)  # noqa: S101  # _tls has looked
    trusted = ca or tls.ca
    if trusted is None or tls.ca is None:
        raise PemError("mqtt.tls.ca: expected the file of the authority that signs broker and agents")
    certificate = read_certificate(file)
    _check(file, certificate, settings.agent, key_file)
    _check_signature(file, certificate, trusted)
    if ca is not None:
        write_file(tls.ca, read_bounded(ca))
        for each in x509.load_pem_x509_certificates(read_bounded(ca)):
            click.echo(
                f"wrote {tls.ca}: {plain(common_name(each.subject))}, fingerprint {fingerprint(each.public_key())}"
            )
    write_file(target, read_bounded(file))
    click.echo(f"wrote {target}: until {certificate.not_valid_after_utc:%Y-%m-%d %H:%M UTC}")


def _check(file: Path, certificate: x509.Certificate, agent: str, key_file: Path) -> None:
    """PemError when the broker would not let the agent in with it; whether it is revoked only the broker knows."""
    if (name := common_name(certificate.subject)) != agent:
        raise PemError(f"{file}: it is for {name!r}; expected {agent!r}")
    if certificate.public_key() != read_key(key_file).public_key():
        raise PemError(f"{file}: it does not belong to {key_file}: was another request signed?")
    try:
        uses = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        uses = None
    if uses is not None and ExtendedKeyUsageOID.CLIENT_AUTH not in uses:
        raise PemError(f"{file}: it is no client's certificate")
    if certificate.not_valid_after_utc <= datetime.now(UTC):
        raise PemError(f"{file}: it has expired at {certificate.not_valid_after_utc:%Y-%m-%d %H:%M UTC}")


def _check_signature(file: Path, certificate: x509.Certificate, trusted: Path) -> None:
    """PemError unless an authority in `trusted`, or one that comes along in `file` (of a chain), has signed it."""
    try:
        authorities = x509.load_pem_x509_certificates(read_bounded(trusted) + read_bounded(file))
    except ValueError as err:
        raise PemError(f"{trusted}: expected certificates of authorities (PEM): {err}") from err
    faults = []
    for authority in authorities:
        try:
            certificate.verify_directly_issued_by(authority)
        except (ValueError, TypeError) as err:
            faults.append(str(err))
        except InvalidSignature as err:
            faults.append(str(err) or "the signature does not fit")
        else:
            return
    raise PemError(f"{file}: no authority in {trusted} has signed it: {'; '.join(dict.fromkeys(faults))}")
