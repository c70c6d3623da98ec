"""Family M of persons (notes on mines, 4.1: 07 to 11): out of encrypted files, encrypted until they are delivered."""

from __future__ import annotations

import base64
import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collector.directory import Directory
from collector.persons.settings import PersonsSettings
from collector.registry import Registry
from collector.reports.persons import PersonPacker, is_encrypted, opened, personal
from collector.reports.queue import ReportQueue
from collector.reports.rows import Packet
from collector.reports.settings import selection, target_faults, target_model
from collector.sinks.base import Record, Series
from profiles.load import Library, library
from profiles.textfile.codec import decode
from profiles.textfile.encrypted import Part, encrypt
from profiles.textfile.values import text_files
from profiles.wire.codec import encode, manifest_hash
from profiles.wire.messages import Manifest, ManifestDevice, ManifestTag, PersonTag, Site
from tests.collector.field import Agent, Shelf, collecting, eventually, settings
from tests.collector.persons import made
from tests.collector.persons.made import HOUR, KEY, SECRET, stamp
from tests.collector.reports.test_http import upper
from tests.profiles.textfile.examples import NONCOAL
from tests.servers import LOCAL, Server

PROFILE = "mine-underground"
KINDS = ("NRYXX", "NRYJZ", "NRYSS", "NRYCY")
NOW = time.time_ns() // 1_000_000_000 * 1000
NAME, CARD, IDENTITY = "金丝雀甲", "42902100100399001", "429021199001010017"
SITE = Site(code=NONCOAL, name="示例矿山", adcode="429021", gateway=f"{NONCOAL}01")
MANIFEST = Manifest(
    v=1, software="t", site=SITE, devices={"rydw": ManifestDevice(driver="files")},
    tags={f"{kind} rydw": ManifestTag(type="text", device="rydw", persons=PersonTag(profile=PROFILE, kind=kind))
          for kind in KINDS},
)  # fmt: skip
FRAME = encode(MANIFEST)


def file(kind: str, at: int, *records: str) -> str:
    more = "12;NKJ1;厂家;1;" if kind == "NRYJZ" else ""
    return f"{NONCOAL};示例矿山;{more}{stamp(at)}^{''.join(f'{each}^' for each in records)}]]]"


def person(at: int, *, since: int, card: str = CARD, name: str = NAME, area: str = "17", help_: str = "0") -> str:
    return f"{card};{name};1;{stamp(since)};;{area};{stamp(since)};S1;{stamp(at)};1;1;200;{help_};1;2;3;0;0;1;;"


PEOPLE = file("NRYXX", NOW - HOUR, f"{CARD};{NAME};{IDENTITY};11;15;采矿队;;;0;0;;;;;;;")
STATIONS = file("NRYJZ", NOW - HOUR, "S1;17;1;2;3;-150中段运输巷")


def parts(kind: str, content: str) -> list[Part]:
    files = text_files(library()[PROFILE])
    read = decode(files, kind, content.encode())
    assert not read.faults
    at = made.time_of(library()[PROFILE], read.header["upload_time"])
    fields = files.kinds[kind].fields
    return encrypt(KEY, NONCOAL, PROFILE, kind, at, read.header, fields, read.records.values())


def target(**rest: Any) -> Any:
    base = {"name": "province", "profiles": [PROFILE], "persons": True,
            "transport": {"type": "http", "url": "http://127.0.0.1:1"}}  # fmt: skip
    return target_model().model_validate(base | rest)


class Desk:
    """A packer over its queue, the store of persons, and a registry that knows the mine's gateway."""

    def __init__(self, folder: Path, known: Library, **rest: Any) -> None:
        keys = {"keys": {NONCOAL: base64.b64encode(SECRET).decode()}}
        self.store = made.PersonStore(folder, PersonsSettings.model_validate(keys), known)
        self._registry = Registry(folder)
        self._registry.put_manifest("mine", manifest_hash(FRAME), FRAME)
        directory = Directory(self._registry)
        directory.refresh()
        wanted = selection(target(**rest), known)
        self.queue = ReportQueue(folder, [wanted])
        self._packer = PersonPacker("province", "", wanted, self.queue, self.store, known, directory)
        self._packer.pack(NOW, set())  # the target is there from now on
        self.put("NRYXX", PEOPLE)
        self.put("NRYJZ", STATIONS)

    def put(self, kind: str, content: str) -> None:
        series = Series(PROFILE, NONCOAL, "429021", "mine/rydw", f"{kind} rydw", kind, prefix="", personal=True)
        rows = [Record(series, NOW * 1_000_000, None, part.text(), None, "good") for part in parts(kind, content)]
        assert self.store.write(rows, []) == []

    def packets(self) -> list[Packet]:
        self._packer.pack(NOW, set())
        return self.queue.packets("province", "waiting")

    def told(self, kind: str) -> list[list[dict[str, Any]]]:
        """The records of each packet of a data type, and nobody's name on the disk."""
        bodies = []
        for packet in self.packets():
            assert is_encrypted(packet)
            bodies.append(json.loads(opened(packet, self.store).header["body"]))
        return [body["datas"] for body in bodies if body["dataType"] == kind]

    def close(self) -> None:
        self.queue.close()
        self.store.close()
        self._registry.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path, library())
    yield desk
    desk.close()


def test_where_everybody_is_has_the_fields_of_the_notes_and_who_came_out_is_not_among_them(desk: Desk) -> None:
    out = person(NOW, since=NOW - HOUR, card="42902100100399002", name="乙").replace(";1;", ";2;", 1)
    desk.put("NRYSS", file("NRYSS", NOW, person(NOW, since=NOW - HOUR), out))
    assert desk.told("07") == [[{
        "ksbh": NONCOAL, "idCard": IDENTITY, "personName": NAME, "teamName": "采矿队", "position": "15",
        "longitude": None, "latitude": None, "location": "-150中段运输巷", "locateTime": stamp(NOW),
    }]]  # fmt: skip
    [packet] = desk.packets()
    assert (packet.kind, packet.gateway) == ("live", NONCOAL)
    whole = opened(packet, desk.store)
    body = json.loads(whole.header["body"])
    assert (body["enterpriseType"], body["gatewayCode"], body["dataId"]) == ("DXK", f"{NONCOAL}01", packet.id)
    assert personal(whole, library()[PROFILE]) == {NAME, IDENTITY}


def test_overtime_is_told_once_and_each_hour_that_it_lasts(desk: Desk) -> None:
    since = NOW - 12 * HOUR - 300_000
    for later in (0, 30_000, HOUR):
        desk.put("NRYSS", file("NRYSS", NOW + later, person(NOW + later, since=since)))
    assert desk.told("08") == [
        [{"ksbh": NONCOAL, "idCard": IDENTITY, "personName": NAME, "overtimeHours": hours,
          "alarmTime": stamp(since + 12 * HOUR)}]
        for hours in (0.1, 1.1)
    ]  # fmt: skip


def test_overcrowding_is_told_once_as_the_mine_tells_it(desk: Desk) -> None:
    for end in ("", stamp(NOW)):
        desk.put("NRYCY", file("NRYCY", NOW, f"2;9;11;A1;1301工作面;{stamp(NOW - 60_000)};{end};{CARD}"))
    assert desk.told("09") == [[
        {"ksbh": NONCOAL, "areaName": "1301工作面", "limitNum": 9, "currentNum": 11, "alarmTime": stamp(NOW - 60_000)}
    ]]  # fmt: skip


OWN = """
profile: own-mine
version: 0.0.1-wd
extends: mine-underground
spec: {zh: 自, en: own, status: working-definition}
files: {persons: {calls: ["1"], restricted: ["99"]}}
"""


def test_a_call_for_help_and_a_restricted_area_are_told_once_where_the_profile_says_what_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "own.yaml").write_text(OWN, encoding="utf-8")
    monkeypatch.setattr(f"{__name__}.PROFILE", "own-mine")
    profiles = library([tmp_path / "own"])
    monkeypatch.setattr(f"{__name__}.library", lambda: profiles)
    (tmp_path / "state").mkdir()
    desk = Desk(tmp_path / "state", profiles, profiles=["own-mine"])
    for later, calls in ((0, "0"), (30_000, "1"), (60_000, "1"), (90_000, "0"), (120_000, "1")):
        its = person(NOW + later, since=NOW - HOUR, area="99", help_=calls)
        desk.put("NRYSS", file("NRYSS", NOW + later, its))
        desk.packets()
    assert [[row["helpTime"] for row in rows] for rows in desk.told("11")] == [
        [stamp(NOW + 30_000)], [stamp(NOW + 120_000)],
    ]  # fmt: skip
    assert desk.told("10") == [[
        {"ksbh": NONCOAL, "idCard": IDENTITY, "personName": NAME, "areaName": "99", "enterTime": stamp(NOW - HOUR)}
    ]]  # fmt: skip
    desk.close()


def test_no_target_has_persons_that_does_not_ask_for_them(tmp_path: Path) -> None:
    desk = Desk(tmp_path, library(), persons=False)
    desk.put("NRYSS", file("NRYSS", NOW, person(NOW, since=NOW - HOUR)))
    assert desk.packets() == []
    desk.close()
    assert [*target_faults((target(),), library())] == []


@pytest.mark.parametrize("plain", [True, False])
async def test_over_http_the_platform_has_the_persons_and_no_disk_and_no_log_of_ours(
    broker: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, *,
    plain: bool,
) -> None:  # fmt: skip
    monkeypatch.setattr("collector.reports.reporter.PACK_EVERY", 0.1)
    caplog.set_level(logging.DEBUG)
    keys = PersonsSettings.model_validate({"keys": {NONCOAL: base64.b64encode(SECRET).decode()}})
    with upper() as platform:
        quoted = json.dumps({"success": False, "msg": f"{NAME}?"}, ensure_ascii=not plain).encode()
        platform.answer = lambda _headers: (400, quoted)
        its = target(transport={"type": "http", "url": f"http://{LOCAL}:{platform.port}"})
        chosen = settings(broker.port, tmp_path / "state", Shelf())
        chosen = chosen.model_copy(update={"reports": (its,), "persons": keys})
        agent = Agent(broker.port, "mine-a")
        async with collecting(chosen) as collector:
            await eventually(lambda: collector.reports.mark("province", "") is not None, "the target's beginning")
            agent.tell(2)
            agent.send("manifest", FRAME)
            contents = [("NRYXX", PEOPLE), ("NRYSS", file("NRYSS", NOW, person(NOW, since=NOW - HOUR)))]
            for seq, (kind, content) in enumerate(contents, 1):
                rows = [(f"{kind} rydw", NOW + each.number, each.text(), "good") for each in parts(kind, content)]
                agent.data(seq, FRAME, rows)
            await eventually(lambda: platform.requests, "the position")
            await eventually(lambda: collector.reports.packets("province", "dead"), "what became of it")
        agent.close()
    [(_path, _headers, body), *_rest] = platform.requests
    [row] = json.loads(body)["datas"]
    assert (row["personName"], row["idCard"], row["teamName"]) == (NAME, IDENTITY, "采矿队")
    state = made.kept(tmp_path / "state")
    for word in (NAME, IDENTITY, CARD, json.dumps(NAME)[1:-1]):
        assert word.encode() not in state
        assert word not in caplog.text
    assert "…?" in caplog.text  # what the platform quoted is struck out
