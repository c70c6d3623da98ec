"""Persons from end to end: a mine's system writes its files, an agent sends them on encrypted, two levels of collectors
keep them, a platform has what the mine wrote, and the overtime that it did not write; and on no disk and in no log of
ours stands anybody's name.
"""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from collector.app import Collector
from collector.cli.main import main
from collector.platform.folder import Folder
from collector.platform.ledger import Ledger
from collector.platform.text_files import TextPlatform
from collector.settings import load_collector
from edge_agent.app import Agent
from edge_agent.settings import load_agent
from tests.collector.persons.made import AREA, KEY, SECRET, STATION, kept, stamp
from tests.edge_agent.drivers.files.bench import MINE, now, write
from tests.edge_agent.drivers.opcua.plant import until
from tests.private import write_private
from tests.servers import LOCAL, mosquitto, running

CANARIES = ("金丝雀甲", "金丝雀乙", f"{MINE}77001", f"{MINE}77002", "1969-07-20", "金丝雀队")
FIRST, SECOND = f"{MINE}77001", f"{MINE}77002"
HOUR = 3_600_000


def ryxx(at: int) -> str:
    return (
        f"{MINE};示例煤矿;120;KJ000;人员定位系统;示例厂家;2028-12-31;{stamp(at)}~"
        f"{FIRST};金丝雀甲;采煤工;班长;金丝雀队;1969-07-20;;0;1~{SECOND};金丝雀乙;;;金丝雀队;;;0;0~||"
    )


def ryjz(at: int) -> str:
    return f"{MINE};示例煤矿;{stamp(at)}~{STATION};1301机尾;1.0;2.0;-3.5;~||"


def person(card: str, name: str, at: int, help_state: str = "正常", since: int = 0) -> str:
    return (
        f"{card};{name};1;{stamp(since or at - HOUR)};;{AREA};{stamp(at)};{STATION};{stamp(at)};三八制;-3.50;"
        f"{help_state};0;0;{STATION}&{stamp(at)}~"
    )


def ryss(at: int, *records: str) -> str:
    return f"{MINE};示例煤矿;{stamp(at)}~{''.join(records)}||"


def ryqj(at: int) -> str:
    return (
        f"{MINE};示例煤矿;{stamp(at)}~{SECOND};金丝雀乙;{stamp(at - HOUR)};{stamp(at)};;{AREA};{stamp(at - 60_000)};"
        f"{STATION};{stamp(at - 60_000)}~||"
    )


def overtime(at: int, last: int, since: int, end: str = "") -> str:
    """As the gateway works it out of two snapshots."""
    return (
        f"{MINE};示例煤矿;{stamp(at)}~{FIRST};金丝雀甲;{stamp(since)};{stamp(since + 12 * HOUR)};{end};{AREA};"
        f"{stamp(last)};{STATION};{stamp(last)}~||"
    )


def settings(folder: Path, port: int, above: int) -> None:
    """The files of the agent, of the county's collector, and of the province's, which has no key; a broker a level."""
    for name in ("rydw", "upload"):
        (folder / name).mkdir()
    write_private(folder / "secrets" / "persons", SECRET.hex())
    mqtt, higher = ({"host": LOCAL, "port": each, "tls": "disabled"} for each in (port, above))
    point = {"profile": "coal-personnel", "asset": MINE}
    tags = [
        {"name": "HELP", "kind": "RYSS", "code": MINE, "field": "help",
         "point": {**point, "quantity": "QJ", "code": f"{MINE}QJ"}},
        {"name": "BELOW", "kind": "RYSS", "code": MINE, "point": {**point, "quantity": "RS", "code": f"{MINE}RS"}},
    ]  # fmt: skip
    device = {
        "name": "persons", "driver": "files", "folder": "rydw", "interval": "50ms", "tags": tags,
        "format": {"type": "text", "profile": "coal-personnel", "mine": MINE},
    }  # fmt: skip
    agent = {
        "agent": "mine-a", "collector": "county", "state": "state-agent", "mqtt": mqtt, "outbox": {"flush": "50ms"},
        "site": {"code": MINE, "name": "示例煤矿", "adcode": "140199"}, "uplink": {"drain": "1s"},
        "assets": {MINE: {"kind": "mine", "attributes": {"licensed_persons": "120"}}}, "devices": [device],
    }  # fmt: skip
    target = {"name": "platform", "profiles": ["coal-personnel"], "persons": True, "encoding": "gb18030",
              "transport": {"type": "folder", "path": "upload"}}  # fmt: skip
    base: dict[str, Any] = {"intake": {"flush": "50ms"}}
    county = base | {
        "collector": "county", "mqtt": mqtt, "state": "state-county",
        "sinks": [{"type": "sqlite", "path": "state-county/store.db"}],
        "reports": [target], "cascade": [{"collector": "province", "mqtt": higher}],
    }  # fmt: skip
    province = base | {
        "collector": "province", "mqtt": higher, "state": "state-province",
        "sinks": [{"type": "sqlite", "path": "state-province/store.db"}],
    }  # fmt: skip
    for name, made in (("agent", agent), ("county", county), ("province", province)):
        text = yaml.safe_dump(made, allow_unicode=True, sort_keys=False)
        keys = {"agent": "  persons: {key: !secret persons}\n", "county": "persons: {keys: {'*': !secret persons}}\n"}
        (folder / f"{name}.yaml").write_text(text + keys.get(name, ""), encoding="utf-8")


def uploaded(folder: Path, kind: str) -> list[str]:
    return [path.read_text(encoding="gb18030") for path in sorted((folder / "upload").rglob(f"*_{kind}_*.txt"))]


def below(folder: Path, name: str) -> list[dict[str, Any]]:
    result = CliRunner().invoke(main, ["persons", "list", str(folder / f"{name}.yaml"), MINE, "--json"])
    assert result.exit_code == 0, result.output
    [snapshot] = json.loads(result.output)
    return list(snapshot["persons"])


async def test_who_is_underground_is_known_to_who_has_the_key_and_written_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr("collector.reports.packer.PATIENCE", 500)
    monkeypatch.setattr("collector.reports.reporter.PACK_EVERY", 0.1)
    book = Ledger(tmp_path / "platform.db")
    stop, end, over = asyncio.Event(), asyncio.Event(), asyncio.Event()
    brokers = (mosquitto(tmp_path / name) for name in ("broker", "broker-above"))
    with running(next(brokers)) as broker, running(next(brokers)) as above:
        settings(tmp_path, broker.port, above.port)
        mine = tmp_path / "rydw"
        collectors = [Collector(load_collector(tmp_path / f"{name}.yaml").settings) for name in ("county", "province")]
        county, province = collectors
        inbox = Folder(TextPlatform(book, "gb18030"), tmp_path / "upload")
        tasks = [asyncio.create_task(each.run(end)) for each in collectors]
        tasks.append(asyncio.create_task(inbox.watch(over)))
        await until(lambda: county.connected and province.connected, "both collectors")
        await until(lambda: county.reports.mark("platform", "") is not None, "the target's beginning")
        agent = asyncio.create_task(Agent(load_agent(tmp_path / "agent.yaml").settings).run(stop))
        try:
            start = now() - 60_000
            since = start - 13 * HOUR
            write(mine, ryss(start - 99 * HOUR), start - 99 * HOUR, "RYQJ")  # so that calls for help are the mine's
            written = {"RYXX": ryxx(start), "RYJZ": ryjz(start)}
            for kind, text in written.items():
                write(mine, text, start, kind)
            calm = ryss(start, person(FIRST, "金丝雀甲", start, since=since), person(SECOND, "金丝雀乙", start))
            call = ryss(start + 30_000, person(SECOND, "金丝雀乙", start + 30_000, "求救"))
            write(mine, calm, start, "RYSS")
            write(mine, call, start + 30_000, "RYSS")
            write(mine, ryqj(start + 30_000), start + 30_000, "RYQJ")
            late = ryss(start - HOUR, person(FIRST, "金丝雀甲", start - HOUR))
            await until(lambda: len(uploaded(tmp_path, "RYSS")) == 2, f"two snapshots; {book.refusals()[:3]}")
            write(mine, late, start - HOUR, "RYSS")
            broken = call.replace(f"{SECOND};", f"{SECOND}0;").replace(stamp(start + 30_000) + "~1", "x~1", 1)
            write(mine, broken, start + 45_000, "RYSS")  # is refused: no log may tell whose record it was
            await until(lambda: len(uploaded(tmp_path, "RYSS")) == 3, f"all snapshots; {book.refusals()[:3]}")
            await until(lambda: "refused" in caplog.text, "the refusal")
            await until(lambda: uploaded(tmp_path, "RYQJ"), "the call for help")
            await until(lambda: len(uploaded(tmp_path, "RYCS")) == 2, "the overtime and its end")
            await until(lambda: len(book.packets()) == len(list((tmp_path / "upload").rglob("*.txt"))), "all taken")
            raised = [life for life in county._book.lives() if life.place.quantity == "QJ"]
            assert [(life.last.level, life.last.value, life.raised) for life in raised] == [("H", 1, start + 30_000)]
            assert [(each["card"], each["help"]) for each in below(tmp_path, "county")] == [(SECOND, True)]
            assert below(tmp_path, "county")[0]["station"] == f"{STATION} 1301机尾"
            stores = [county._persons, province._persons]
            await until(lambda: len({tuple((r.kind, r.files) for r in each.held()) for each in stores}) == 1, "above")
            for each in ("state-agent", "state-county", "state-province"):  # while all is open, with its logs (WAL)
                held = kept(tmp_path / each)
                assert [word for word in CANARIES if word.encode() in held or word.encode("gb18030") in held] == []
        finally:
            for event in (stop, end, over):
                event.set()
            await asyncio.gather(agent, *tasks)
    assert (book.refusals(), book.findings()) == ([], [])
    assert sorted(uploaded(tmp_path, "RYSS")) == sorted([late, calm, call])  # byte for byte, but for the encoding
    assert uploaded(tmp_path, "RYXX") == [written["RYXX"].replace("1969-07-20", "")]  # birth dates are withheld
    assert uploaded(tmp_path, "RYJZ") == [written["RYJZ"]]
    assert uploaded(tmp_path, "RYQJ") == [ryqj(start + 30_000)]  # the mine's, once
    assert uploaded(tmp_path, "RYCS") == [
        overtime(start, start, since), overtime(start + 30_000, start, since, stamp(start + 30_000)),
    ]  # fmt: skip
    for each in ("state-agent", "state-county", "state-province"):
        held = kept(tmp_path / each)
        assert [word for word in CANARIES if word.encode() in held or word.encode("gb18030") in held] == []
    told = caplog.text + "".join(path.read_text() for path in tmp_path.glob("broker*/**/*.log"))
    assert [word for word in CANARIES if word in told] == []
    result = CliRunner().invoke(main, ["persons", "list", str(tmp_path / "province.yaml"), MINE])
    assert (result.exit_code, f"are encrypted by the key {KEY.id}, and persons.keys has none" in result.output) == (
        1,
        True,
    )
    listed = CliRunner().invoke(main, ["audit", "list", str(tmp_path / "county.yaml"), "--json"])
    looks = [each for each in json.loads(listed.output) if each["subject"] == f"persons {MINE}"]
    assert [each["what"] for each in looks] == ["look at persons underground"] * 2
    assert CANARIES[0].encode() in kept(tmp_path / "rydw")  # so it would have been found
    book.close()
