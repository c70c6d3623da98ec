"""What of a collector's settings may leave the house in a support bundle, and who must not be named in it."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from pydantic import BaseModel

from collector.alarms.file import FILE as ALARMS
from collector.audit import COLLECTOR
from collector.reports.settings import TargetSettings
from collector.settings import CollectorSettings, load_collector
from collector.sinks.base import sinks
from config.doctor.bundle import Described

HARMLESS = frozenset({
    "collector", "host", "database", "retention_policy", "bucket", "profile", "profiles", "levels", "sites", "regions",
    "family", "zone", "state", "begin", "end", "system",
})  # fmt: skip
"""Fields whose texts are codes, addresses of machines, names of databases and times of day."""


def keeps(model: BaseModel, field: str) -> bool:
    """Names of stores and upper platforms stay, and addresses of stores, which hold no user; receivers are people."""
    named: tuple[type[BaseModel], ...] = (TargetSettings, *(kind.settings_model for kind in sinks().values()))
    return field in HARMLESS or (field in ("name", "url") and isinstance(model, named))


def describe(file: Path) -> Described:
    """See `config.doctor.bundle.Describe`."""
    settings = load_collector(file).settings
    return Described(settings, settings.state, keeps, _people(settings))


def _people(settings: CollectorSettings) -> set[str] | None:
    """Everybody who ever did something here, by the audit log; None where it cannot be read."""
    file = settings.state / ALARMS
    if not file.is_file():
        return set()
    try:
        with contextlib.closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=10)) as db:
            return {who for (who,) in db.execute("SELECT DISTINCT who FROM audit")} - {COLLECTOR}
    except sqlite3.Error:
        return None  # doctor says that it is damaged
