"""``edge-collector risk``: the risk score of each site now, the worst first, and what it is made of."""

from __future__ import annotations

import time
from pathlib import Path

import click

from collector.cli.measured import measured
from collector.cli.tables import show
from collector.risk.score import Scorer
from collector.settings import load_collector
from config.cli import settings_errors
from profiles.load import library


@click.command("risk")
@click.argument("file", type=click.Path(path_type=Path), default="collector.yaml")
@click.option("--sink", "name", help="The store to ask, by its name in FILE; left out: the first.")
@click.option("--json", "as_json", is_flag=True, help="One JSON list instead of a table.")
@settings_errors
def command(file: Path, name: str | None, as_json: bool) -> None:
    """Show each site's risk score (风险分值) by the formula of its profile: docs/compliance.md."""
    settings = load_collector(file).settings
    profiles = library(settings.profiles)
    with measured(file, settings, profiles, name) as (measurer, book):
        found = Scorer(profiles, measurer, book).scores(time.time_ns() // 1_000_000)
    worst = sorted(found.items(), key=lambda each: (-each[1].score, each[0]))
    rows = [{**where._asdict(), **score._asdict()} for where, score in worst]
    if not as_json:
        rows = [{k: f"{v:.1f}" if isinstance(v, float) else v for k, v in row.items()} for row in rows]
    show(rows, as_json)
