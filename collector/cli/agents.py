"""``edge-collector agents``: who delivers here, how far behind each is, and what is missing."""

from __future__ import annotations

from pathlib import Path

import click

from collector.cli.logged import logged
from collector.cli.opened import opened
from collector.cli.tables import show
from collector.registry import FILE, Registry, summary
from collector.settings import load_collector
from config.cli import settings_errors


@click.command("agents")
@click.argument("file", type=click.Path(path_type=Path), default="collector.yaml")
@click.option("--json", "as_json", is_flag=True, help="One JSON list instead of a table.")
@click.option("--forget", metavar="AGENT", help="Forget an agent that is gone, and free the codes that it claimed.")
@settings_errors
def command(file: Path, as_json: bool, forget: str | None) -> None:
    """List the agents that the collector of FILE (collector.yaml) has heard; `gaps` counts envelopes lost for good."""
    settings = load_collector(file).settings
    with opened(settings.state, FILE, lambda folder: Registry(folder, mend=False)) as registry:
        if forget is None:
            show([summary(row) for row in registry.agents()], as_json)
        elif registry.knows(forget):
            logged(settings, "forgotten", f"agent {forget}", {})
            registry.forget(forget)
            click.echo(f"forgot {forget}: the codes that it claimed are free for the agent that takes its place")
        else:
            raise click.ClickException(f"no agent {forget!r} has been heard here")
