"""``edge-collector seal``: the state of the seal of each mine and position, why, and what proves it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from collector.alarms.file import FILE as ALARMS
from collector.alarms.file import AlarmFile
from collector.cli.opened import opened
from collector.cli.tables import show
from collector.evidence.store import FILE as EVIDENCE
from collector.evidence.store import EvidenceStore
from collector.moments import millis, utc
from collector.seal.course import MINE, Mark
from collector.seal.ground import Ground
from collector.seal.ledger import SealLedger
from collector.settings import CollectorSettings, load_collector
from config.cli import settings_errors
from profiles.load import Library, library

_FILE = click.argument("file", type=click.Path(path_type=Path))
_AT = click.option("--at", "moment", metavar="TIME", help="As it was then, by all that is known today: such as"
                   " 2026-11-24T08:00 (local) or …Z (UTC); left out: now.")  # fmt: skip
_JSON = click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")


@click.group("seal")
def command() -> None:
    """State of electronic seals (电子封条): sealed, maintenance, suspicious, blind, broken; docs/seal.md."""


@command.command("list")
@_FILE
@_AT
@_JSON
@settings_errors
def list_(file: Path, moment: str | None, as_json: bool) -> None:
    """List the mines, each with its state and why."""
    at = _moment(moment)
    with _opened(file) as (ledger, _settings, profiles):
        rows = [_row(site, ground, ledger.at(site, at).get(MINE)) for site, ground in sorted(ledger.sites().items())]
    show(rows if as_json else [_named(row, profiles, row["profile"]) for row in rows], as_json)


@command.command("show")
@_FILE
@click.argument("site")
@_AT
@_JSON
@settings_errors
def show_(file: Path, site: str, moment: str | None, as_json: bool) -> None:
    """Show a mine by its code: each position, the permits in force, the alarms and their evidence."""
    at = _moment(moment)
    with _opened(file) as (ledger, settings, profiles):
        ground = ledger.sites().get(site)
        if ground is None:
            raise click.ClickException(f"no mine {site!r} that has a seal: neither an order nor a camera names it")
        marks = ledger.at(site, at)
        whole = marks.pop(MINE, None)
        positions = [_position(mark, ground) for _name, mark in sorted(marks.items())]
        evidence = list(_evidence(ledger, settings, whole))
    about = {
        **_row(site, ground, whole), "order": ground.order, "permits": _permits(ground, at),
        "unwatched": _unwatched(ground, profiles), "positions": positions, "evidence": evidence,
    }  # fmt: skip
    if as_json:
        show([about], as_json=True)
        return
    _print(about, profiles)


def _print(about: Mapping[str, Any], profiles: Library) -> None:
    show([_named({name: about[name] for name in ("site", "profile", "state", "since", "why")}, profiles,
                 about["profile"])], as_json=False)  # fmt: skip
    for title, rows in (
        ("positions", [_named(row, profiles, about["profile"]) for row in about["positions"]]),
        ("permits in force", about["permits"]), ("evidence", about["evidence"]),
    ):  # fmt: skip
        click.echo(f"\n{title}")
        show(rows, as_json=False)
    if about["unwatched"]:
        click.echo(f"\nwithout a camera: {', '.join(about['unwatched'])}")


@contextmanager
def _opened(file: Path) -> Iterator[tuple[SealLedger, CollectorSettings, Library]]:
    settings = load_collector(file).settings
    profiles = library(settings.profiles)

    def made(folder: Path) -> AlarmFile:
        return AlarmFile(folder, settings.audit.hash, mend=False)

    with opened(settings.state, ALARMS, made) as alarms:
        try:
            yield SealLedger(alarms, profiles), settings, profiles
        except sqlite3.Error as err:
            raise click.ClickException(f"{settings.state / ALARMS}: {err}") from err


def _moment(text: str | None) -> int:
    if text is None:
        return time.time_ns() // 1_000_000
    try:
        return millis(text)
    except ValueError as err:
        raise click.BadParameter(str(err), param_hint="'--at'") from err


def _row(site: str, ground: Ground, mark: Mark | None) -> dict[str, Any]:
    return {
        "site": site, "region": ground.region, "profile": ground.profile,
        "state": mark.state if mark else None, "since": mark.since if mark else None, "why": mark.why if mark else "",
    }  # fmt: skip


def _position(mark: Mark, ground: Ground) -> dict[str, Any]:
    at = mark.position
    cameras, contacts = (
        [name for names in each.get(at, {}).values() for name in names] for each in (ground.cameras, ground.contacts)
    )
    return {
        "position": mark.position, "state": mark.state, "since": mark.since, "cameras": cameras,
        "contacts": contacts, "alarms": list(mark.lives), "why": mark.why,
    }  # fmt: skip


def _permits(ground: Ground, at: int) -> list[dict[str, Any]]:
    order = ground.ordered
    return [
        {"from": utc(each.begin), "to": utc(each.until), "positions": list(each.positions) or ["all"],
         "max_persons": each.max_persons, "works": list(each.works)}
        for each in (order.permits if order else ()) if each.begin <= at < each.until
    ]  # fmt: skip


def _unwatched(ground: Ground, profiles: Library) -> list[str]:
    """Positions of the profile that no camera of the mine watches."""
    profile = profiles.get(ground.profile)
    known = profile.seal.positions if profile and profile.seal else {}
    return sorted(known.keys() - ground.cameras.keys())


def _evidence(ledger: SealLedger, settings: CollectorSettings, whole: Mark | None) -> Iterator[dict[str, Any]]:
    """The files of the alarms that made the mine's state."""
    wanted = ledger.alarms(whole.lives) if whole else []
    if not wanted or not (settings.state / EVIDENCE).is_file():
        return

    def made(folder: Path) -> EvidenceStore:
        return EvidenceStore(folder, settings.evidence, mend=False)

    with opened(settings.state, EVIDENCE, made) as store:
        for life, agent, alarm in wanted:
            for kept in store.find(agent=agent, alarm=alarm):
                yield {"alarm": life, "event": kept.code, "id": kept.id, "agent": agent, "state": kept.state}


def _named(row: dict[str, Any], profiles: Library, name: str) -> dict[str, Any]:
    """The state with its name in the mine's language."""
    profile = profiles.get(name)
    state = row["state"]
    if profile is None or profile.seal is None or not state:
        return row
    known = profile.seal.verdicts.states.get(state) or profile.seal.states.get(state)
    return {**row, "state": f"{state} {known.zh}" if known else state}
