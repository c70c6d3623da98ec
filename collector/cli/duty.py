"""``edge-collector duty``: what is stopped (停用) or under repair (检修), and owes no readings meanwhile."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from collector.alarms.file import FILE as ALARMS
from collector.alarms.file import AlarmFile
from collector.audit import os_user
from collector.cli.opened import opened
from collector.cli.tables import show
from collector.directory import Directory
from collector.duty.book import DutyBook, DutyError
from collector.duty.records import Kind, Record, Scope
from collector.duty.scopes import UnknownScopeError, find
from collector.moments import millis, utc
from collector.registry import FILE as REGISTRY
from collector.registry import Registry
from collector.settings import load_collector
from config.cli import settings_errors

_SETTINGS = click.option(
    "--settings", "-s", type=click.Path(path_type=Path), default="collector.yaml", show_default=True,
    help="The collector's settings file.",
)  # fmt: skip
_WHAT = click.argument("what", metavar="SITE[.TAG]...", nargs=-1, required=True)
_BY = click.option("--by", default=os_user, show_default="the user of this system", help="Who asked for it.")
_REASON = click.option("--reason", required=True, help="Why (停用说明).")
_FROM = click.option("--from", "begin", help="Beginning, such as 2026-11-24T08:00 (local) or …Z (UTC); left out: now.")


@click.group("duty")
def command() -> None:
    """Stop and repair records (停用、检修): for how long a site, an equipment or a point owes no readings.

    SITE is a site's code or name, or its agent; behind it a tag, a point's code (指标编码), or an equipment's code.
    """


@command.command("list")
@click.option("--site", help="Only those of this site, by its code.")
@click.option("--all", "everything", is_flag=True, help="Also those that are over, or were withdrawn.")
@_SETTINGS
@click.option("--json", "as_json", is_flag=True, help="One JSON list instead of a table.")
@settings_errors
def list_(site: str | None, everything: bool, settings: Path, as_json: bool) -> None:
    """List the records that hold now or are ahead, the oldest first."""
    now = _now()
    with _book(settings) as book:
        rows = [_row(record, now) for record in book.every(site)]
    rows = [row for row in rows if everything or row["state"] in ("holds", "ahead")]
    show(rows if as_json else [_for_people(row) for row in rows], as_json)


def _row(record: Record, now: int) -> dict[str, Any]:
    ended = record.ended
    return {
        "id": record.id, "kind": record.kind, "state": record.state(now), "what": str(record.scope),
        "from": record.begin, "to": record.end, "reason": record.reason, "by": record.by, "noted": record.noted,
        "ended_by": ended and ended.by, "ended_at": ended and ended.at, "ended_note": ended and ended.note,
    }  # fmt: skip


def _for_people(row: dict[str, Any]) -> dict[str, Any]:
    times = {name: utc(row[name]) for name in ("from", "to", "noted", "ended_at") if row[name] is not None}
    return row | times


@command.command("stop")
@_WHAT
@_FROM
@click.option("--to", "end", help="End, exclusive; left out: until it is resumed.")
@_REASON
@_BY
@_SETTINGS
@settings_errors
def stop(what: Sequence[str], begin: str | None, end: str | None, reason: str, by: str, settings: Path) -> None:
    """Record that something is out of use (停用), until it is resumed or until --to."""
    _put(settings, "stop", what, begin, end, reason, by)


@command.command("repair")
@_WHAT
@_FROM
@click.option("--to", "end", required=True, help="End, exclusive.")
@_REASON
@_BY
@_SETTINGS
@settings_errors
def repair(what: Sequence[str], begin: str | None, end: str, reason: str, by: str, settings: Path) -> None:
    """Record an approved repair window (检修)."""
    _put(settings, "repair", what, begin, end, reason, by)


@command.command("resume")
@_WHAT
@click.option("--at", help="When it owes readings again, such as 2026-11-24T08:00 (local) or …Z; left out: now.")
@click.option("--note", default="", help="A word on it.")
@_BY
@_SETTINGS
@settings_errors
def resume(what: Sequence[str], at: str | None, note: str, by: str, settings: Path) -> None:
    """End what holds (恢复): the records of exactly SITE or SITE.TAG that cover the moment; those ahead stay."""
    moment = _moment(at, _now())

    def one(book: DutyBook, scope: Scope) -> list[str]:
        ended = book.resume(scope, moment, by, note)
        return [f"record {each.id}: {scope} owes readings again from {utc(moment)}" for each in ended]

    _each(settings, what, one)


@command.command("withdraw")
@click.argument("number", metavar="ID", type=int)
@click.option("--note", required=True, help="Why it never held.")
@_BY
@_SETTINGS
@settings_errors
def withdraw(number: int, note: str, by: str, settings: Path) -> None:
    """Take back a record that was entered in error: it never held."""
    with _book(settings) as book:
        try:
            record = book.withdraw(number, by, note)
        except DutyError as err:
            raise click.ClickException(str(err)) from err
    click.echo(f"record {record.id} of {record.scope} withdrawn by {by}")


def _put(
    settings: Path, kind: Kind, what: Sequence[str], begin: str | None, end: str | None, reason: str, by: str
) -> None:
    first = _moment(begin, _now())
    last = None if end is None else _moment(end, 0)

    def one(book: DutyBook, scope: Scope) -> list[str]:
        made = book.put(kind, scope, first, last, reason, by)
        until = "until it is resumed" if made.end is None else f"to {utc(made.end)}"
        word = "stopped" if kind == "stop" else "under repair"
        return [f"record {made.id}: {scope} is {word} from {utc(first)} {until}, by {by}: {reason}"]

    _each(settings, what, one)


def _each(settings: Path, what: Sequence[str], one: Callable[[DutyBook, Scope], list[str]]) -> None:
    """All names are looked up first; then each on its own: one that is refused leaves the others done."""
    refused: list[str] = []
    with _book(settings) as book:
        for scope in _scopes(settings, what, book.every()):
            try:
                for line in one(book, scope):
                    click.echo(line)
            except DutyError as err:
                refused.append(f"{scope}: {err}")
    if refused:
        raise click.ClickException("\n".join(refused))


def _scopes(settings: Path, what: Sequence[str], records: Sequence[Record]) -> list[Scope]:
    state = load_collector(settings).settings.state
    with opened(state, REGISTRY, lambda folder: Registry(folder, mend=False)) as registry:
        directory = Directory(registry)
        directory.refresh()
        try:
            return list(dict.fromkeys(find(directory, words, records) for words in what))
        except UnknownScopeError as err:
            raise click.ClickException(str(err)) from err


@contextmanager
def _book(settings: Path) -> Iterator[DutyBook]:
    loaded = load_collector(settings).settings

    def made(folder: Path) -> AlarmFile:
        return AlarmFile(folder, loaded.audit.hash, mend=False)

    with opened(loaded.state, ALARMS, made) as alarms:
        try:
            yield DutyBook(alarms)
        except sqlite3.Error as err:
            raise click.ClickException(f"{loaded.state / ALARMS}: {err}") from err


def _moment(text: str | None, otherwise: int) -> int:
    try:
        return otherwise if text is None else millis(text)
    except ValueError as err:
        raise click.UsageError(str(err)) from err


def _now() -> int:
    return time.time_ns() // 1_000_000
