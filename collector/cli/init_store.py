"""``edge-collector init-store``: make the databases and buckets that the settings name, and how long they keep."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import click

from collector.settings import load_collector
from collector.sinks.base import SinkUnavailable
from collector.sinks.influxdb.prepare import ShorterError, prepare
from collector.sinks.influxdb.settings import InfluxSettings
from config.cli import settings_errors
from config.model import seconds


@click.command("init-store")
@click.argument("file", type=click.Path(path_type=Path), default="collector.yaml")
@click.option("--keep", metavar="DURATION", help="How long data is kept, such as 400d; left out: for ever.")
@settings_errors
def command(file: Path, keep: str | None) -> None:
    """Make what the stores of FILE (collector.yaml) write to; what is there stays, and is never kept shorter."""
    settings = load_collector(file).settings
    try:
        kept = None if keep is None else cast("float", seconds(keep))
    except ValueError as err:
        raise click.UsageError(f"--keep {keep}: {err}") from err
    for sink in settings.sinks:
        if not isinstance(sink, InfluxSettings):
            click.echo(f"{sink.name}: needs nothing")
            continue
        try:
            told = prepare(sink, kept)
        except (SinkUnavailable, ShorterError) as err:
            raise click.ClickException(f"{sink.name}: {err}") from err
        for each in told:
            click.echo(f"{sink.name}: {each}")
