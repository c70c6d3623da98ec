"""Another system's own alarms on their way upward: the mine's own record, with a person only for who may have it."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
import yaml

from collector.alarms.book import AlarmBook
from collector.alarms.file import AlarmFile
from collector.alarms.settings import AlarmSettings
from collector.app import Collector
from collector.reports.crossings import moved
from collector.reports.encoders.base import Alarm
from collector.reports.encoders.text_file import TextFileEncoder
from collector.reports.encoders.text_passed_on import holds_persons, with_persons
from collector.settings import load_collector
from edge_agent.app import Agent
from edge_agent.settings import load_agent
from profiles.textfile.codec import decode
from profiles.textfile.values import text_files
from profiles.wire.messages import Event
from tests.collector.reports.test_text_file import AT, METHANE, gateway
from tests.edge_agent.drivers.files.bench import CH4, CO, FAN, MINE, cdss, now, stamp, write
from tests.edge_agent.drivers.opcua.plant import until
from tests.integration.test_text_files import settings
from tests.private import write_private
from tests.profiles.textfile.examples import YCBJ_CLOSED
from tests.servers import mosquitto, running

FILES = text_files(gateway().profile)
RECORD = decode(FILES, "YCBJ", YCBJ_CLOSED.encode()).records[1]
NAME = "金丝雀丙"


def event(**more: str) -> Event:
    facts = {field: text for field, text in RECORD.items() if text and field != "entered_by"} | more
    return Event(id="1", alarm="a", kind="limit", level="HH", state="cleared", time=AT + 381_000, since=AT - 1000,
                 tag="t", code="system", facts=dict(facts))  # fmt: skip


def test_the_record_is_the_mines_own_field_by_field_and_crosses_no_limit_of_ours() -> None:
    its = event()
    assert moved({}, its, ["H", "HH"]) == []
    [draft] = TextFileEncoder.alarms(gateway(), [Alarm(METHANE, its, None, None)])
    assert decode(FILES, "YCBJ", draft.body).records[1] == RECORD | {"entered_by": ""}


def test_what_the_mine_left_empty_is_filled_as_in_ours() -> None:
    its = event(place="", unit="")
    its = Event(**{field: getattr(its, field) for field in its.__struct_fields__} | {
        "facts": {field: text for field, text in its.facts.items() if text}})  # fmt: skip
    [draft] = TextFileEncoder.alarms(gateway(), [Alarm(METHANE, its, None, None)])
    record = decode(FILES, "YCBJ", draft.body).records[1]
    assert (record["place"], record["unit"]) == ("1301工作面T1", "%CH4")


def test_a_person_stands_encrypted_in_the_packet_of_a_target_that_is_to_have_persons_and_in_no_other() -> None:
    its = Alarm(METHANE, event(encrypted="persons1;cipher"), None, None)
    [without] = TextFileEncoder.alarms(gateway(), [its])
    assert not holds_persons(without.body)
    [draft] = TextFileEncoder.alarms(gateway(persons=True), [its])
    assert holds_persons(draft.body)
    seen: list[tuple[str, str]] = []

    def opened(part: str, field: str) -> bytes:
        seen.append((part, field))
        return RECORD["entered_by"].encode()

    body = with_persons(draft.body, opened)
    assert seen == [("persons1;cipher", "entered_by")]
    assert decode(FILES, "YCBJ", body).records[1] == RECORD


# -- from the mine's folder to the platform's

KEY = "22" * 32


def ycbj(at: int, end: str = "", rest: str = ";;;") -> str:
    figures = f"1.81;{stamp(at)};0.92;{stamp(at)};1.43"
    return (
        f"{MINE};示例煤矿;{stamp(at)}~{CH4};环境瓦斯;1301工作面T1;%CH4;002;{stamp(at)};{end};{figures};{rest};"
        f"{stamp(at)}~||"
    )


def with_alarms(folder: Path, port: int) -> None:
    """The settings of the test of text files, with a tag that takes alarms, and persons."""
    settings(folder, port)
    write_private(folder / "secrets" / "persons", KEY)
    agent, county = (yaml.safe_load((folder / f"{name}.yaml").read_text("utf-8")) for name in ("agent", "collector"))
    [device], [target] = agent["devices"], county["reports"]
    device["tags"][0]["alarms"] = target["persons"] = True
    device["persons"], county["persons"] = {"key": "SECRET"}, {"keys": {"*": "SECRET"}}
    for name, made in (("agent", agent), ("collector", county)):
        text = yaml.safe_dump(made, allow_unicode=True).replace("SECRET", "!secret persons")
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def uploaded(folder: Path) -> list[dict[str, str]]:
    paths = sorted((folder / "upload").rglob("*_YCBJ_*.txt"))
    return [each for path in paths
            for each in decode(FILES, "YCBJ", path.read_bytes(), encoding="gb18030").records.values()]  # fmt: skip


async def test_a_mines_alarm_is_a_life_of_its_point_and_reaches_the_platform_with_its_words_and_its_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("collector.reports.reporter.PACK_EVERY", 0.1)
    caplog.set_level(logging.DEBUG)
    stop, end = asyncio.Event(), asyncio.Event()
    with running(mosquitto(tmp_path / "broker")) as broker:
        with_alarms(tmp_path, broker.port)
        county = Collector(load_collector(tmp_path / "collector.yaml").settings)
        tasks = [
            asyncio.create_task(county.run(end)),
            asyncio.create_task(Agent(load_agent(tmp_path / "agent.yaml").settings).run(stop)),
        ]
        try:
            at = now() - 60_000
            write(tmp_path / "mine", cdss(at, (CH4, "0.3", "0", at), (FAN, "1", "0", at), (CO, "6", "0", at)), at)
            write(tmp_path / "mine", ycbj(at), at, "YCBJ")
            await until(lambda: uploaded(tmp_path), "the alarm that begins")
            over = stamp(at + 30_000)
            write(tmp_path / "mine", ycbj(at, over, f"放炮;加大风量;{over};{NAME}"), at + 31_000, "YCBJ")
            await until(lambda: len(uploaded(tmp_path)) == 2, "its end")
            stop.set()
            await tasks[1]
        finally:
            stop.set()
            end.set()
            await asyncio.gather(*tasks)
    opened, closed = uploaded(tmp_path)
    assert (opened["abnormal_type"], opened["end_time"], opened["entered_by"]) == ("002", "", "")
    assert {each: closed[each] for each in ("end_time", "maximum", "cause", "measures", "entered_by")} == {
        "end_time": over, "maximum": "1.81", "cause": "放炮", "measures": "加大风量", "entered_by": NAME,
    }  # fmt: skip
    book = AlarmBook(AlarmFile(tmp_path / "collector"), AlarmSettings())
    [life] = book.lives()
    book.close()
    assert (life.place.point, life.condition, life.gravest, life.raised) == (CH4, "cleared", "HH", at)
    assert NAME not in caplog.text
    disks = [path for name in ("agent", "collector") for path in (tmp_path / name).rglob("*") if path.is_file()]
    assert disks
    assert not [path for path in [*disks, tmp_path / "store.db"] if NAME.encode() in path.read_bytes()]
