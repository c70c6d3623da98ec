"""``edge-collector alarms``: see what stands, acknowledge it, say how it was handled, close it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import click
import msgspec

from collector.alarms.book import AlarmBook, title
from collector.alarms.file import FILE, AlarmFile
from collector.alarms.lives import Life, State
from collector.alarms.transitions import PAST, Act, NotAllowedError
from collector.app import book_of
from collector.audit import entries, os_user
from collector.cli.opened import opened
from collector.cli.tables import show
from collector.moments import utc
from collector.notify.queue import Queue
from collector.settings import load_collector
from config.cli import say, settings_errors
from profiles.load import Library, library
from profiles.wire.messages import Level

_FILE = click.argument("file", type=click.Path(path_type=Path))
_NUMBER = click.argument("numbers", metavar="ID...", type=int, nargs=-1, required=True)
_BY = click.option("--by", default=os_user, show_default="the user of this system", help="Who does it.")
_JSON = click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
NOT_ENDED = ("open", "acknowledged", "handled")


@click.group("alarms")
def command() -> None:
    """Look after alarms (报警闭环): acknowledge, handle with a note, close; beside the running collector."""


@contextmanager
def _opened(file: Path) -> Iterator[tuple[AlarmBook, AlarmFile]]:
    settings = load_collector(file).settings

    def made(folder: Path) -> AlarmFile:
        return AlarmFile(folder, settings.audit.hash, mend=False)

    with opened(settings.state, FILE, made) as alarms:
        try:
            yield book_of(alarms, settings), alarms
        except sqlite3.Error as err:
            raise click.ClickException(f"{settings.state / FILE}: {err}") from err


@command.command("list")
@_FILE
@click.option("--site", default="", help="Only those of this site, by its code.")
@click.option("--region", default="", metavar="CODE", help="Only those of this region: a code, or its beginning.")
@click.option("--level", "levels", multiple=True, type=click.Choice(get_args(Level)), help="Only these levels.")
@click.option("--state", "states", multiple=True, type=click.Choice([*get_args(State), "all"]), default=NOT_ENDED,
              show_default=True, help="Only these states.")  # fmt: skip
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1), help="Alarms at most.")
@_JSON
@settings_errors
def list_(
    file: Path, site: str, region: str, levels: tuple[str, ...], states: tuple[str, ...], limit: int, as_json: bool
) -> None:
    """List alarms, the gravest first and of those the newest."""
    chosen = () if "all" in states else states
    with _opened(file) as (book, _):
        lives = book.lives(site=site, region=region, levels=levels, states=chosen, limit=limit)
    show([_row(life) for life in lives], as_json)


def _row(life: Life) -> dict[str, Any]:
    return {
        "id": life.id, "level": life.last.level, "condition": life.condition, "state": life.state,
        "count": life.count, "chattering": "chattering" if life.chattering else "", "since": life.raised,
        "site": life.place.site, "region": life.place.region, "source": life.place.source or life.place.agent,
        "value": life.last.value, "text": life.last.text,
    }  # fmt: skip


@command.command("show")
@_FILE
@click.argument("number", metavar="ID", type=int)
@_JSON
@settings_errors
def show_(file: Path, number: int, as_json: bool) -> None:
    """Show one alarm: what it is, what was done when and by whom, and who was told."""
    with _opened(file) as (book, alarms):
        try:
            life = book.get(number)
        except LookupError as err:
            raise click.ClickException(str(err)) from err
        with alarms.reading() as db:
            logged = entries(db, f"alarm {number}")
        told = Queue(alarms).of_life(number)
    past = [
        {"time": each.time, "who": each.who, "what": each.what, "details": json.loads(each.details)} for each in logged
    ]
    if as_json:
        about = {"state": life.state, "cleared": life.cleared, **msgspec.to_builtins(life)}
        click.echo(json.dumps({**about, "log": past, "messages": told}, ensure_ascii=False))
        return
    for line in _lines(life):
        say(line)
    click.echo("\nwhat was done")
    show([{**each, "details": json.dumps(each["details"], ensure_ascii=False)} for each in past], as_json=False)
    click.echo("\nwho was told")
    show([{**each, "due": utc(float(str(each["due"])))} for each in told], as_json=False)


def _lines(life: Life) -> Iterator[str]:
    yield f"alarm {life.id}: {title(life)}"
    yield f"{life.condition} since {utc(life.raised)}" if not life.cleared else (
        f"raised {utc(life.raised)}, cleared {utc(life.cleared)}")  # fmt: skip
    yield f"state {life.state}; gravest level {life.gravest}; raised {life.count} times"
    if life.chattering:
        yield "chattering: its raises are counted, and no longer told one by one"
    if life.previous:
        yield f"alarm {life.previous} of the same source was closed shortly before"
    if life.joined:
        yield f"it turned out to be a part of alarm {life.joined}"
    if life.last.text:
        yield life.last.text


@command.command("ack")
@_FILE
@_NUMBER
@_BY
@click.option("--note", default="", help="A word on it.")
@settings_errors
def ack(file: Path, numbers: tuple[int, ...], by: str, note: str) -> None:
    """Acknowledge alarms (确认): somebody knows of them, and they escalate no further."""
    _do(file, numbers, "acknowledge", by, note)


@command.command("handle")
@_FILE
@_NUMBER
@_BY
@click.option("--note", required=True, help="What was found and done (处置记录).")
@click.option("--finding", default="", help="Of alarms of a seal: what the check on site found, a word of its profile"
              " such as illegal_production, permitted, false_alarm, equipment_fault.")  # fmt: skip
@click.option("--cause", default="", help="Why it came about (原因), where a platform asks for it apart.")
@settings_errors
def handle(file: Path, numbers: tuple[int, ...], by: str, note: str, finding: str, cause: str) -> None:
    """Note how alarms were handled (处置); of a seal it is told to the seal's platform."""
    _do(file, numbers, "handle", by, note, finding=finding, cause=cause)


@command.command("close")
@_FILE
@_NUMBER
@_BY
@click.option("--note", default="", help="A word on it.")
@click.option("--anyway", is_flag=True, help="Though the condition is not known to have cleared; needs a note.")
@settings_errors
def close(file: Path, numbers: tuple[int, ...], by: str, note: str, anyway: bool) -> None:
    """Close alarms (关闭) that were handled and have cleared."""
    _do(file, numbers, "close", by, note, anyway=anyway)


def _do(
    file: Path, numbers: tuple[int, ...], act: Act, by: str, note: str, *, finding: str = "", cause: str = "",
    anyway: bool = False,
) -> None:  # fmt: skip
    """Each on its own: one that is refused leaves the others done."""
    refused = []
    profiles = library(load_collector(file).settings.profiles)
    with _opened(file) as (book, _):
        for number in dict.fromkeys(numbers):
            try:
                _known(profiles, book.get(number), finding)
                life = book.act(number, act, by, note, finding=finding, cause=cause, anyway=anyway)
            except (NotAllowedError, LookupError) as err:
                refused.append(str(err))
            else:
                click.echo(f"alarm {number} {PAST[act]} by {by}: {title(life)}")
    if refused:
        raise click.ClickException("\n".join(refused))


def _known(profiles: Library, life: Life, finding: str) -> None:
    """NotAllowedError for a finding that the alarm's profile does not know."""
    profile = profiles.get(life.place.profile)
    seal = profile.seal if profile else None
    if finding and seal is not None and finding not in seal.findings:
        words = ", ".join(seal.findings)
        raise NotAllowedError(f"alarm {life.id} is not handled: {finding!r} is no finding; expected one of {words}")
