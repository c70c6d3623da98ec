"""``edge-collector audit``: who did what, and whether the log of it is whole."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from collector import audit
from collector.alarms.file import FILE, AlarmFile
from collector.audit import Head, noted_head, parse_head
from collector.audit_archive import ArchiveError, archive, read
from collector.audit_file import AuditFile
from collector.cli.opened import opened
from collector.cli.tables import show
from collector.moments import millis
from collector.pki import log as pki_log
from collector.settings import load_collector
from config.cli import settings_errors

_FILE = click.argument("file", type=click.Path(path_type=Path))
_PKI = click.option("--pki", is_flag=True, help="FILE is the folder of an authority (pki/), whose own log is meant.")


@click.group("audit")
def command() -> None:
    """The log of who did what: only ever added to, each entry chained to the one before by its hash, over archives."""


@contextmanager
def _opened(file: Path, pki: bool) -> Iterator[AuditFile]:
    if pki:
        absent = "nothing was logged of an authority there"
        with opened(file, pki_log.FILE, pki_log.log_file, absent) as log:
            yield log
        return
    settings = load_collector(file).settings
    with opened(settings.state, FILE, lambda folder: AlarmFile(folder, settings.audit.hash, mend=False)) as log:
        yield log


@command.command("list")
@_FILE
@_PKI
@click.option("--subject", help="Only entries about this, such as 'alarm 12'.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1), help="Entries at most, the newest.")
@click.option("--json", "as_json", is_flag=True, help="One JSON list instead of a table.")
@settings_errors
def list_(file: Path, pki: bool, subject: str | None, limit: int, as_json: bool) -> None:
    """List entries, oldest first, and the head: note it elsewhere, and `verify --head` proves the log against it."""
    with _opened(file, pki) as log, log.reading() as db:
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
@click.argument("archives", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@_PKI
@click.option(
    "--head", "kept", metavar="COUNT:HASH", callback=_head, help="A head that `list` printed, kept elsewhere."
)
@settings_errors
def verify(file: Path, archives: tuple[Path, ...], pki: bool, kept: Head | None) -> None:
    """Walk the whole chain, over ARCHIVES into the log of FILE.

    Exit code 1 and the first bad entry when it was altered, cut, or put in another order. Without its archives the log
    is walked from where it begins now.
    """
    with _opened(file, pki) as log:
        try:
            noted = noted_head(log.folder)
        except (ValueError, UnicodeDecodeError) as err:
            raise click.ClickException(f"{log.folder / audit.HEAD}: {err}") from err
        heads = [head for head in (noted, kept) if head is not None]
        with log.reading() as db:
            try:
                found = audit.verify(db, heads, [read(path) for path in archives])
            except (ArchiveError, OSError) as err:
                raise click.ClickException(str(err)) from err
    if noted is None and found.head.length:
        raise click.ClickException(f"{log.folder / audit.HEAD} is not there: nobody can tell whether the end is")
    if found.fault:
        raise click.ClickException(f"{found.fault}; sound up to {found.head.length} entries")
    if kept is not None and kept.length < found.begun.length:
        raise click.ClickException(
            f"entry {kept.length} was archived: name its archive, and those behind it, after FILE"
        )
    before = f"; those up to entry {found.begun.length} were archived" if found.begun.length else ""
    entries = found.head.length - found.begun.length
    click.echo(f"{entries} entries, whole and in order{before}; head {found.head}")


@command.command("archive")
@_FILE
@click.argument("path", metavar="ARCHIVE", type=click.Path(path_type=Path, dir_okay=False))
@_PKI
@click.option("--before", required=True, metavar="TIME",
              help="Entries from before this time, such as 2026-01-01 (local) or 2026-01-01T00:00Z.")  # fmt: skip
@settings_errors
def archive_(file: Path, path: Path, pki: bool, before: str) -> None:
    """Move old entries from the log to ARCHIVE, a new file; the log goes on from its last entry.

    Beside the running collector. If it was interrupted, give the same command again.
    """
    try:
        moment = millis(before)
    except ValueError as err:
        raise click.UsageError(str(err)) from err
    with _opened(file, pki) as log:
        try:
            left = archive(log, moment, path)
        except (ArchiveError, ValueError, OSError, sqlite3.Error) as err:
            raise click.ClickException(str(err)) from err
    click.echo(f"{left.entries} entries, up to {left.head}, are in {path} and no longer in the log")
