"""What belongs to a backup of a collector: its state, its SQLite stores, its settings; and what does not, by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from collector.settings import CollectorSettings
from collector.sinks.sqlite.settings import SqliteSettings
from collector.state_file import LOCK, RESTORING
from config.load import read

STATE, STORES, SETTINGS = "state", "stores", "settings"
"""Folders of a backup."""
EVIDENCE = "evidence"
"""Folder of the state whose files are copied behind the databases: none that they name is missing then."""
ASIDE = "before-restore-"
"""What a restore has set aside begins with this, or has it behind its name."""
_BESIDE = ("-wal", "-shm", ".lock", ".reserve")
"""What SQLite and the outbox make anew."""


class Parts(NamedTuple):
    """Files by their path in the backup."""

    databases: dict[str, Path]
    early: dict[str, Path]
    """Copied before the databases: none of these may be ahead of them (as the head of the audit log)."""
    late: dict[str, Path]
    """Copied behind them: none may be behind."""
    stores: dict[str, str]
    """Name of a sink → its path in the backup."""
    left_out: list[str]
    """Sentences for people."""


def parts_of(file: Path, settings: CollectorSettings) -> Parts:
    """The parts of the collector whose settings file is `file`. OSError when the state cannot be listed."""
    parts = Parts({}, {}, {}, {}, [])
    for path in sorted(_files(settings.state)):
        inside = path.relative_to(settings.state)
        other = parts.late if inside.parts[0] == EVIDENCE else parts.early
        kind = parts.databases if _is_database(path) else other
        kind[f"{STATE}/{inside.as_posix()}"] = path
    for sink in settings.sinks:
        _add_store(parts, settings.state, sink)
    _add_settings(parts, file, settings)
    return parts


def _files(state: Path) -> Iterator[Path]:
    for path in state.rglob("*"):
        parts = path.relative_to(state).parts
        if (
            path.is_file()
            and not path.is_symlink()
            and not path.name.endswith(_BESIDE)
            and path.name not in (LOCK, RESTORING)
            and ".damaged-" not in path.name
            and not parts[0].startswith(ASIDE)
        ):
            yield path


def _is_database(path: Path) -> bool:
    """By its name, or by how it begins (https://www.sqlite.org/fileformat.html, 1.3): a store may lie here."""
    if path.suffix == ".db":
        return True
    try:
        with path.open("rb") as file:
            return file.read(16) == b"SQLite format 3\0"
    except FileNotFoundError:
        return False  # evidence whose time is over


def _add_store(parts: Parts, state: Path, sink: object) -> None:
    name = getattr(sink, "name", "")
    if not isinstance(sink, SqliteSettings):
        parts.left_out.append(f"store {name!r}: its own tools copy it, after this backup (docs/recover.md)")
    elif not sink.path.is_file():
        parts.left_out.append(f"store {name!r}: there is no file {sink.path} yet")
    elif not sink.path.resolve().is_relative_to(state.resolve()):
        parts.databases[f"{STORES}/{name}.db"] = sink.path
        parts.stores[name] = f"{STORES}/{name}.db"


def _add_settings(parts: Parts, file: Path, settings: CollectorSettings) -> None:
    document, _problems = read(file)
    marks = [*document.keys.values(), *document.values.values()]
    files = {file, *(Path(mark.file) for mark in marks)}
    for folder in settings.profiles:
        files |= set(folder.rglob("*.yaml"))
    home = file.parent.resolve()
    for each in sorted(files):
        if each.resolve().is_relative_to(home):
            parts.early[f"{SETTINGS}/{each.resolve().relative_to(home).as_posix()}"] = each
        else:
            parts.left_out.append(f"{each}: it lies outside of the settings' folder {file.parent}")
    parts.left_out.append("keys, certificates and secrets: keep them as docs/secure.md says")
