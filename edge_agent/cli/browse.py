"""``edge-agent browse``: what a device offers, for the engineer who writes its tags."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
import msgspec

from config.cli import say, settings_errors
from edge_agent.cli.choose import choose
from edge_agent.drivers.base import MOST_BROWSED, browse_device
from edge_agent.settings import load_agent


@click.command("browse")
@click.argument("device")
@click.argument("node", default="")
@click.option("--depth", default=2, show_default=True, type=click.IntRange(1, 20), help="Levels below NODE.")
@click.option("--limit", default=500, show_default=True, type=click.IntRange(1, MOST_BROWSED), help="Nodes at most.")
@click.option("--file", type=click.Path(path_type=Path), default="agent.yaml", show_default=True, help="Settings.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of text.")
@settings_errors
def command(device: str, node: str, depth: int, limit: int, file: Path, as_json: bool) -> None:
    """Print what DEVICE shows below NODE (an OPC UA server: its folder Objects), as `node:` in the settings wants it.

    Nothing is written, called or changed. Ends with 1 when the device does not answer or has nothing to browse.
    """
    [chosen] = choose(load_agent(file).settings.devices, [device])
    try:
        found, more = asyncio.run(browse_device(chosen, node, depth, limit))
    except (OSError, ValueError) as err:
        raise click.ClickException(f"{device}: {err}") from err
    if as_json:
        click.echo(msgspec.json.encode({"nodes": found, "more": more}).decode())
        return
    for each in found:
        value = f"  = {each.value}" if each.value else ""
        say(f"{'  ' * (each.level - 1)}{each.name}  [{each.kind}]  {each.address}{value}")
    if more:
        click.echo(f"… more than {limit}: browse a node below, or give --limit", err=True)
