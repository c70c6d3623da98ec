"""``edge-collector agents``: who delivers here, how far behind each is, and what is missing."""

from __future__ import annotations

from pathlib import Path

import click

from collector.cli.tables import show
from collector.registry import Registry, summary
from collector.settings import load_collector
from config.cli import settings_errors


@click.command("agents")
@click.argument("file", type=click.Path(path_type=Path), default="collector.yaml")
@click.option("--json", "as_json", is_flag=True, help="One JSON list instead of a table.")
@settings_errors
def command(file: Path, as_json: bool) -> None:
    """List the agents that the collector of FILE (collector.yaml) has heard; `gaps` counts envelopes lost for good."""
    registry = Registry(load_collector(file).settings.state)
    try:
        show([summary(row) for row in registry.agents()], as_json)
    finally:
        registry.close()
