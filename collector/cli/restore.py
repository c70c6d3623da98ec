"""``edge-collector restore``: a backup back in its place, and in plain words what is missing since."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import click

from collector.backup.record import BackupError, Record
from collector.backup.restore import checked, restore, restore_settings
from collector.settings import load_collector
from config.cli import settings_errors
from config.model import shown_seconds


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("folder", metavar="FOLDER", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Set aside what stands in the way (nothing is deleted).")
@settings_errors
def command(file: Path, folder: Path, force: bool) -> None:
    """Put the backup in FOLDER back to where FILE (collector.yaml) says; the collector must not run.

    Where there is no FILE, the settings in the backup are written there first. Every file of the backup is held against
    its SHA-256 before anything is touched.
    """
    try:
        record, digest = checked(folder)
        if restore_settings(folder, record, file):
            click.echo(f"{file}: written from the backup")
        settings = load_collector(file).settings
        aside = restore(folder, record, digest, settings, force=force)
    except BackupError as err:
        raise click.ClickException(str(err)) from err
    for path in aside:
        click.echo(f"set aside: {path}")
    _tell(record)


def _tell(record: Record) -> None:
    moment = datetime.fromtimestamp(record.moment / 1000, UTC)
    minutes = max(0, round(time.time() - record.moment / 1000)) // 60
    click.echo(
        f"collector {record.collector} is as it was at {moment:%Y-%m-%d %H:%M:%S} UTC,"
        f" {shown_seconds(minutes * 60.0)} ago. What came since is not here:\n"
        "  - readings, events and evidence that agents had acknowledged since; what they still hold comes by itself.\n"
        "    Once it runs, the log names their numbers by agent and stream, and `edge-collector agents` counts them\n"
        "  - what people did since about alarms, dead letters and records: do it again; `audit verify` with a head\n"
        "    that was noted since says that entries are missing, and is right\n"
        "  - which packets platforms took since: they are sent again, and are the same\n"
        "  - what was taken in since and not yet passed on to a higher collector"
    )
    for text in record.left_out:
        click.echo(f"  not in the backup: {text}")
