"""``edge-collector grafana``: dashboards, data source and alert rules for Grafana's provisioning folder."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import click

from collector.dashboards.provisioning import Store, Version, files
from collector.settings import load_collector
from collector.sinks.influxdb.settings import InfluxSettings
from config.cli import settings_errors
from profiles.load import library

URL, DATABASE = "http://127.0.0.1:8086", "gateway"
FOLDER = "/etc/grafana/provisioning"


@click.group("grafana")
def command() -> None:
    """Dashboards for Grafana (docs/grafana.md)."""


@command.command("export")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--influx-version", type=click.Choice(["1", "2", "3"]), required=True, help="The major version of the store."
)
@click.option(
    "--settings", "settings_file", type=click.Path(path_type=Path),
    help="collector.yaml, whose InfluxDB and own profiles are meant.",
)  # fmt: skip
@click.option("--url", help=f"The store as Grafana reaches it; left out: that of the settings, else {URL}.")
@click.option("--database", help=f"Its database (2.x: the mapped one); left out: the settings', else {DATABASE}.")
@click.option("--grafana-folder", type=click.Path(path_type=Path), default=FOLDER, show_default=True,
              help="FOLDER as Grafana will see it.")  # fmt: skip
@settings_errors
def export(
    folder: Path, influx_version: str, settings_file: Path | None, url: str | None, database: str | None,
    grafana_folder: Path,
) -> None:  # fmt: skip
    """Write FOLDER as Grafana's provisioning folder wants it; files of others in it are left alone."""
    known, profiles = None, library()
    if settings_file is not None:
        settings = load_collector(settings_file).settings
        profiles = library(settings.profiles)
        known = next((each for each in settings.sinks if isinstance(each, InfluxSettings)), None)
        if known is None and (url is None or database is None):
            raise click.ClickException(f"{settings_file} has no sink of type influxdb; say --url and --database")
    if known is not None:
        url, database = url or known.url, database or known.database or known.bucket
    store = Store(cast("Version", influx_version), url or URL, database or DATABASE)
    made = files(profiles, store, grafana_folder)
    for name, text in made.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as err:
            raise click.ClickException(f"{path} cannot be written: {err.strerror or err}") from err
    boards = sum(name.suffix == ".json" for name in made)
    click.echo(f"{folder}: {boards} dashboards, data source {store.url} ({store.database}), alert rules.")
    wanted = (
        "EDGE_INFLUX_USER and EDGE_INFLUX_PASSWORD, if the store asks" if influx_version == "1" else "EDGE_INFLUX_TOKEN"
    )
    click.echo(f"Grafana needs in its environment: {wanted}. Restart it to load data source and rules.")
