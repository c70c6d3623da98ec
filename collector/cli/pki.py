"""``edge-collector pki``: a certificate authority of one's own, for a broker, its collectors and their agents."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, get_args

import click
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from collector.cli.tables import show
from collector.moments import utc
from collector.pki.authority import AUTHORITY_DAYS, CERTIFICATE, CRL, CRL_DAYS, DAYS, Authority, opened
from collector.pki.index import Issued, Role
from collector.pki.listed import behind, rows
from collector.pki.names import check_name, read_request
from collector.pki.published import publish
from config.keys import PemError, fingerprint, new_key, read_key, write_file, write_key

P = ParamSpec("P")
REASONS = {
    "stolen": x509.ReasonFlags.key_compromise,
    "replaced": x509.ReasonFlags.superseded,
    "gone": x509.ReasonFlags.cessation_of_operation,
}
"""Why a certificate is revoked, in words (RFC 5280, 5.3.1)."""


def _said(function: Callable[P, None]) -> Callable[P, None]:
    """What is wrong with a file, a name or a folder, as a sentence."""

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except (PemError, OSError, ValueError, LookupError) as err:
            raise click.ClickException(str(err)) from err

    return wrapper


_path = click.Path(path_type=Path)
_pki = click.option("--pki", "folder", type=_path, default="pki", show_default=True, help="The authority's folder.")
_out = click.option("--out", type=_path, help="Folder of what is issued; left out: issued/ in the authority's folder.")
_owner = click.option("--owner", metavar="USER", help="Whose the key becomes, the user that reads it; needs root.")
_csr = click.option("--csr", type=_path, help="The agent's request (edge-agent enrol): its key stays where it is.")
_hosts = click.option("--host", "hosts", multiple=True, help="DNS name or address by which clients reach the broker.")


def _days(default: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option(
        "--days", type=click.IntRange(1, 36_500), default=default, show_default=True, help="How long it holds."
    )


@click.group("pki")
def command() -> None:
    """Make an authority; issue, renew, revoke and list certificates of broker, collectors and agents."""


@command.command("init")
@_pki
@click.option("--name", default="edge-gateway authority", show_default=True, help="What certificates call it.")
@_days(AUTHORITY_DAYS)
@_said
def init(folder: Path, name: str, days: int) -> None:
    """Make an authority: its key (keep it off the network, and a copy in a safe), certificate and revocation list."""
    if not 0 < len(name) <= 64 or not name.isprintable():
        raise ValueError("--name: expected 1 to 64 printable characters")
    authority = Authority.create(folder, name, days)
    click.echo(f"made {folder / CERTIFICATE}: {name}, until {_until(authority.certificate)}")
    click.echo(f"fingerprint {fingerprint(authority.certificate.public_key())}")


@command.command("issue")
@click.argument("name")
@_pki
@click.option("--role", type=click.Choice(get_args(Role)), default="agent", show_default=True)
@_csr
@_hosts
@_days(DAYS)
@_out
@_owner
@_said
def issue(
    name: str, folder: Path, role: Role, csr: Path | None, hosts: tuple[str, ...], days: int, out: Path | None,
    owner: str | None,
) -> None:  # fmt: skip
    """Sign a certificate for NAME, the id of an agent or collector; without --csr its key is made here as well."""
    target = out or folder / "issued"
    key = read_request(csr, check_name(name)) if csr is not None else None
    with opened(folder) as authority:
        authority.vacant(name)
        made = key or _make_key(target / f"{name}.key", owner)
        _hand_out(authority.issue(name, role, made, hosts=hosts, days=days), target)


@command.command("renew")
@click.argument("name")
@_pki
@_csr
@_hosts
@_days(DAYS)
@_out
@_said
def renew(name: str, folder: Path, csr: Path | None, hosts: tuple[str, ...], days: int, out: Path | None) -> None:
    """Sign another certificate for NAME, for the key that it has; the old one holds to its end."""
    key = read_request(csr, check_name(name)) if csr is not None else None
    with opened(folder) as authority:
        _hand_out(authority.renew(name, key, hosts=hosts, days=days), out or folder / "issued")


@command.command("revoke")
@click.argument("name")
@_pki
@click.option("--reason", type=click.Choice(list(REASONS)), default="stolen", show_default=True)
@click.option("--serial", help="This certificate alone; left out: all that NAME holds.")
@_said
def revoke(name: str, folder: Path, reason: str, serial: str | None) -> None:
    """Shut NAME out: its certificates go onto the revocation list. Give that to the broker (pki publish) at once."""
    number = "" if serial is None else serial.lower().replace(":", "").lstrip("0") or "0"
    with opened(folder) as authority:
        for each in authority.revoke(name, REASONS[reason], number):
            click.echo(f"revoked {each.name}, serial {each.serial}")
    click.echo(f"wrote {folder / CRL}: publish it, let the broker read it (SIGHUP), and end {name}'s connection")


@command.command("crl")
@_pki
@_days(CRL_DAYS)
@_said
def crl(folder: Path, days: int) -> None:
    """Make the revocation list anew, before it expires: an expired one locks everybody out."""
    with opened(folder) as authority:
        authority.publish_crl(days)
    click.echo(f"wrote {folder / CRL}")


@command.command("list")
@_pki
@click.option("--json", "as_json", is_flag=True, help="One JSON list instead of a table.")
@_said
def list_(folder: Path, as_json: bool) -> None:
    """List what was signed, the authority and its revocation list: name, serial number, end, state."""
    show(rows(folder, time.time_ns() // 1_000_000), as_json)
    if behind(folder):
        click.echo(f"{folder / CRL} lacks what was revoked last: edge-collector pki crl makes it anew", err=True)


@command.command("publish")
@click.argument("target", type=_path)
@_pki
@_out
@click.option("--name", default="broker", show_default=True, help="Whose certificate and key the broker gets.")
@_owner
@_said
def publish_(target: Path, folder: Path, out: Path | None, name: str, owner: str | None) -> None:
    """Put what the broker needs into the folder TARGET: authority, revocation list, its certificate and key."""
    for file in publish(folder, out or folder / "issued", name, target, owner):
        click.echo(f"wrote {file}")


def _make_key(file: Path, owner: str | None) -> CertificatePublicKeyTypes:
    key = new_key()
    write_key(file, key, owner)
    click.echo(f"made {file}")
    return key.public_key()


def _hand_out(issued: Issued, target: Path) -> None:
    file, key = target / f"{issued.name}.crt", target / f"{issued.name}.key"
    write_file(file, issued.pem.encode())
    certificate = issued.certificate
    click.echo(f"wrote {file}: {issued.role}, serial {issued.serial}, until {_until(certificate)}")
    click.echo(f"fingerprint of its key {fingerprint(certificate.public_key())}")
    if key.is_file() and read_key(key).public_key() != certificate.public_key():
        click.echo(f"{key} is another key: it does not belong to this certificate", err=True)


def _until(certificate: x509.Certificate) -> str:
    return utc(int(certificate.not_valid_after_utc.timestamp() * 1000))
