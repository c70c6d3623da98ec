"""Snapshots of a mine as its agent sends them, and the store that keeps them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

from collector.persons.settings import PersonsSettings
from collector.persons.store import PersonStore
from collector.sinks.base import Record, Series
from profiles.load import library
from profiles.textfile.codec import decode
from profiles.textfile.encrypted import Part, PersonKey, encrypt
from profiles.textfile.times import text
from profiles.textfile.values import text_files, time_of
from tests.profiles.textfile.examples import MINE

SECRET, OTHER = bytes(range(32)), bytes(32)
KEY = PersonKey(SECRET)
PROFILE = library()["coal-personnel"]
FILES = text_files(PROFILE)
AREA, STATION = f"{MINE}0008", f"{MINE}0008000012"
NOW = 1_795_478_430_000
"""2026-11-24 08:00:30 in Beijing, ms."""
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
NAMES = {f"{MINE}90001": "测试甲", f"{MINE}90002": "测试乙", f"{MINE}90003": "测试丙"}
FIRST, SECOND, THIRD = NAMES


def stamp(ms: int) -> str:
    """A time in Beijing."""
    return text(ms, "%Y-%m-%d %H:%M:%S", "+08:00")


def person(card: str, at: int, *, since: int | None = None, out: int | None = None, help_: str = "正常") -> str:
    """A record of a snapshot; who is `out` is at the pit head."""
    flag, left = ("1", "") if out is None else ("2", stamp(out))
    area, station = (AREA, STATION) if out is None else (f"{MINE}0001", f"{MINE}0001000010")
    return (
        f"{card};{NAMES[card]};{flag};{stamp(since or NOW - HOUR)};{left};{area};{stamp(at)};{station};{stamp(at)};"
        f"三八制;1.00;{help_};0;0;{station}&{stamp(at)}~"
    )


def snapshot(at: int, *records: str) -> str:
    return f"{MINE};示例煤矿;{stamp(at)}~{''.join(records)}||"


def parts(content: str, kind: str = "RYSS", key: PersonKey = KEY) -> list[Part]:
    """A file as the driver encrypts it."""
    decoded = decode(FILES, kind, content.encode())
    assert not decoded.faults
    time = time_of(PROFILE, decoded.header["upload_time"])
    fields = FILES.kinds[kind].fields
    records = list(decoded.records.values())
    return encrypt(key, MINE, PROFILE.profile, kind, time, decoded.header, fields, records)


def record(part: Part | str | None, kind: str = "RYSS", site: str = MINE) -> Record:
    series = Series(PROFILE.profile, site, "140199", "mine-a/rydw", f"{kind} rydw", kind, prefix="", personal=True)
    value = part.text() if isinstance(part, Part) else part
    return Record(series, NOW * 1_000_000, None, value, None, "good" if value else "bad:link")


def records(content: str, kind: str = "RYSS", key: PersonKey = KEY, site: str = MINE) -> list[Record]:
    return [record(part, kind, site) for part in parts(content, kind, key)]


def store(folder: Path, *keys: bytes, site: str = MINE, **rest: object) -> PersonStore:
    stated = {site: [base64.b64encode(key).decode() for key in keys]} if keys else {}
    settings = PersonsSettings.model_validate({"keys": stated, **rest})
    return PersonStore(folder, settings, library())


def kept(folder: Path, *, but: Sequence[str] = ()) -> bytes:
    """The bytes of everything below a folder, the databases' logs among them."""
    return b"\n".join(path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name not in but)
