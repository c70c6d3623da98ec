"""The running collector's registry and alarm book beside a store, opened for commands that measure."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from collector.alarms.book import AlarmBook
from collector.alarms.file import FILE as ALARMS
from collector.alarms.file import AlarmFile
from collector.app import book_of
from collector.cli.opened import opened
from collector.cli.stores import store
from collector.compliance.measure import Measurer
from collector.compliance.settings import zone
from collector.days import Days
from collector.directory import Directory
from collector.duty.book import DutyBook
from collector.registry import FILE, Registry
from collector.settings import CollectorSettings
from collector.sinks.base import SinkUnavailable
from profiles.load import Library


@contextmanager
def measured(
    file: Path, settings: CollectorSettings, profiles: Library, name: str | None
) -> Iterator[tuple[Measurer, AlarmBook]]:
    """A measurer over the store of this name, or the first; ClickException says what does not answer."""

    def alarms(folder: Path) -> AlarmFile:
        return AlarmFile(folder, settings.audit.hash, mend=False)

    sink = store(file, settings, name)
    try:
        with (
            opened(settings.state, FILE, lambda folder: Registry(folder, mend=False)) as registry,
            opened(settings.state, ALARMS, alarms) as opened_file,
        ):
            book, days = book_of(opened_file, settings), Days(zone(settings.compliance.zone))
            duty, directory = DutyBook(opened_file), Directory(registry)
            yield Measurer(days, profiles, directory, registry.arrivals, book, duty, sink), book
    except SinkUnavailable as err:
        raise click.ClickException(f"the store does not answer: {err}") from err
    except sqlite3.Error as err:
        raise click.ClickException(f"{settings.state}: {err}") from err
    finally:
        sink.close()
