"""``edge-collector evidence``: which pictures and films are here, and whether they are as they were hashed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from collector.cli.opened import opened
from collector.cli.tables import show
from collector.evidence.store import FILE, EvidenceStore, Kept
from collector.settings import load_collector
from config.cli import say, settings_errors

_FILE = click.argument("file", type=click.Path(path_type=Path))
_JSON = click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")


@click.group("evidence")
def command() -> None:
    """Pictures and films that prove events (证据): list, verify, export; beside the running collector."""


@contextmanager
def _store(file: Path) -> Iterator[EvidenceStore]:
    settings = load_collector(file).settings

    def made(folder: Path) -> EvidenceStore:
        return EvidenceStore(folder, settings.evidence, mend=False)

    with opened(settings.state, FILE, made) as store:
        yield store


@command.command("list")
@_FILE
@click.option("--site", default="", help="Only those of this site, by its code.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1), help="Files at most.")
@_JSON
@settings_errors
def list_(file: Path, site: str, limit: int, as_json: bool) -> None:
    """List files, the newest first."""
    with _store(file) as store:
        found = store.find(site=site, limit=limit)
    show(
        [
            {
                "time": kept.captured, "site": kept.site, "source": kept.source, "event": kept.code,
                "id": kept.id, "type": kept.type, "bytes": kept.size, "state": kept.state, "sha256": kept.sha256,
            }
            for kept in found
        ],
        as_json,
    )  # fmt: skip


@command.command("verify")
@_FILE
@click.option("--site", default="", help="Only those of this site, by its code.")
@_JSON
@settings_errors
def verify(file: Path, site: str, as_json: bool) -> None:
    """Read every file and hold it against the SHA-256 that its event states; ends with 1 if one differs."""
    with _store(file) as store:
        kept = [each for each in store.find(site=site, limit=10_000_000) if not each.deleted]
        altered = [each for each in kept if each.verified and not store.holds(each)]
        waiting = sum(1 for each in kept if not each.verified)
    if as_json:
        told = {"files": len(kept), "incomplete": waiting, "altered": [each.id for each in altered]}
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        for each in altered:
            say(f"{each.id} of agent {each.agent}: its bytes do not have the hash {each.sha256} any more")
        click.echo(f"{len(kept)} files: {len(altered)} altered or gone, {waiting} not whole yet")
    if altered:
        raise SystemExit(1)


@command.command("export")
@_FILE
@click.argument("name", metavar="ID")
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--agent", default="", help="Of this agent, where several have a file of the same id.")
@settings_errors
def export(file: Path, name: str, target: Path, agent: str) -> None:
    """Write a copy of a file to TARGET, after it was verified."""
    with _store(file) as store:
        kept = _one(store.named(name), name, agent)
        if not store.holds(kept):
            raise click.ClickException(f"{name} is {kept.state}: its bytes do not have the hash {kept.sha256}")
        if target.exists():
            raise click.ClickException(f"{target} exists; expected a name that is free")
        shutil.copyfile(store.path(kept.agent, kept.id), target)
    say(f"{target}: {kept.type}, {kept.size} bytes, SHA-256 {kept.sha256}")


def _one(found: list[Kept], name: str, agent: str) -> Kept:
    found = [kept for kept in found if agent in ("", kept.agent)]
    if not found:
        raise click.ClickException(f"there is no evidence {name!r}; list says what there is")
    if len(found) > 1:
        raise click.ClickException(f"agents {', '.join(kept.agent for kept in found)} have {name!r}; say --agent")
    return found[0]
