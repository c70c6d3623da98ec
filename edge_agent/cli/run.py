"""``edge-agent run``: the agent in the foreground, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import click

from config import logs
from config.cli import settings_errors
from config.service.service import Service
from edge_agent.app import Agent
from edge_agent.outbox.rows import OutboxDamagedError, OutboxMisplacedError, OutboxUnavailable
from edge_agent.settings import AgentSettings, load_agent

log = logging.getLogger(__name__)
AGAIN = 1.0
"""Seconds before an outbox that is damaged, or on a full disk, is opened anew, so that a broken disk draws no storm."""


@click.command("run")
@click.argument("file", type=click.Path(path_type=Path), default="agent.yaml")
@settings_errors
def command(file: Path) -> None:
    """Read the site's instruments and deliver to the collector, as FILE (agent.yaml) says.

    SIGTERM and Ctrl-C end it in order; SIGHUP has it read FILE again, as `reload` does.
    """
    file = file.absolute()  # so that its paths are the same wherever it is read again
    loaded = load_agent(file)
    logs.configure(loaded.settings.log, "edge-agent")
    for warning in loaded.warnings:
        click.echo(str(warning), err=True)
    try:
        asyncio.run(_run(file, loaded.settings))
    except (OutboxMisplacedError, OSError) as err:
        raise click.ClickException(str(err)) from err


async def _run(file: Path, settings: AgentSettings) -> None:
    """Until a signal; an outbox that turns out to be damaged is opened anew, which salvages it."""
    service = Service("edge-agent", file)
    said = ""
    while not service.stop.is_set():
        try:
            agent = Agent(settings, service.progress)
            try:
                async with service.around(agent, settings.state, settings.monitor):
                    await agent.run(service.stop)
            finally:
                settings = agent.settings  # they may have been taken over anew meanwhile
        except OutboxDamagedError as err:
            log.error("%s; it is opened anew and salvaged", err)
            await asyncio.sleep(AGAIN)
        except OutboxUnavailable as err:
            if str(err) != said:
                said = str(err)
                log.error("%s; it is opened as soon as it can be", err)
            await asyncio.sleep(AGAIN)
