"""The collector's own files: sound, and not filling up?"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from collector.dead_letters import FILE as LETTERS
from collector.dead_letters import DeadLetters
from collector.registry import FILE as AGENTS
from collector.settings import CollectorSettings
from collector.state_file import StateError
from config.doctor.disk import taken
from config.doctor.finding import Finding, fault, ok, size, warning

CHECK, DEAD = "state", "dead letters"
SECONDS = 20.0
"""Longest time that the check of one file may take; a longer one is broken off."""
FULL = 0.8
"""Part of an agent's quota of dead letters from which it is worth a look."""


def state_findings(settings: CollectorSettings) -> Iterator[Finding]:
    """Beside a running collector, too."""
    files = sorted(settings.state.glob("*.db"))
    damaged = [(file, damage) for file in files if (damage := _damage(file))]
    for file, damage in damaged:
        yield fault(CHECK, f"{file}: {damage}", "restart the collector, which sets a damaged file aside and says what "
                    "that means; then look at the disk (smartctl, dmesg)")  # fmt: skip
    if files and not damaged:
        yield ok(CHECK, f"{len(files)} files in {settings.state} are sound, {size(taken(settings.state))} on the disk")
    if aside := sorted(file.name for file in settings.state.glob("*.damaged-*")):
        advice = "what could not be salvaged stands in the log of that day; delete them once it is known"
        yield warning(CHECK, f"set aside as damaged: {', '.join(aside)}", advice)
    if not damaged and (settings.state / LETTERS).is_file():
        yield from _letters(settings)


def growth(settings: CollectorSettings) -> int:
    """Bytes that dead letters, evidence and persons' files of the known agents may still take by their bounds.

    Evidence only of those that have sent some; alarms and reports have no bound.
    """
    evidence = settings.state / "evidence"
    cameras = sum(1 for each in evidence.iterdir() if each.is_dir()) if evidence.is_dir() else 0
    bounds = _known_agents(settings.state) * settings.dead_letters.quota + cameras * settings.evidence.quota
    bounds += settings.persons.size if settings.persons.keys else 0
    return max(0, bounds - taken(settings.state))


def _known_agents(state: Path) -> int:
    """How many agents have ever been heard; 0 where that cannot be read."""
    file = state / AGENTS
    try:
        with contextlib.closing(_reading(file)) as db:
            return int(db.execute("SELECT count(*) FROM agent").fetchone()[0])
    except sqlite3.Error:
        return 0  # not there yet, or damaged, which is told by itself


def _letters(settings: CollectorSettings) -> Iterator[Finding]:
    try:
        letters = DeadLetters(settings.state, settings.dead_letters.quota, mend=False)
    except StateError as err:
        yield fault(DEAD, str(err), "is the disk full, or the folder another user's?")
        return
    with contextlib.closing(letters):
        held = letters.held()
    if not held:
        yield ok(DEAD, "none")
    for agent, (count, octets) in held.items():
        share = octets / settings.dead_letters.quota
        text = f"{count} of {agent}, {size(octets)}, {share:.0%} of its quota"
        advice = "edge-collector dead-letters list, then show, and replay or discard"
        if share >= 0.99:
            yield fault(DEAD, text, f"{advice}; beyond the quota its envelopes wait there")
        else:
            yield warning(DEAD, text, advice)


def _damage(file: Path) -> str:
    ends = time.monotonic() + SECONDS
    try:
        with contextlib.closing(_reading(file)) as db:
            db.set_progress_handler(lambda: time.monotonic() > ends, 100_000)
            found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
            return "" if found == "ok" else " ".join(str(found).split())
    except sqlite3.Error as err:
        interrupted = getattr(err, "sqlite_errorcode", 0) == sqlite3.SQLITE_INTERRUPT
        return "" if interrupted else str(err)


def _reading(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=10)
