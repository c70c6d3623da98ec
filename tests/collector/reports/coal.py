"""A coal mine as its reports need it: a store, a report queue, and the points of a manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from collector.directory import Directory
from collector.platform.text_files import judged
from collector.registry import Registry
from collector.reports.queue import ReportQueue
from collector.reports.rows import Packet
from collector.reports.settings import selection, target_model
from collector.sinks.base import Record, Series
from collector.sinks.sqlite.settings import SqliteSettings
from collector.sinks.sqlite.sink import SqliteSink
from profiles.load import library
from profiles.textfile.codec import Record as Fields
from profiles.textfile.codec import decode
from profiles.textfile.times import milliseconds
from profiles.textfile.values import text_files
from profiles.wire.codec import encode, manifest_hash
from profiles.wire.messages import Limits, Manifest, ManifestDevice, ManifestTag, Point, Site
from tests.profiles.textfile.examples import MINE

PROFILE = "coal-safety"
SUBSTATION = f"{MINE}01DT40010007"
CH4, FAN, DRAINED = f"{MINE}01MN0001A0012", f"{MINE}01KG1001B0001", f"{MINE}01LJ3002C0001"
BREAKER, FEEDER = f"{MINE}01KG1009B0003", f"{MINE}01KG1011B0004"
RELATIONS = {CH4: f"K-{BREAKER}-1301断电器:D-{CH4}", BREAKER: f"D-{FEEDER}"}
"""As in the notes' example, and the lone one that occurs."""
POINTS = {
    CH4: ("0001", "1301工作面T1", Limits(H=1.0, HH=1.5)), FAN: ("1001", "1301局部通风机", Limits(alarm_when=False)),
    DRAINED: ("3002", "抽放泵站", None), BREAKER: ("1009", "1301断电器", None), FEEDER: ("1011", "1301馈电", None),
}  # fmt: skip


def ms(text: str) -> int:
    """A Beijing time of 24 November 2025, which lies in the past, as ms UTC."""
    return milliseconds(f"2025-11-24 {text}", "%Y-%m-%d %H:%M:%S", "+08:00")


class Colliery:
    """What it reports is judged by the platform at each look."""

    def __init__(self, folder: Path, encoding: str | None = None, *, methane: Limits | None = None) -> None:
        profile = library()[PROFILE]
        tags = {
            code: ManifestTag(
                type=profile.quantities[quantity].type, device="d", unit=profile.quantities[quantity].unit, label=label,
                point=Point(
                    profile=PROFILE, asset=SUBSTATION, quantity=quantity, code=code,
                    attributes={"relations": RELATIONS[code]} if code in RELATIONS else {},
                ),
                limits=methane if code == CH4 and methane is not None else limits,
            )
            for code, (quantity, label, limits) in POINTS.items()
        }  # fmt: skip
        self.manifest = Manifest(
            v=1, software="t", site=Site(code=MINE, name="示例煤矿", adcode="140199", gateway=f"{MINE}01"), tags=tags,
            devices={"d": ManifestDevice(driver="files")},
        )  # fmt: skip
        frame = encode(self.manifest)
        self.registry = Registry(folder)
        self.registry.put_manifest("mine", manifest_hash(frame), frame)
        self.target = target_model().model_validate(
            {"name": "province", "profiles": [PROFILE], "encoding": encoding,
             "transport": {"type": "folder", "path": str(folder)}}
        )  # fmt: skip
        self.queue = ReportQueue(folder, [selection(self.target, library())])
        self.store = SqliteSink(SqliteSettings(type="sqlite", path=folder / "store.db"))
        self.directory = Directory(self.registry)

    def write(self, code: str, *rows: tuple[int, Any, str]) -> None:
        """Readings (ms UTC, value, quality) into store and queue."""
        series = Series(PROFILE, MINE, "140199", SUBSTATION, code, POINTS[code][0], prefix="")
        found = [
            Record(series, time * 1_000_000, None if flag else value, None, value if flag else None, quality)
            for time, value, quality in rows for flag in [isinstance(value, bool)]
        ]  # fmt: skip
        assert self.store.write(found, []) == self.queue.write(found, []) == []

    def packets(self, kind: str) -> list[Packet]:
        """The packets of a kind that wait, in the order in which they were made; each is sound."""
        found = [each for each in self.queue.packets("province", "waiting") if f"_{kind}_" in each.name]
        encoding = self.target.encoding or "utf-8"
        assert [judged(each.name, each.body, encoding)[0] for each in found] == [[]] * len(found)
        return found

    def told(self, kind: str) -> list[list[Fields]]:
        """The records of each of these packets."""
        files = text_files(library()[PROFILE])
        return [list(decode(files, kind, each.body).records.values()) for each in self.packets(kind)]

    def close(self) -> None:
        self.queue.close()
        self.store.close()
        self.registry.close()
