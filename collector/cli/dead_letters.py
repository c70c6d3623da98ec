"""``edge-collector dead-letters``: list, show, replay, discard what could not be used."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import msgspec

from collector.cli.logged import logged
from collector.cli.opened import opened
from collector.cli.tables import show
from collector.dead_letters import FILE, DeadLetters
from collector.moments import utc
from collector.settings import load_collector
from config.cli import say, settings_errors
from config.printable import plain
from profiles.wire.codec import FrameError, unpack

LOGGED = 1000
"""Letters that an entry of the audit log names one by one at most; it counts them all."""
INDENTED = 64 * 1024
"""Bytes of JSON that are shown line by line at most: lists within lists grow a thousandfold by that."""
_FILE = click.argument("file", type=click.Path(path_type=Path))
_IDS = click.argument("ids", type=int, nargs=-1)
_ALL = click.option("--all", "everything", is_flag=True, help="All dead letters instead of some.")


@click.group("dead-letters")
def command() -> None:
    """Look after what could not be used: every dead letter is kept whole until you replay or discard it."""


@contextmanager
def _opened(file: Path, what: str = "", ids: tuple[int, ...] | None = None) -> Iterator[DeadLetters]:
    """The table; with `what` the audit log says first what is to become of these letters (None: of all)."""
    settings = load_collector(file).settings
    quota = settings.dead_letters.quota
    with opened(settings.state, FILE, lambda folder: DeadLetters(folder, quota, mend=False)) as letters:
        if what:
            logged(settings, what, "dead letters", _named(letters, ids))
        yield letters


def _named(letters: DeadLetters, ids: tuple[int, ...] | None) -> dict[str, Any]:
    if ids is None:
        chosen, count = letters.letters(limit=LOGGED), letters.count()
    else:
        chosen, count = [found[0] for each in ids[:LOGGED] if (found := letters.get(each))], len(set(ids))
    return {"count": count, "letters": [f"{each.id} {each.agent} {each.kind} {each.digest}" for each in chosen]}


@command.command("list")
@_FILE
@click.option("--agent", help="Only those of this agent.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1), help="Dead letters at most.")
@click.option("--json", "as_json", is_flag=True, help="One JSON list instead of a table.")
@settings_errors
def list_(file: Path, agent: str | None, limit: int, as_json: bool) -> None:
    """List dead letters, oldest first."""
    with _opened(file) as letters:
        show([dataclasses.asdict(letter) for letter in letters.letters(agent, limit)], as_json)


@command.command("show")
@_FILE
@click.argument("number", metavar="ID", type=int)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@settings_errors
def show_(file: Path, number: int, as_json: bool) -> None:
    """Show one dead letter with its frame."""
    with _opened(file) as letters:
        found = letters.get(number)
    if found is None:
        raise click.ClickException(f"no dead letter has the id {number}")
    letter, frame = found
    if as_json:
        click.echo(json.dumps({**dataclasses.asdict(letter), "frame": _text(frame)}, ensure_ascii=False))
        return
    say(f"{letter.id}  {letter.kind} of agent {letter.agent}, {utc(letter.time)}, {letter.size} bytes")
    say(f"reason: {plain(letter.reason)}")
    say(_text(frame))


@command.command("replay")
@_FILE
@_IDS
@_ALL
@settings_errors
def replay(file: Path, ids: tuple[int, ...], everything: bool) -> None:
    """Have the running collector try dead letters again; one that fails again stays, with the new reason."""
    chosen = _chosen(ids, everything)
    with _opened(file, "replayed", chosen) as letters:
        count = letters.mark(chosen)
    click.echo(f"{count} marked; a running collector tries them within a second")
    _all_found(count, ids)


@command.command("discard")
@_FILE
@_IDS
@_ALL
@settings_errors
def discard(file: Path, ids: tuple[int, ...], everything: bool) -> None:
    """Delete dead letters for good."""
    chosen = _chosen(ids, everything)
    with _opened(file, "discarded", chosen) as letters:
        count = letters.discard(chosen)
    click.echo(f"{count} deleted")
    _all_found(count, ids)


def _chosen(ids: tuple[int, ...], everything: bool) -> tuple[int, ...] | None:
    if bool(ids) == everything:
        raise click.UsageError("name the ids of dead letters, or --all")
    return None if everything else ids


def _all_found(count: int, ids: tuple[int, ...]) -> None:
    if count < len(set(ids)):
        raise click.ClickException(f"{len(set(ids)) - count} of the ids are no dead letters")


def _text(frame: bytes) -> str:
    """A frame for people: its JSON, or its bytes in hex where it is none."""
    try:
        text = unpack(frame)
        return (msgspec.json.format(text, indent=2) if len(text) <= INDENTED else text).decode()
    except (FrameError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return frame.hex(" ")
