"""Text files from end to end: a mine's system writes them, an agent takes them in, a collector stores the readings and
writes files of its own upward, and the platform, with another parser, has what the store has.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import yaml

from collector.app import Collector
from collector.platform.folder import Folder
from collector.platform.ledger import Ledger
from collector.platform.text_files import TextPlatform
from collector.settings import load_collector
from collector.sinks.sqlite.settings import SqliteSettings
from collector.sinks.sqlite.sink import SqliteSink
from edge_agent.app import Agent
from edge_agent.settings import load_agent
from tests.edge_agent.drivers.files.bench import CH4, CO, FAN, MINE, cdss, now, write
from tests.edge_agent.drivers.opcua.plant import until
from tests.servers import LOCAL, mosquitto, running

FAST = """
profile: fast
version: 0.0.1-wd
extends: coal-safety
spec: {zh: 快, en: fast, status: working-definition}
files: {kinds: {CDSS: {interval: 1s}}}
"""
SUBSTATION = f"{MINE}01DT40010007"


def settings(folder: Path, port: int) -> None:
    """The files of agent and collector; the folders between which the readings travel."""
    for name in ("mine", "upload", "profiles"):
        (folder / name).mkdir()
    (folder / "profiles" / "fast.yaml").write_text(FAST, encoding="utf-8")
    mqtt = {"host": LOCAL, "port": port, "tls": "disabled"}
    tags = [
        {"name": name, "label": label, "point": {"profile": "fast", "asset": SUBSTATION, "quantity": code[16:20],
                                                 "code": code}, **rest}
        for name, label, code, rest in (
            ("CH4", "1301工作面T1", CH4, {"unit": "%CH4", "limits": {"H": 1.0, "HH": 1.5, "delay": "0s"}}),
            ("FAN", "1301局部通风机", FAN, {"type": "flag"}), ("CO", "1301回风", CO, {"unit": "ppm"}),
        )
    ]  # fmt: skip
    device = {
        "name": "safety", "driver": "files", "folder": "mine", "interval": "50ms", "tags": tags,
        "format": {"type": "text", "profile": "coal-safety", "mine": MINE},
    }  # fmt: skip
    agent = {
        "agent": "mine-a", "collector": "county", "state": "agent", "mqtt": mqtt, "profiles": ["profiles"],
        "site": {"code": MINE, "name": "示例煤矿", "adcode": "140199"}, "outbox": {"flush": "50ms"},
        "uplink": {"drain": "1s"}, "devices": [device],
    }  # fmt: skip
    target = {
        "name": "province", "profiles": ["fast"], "encoding": "gb18030",
        "transport": {"type": "folder", "path": "upload"},
    }  # fmt: skip
    collector = {
        "collector": "county", "mqtt": mqtt, "state": "collector", "profiles": ["profiles"], "reports": [target],
        "sinks": [{"type": "sqlite", "path": "store.db"}], "intake": {"flush": "50ms"},
    }  # fmt: skip
    for file, made in (("agent", agent), ("collector", collector)):
        (folder / f"{file}.yaml").write_text(yaml.safe_dump(made, allow_unicode=True), encoding="utf-8")


async def mine(folder: Path) -> None:
    """A mine's system at work: a rise through alarm and cut, a sensor that breaks, a fan of which nothing is new."""
    steps = [("0.30", "0", "6", "0"), ("1.62", "3", "6", "0"), ("1.20", "1", "", "128"), ("0.31", "0", "", "128")]
    for methane, state, monoxide, its in steps:
        at = now()
        write(folder, cdss(at, (CH4, methane, state, at), (FAN, "1", "0", at), (CO, monoxide, its, at)), at)
        await asyncio.sleep(1.05)


def stored(folder: Path) -> set[tuple[str, int, float | None]]:
    sink = SqliteSink(SqliteSettings(type="sqlite", path=folder / "store.db"))
    rows = {
        (code, row["time"] // 1000 * 1000, None if row["value"] is None else float(row["value"]))
        for code in (CH4, FAN, CO)
        for row in sink.history(code, 0, 2**53, 1000)
    }
    sink.close()
    return rows


BY_THE_CLOCK = {"FZSS", "TJSJ", "KGBH"}
"""Kinds that are written when a minute, or five, are over, which may be now."""


async def test_what_a_mines_system_wrote_is_what_the_platform_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.reports.packer.PATIENCE", 500)
    monkeypatch.setattr("collector.reports.reporter.PACK_EVERY", 0.1)
    book = Ledger(tmp_path / "platform.db")
    stop, end, over = asyncio.Event(), asyncio.Event(), asyncio.Event()
    with running(mosquitto(tmp_path / "broker")) as broker:
        settings(tmp_path, broker.port)
        inbox = Folder(TextPlatform(book, "gb18030"), tmp_path / "upload")
        county = Collector(load_collector(tmp_path / "collector.yaml").settings)
        tasks = [
            asyncio.create_task(county.run(end)),
            asyncio.create_task(Agent(load_agent(tmp_path / "agent.yaml").settings).run(stop)),
            asyncio.create_task(inbox.watch(over)),
        ]
        try:
            await mine(tmp_path / "mine")
            await until(
                lambda: {each.value for each in book.values("T") if each.code == CH4} >= {0.3, 1.62, 1.2, 0.31},
                f"the values; refused: {book.refusals()[:3]}",
            )
            late = now() - 300_000
            write(tmp_path / "mine", cdss(late, (CH4, "0.25", "0", late)), late)
            await until(lambda: any(each.time == late for each in book.values("T")), "what came late")
            stop.set()
            await tasks[1]
            await until(lambda: not county.reports.status()[0].due, "everything packed")
            await until(lambda: not county.reports.status()[0].waiting, "everything sent")
            await until(lambda: len(book.packets()) == len(list((tmp_path / "upload").rglob("*.txt"))), "all taken")
        finally:
            for each in (stop, end, over):
                each.set()
            await asyncio.gather(*tasks)
    assert (book.refusals(), book.findings()) == ([], [])
    assert {(each.code, each.time, each.value) for each in book.values("T")} == stored(tmp_path)
    told = dict.fromkeys(each.kind for each in book.values("T.alarm"))  # what stands is told again each half minute
    limits = [each for each in told if "009" not in each]
    assert limits == ["YCBJ 001 open", "YCBJ 002 open", "YCBJ 002 closed", "YCBJ 001 closed"]
    assert set(told) - set(limits) == {"YCBJ 009 open", "YCBJ 009 closed"}  # on the way to 1.0 and back
    kinds = {path.name.split("_")[1]: path for path in sorted((tmp_path / "upload/aqjk").iterdir(), reverse=True)}
    assert set(kinds) - BY_THE_CLOCK == {"CDDY", "CDSS", "FZDY", "YCBJ"}
    assert "1301局部通风机;;;;;2" in kinds["CDDY"].read_text(encoding="gb18030")
    whole = [path for path in (tmp_path / "upload/aqjk").glob("*_CDSS_*") if path.read_bytes().count(b"~") == 4]
    assert len(whole) >= 4  # each of the live ones names all three points
    book.close()
