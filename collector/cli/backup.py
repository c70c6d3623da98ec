"""``edge-collector backup``: all that this collector keeps, copied while it runs."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import click

from collector.alarms.file import FILE as ALARMS
from collector.backup.make import make_backup
from collector.backup.record import FILE, BackupError
from collector.cli.logged import logged
from collector.settings import load_collector
from config.cli import settings_errors


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("target", metavar="FOLDER", type=click.Path(path_type=Path))
@settings_errors
def command(file: Path, target: Path) -> None:
    """Copy the state, the SQLite stores, the evidence and the settings of FILE (collector.yaml) to the new FOLDER.

    The collector may run meanwhile. All files are as they stood at one moment; `edge-collector restore` puts them back.
    """
    settings = load_collector(file).settings
    try:
        record = make_backup(file, settings, target)
    except BackupError as err:
        raise click.ClickException(str(err)) from err
    digest = hashlib.sha256((target / FILE).read_bytes()).hexdigest()
    if (settings.state / ALARMS).is_file():
        about = {"folder": str(target), "moment": record.moment, "manifest_sha256": digest}
        logged(settings, "backed up", "collector", about)
    size = sum(each.size for each in record.files.values())
    moment = datetime.fromtimestamp(record.moment / 1000, UTC)
    click.echo(f"{target}: {len(record.files)} files, {size / 2**20:.1f} MiB, as of {moment:%Y-%m-%d %H:%M:%S} UTC")
    click.echo(f"  SHA-256 of {FILE}: {digest}")
    for text in record.left_out:
        click.echo(f"  not in it: {text}")
