"""Backups and restores that are killed where something becomes durable: ``… backup|restore FILE FOLDER EVERY``.

Each try is a fork of this process, so that what has to be imported is imported once. EVERY: of how many such points one
is tried.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from collector.backup.make import make_backup
from collector.backup.record import BackupError
from collector.backup.restore import checked, restore
from collector.settings import CollectorSettings, load_collector
from collector.state_file import StateError, StateLock


def tries(work: Callable[[], object], every: int) -> Iterator[int]:
    """How many tries were killed so far, after each; ends with the one that came through."""
    for nth, syncs in enumerate(range(0, 500, every), 1):
        child = os.fork()
        if child == 0:
            _count(syncs)
            work()
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code == 0:
            return
        assert code == -signal.SIGKILL, code
        yield nth
    raise AssertionError("500 were not enough")


def _count(syncs: int) -> None:
    real, left = os.fsync, syncs

    def fsync(handle: int) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        real(handle)

    os.fsync = fsync  # type: ignore[assignment]  # files are never given to it here, only their numbers


def kill_backups(file: Path, settings: CollectorSettings, target: Path, every: int) -> int:
    """Nothing that looks like a backup may stand after any of them but the last; how many were killed."""
    killed = 0
    for killed in tries(lambda: make_backup(file, settings, target), every):
        if target.exists():
            checked(target)  # killed behind the renaming: it is one
            return killed
        for folder in target.parent.glob(f"{target.name}*"):
            if not (folder / "manifest.json").exists():
                continue
            checked(folder)  # killed before the renaming: all of it is there, under a name that nobody looks for
    return killed


def kill_restores(settings: CollectorSettings, folder: Path, every: int) -> int:
    """Begun anew each time without --force; until it has come through, no collector may start on a part."""
    record, digest = checked(folder)
    killed = 0
    for killed in tries(lambda: restore(folder, record, digest, settings, force=False), every):
        if any(settings.state.glob("*.db")):
            try:
                StateLock(settings.state).release()
            except StateError:
                continue
            assert _whole(settings, folder), "half a state would be taken for a whole one"
            return killed
    return killed


def _whole(settings: CollectorSettings, folder: Path) -> bool:
    names = {path.name for path in (folder / "state").iterdir()}
    return names <= {path.name for path in settings.state.iterdir()}


if __name__ == "__main__":
    what, file, folder, step = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
    chosen = load_collector(file).settings
    try:
        print(kill_backups(file, chosen, folder, step) if what == "backup" else kill_restores(chosen, folder, step))
    except BackupError as err:
        sys.exit(str(err))
