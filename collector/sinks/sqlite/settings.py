"""Settings of the SQLite sink."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from config.model import Duration, FilePath, Settings


class SqliteSettings(Settings):
    """A store in one file: for a trial, the demo, or a small bureau."""

    type: Literal["sqlite"]
    name: str = "sqlite"
    """Name of this sink in logs and commands."""
    path: FilePath
    """The file."""
    keep: Annotated[Duration, Field(ge=3600)] | None = None
    """How far back from its newest reading a point's readings are kept, such as 365d, and how long what
    tells of a moment alone (gateways, devices, sites, limits); left out: for ever."""

    def writes(self) -> tuple[Path, ...]:
        """The file's folder, since logs stand beside it."""
        return (self.path.parent,)
