"""``edge-collector query``: the newest value of each point, or the history of one, read back from a store."""

from __future__ import annotations

import time
from pathlib import Path

import click
from pydantic_core import PydanticCustomError

from collector.cli.stores import store
from collector.cli.tables import show
from collector.settings import load_collector
from collector.sinks.base import SinkUnavailable
from config.cli import settings_errors
from config.model import seconds


def _since(_context: click.Context, _option: click.Parameter, text: str) -> float:
    try:
        return float(str(seconds(text)))
    except PydanticCustomError as err:
        raise click.BadParameter(err.message()) from err


@click.command("query")
@click.argument("file", type=click.Path(path_type=Path), default="collector.yaml")
@click.option("--site", help="Only points of the site with this code.")
@click.option("--point", metavar="CODE", help="History of the point with this code, instead of the newest values.")
@click.option("--since", default="1h", show_default=True, callback=_since, help="How far back the history goes.")
@click.option("--limit", default=1000, show_default=True, type=click.IntRange(1), help="Rows of history at most.")
@click.option("--sink", "name", help="The store to ask, by its name in FILE; left out: the first.")
@click.option("--json", "as_json", is_flag=True, help="One JSON list instead of a table.")
@settings_errors
def command(
    file: Path, site: str | None, point: str | None, since: float, limit: int, name: str | None, as_json: bool
) -> None:
    """Print what a store of FILE (collector.yaml) holds: the newest value of each point, or one point's history."""
    sink = store(file, load_collector(file).settings, name)
    try:
        if point is None:
            rows = sink.latest(site)
        else:
            now = time.time_ns() // 1_000_000
            rows = sink.history(point, now - round(since * 1000), now + 1, limit + 1)
            if len(rows) > limit:
                rows = rows[:limit]
                click.echo(f"the oldest {limit} of more; choose a shorter --since or a larger --limit", err=True)
    except SinkUnavailable as err:
        raise click.ClickException(f"the store does not answer: {err}") from err
    finally:
        sink.close()
    show(rows, as_json)
