"""A bureau with a store, a registry and an alarm book on disk, whose yesterday a test writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from collector.alarms.book import AlarmBook
from collector.alarms.file import AlarmFile
from collector.compliance.measure import Measurer
from collector.compliance.settings import zone
from collector.days import Days
from collector.directory import Directory
from collector.duty.book import DutyBook
from collector.normalise.compile import compile_manifest
from collector.registry import Registry
from collector.sinks.base import Record
from collector.sinks.sqlite.settings import SqliteSettings
from collector.sinks.sqlite.sink import SqliteSink
from profiles.load import library
from profiles.wire.codec import decode, decoder, manifest_hash
from profiles.wire.messages import Manifest
from tests.collector.alarms.make import book
from tests.collector.field import manifest

DAYS = Days(zone("Asia/Shanghai"))
DAY = date(2026, 11, 24)
START = int(datetime(2026, 11, 23, 16, tzinfo=UTC).timestamp() * 1000)
"""Its midnight in China, ms."""
SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000
END = START + 24 * HOUR


@dataclass
class Bureau:
    folder: Path
    registry: Registry
    store: SqliteSink
    book: AlarmBook
    duty: DutyBook
    measurer: Measurer

    def enrol(self, *names: str, at: int = 0) -> None:
        """An agent says that it measures these tanks' levels; they are due from `at` on."""
        frame = manifest(*names)
        self.registry.put_manifest("plant-a", manifest_hash(frame), frame)
        self.measurer.note_due(at)

    def write(self, name: str, times: Iterable[int], quality: str = "good") -> None:
        """Readings of a tank at these times, ms."""
        made = compile_manifest(decode(manifest(name), decoder(Manifest)), library(), agent="plant-a")
        series = made.series[name]
        self.store.write([Record(series, time * 1_000_000, 1.5, None, None, quality) for time in times], [])


@contextmanager
def bureau(folder: Path) -> Iterator[Bureau]:
    registry = Registry(folder / "state")
    store = SqliteSink(SqliteSettings(type="sqlite", path=folder / "store.db"))
    with book(folder / "state") as alarms:
        file = AlarmFile(folder / "state")
        duty = DutyBook(file)
        measurer = Measurer(DAYS, library(), Directory(registry), registry.arrivals, alarms, duty, store)
        yield Bureau(folder, registry, store, alarms, duty, measurer)
        file.close()
    store.close()
    registry.close()


def minutes(start: int = START, end: int = END) -> range:
    """A reading a minute."""
    return range(start, end, MINUTE)


def settings_file(folder: Path, **rest: Any) -> Path:
    """A collector.yaml over the bureau's folder."""
    file = folder / "collector.yaml"
    file.write_text(
        "collector: bureau\nstate: state\nmqtt: {host: 127.0.0.1}\n"
        "sinks: [{type: sqlite, name: store, path: store.db}]\n" + "".join(f"{k}: {v}\n" for k, v in rest.items())
    )
    return file
