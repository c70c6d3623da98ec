"""Making a backup: under another name first, so that whoever is killed leaves nothing that looks like one."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from collector.backup.parts import parts_of
from collector.backup.pinned import BusyError, pinned
from collector.backup.record import FILE, BackupError, Record, item
from collector.settings import CollectorSettings
from config.version import VERSION


def make_backup(file: Path, settings: CollectorSettings, target: Path) -> Record:
    """Write a backup of the collector of `file` to the new folder `target`, durable on return.

    The collector may run, or not. Raises BackupError, having left nothing under `target`.
    """
    if target.exists():
        raise BackupError(f"{target} exists; expected the name of a new folder")
    if not settings.state.is_dir():
        raise BackupError(f"{settings.state} is not there: no collector has run with this `state` here")
    unfinished = target.with_name(target.name + ".unfinished")
    try:
        if unfinished.exists():
            shutil.rmtree(unfinished)  # of a backup under this name that was killed
        unfinished.mkdir(mode=0o700, parents=True)
        record = _write(file, settings, unfinished)
        unfinished.rename(target)
        sync_folder(target.parent)
    except (OSError, sqlite3.Error, BusyError) as err:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise BackupError(f"no backup was made: {err}") from err
    return record


def _write(file: Path, settings: CollectorSettings, folder: Path) -> Record:
    parts = parts_of(file, settings)
    copy_files(parts.early, folder)
    with pinned(list(parts.databases.values())) as sources:
        moment = time.time_ns() // 1_000_000
        for name, path in parts.databases.items():
            _copy_database(sources[path], path, folder / name)
    late = parts_of(file, settings).late  # with what came meanwhile
    copy_files(late, folder, passing=True)
    made = sorted(path for path in folder.rglob("*") if path.is_file())
    record = Record(
        software=VERSION,
        collector=settings.collector,
        settings=file.name,
        moment=moment,
        files={path.relative_to(folder).as_posix(): item(path) for path in made},
        stores=parts.stores,
        left_out=parts.left_out,
    )
    write_durably(folder / FILE, msgspec.json.format(msgspec.json.encode(record)))
    for inner in sorted(path for path in folder.rglob("*") if path.is_dir()):
        sync_folder(inner)
    sync_folder(folder)
    return record


def _copy_database(source: sqlite3.Connection, path: Path, target: Path) -> None:
    """All of a file as its pinned connection sees it; sqlite3.DatabaseError names one that is damaged."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
        found = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise sqlite3.DatabaseError(f"{path} is damaged ({' '.join(str(found).split())}); see docs/recover.md")
    _sync(target)


def copy_files(files: Mapping[str, Path], folder: Path, *, passing: bool = False) -> None:
    """Copy files to their names beneath `folder`, durable on return; OSError. `passing`: some may vanish meanwhile."""
    for name, path in files.items():
        target = folder / name
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            shutil.copy2(path, target)
        except FileNotFoundError:
            if not passing:
                raise
            continue  # evidence whose time is over
        _sync(target)


def write_durably(path: Path, text: bytes) -> None:
    """Write a new file, on the disk on return."""
    with path.open("xb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk."""
    _sync(folder)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
