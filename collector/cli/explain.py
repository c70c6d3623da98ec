"""``edge-collector explain``: the whole way of one value, for whoever has to prove it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import msgspec

from collector.alarms.file import FILE as ALARMS
from collector.alarms.file import AlarmFile
from collector.alarms.lives import Life
from collector.app import book_of
from collector.cli.ask import NoAnswerError, put
from collector.cli.opened import opened
from collector.directory import Directory
from collector.duty.book import DutyBook
from collector.duty.records import Record
from collector.duty.scopes import scope_of
from collector.explain.as_read import AsRead, as_read
from collector.explain.delivery import delivered
from collector.explain.story import Row, Section, Story, owed, reported, stored
from collector.explain.subject import Subject, UnknownTagError, find
from collector.moments import millis, utc
from collector.registry import FILE as REGISTRY
from collector.registry import Registry
from collector.reports.queue import FILE as REPORTS
from collector.reports.queue import ReportQueue
from collector.reports.rows import Packet
from collector.reports.settings import selection
from collector.settings import CollectorSettings, load_collector
from collector.sinks.base import SinkUnavailable, sinks
from config.cli import say, settings_errors
from profiles.load import Library, library

WINDOWS = (60, 3600, 86_400, 31 * 86_400, 3660 * 86_400)
"""How far back a record is looked for, in seconds: the nearest is nearly always in the first."""
MOST = 100_000
"""Records of one window that are looked through, and lives of alarms."""
PATIENCE = 10.0
"""Seconds within which an agent must answer."""


@click.command("explain")
@click.argument("tag", metavar="SITE.TAG")
@click.option("--ask", is_flag=True, help="Ask the agent what it read, as it was read; this is audited.")
@click.option("--at", help="The newest record up to this time, such as 2026-11-24T08:00 (local) or …Z (UTC); else now.")
@click.option(
    "--settings", "-s", type=click.Path(path_type=Path), default="collector.yaml", show_default=True,
    help="The collector's settings file.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of text.")
@settings_errors
def command(tag: str, ask: bool, at: str | None, settings: Path, as_json: bool) -> None:
    """Tell the whole way of one value: register, conversion, codes, quality rules, stores, alarms, reports.

    SITE is the site's code or name, or the agent; a point's code (指标编码) alone will do as well. Registers are worked
    back from the stored value; with --ask the agent tells those that it read, as long as it has them in memory.
    """
    loaded = load_collector(settings).settings
    try:
        until = time.time_ns() // 1_000_000 if at is None else millis(at)
    except ValueError as err:
        raise click.UsageError(str(err)) from err
    with opened(loaded.state, REGISTRY, lambda folder: Registry(folder, mend=False)) as registry:
        directory = Directory(registry)
        directory.refresh()
        try:
            subject = find(directory, tag)
        except UnknownTagError as err:
            raise click.ClickException(str(err)) from err
        known = library(loaded.profiles)
        sections = list(_sections(loaded, registry, Story(subject, known, directory), subject, known, until, ask=ask))
    if as_json:
        click.echo(msgspec.json.encode({"tag": subject.tag, "agent": subject.owner, "sections": sections}).decode())
    else:
        say("\n\n".join(_shown(section) for section in sections))


def _sections(
    settings: CollectorSettings, registry: Registry, story: Story, subject: Subject, known: Library, until: int, *,
    ask: bool,
) -> Iterator[Section]:  # fmt: skip
    yield story.identity()
    rows, row = _records(settings, subject, until)
    moment = until if row is None else row["time"]
    yield owed(_off_duty(settings, subject, moment), moment)
    if row is None:
        yield Section("Stored", [("record", f"no store has one up to {utc(until)}")])
        yield delivered(settings, registry, subject, until, held=None)
        return
    yield story.way(row, _asked(settings, subject, moment) if ask else None)
    yield story.rules(row)
    yield stored(rows)
    yield story.limits(_lives(settings, subject, moment))
    targets = _targets(settings, known, subject)
    yield reported(_packets(settings, subject, moment, targets), targets, subject.point, moment)
    yield delivered(settings, registry, subject, moment, held=None not in rows.values())


def _asked(settings: CollectorSettings, subject: Subject, moment: int) -> AsRead:
    """What the agent of the tag has of the record of a moment."""
    below, _slash, _agent = subject.owner.rpartition("/")
    if below:
        return AsRead(None, f"requests are not passed on: ask at the collector that the agent delivers to, in {below}")
    try:
        return as_read(put(settings, subject.owner, "raw", {"tag": subject.tag, "time": moment}, PATIENCE), moment)
    except NoAnswerError as err:
        return AsRead(None, f"not told: {err}")


def _records(settings: CollectorSettings, subject: Subject, until: int) -> tuple[dict[str, Row | None], Row | None]:
    """The newest record up to `until` that a store has, and what each store has of that moment."""
    asked = {each.name: sinks()[each.type](each) for each in settings.sinks}
    try:
        newest = [row for sink in asked.values() if (row := _newest(sink, subject, until)) is not None]
        if not newest:
            return dict.fromkeys(asked), None
        row = max(newest, key=lambda each: each["time"])
        at = row["time"]
        same = {name: _last(sink.history(subject.point, at, at + 1, MOST), subject) for name, sink in asked.items()}
        return same, row
    except SinkUnavailable as err:
        raise click.ClickException(f"a store does not answer: {err}") from err
    finally:
        for sink in asked.values():
            sink.close()


def _newest(sink: Any, subject: Subject, until: int) -> Row | None:
    for seconds in WINDOWS:
        start = max(0, until - seconds * 1000)
        while (rows := sink.history(subject.point, start, until + 1, MOST)) and len(rows) == MOST:
            start = rows[-1]["time"]  # oldest first: the rest of a full answer lies behind it
        if (row := _last(rows, subject)) is not None:
            return row
    return None


def _last(rows: list[Row], subject: Subject) -> Row | None:
    mine = [row for row in rows if row["asset"] == subject.asset]
    return mine[-1] if mine else None


def _lives(settings: CollectorSettings, subject: Subject, moment: int) -> list[Life]:
    """The lives of the tag's alarms that stood at a moment."""
    if not (settings.state / ALARMS).is_file():
        return []
    with opened(settings.state, ALARMS, lambda folder: AlarmFile(folder, settings.audit.hash, mend=False)) as alarms:
        lives = book_of(alarms, settings).lives(site=subject.manifest.site.code, limit=MOST)
    return [
        life
        for life in lives
        if (life.place.agent, life.place.source) == (subject.owner, subject.tag)
        and life.raised <= moment and (not life.cleared or moment <= life.cleared)
    ]  # fmt: skip


def _off_duty(settings: CollectorSettings, subject: Subject, moment: int) -> list[Record]:
    """The stop and repair records that cover a moment of the tag."""
    if not (settings.state / ALARMS).is_file():
        return []
    scope = scope_of(subject.manifest.site.code, subject.owner, subject.tag, subject.spec)
    with opened(settings.state, ALARMS, lambda folder: AlarmFile(folder, settings.audit.hash, mend=False)) as alarms:
        return DutyBook(alarms).roster(moment, moment + 1).holding(scope, moment)


def _targets(settings: CollectorSettings, known: Library, subject: Subject) -> Mapping[str, int]:
    """The targets that want the point, and the length of their period in ms."""
    point, site = subject.spec.point, subject.manifest.site
    if point is None:
        return {}
    wishes = [selection(each, known) for each in settings.reports]
    return {
        wish.target: length
        for wish in wishes
        if wish.wants_point(point.profile, point.quantity, site.adcode, site.code)
        and (length := wish.period_of(point.profile, point.code)) is not None
    }


def _packets(settings: CollectorSettings, subject: Subject, moment: int, targets: Mapping[str, int]) -> list[Packet]:
    """Of each target those that carry the reading, or the one in whose place it went: the last of its period."""
    if not (settings.state / REPORTS).is_file():
        return []
    with opened(settings.state, REPORTS, lambda folder: ReportQueue(folder, mend=False)) as queue:
        return [
            packet
            for target, length in targets.items()
            for packet in queue.carrying(subject.point, moment, (moment // length + 1) * length - 1)
            if packet.target == target
        ]


def _shown(section: Section) -> str:
    width = max((len(name) for name, _text in section.lines), default=0)
    return "\n".join([section.title, *(f"  {name:{width}}  {text}" for name, text in section.lines)])
