"""How `status` is shown to people: a list of facts, tables, and colours where a terminal takes them."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from config.printable import plain

GOOD, DOUBTFUL, BAD = "green", "yellow", "bold red"
SOON = 30 * 86_400.0
"""Seconds before a certificate's end from which it is doubtful."""
Fact = tuple[str, Text | str]


def moment(ms: int) -> str:
    """A time, UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def verdict(good: bool, text: str) -> Text:
    """A text that says whether something is as it should be."""
    return Text(plain(text), GOOD if good else BAD)


def doubt(doubtful: bool, text: str) -> Text:
    """A text that says whether something is worth a look."""
    return Text(plain(text), DOUBTFUL if doubtful else "")


def health(troubles: Sequence[str], missing: Sequence[str]) -> Text:
    """What keeps a program from its work; or for whom it waits, which is no trouble of its own."""
    if troubles:
        return verdict(False, "; ".join(troubles))
    if missing:
        return doubt(True, f"it works, and waits for {', '.join(missing)}")
    return verdict(True, "in order")


def host_facts(host: Mapping[str, Any]) -> Iterator[Fact]:
    """The computer's load and versions (`profiles.wire.messages.Host`)."""
    loads = ((name, host.get(name)) for name in ("cpu", "memory", "disk"))
    shown = ", ".join(f"{name} {value:.0f} %" for name, value in loads if value is not None)
    yield "host", f"{host.get('name', '')} {host.get('ip', '')}".strip() + f": {shown}"
    yield "system", f"{host.get('system', '')}, Python {host.get('python', '')}"


def certificate_facts(ends: Mapping[str, int]) -> Iterator[Fact]:
    """Until when each is valid."""
    for name, end in sorted(ends.items()):
        left = end / 1000 - time.time()
        style = BAD if left < 0 else DOUBTFUL if left < SOON else GOOD
        yield "certificate", Text(f"{plain(name)} {'was' if left < 0 else 'is'} valid until {moment(end)}", style)


class Shown:
    """Prints to standard output; colours where that is a terminal and NO_COLOR is not set."""

    def __init__(self) -> None:
        width = None if sys.stdout.isatty() else 10_000  # a pipe has no width: rows stay on their lines
        self._console = Console(soft_wrap=False, markup=False, highlight=False, width=width)

    def facts(self, rows: Iterable[Fact]) -> None:
        """Names and what is said of each."""
        table = Table(box=None, show_header=False, pad_edge=False)
        table.add_column(style="dim", no_wrap=True)
        table.add_column(overflow="fold")
        for name, text in rows:
            table.add_row(name, text)
        self._console.print(table)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[Text | str]]) -> None:
        """A table below what was printed; nothing without rows."""
        table = Table(box=None, pad_edge=False)
        for name in columns:
            table.add_column(name, overflow="fold", no_wrap=not sys.stdout.isatty())
        for row in rows:
            table.add_row(*row)
        if table.row_count:
            self._console.print()
            self._console.print(table)
