"""A packer of one target with its registry and queue, and an event of a seal for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from collector.alarms.file import AlarmFile
from collector.directory import Directory
from collector.duty.book import DutyBook
from collector.mines import MineOrder
from collector.registry import Registry
from collector.reports.bench import Given
from collector.reports.encoders import encoders
from collector.reports.packer import Packer
from collector.reports.queue import ReportQueue
from collector.reports.settings import selection, target_model
from collector.sinks.base import EventRecord
from profiles.load import library
from profiles.wire.codec import manifest_hash
from tests.collector.reports.test_seal import MINE, seen

TARGET = {"name": "up", "transport": {"type": "tcp", "host": "127.0.0.1", "port": 1}}


class Desk:
    """A registry, a queue and a packer of one target."""

    def __init__(self, folder: Path, orders: dict[str, MineOrder] | None = None, **target: Any) -> None:
        self.registry = Registry(folder)
        settings = target_model().model_validate(TARGET | target)
        wanted = selection(settings, library())
        self.queue = ReportQueue(folder, [wanted])
        self.directory = Directory(self.registry)
        self.alarms = AlarmFile(folder)
        self.duty = DutyBook(self.alarms)
        self.packer = Packer(Given(
            settings, wanted, self.queue, self.directory, library(), encoders(), orders or {}, self.registry.state,
            self.duty,
        ))  # fmt: skip

    def enrol(self, agent: str, frame: bytes, origin: str = "") -> None:
        self.registry.put_manifest(agent, manifest_hash(frame), frame, origin)

    def pack(self, now: int, *online: str) -> int:
        self.directory.refresh()
        return self.packer.pack(now, set(online))

    def close(self) -> None:
        self.registry.close()
        self.queue.close()
        self.alarms.close()


def record(number: int, code: str, agent: str = "mine-a") -> EventRecord:
    event = seen(number, code, "belt", at=number)
    return EventRecord(
        event, agent, 0, number, MINE, "140199", "electronic-seal", "14010000001320000006", "14010000001320000006", code
    )
