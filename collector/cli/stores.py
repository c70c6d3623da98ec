"""A store of the settings, opened for a command."""

from __future__ import annotations

from pathlib import Path

import click

from collector.settings import CollectorSettings
from collector.sinks.base import Sink, sinks


def store(file: Path, settings: CollectorSettings, name: str | None) -> Sink:
    """The store of this name, or the first; UsageError names those that there are."""
    for each in settings.sinks:
        if name in (None, each.name):
            return sinks()[each.type](each)
    raise click.UsageError(f"no store {name!r}; {file} has {', '.join(each.name for each in settings.sinks)}")
