"""``edge-collector audit``: who did what, and whether the log of it is whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from collector import audit
from collector.alarms.file import FILE, AlarmFile
from collector.audit import Head, noted_head, parse_head
from collector.cli.opened import opened
from collector.cli.tables import show
from collector.settings import load_collector
from config.cli import settings_errors

_FILE = click.argument("file", type=click.Path(path_type=Path))


@click.group("audit")
def command() -> None:
    """The log of who did what: only ever added to, each entry chained to the one before by its hash."""


@contextmanager
def _opened(file: Path) -> Iterator[AlarmFile]:
    settings = load_collector(file).settings
    with opened(settings.state, FILE, lambda folder: AlarmFile(folder, settings.audit.hash, mend=False)) as alarms:
        yield alarms


@command.command("list")
@_FILE
@click.option("--subject", help="Only entries about this, such as 'alarm 12'.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1), help="Entries at most, the newest.")
@click.option("--json", "as_json", is_flag=True, help="One JSON list instead of a table.")
@settings_errors
def list_(file: Path, subject: str | None, limit: int, as_json: bool) -> None:
    """List entries, oldest first, and the head: note it elsewhere, and `verify --head` proves the log against it."""
    with _opened(file) as alarms, alarms.reading() as db:
        found, head = audit.entries(db, subject, limit), audit.head_of(db)
    if as_json:
        show([{**entry._asdict(), "details": json.loads(entry.details)} for entry in found], as_json)
        return
    names = ("seq", "time", "who", "what", "subject", "details")
    show([{name: getattr(entry, name) for name in names} for entry in found], as_json)
    click.echo(f"head {head}")


def _head(_context: click.Context, _parameter: click.Parameter, text: str | None) -> Head | None:
    try:
        return None if text is None else parse_head(text)
    except ValueError as err:
        raise click.BadParameter(str(err)) from err


@command.command("verify")
@_FILE
@click.option(
    "--head", "kept", metavar="COUNT:HASH", callback=_head, help="A head that `list` printed, kept elsewhere."
)
@settings_errors
def verify(file: Path, kept: Head | None) -> None:
    """Walk the whole chain; exit code 1 and the first bad entry when it was altered, cut, or put in another order."""
    with _opened(file) as alarms:
        try:
            noted = noted_head(alarms.folder)
        except (ValueError, UnicodeDecodeError) as err:
            raise click.ClickException(f"{alarms.folder / audit.HEAD}: {err}") from err
        with alarms.reading() as db:
            found = audit.verify(db, [head for head in (noted, kept) if head is not None])
    if noted is None and found.head.length:
        raise click.ClickException(f"{alarms.folder / audit.HEAD} is not there: nobody can tell whether the end is")
    if found.fault:
        raise click.ClickException(f"{found.fault}; sound up to {found.head.length} entries")
    click.echo(f"{found.head.length} entries, whole and in order; head {found.head}")
