"""``edge-agent outbox``: what waits to be delivered, whether it is sound, and what was set aside."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click

from config.cli import say, settings_errors
from edge_agent.outbox import inspect
from edge_agent.outbox.rows import OutboxMisplacedError, OutboxUnavailable
from edge_agent.settings import load_agent
from profiles.wire.codec import FrameError, unpack

P = ParamSpec("P")
R = TypeVar("R")

_file = click.argument("file", type=click.Path(path_type=Path))
_json = click.option("--json", "as_json", is_flag=True, help="One JSON document instead of text.")
_limit = click.option("--limit", default=100, show_default=True, help="Envelopes shown at most, oldest first.")
_numbers = click.option("--id", "numbers", type=int, multiple=True, help="An envelope by its id; may be repeated.")


def _errors(function: Callable[P, R]) -> Callable[P, R]:
    """An outbox that is missing, foreign or busy ends with code 1 and a sentence."""

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except (OutboxMisplacedError, OutboxUnavailable, inspect.NotAsideError) as err:
            raise click.ClickException(str(err)) from None

    return settings_errors(wrapper)


def _path(file: Path) -> Path:
    return load_agent(file).settings.state / "outbox.db"


@click.group("outbox")
def command() -> None:
    """Look at the outbox of the agent of FILE (agent.yaml); the agent may be running."""


@command.command()
@_file
@_json
@_errors
def status(file: Path, as_json: bool) -> None:
    """How much waits, by lane; what was dropped; what is set aside."""
    found = inspect.status(_path(file))
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    click.echo(f"{found['file']}: {_size(found['file_bytes'])} on the disk, era {found['era']}")
    for lane, of in found["lanes"].items():
        since = f", oldest {_time(of['first'])}" if of["envelopes"] else ""
        click.echo(
            f"  {lane:<9} {of['envelopes']:>7} envelopes  {of['items']:>9} items  {_size(of['bytes']):>9}{since}"
        )
    if found["quarantined"]:
        click.echo(f"  {found['quarantined']} envelopes are set aside: edge-agent outbox quarantine list {file}")
    for each in found["dropped"]:
        click.echo(f"  dropped: {each['items']} items, numbers {each['first']} to {each['last']}: {each['reason']}")
    for name in found["damaged_files"]:
        click.echo(f"  set aside as damaged: {name}")


@command.command("list")
@_file
@_limit
@_json
@_errors
def list_(file: Path, limit: int, as_json: bool) -> None:
    """The envelopes that wait, oldest first."""
    _show(inspect.listed(_path(file), limit=limit), as_json, "nothing waits")


@command.command()
@_file
@click.argument("number", type=int, metavar="ID")
@_errors
def show(file: Path, number: int) -> None:
    """The content of one envelope, by its id, as the JSON that travels."""
    found = inspect.frame(_path(file), number)
    if found is None:
        raise click.ClickException(f"no envelope {number} in the outbox; it may have been delivered since")
    try:
        say(unpack(found.partition(b"\n")[0] if found[:1] == b"{" else found).decode(errors="replace"))
    except FrameError as err:
        raise click.ClickException(f"envelope {number}: {err}") from None


@command.command()
@_file
@_json
@_errors
def verify(file: Path, as_json: bool) -> None:
    """Check the file and every envelope's digest; ends with code 1 when something is wrong."""
    faults = inspect.verify(_path(file))
    if as_json:
        click.echo(json.dumps({"sound": not faults, "faults": faults}, ensure_ascii=False))
    else:
        click.echo("\n".join(faults) if faults else "the outbox is sound")
    if faults:
        raise click.exceptions.Exit(1)


@command.group()
def quarantine() -> None:
    """Envelopes that were set aside because they broke the link or were too large for the broker."""


@quarantine.command("list")
@_file
@_limit
@_json
@_errors
def list_aside(file: Path, limit: int, as_json: bool) -> None:
    """What is set aside, and why."""
    _show(inspect.listed(_path(file), limit=limit, quarantined=True), as_json, "nothing is set aside")


@quarantine.command()
@_file
@_numbers
@_json
@_errors
def release(file: Path, numbers: tuple[int, ...], as_json: bool) -> None:
    """Have envelopes (all, or those named) sent again; a running agent does so within its state interval."""
    _told("released", inspect.release(_path(file), numbers), as_json)


@quarantine.command()
@_file
@_numbers
@click.option("--all", "everything", is_flag=True, help="All that is set aside.")
@_json
@_errors
def discard(file: Path, numbers: tuple[int, ...], everything: bool, as_json: bool) -> None:
    """Delete envelopes for good; the collector is told that they were dropped."""
    if bool(numbers) == everything:
        raise click.UsageError("name envelopes with --id, or all of them with --all")
    _told("discarded", inspect.discard(_path(file), numbers), as_json)


def _told(what: str, count: int, as_json: bool) -> None:
    click.echo(json.dumps({what: count}) if as_json else f"{count} envelopes {what}")


def _show(rows: list[dict[str, Any]], as_json: bool, none: str) -> None:
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    if not rows:
        click.echo(none)
    for row in rows:
        why = f"  {row['quarantined']}" if row["quarantined"] else ""
        click.echo(
            f"{row['id']:>8}  {row['lane']:<8} {row['count']:>6} items  {_size(row['size']):>9}  {_time(row['first'])}"
            f"  {row['stream'][:8]}/{row['seq']}{why}"
        )


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _size(count: int) -> str:
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"
