"""Settings of the SQLite sink."""

from __future__ import annotations

from typing import Literal

from config.model import FilePath, Settings


class SqliteSettings(Settings):
    """A store in one file: for a trial, the demo, or a small bureau. Nothing is ever deleted from it."""

    type: Literal["sqlite"]
    name: str = "sqlite"
    """Name of this sink in logs and commands."""
    path: FilePath
    """The file."""
