"""Putting a backup back: checked whole before anything is touched, and what stood there is set aside, not deleted.

From the first file that is moved to the last one that is copied a mark stands in the state; with it no collector
starts, and the same command again begins anew.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from pathlib import Path

from collector.alarms.file import AlarmFile
from collector.audit import Deed, os_user
from collector.backup.make import copy_files, sync_folder, write_durably
from collector.backup.parts import ASIDE, SETTINGS, STATE
from collector.backup.record import BackupError, Record, faults, read_record
from collector.settings import CollectorSettings
from collector.sinks.sqlite.settings import SqliteSettings
from collector.state_file import LOCK, RESTORING, StateError, StateLock

_PARTS = ("-wal", "-shm", "")
"""Of an SQLite file; the main one last, so that a try that is broken off leaves no WAL without it."""


def checked(folder: Path) -> tuple[Record, str]:
    """A whole backup's record and the record's SHA-256; BackupError names every file that is not as it was written."""
    record, digest = read_record(folder)
    if found := list(faults(folder, record)):
        raise BackupError(f"{folder} is not as it was written; nothing was restored:\n  " + "\n  ".join(found))
    return record, digest


def restore_settings(folder: Path, record: Record, file: Path) -> bool:
    """Write the backup's settings to `file` and beside it, where `file` does not exist; whether it was written.

    Files beside it that exist are left as they are. BackupError when they cannot be written.
    """
    if file.exists():
        return False
    try:
        for name in record.files:
            if name.startswith(f"{SETTINGS}/"):
                inside = name.removeprefix(f"{SETTINGS}/")
                target = file if inside == record.settings else file.parent / inside
                if not target.exists():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(folder / name, target)
    except OSError as err:
        raise BackupError(f"the settings cannot be written: {err}") from err
    return True


def restore(folder: Path, record: Record, digest: str, settings: CollectorSettings, *, force: bool) -> list[Path]:
    """Put a checked backup's state and stores where `settings` say; what was set aside for it, under its new names.

    Raises BackupError: another collector's, a running collector, something in the way without `force`, the disk.
    """
    if record.collector != settings.collector:
        raise BackupError(f"the backup is of collector {record.collector!r}, the settings of {settings.collector!r}")
    stores = _stores(record, settings)
    try:
        lock = StateLock(settings.state, restoring=True)
    except StateError as err:
        raise BackupError(str(err)) from err
    try:
        return _put_back(folder, record, digest, settings, stores, force=force)
    except (OSError, sqlite3.Error, StateError) as err:
        raise BackupError(f"{err}; the restore is not finished: run it again") from err
    finally:
        lock.release()


def _stores(record: Record, settings: CollectorSettings) -> dict[str, Path]:
    """Path in the backup → where the store of that name is."""
    files = {sink.name: sink.path for sink in settings.sinks if isinstance(sink, SqliteSettings)}
    if unknown := sorted(record.stores.keys() - files.keys()):
        raise BackupError(f"the settings have no SQLite store {', '.join(unknown)}, which the backup holds; add it")
    return {inside: files[name] for name, inside in record.stores.items()}


def _put_back(
    folder: Path, record: Record, digest: str, settings: CollectorSettings, stores: dict[str, Path], *, force: bool
) -> list[Path]:
    state, mark = settings.state, settings.state / RESTORING
    again = mark.exists()
    inside = [path for path in sorted(state.iterdir()) if _counts(path)]
    taken = [*inside, *(part for path in stores.values() for part in _parts(path))]
    if taken and not (force or again):
        names = ", ".join(str(path) for path in taken[:5]) + (", …" if len(taken) > 5 else "")
        raise BackupError(
            f"{names}: something stands where the backup goes. With --force it is set aside (nothing is deleted)"
        )
    if not again:
        write_durably(mark, f"{digest}\n".encode())
        sync_folder(state)
    aside = _set_aside(state, inside, stores)
    within = [name for name in record.files if name.startswith(f"{STATE}/")]
    copy_files({name.removeprefix(f"{STATE}/"): folder / name for name in within}, state)
    for inner, path in stores.items():
        copy_files({path.name: folder / inner}, path.parent)
    _log(settings, record, digest)
    made = [path for top in state.iterdir() if _counts(top) for path in (top, *top.rglob("*"))]
    if os.geteuid() == 0:  # who runs the collector owns its folder
        owner = state.stat()
        for path in (*made, *stores.values()):
            os.chown(path, owner.st_uid, owner.st_gid)
    for each in (state, *(path for path in made if path.is_dir()), *{path.parent for path in stores.values()}):
        sync_folder(each)
    mark.unlink()
    sync_folder(state)
    return aside


def _counts(path: Path) -> bool:
    return path.name not in (LOCK, RESTORING) and not path.name.startswith(ASIDE) and not path.is_socket()


def _set_aside(state: Path, inside: list[Path], stores: dict[str, Path]) -> list[Path]:
    stamp, nth = ASIDE + time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()), 1
    name = stamp
    while any(path.exists() for path in (state / name, *(_renamed(path, name) for path in stores.values()))):
        nth += 1  # one second may see two tries
        name = f"{stamp}-{nth}"
    moved = []
    if inside:
        place = state / name
        place.mkdir(mode=0o700)
        for path in inside:
            path.rename(place / path.name)
        moved.append(place)
    for path in stores.values():
        for part in _parts(path):
            to = _renamed(path, name)
            part.rename(to.with_name(to.name + part.name.removeprefix(path.name)))
            moved.append(to)
    return list(dict.fromkeys(moved))


def _parts(path: Path) -> list[Path]:
    """What there is of an SQLite file; a WAL alone counts, since SQLite would play it into the next file."""
    return [part for end in _PARTS if (part := path.with_name(path.name + end)).exists()]


def _renamed(path: Path, name: str) -> Path:
    return path.with_name(f"{path.name}.{name}")


def _log(settings: CollectorSettings, record: Record, digest: str) -> None:
    """The restore stands in the audit log itself, behind the last entry that the backup has."""
    alarms = AlarmFile(settings.state, settings.audit.hash)
    try:
        with alarms.transaction():
            about = {"moment": record.moment, "manifest_sha256": digest}
            alarms.log([Deed(os_user(), "restored", "collector", about)])
    finally:
        alarms.close()
