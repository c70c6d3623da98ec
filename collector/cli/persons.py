"""``edge-collector persons``: who is underground; each look is written to the audit log."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from collector.alarms.file import log_deed
from collector.audit import Deed, os_user
from collector.cli.opened import opened
from collector.cli.tables import show
from collector.moments import millis, utc
from collector.persons.look import Looker
from collector.persons.store import FILE, PersonStore
from collector.settings import CollectorSettings, load_collector
from collector.state_file import StateError
from config.cli import settings_errors
from config.printable import plain
from profiles.load import library
from profiles.textfile.encrypted import EncryptedFileError

_FILE = click.argument("file", type=click.Path(path_type=Path))
_SITE = click.argument("site")
_BY = click.option("--by", default=os_user, show_default="the user of this system", help="Who looks.")
_JSON = click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")


@click.group("persons")
def command() -> None:
    """Persons underground (井下人员), by the files that agents send encrypted; each look goes to the audit log."""


@contextmanager
def _opened(file: Path) -> Iterator[tuple[PersonStore, CollectorSettings]]:
    settings = load_collector(file).settings
    profiles = library(settings.profiles)

    def made(folder: Path) -> PersonStore:
        return PersonStore(folder, settings.persons, profiles, mend=False)

    with opened(settings.state, FILE, made) as store:
        try:
            yield store, settings
        except sqlite3.Error as err:
            raise click.ClickException(f"{settings.state / FILE}: {err}") from err
        except EncryptedFileError as err:
            raise click.ClickException(str(err)) from err


def _logged(settings: CollectorSettings, by: str, what: str, site: str, details: Mapping[str, Any]) -> None:
    """Before anything is shown: who cannot be logged sees nothing."""
    try:
        log_deed(settings.state, settings.audit.hash, Deed(by, what, f"persons {site}", details))
    except (StateError, sqlite3.Error) as err:
        raise click.ClickException(f"nothing is shown, since it cannot be noted in the audit log: {err}") from err


def _lookers(store: PersonStore, settings: CollectorSettings, site: str) -> list[Looker]:
    profiles = library(settings.profiles)
    names = [name for name in store.profiles(site) if name in profiles]
    if not names:
        raise click.ClickException(f"there is no file that tells of persons of site {plain(site)}")
    return [Looker(store, profiles[name], site) for name in names]


def _moment(_context: click.Context, _parameter: click.Parameter, text: str | None) -> int | None:
    try:
        return None if text is None else millis(text)
    except ValueError as err:
        raise click.BadParameter(str(err)) from err


@command.command("list")
@_FILE
@_SITE
@click.option("--at", callback=_moment, help="At that time, such as 2026-11-24T08:00 (local) or …Z; left out: now.")
@_BY
@_JSON
@settings_errors
def list_(file: Path, site: str, at: int | None, by: str, as_json: bool) -> None:
    """Who is underground at SITE, by the newest snapshot: who is not in it is not; calls for help come first."""
    moment = _now() if at is None else at
    with _opened(file) as (store, settings):
        lookers = _lookers(store, settings, site)
        _logged(settings, by, "look at persons underground", site, {"at": moment})
        found = [snapshot for looker in lookers if (snapshot := looker.underground(moment)) is not None]
    if as_json:
        rows = [{**each._asdict(), "persons": [person._asdict() for person in each.persons]} for each in found]
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    if not found:
        raise click.ClickException(f"there is no snapshot of site {plain(site)} until {utc(moment)}")
    for each in found:
        age = (moment - each.time) / 1000
        old = "; OUT OF DATE: nobody knows who is underground now" if each.old else ""
        calls = sum(person.help for person in each.persons)
        click.echo(f"mine {plain(each.mine)}, snapshot of {utc(each.time)}, {age:.0f} s before{old}")
        click.echo(f"{len(each.persons)} underground, {calls} call for help")
        if each.persons:
            show([{**person._asdict(), "help": "HELP" if person.help else ""} for person in each.persons], False)


@command.command("show")
@_FILE
@_SITE
@click.argument("card")
@click.option("--from", "start", callback=_moment, help="Beginning of the span; left out: all that is kept.")
@click.option("--to", "end", callback=_moment, help="Its end; left out: now.")
@_BY
@_JSON
@settings_errors
def show_(file: Path, site: str, card: str, start: int | None, end: int | None, by: str, as_json: bool) -> None:
    """The trips underground of the person with CARD; every snapshot of the span is opened, which takes a while.

    The audit log holds no card, but a digest of it by the site's key (the same card, the same digest).
    """
    first, last = start or 0, _now() if end is None else end
    with _opened(file) as (store, settings):
        lookers = _lookers(store, settings, site)
        keys = store.keys.of(site)
        digest = keys[0].digest(card) if keys else ""
        _logged(settings, by, "look at a person's trips", site, {"card": digest, "from": first, "to": last})
        trips = sorted(
            (trip for looker in lookers for trip in looker.trips(card, first, last)), key=lambda trip: trip.start
        )
    rows = [
        {"mine": trip.mine, "start": trip.start, "end": trip.end, "first": trip.first, "last": trip.last,
         "area": trip.area, "station": trip.station, "help": trip.help}
        for trip in trips
    ]  # fmt: skip
    if not as_json:
        times = ("start", "end", "first", "last")
        rows = [{**row, **{name: utc(row[name]) if row[name] is not None else None for name in times}} for row in rows]  # type: ignore[arg-type]
    show(rows, as_json)


@command.command("status")
@_FILE
@_JSON
@settings_errors
def status(file: Path, as_json: bool) -> None:
    """What is kept of which site, from when on, and whether its key is known here; nobody is named."""
    with _opened(file) as (store, _settings):
        rows = [
            {**each._asdict(), "first": utc(each.first), "last": utc(each.last),
             "opens": store.keys.find(each.site, each.key) is not None}
            for each in store.held()
        ]  # fmt: skip
        dropped = store.dropped()
    show(rows, as_json)
    if dropped and not as_json:
        click.echo(f"{dropped} parts were deleted before their time, since they took more than persons.size")


def _now() -> int:
    return time.time_ns() // 1_000_000
