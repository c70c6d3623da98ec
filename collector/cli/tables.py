"""Rows for people (a plain table) or for scripts (one JSON list)."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from collector.figures import figure
from collector.moments import utc
from config.printable import plain


def show(rows: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    """Print rows; times (columns ``time``, ``seen``, ``since``, ``expires``, in ms) are shown to people as UTC."""
    if as_json:
        click.echo(json.dumps([dict(row) for row in rows], ensure_ascii=False))
        return
    if not rows:
        click.echo("nothing")
        return
    table = Table(box=None, pad_edge=False)
    for name in rows[0]:
        table.add_column(name, overflow="fold", no_wrap=not sys.stdout.isatty())
    for row in rows:
        table.add_row(*(_cell(name, value) for name, value in row.items()))
    width = None if sys.stdout.isatty() else 10_000  # a pipe has no width: rows stay on their lines
    Console(soft_wrap=False, markup=False, highlight=False, width=width).print(table)


def _cell(name: str, value: Any) -> str:
    if value is None:
        return "–"
    if name in ("time", "seen", "since", "expires"):
        return utc(value)
    return plain(", ".join(map(figure, value)) if isinstance(value, list) else figure(value))
