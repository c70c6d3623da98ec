"""``edge-collector reports``: what upper platforms have, what waits for them, and what they refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from collector.alarms.file import FILE as ALARMS
from collector.alarms.file import AlarmFile
from collector.alarms.whole import between, first
from collector.cli.logged import logged
from collector.cli.opened import opened
from collector.cli.tables import show
from collector.moments import millis, utc
from collector.reports.queue import FILE, ReportQueue
from collector.reports.rows import Packet
from collector.reports.selection import Selection
from collector.reports.settings import selection
from collector.settings import CollectorSettings, load_collector
from collector.sinks.base import Record, Series, Sink, sinks
from config.cli import settings_errors
from profiles.load import library

SETTINGS = click.option(
    "--settings", "-s", type=click.Path(path_type=Path), default="collector.yaml", show_default=True,
    help="The collector's settings file.",
)  # fmt: skip
TARGET = click.option("--target", help="One target alone.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON list instead of a table.")
PART = 10_000
"""Readings of a point that are taken from the store, and made due, at once."""


@click.group("reports")
def command() -> None:
    """Reports to upper platforms (上级平台): their state, refused packets, and past periods once more."""


@command.command("status")
@SETTINGS
@AS_JSON
@settings_errors
def status(settings: Path, as_json: bool) -> None:
    """Every target: what waits, what was accepted, what was refused or dropped, and the last answer."""
    loaded = load_collector(settings).settings
    with opened(loaded.state, FILE, lambda folder: ReportQueue(folder, mend=False)) as queue:
        rows = [_named(each) for each in queue.status()]
    show(rows, as_json)


@command.command("resend")
@click.argument("target")
@click.option("--from", "start", required=True, help="Beginning, such as 2026-11-24T08:00 (local) or …Z (UTC).")
@click.option("--to", "end", required=True, help="End, exclusive.")
@click.option("--point", "points", multiple=True, help="One point (指标编码) alone; may be given again.")
@SETTINGS
@settings_errors
def resend(target: str, start: str, end: str, points: tuple[str, ...], settings: Path) -> None:
    """Have TARGET told a past period once more: readings (断点续传) from the first store, alarms from the alarm book.

    A packet that TARGET knows already has the same id.
    """
    loaded = load_collector(settings).settings
    chosen = [each for each in loaded.reports if each.name == target]
    if not chosen:
        known = ", ".join(each.name for each in loaded.reports) or "none"
        raise click.UsageError(f"there is no target {target!r} in {settings}; there is {known}")
    begin, stop = _millis(start), _millis(end)
    if begin >= stop:
        raise click.UsageError(f"--from {start} is not before --to {end}")
    wanted = selection(chosen[0], library(loaded.profiles))
    with (
        opened(loaded.state, FILE, lambda folder: ReportQueue(folder, [wanted], mend=False)) as queue,
        opened(loaded.state, ALARMS, lambda folder: AlarmFile(folder, loaded.audit.hash, mend=False)) as alarms,
        _first_store(loaded) as sink,
    ):
        found = _series(sink, points, wanted)
        about = {"from": utc(begin), "to": utc(stop), "points": list(points) or "all"}
        logged(loaded, "sent again", f"reports to {target}", about)
        packets = queue.packets_again(target, begin, stop)
        events = sum(
            queue.events_again(target, [each for each in part if not points or each.point in points])
            for part in between(alarms, begin, stop)
        )
        kept = first(alarms)
        readings = sum(queue.readings_again(target, part) for part in _stored(sink, found, begin, stop))
    click.echo(
        f"{packets} packets wait again for {target}; {readings} readings were looked through, and what no packet"
    )
    click.echo(f"carries is packed, so are {events} transitions of alarms; the running collector sends them")
    if kept is None or kept > begin:
        since = "none is kept" if kept is None else f"they are kept from {utc(kept)} on"
        click.echo(
            f"transitions of alarms that no packet carries: {since}; earlier ones cannot be made again", err=True
        )


@command.group("dead-letters")
def dead_letters() -> None:
    """Packets that a platform refused: kept whole, with its words."""


@dead_letters.command("list")
@TARGET
@SETTINGS
@AS_JSON
@settings_errors
def list_(target: str | None, settings: Path, as_json: bool) -> None:
    """The oldest 1000 packets that were refused."""
    with _queue(settings) as queue:
        show([_packet(each) for each in queue.packets(target, "dead")], as_json)


@dead_letters.command("show")
@click.argument("identity", metavar="ID")
@TARGET
@SETTINGS
@settings_errors
def show_(identity: str, target: str | None, settings: Path) -> None:
    """Print the body of a refused packet."""
    with _queue(settings) as queue:
        found = [each for each in queue.packets(target, "dead") if each.id == identity]
    if not found:
        raise click.ClickException(f"no refused packet {identity!r}; edge-collector reports dead-letters list")
    for each in found:
        click.echo(f"{each.target}: {each.answer}", err=True)
        click.echo(each.body)  # as it is: text files may be in GB 18030


@dead_letters.command("resend")
@click.argument("identity", metavar="[ID]", required=False)
@click.option("--all", "everything", is_flag=True, help="All of them.")
@TARGET
@SETTINGS
@settings_errors
def again(identity: str | None, everything: bool, target: str | None, settings: Path) -> None:
    """Have a refused packet sent once more by the running collector."""
    chosen = _one_or_all(identity, everything)
    with _queue(settings) as queue:
        _log(settings, queue, "sent again", target, chosen)
        count = queue.release(target, chosen)
    _counted(count, "sent again", identity)


@dead_letters.command("discard")
@click.argument("identity", metavar="[ID]", required=False)
@click.option("--all", "everything", is_flag=True, help="All of them.")
@TARGET
@SETTINGS
@settings_errors
def discard(identity: str | None, everything: bool, target: str | None, settings: Path) -> None:
    """Delete a refused packet; the readings in it stay in the stores."""
    chosen = _one_or_all(identity, everything)
    with _queue(settings) as queue:
        _log(settings, queue, "discarded", target, chosen)
        count = queue.discard(target, chosen)
    _counted(count, "deleted", identity)


def _queue(settings: Path) -> Any:
    loaded = load_collector(settings).settings
    return opened(loaded.state, FILE, lambda folder: ReportQueue(folder, mend=False))


def _log(settings: Path, queue: ReportQueue, what: str, target: str | None, identity: str | None) -> None:
    """The audit log counts the packets first, and names the oldest; what cannot be logged is not done."""
    count, packets = queue.dead(target, identity)
    if count:
        about = {"count": count, "packets": packets}
        logged(load_collector(settings).settings, what, "report packets", about)


def _one_or_all(identity: str | None, everything: bool) -> str | None:
    if (identity is None) != everything:
        raise click.UsageError("expected either an ID or --all")
    return identity


def _counted(count: int, what: str, identity: str | None) -> None:
    if not count and identity is not None:
        raise click.ClickException(f"no refused packet {identity!r}; edge-collector reports dead-letters list")
    click.echo(f"{count} {what}")


@contextmanager
def _first_store(settings: CollectorSettings) -> Iterator[Sink]:
    chosen = settings.sinks[0]
    sink = sinks()[chosen.type](chosen)
    try:
        yield sink
    finally:
        sink.close()


def _series(sink: Sink, points: tuple[str, ...], wanted: Selection) -> list[str]:
    """The points of the store that a target wants, or those of them that are named; ClickException for one unknown."""
    rows = sink.latest()
    missing = [point for point in points if point not in {row["point"] for row in rows}]
    if missing:
        raise click.ClickException(f"the store has no point {', '.join(missing)}")
    about = ("profile", "quantity", "region", "site")
    chosen = [row["point"] for row in rows if wanted.wants_point(*(row[name] for name in about))]
    return [point for point in dict.fromkeys(chosen) if not points or point in points]


def _stored(sink: Sink, points: Iterable[str], begin: int, stop: int) -> Iterator[list[Record]]:
    """The readings of a period, part by part, of each point in the order of their times."""
    for point in points:
        start = begin
        while rows := sink.history(point, start, stop, PART):
            last = rows[-1]["time"]
            whole = [row for row in rows if row["time"] < last] if len(rows) == PART else rows
            yield [_record(row) for row in whole or rows]  # of a moment that a part ends in the rest may be to come
            if len(rows) < PART:
                break
            start = last if whole else last + 1


def _record(row: dict[str, Any]) -> Record:
    names = ("profile", "site", "region", "asset", "point", "quantity")
    series = Series(**{name: row[name] for name in names}, prefix="")
    value = row["value"]
    flag = value if isinstance(value, bool) else None
    number = float(value) if isinstance(value, int | float) and flag is None else None
    text = value if isinstance(value, str) else None
    return Record(series, row["time"] * 1_000_000, number, text, flag, row["quality"])


def _named(row: Any) -> dict[str, Any]:
    return {
        "target": row.target, "waiting": row.waiting, "alarms": row.alarms_waiting, "due": row.due,
        "pictures_awaited": row.awaited,
        "oldest": row.oldest and utc(row.oldest), "accepted": row.accepted, "refused": row.dead,
        "dropped": row.dropped, "last_accepted": row.last_accepted and utc(row.last_accepted),
        "stopped": row.stopped, "answer": row.last_answer,
    }  # fmt: skip


def _packet(packet: Packet) -> dict[str, Any]:
    return {
        "id": packet.id, "target": packet.target, "kind": packet.kind, "gateway": packet.gateway, "time": packet.time,
        "profile": f"{packet.profile} {packet.version}", "attempts": packet.attempts, "answer": packet.answer,
    }  # fmt: skip


def _millis(text: str) -> int:
    try:
        return millis(text)
    except ValueError as err:
        raise click.UsageError(str(err)) from err
