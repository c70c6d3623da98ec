"""``edge-collector broker-config``: the settings of mosquitto for a site."""

from __future__ import annotations

import os
from pathlib import Path

import click

from collector.broker import CERTIFICATES, CONNECTIONS, LOOPBACK, RULES, SETTINGS, write_broker
from collector.pki.authority import CRL
from collector.pki.published import publish
from config.cli import host_option


@click.command("broker-config")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--collector", "collectors", multiple=True, required=True, help="Id of a collector on this broker.")
@click.option(
    "--listen", callback=host_option, multiple=True, default=LOOPBACK, show_default=True,
    help="Address to listen on; for all of them --listen 0.0.0.0 --listen ::",
)  # fmt: skip
@click.option("--port", type=click.IntRange(1, 65535), default=8883, show_default=True)
@click.option("--certs", type=click.Path(path_type=Path), help=f"Left out: {CERTIFICATES}/ in FOLDER.")
@click.option(
    "--pki", type=click.Path(path_type=Path),
    help="The authority's folder, where it is on this machine: does what `pki publish` does first.",
)  # fmt: skip
@click.option("--connections", type=click.IntRange(1), default=CONNECTIONS, show_default=True, help="At most.")
@click.option("--user", help="User that mosquitto becomes when root starts it; left out: mosquitto.")
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
def command(
    folder: Path, collectors: tuple[str, ...], listen: tuple[str, ...], port: int, certs: Path | None,
    pki: Path | None, connections: int, user: str | None, force: bool,
) -> None:  # fmt: skip
    """Write mosquitto.conf and acl into FOLDER: TLS, a client certificate for everybody, rights by its common name."""
    for file in (folder / SETTINGS, folder / RULES):
        if file.exists() and not force:
            raise click.ClickException(f"{file} exists; --force overwrites it")
    owner = user or ("mosquitto" if os.geteuid() == 0 else None)
    try:
        published = [] if pki is None else publish(pki, pki / "issued", "broker", certs or folder / CERTIFICATES, owner)
        written = write_broker(
            folder, collectors, listen=listen, port=port, certs=certs, connections=connections, user=user
        )
    except (ValueError, OSError, LookupError) as err:
        raise click.ClickException(str(err)) from err
    for file in [*published, *written]:
        click.echo(f"wrote {file}")
    if not ((certs or folder / CERTIFICATES) / CRL).is_file():
        click.echo(
            f"{(certs or folder / CERTIFICATES) / CRL} is not there, so nobody can be shut out before his certificate "
            "ends; put it there (pki publish) and run this again with --force",
            err=True,
        )
