"""``edge-agent points``: tags for the settings, from what a device itself says of its points.

A driver that can tell says so by a class method ``defined_tags(device)``, a list of one dictionary a tag.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import yaml

from config.cli import settings_errors
from edge_agent.cli.choose import choose
from edge_agent.drivers.base import drivers
from edge_agent.settings import load_agent


@click.command("points")
@click.argument("file", type=click.Path(path_type=Path), default="agent.yaml")
@click.option("--device", "name", required=True, help="The device.")
@settings_errors
def command(file: Path, name: str) -> None:
    """Write the tags of a device of FILE (agent.yaml), as its own definitions describe its points.

    For `tags: !include tags.yaml`. Look them through: names, units and limits are those of the definitions.
    """
    [device] = choose(load_agent(file).settings.devices, [name])
    hook = getattr(drivers()[device.driver], "defined_tags", None)
    if hook is None:
        raise click.ClickException(f"the driver {device.driver} does not know which points a device has")
    try:
        tags: list[dict[str, Any]] = hook(device)
    except OSError as err:
        raise click.ClickException(str(err)) from err
    for tag in tags:
        line = yaml.safe_dump([tag], allow_unicode=True, sort_keys=False, default_flow_style=None, width=10_000)
        click.echo(line, nl=False)
