"""``edge-collector run``: the collector in the foreground, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from collector.app import Collector
from collector.service import CollectorProgram
from collector.settings import CollectorSettings, load_collector
from collector.state_file import StateError, StateLock
from config import logs
from config.cli import settings_errors
from config.service.service import Service


@click.command("run")
@click.argument("file", type=click.Path(path_type=Path), default="collector.yaml")
@settings_errors
def command(file: Path) -> None:
    """Take what the agents send and put it into the stores, as FILE (collector.yaml) says.

    SIGTERM and Ctrl-C end it in order; SIGHUP has it read FILE again, as `reload` does.
    """
    file = file.absolute()  # so that its paths are the same wherever it is read again
    loaded = load_collector(file)
    logs.configure(loaded.settings.log, "edge-collector")
    for warning in loaded.warnings:
        click.echo(str(warning), err=True)
    try:
        lock = StateLock(loaded.settings.state)
        try:
            asyncio.run(_run(file, loaded.settings))
        finally:
            lock.release()
    except (StateError, FileExistsError) as err:
        raise click.ClickException(str(err)) from err


async def _run(file: Path, settings: CollectorSettings) -> None:
    service = Service("edge-collector", file)
    collector = Collector(settings, progress=service.progress)
    async with service.around(CollectorProgram(collector, settings), settings.state, settings.monitor):
        await collector.run(service.stop)
