"""``edge-agent run``: the agent in the foreground, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import click

from config import logs
from config.cli import settings_errors
from edge_agent.app import Agent
from edge_agent.outbox.recovery import OutboxMisplacedError
from edge_agent.settings import load_agent


@click.command("run")
@click.argument("file", type=click.Path(path_type=Path), default="agent.yaml")
@settings_errors
def command(file: Path) -> None:
    """Read the site's instruments and deliver to the collector, as FILE (agent.yaml) says."""
    loaded = load_agent(file)
    logs.configure(loaded.settings.log)
    for warning in loaded.warnings:
        click.echo(str(warning), err=True)
    try:
        agent = Agent(loaded.settings)
    except (OutboxMisplacedError, OSError) as err:
        raise click.ClickException(str(err)) from err
    asyncio.run(_run(agent))


async def _run(agent: Agent) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await agent.run(stop)
