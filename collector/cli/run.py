"""``edge-collector run``: the collector in the foreground, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import click

from collector.app import Collector
from collector.settings import CollectorSettings, load_collector
from collector.state_file import StateError
from config import logs
from config.cli import settings_errors


@click.command("run")
@click.argument("file", type=click.Path(path_type=Path), default="collector.yaml")
@settings_errors
def command(file: Path) -> None:
    """Take what the agents send and put it into the stores, as FILE (collector.yaml) says."""
    loaded = load_collector(file)
    logs.configure(loaded.settings.log)
    for warning in loaded.warnings:
        click.echo(str(warning), err=True)
    try:
        asyncio.run(_run(loaded.settings))
    except StateError as err:
        raise click.ClickException(str(err)) from err


async def _run(settings: CollectorSettings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await Collector(settings).run(stop)
