"""Static tables from an agent's manifest to a platform that judges them, over a real broker and a real TCP port."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collector.alarms.file import AlarmFile
from collector.duty.book import DutyBook
from collector.duty.records import Scope
from collector.platform.ledger import Ledger
from collector.platform.platform import Platform, Secret, plan
from collector.platform.ports import serve_tcp
from profiles.wire.codec import decode, decoder, encode
from profiles.wire.messages import Asset, Manifest
from tests.collector.field import HAZARD, Agent, Shelf, collecting, eventually
from tests.collector.reports.test_reporting import fast, now, reporting
from tests.servers import LOCAL, Server, mosquitto, running


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.reports.packer.PATIENCE", 100)
    monkeypatch.setattr("collector.reports.reporter.PACK_EVERY", 0.1)


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[tuple[Server, Agent]]:
    with running(mosquitto(tmp_path / "broker")) as broker:
        agent = Agent(broker.port)
        yield broker, agent
        agent.close()


@asynccontextmanager
async def platform(folder: Path, **tables: str) -> AsyncIterator[tuple[Ledger, int]]:
    ledger = Ledger(folder / "platform.db")
    made = Platform(ledger, Secret(), plan("success"), tables={identity: name for name, identity in tables.items()})
    server = await serve_tcp(made, LOCAL, 0)
    try:
        yield ledger, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        ledger.close()


def named(**names: str) -> bytes:
    """The tank's manifest with names of equipment."""
    made = decode(fast("G0001", "G0002"), decoder(Manifest))
    assets = {HAZARD + code: Asset(name=name) for code, name in names.items()}
    return encode(msgspec.structs.replace(made, assets=assets))


def frame(**static_ids: str) -> dict[str, Any]:
    return {"type": "app", "app_id": "a", "service_id": "live", "static_ids": static_ids}


def sensors(ledger: Ledger) -> list[str]:
    """The equipment that the platform has the sensors of, packet by packet."""
    bodies = [ledger.body(packet) for packet in ledger.packets()]
    return ["+".join(row["EQUIP_NAME"] for row in body) for body in bodies if isinstance(body, list)]


async def test_a_table_comes_when_it_is_known_and_when_it_changes_and_not_at_a_restart(
    agent: tuple[Server, Agent], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broker, plant = agent
    async with platform(tmp_path, WC_ENT_CGQ="20011") as (ledger, port):
        chosen = reporting(broker, tmp_path, Shelf(), port, frame=frame(WC_ENT_CGQ="20011"))
        with caplog.at_level(logging.WARNING):
            async with collecting(chosen) as collector:
                plant.send("manifest", named(G0001="1#罐"))
                await eventually(lambda: sensors(ledger) == ["1#罐"], "the row of the tank that has a name")
                plant.send("manifest", named(G0001="1#罐", G0002="2#罐"))
                await eventually(lambda: sensors(ledger)[1:] == ["1#罐+2#罐"], "both rows")
                await eventually(lambda: not collector.reports.status()[0].waiting, "the answer")
        told = [each.getMessage() for each in caplog.records if "static table" in each.getMessage()]
        assert len(told) == 1
        assert f"WC_ENT_CGQ has no row for {HAZARD}G0002YW001: EQUIP_NAME not known" in told[0]
        async with collecting(chosen) as collector:
            plant.data(1, named(G0001="1#罐", G0002="2#罐"), [("G0001", now(), 7.0, "good")])
            await eventually(lambda: ledger.values("S"), "a reading after the restart")
            await eventually(lambda: not collector.reports.status()[0].waiting, "all that was packed before it")
        assert len(sensors(ledger)) == 2
        assert ledger.refusals() == []


async def test_a_stop_and_its_end_reach_the_platform_though_no_manifest_has_changed(
    agent: tuple[Server, Agent], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.reports.rounds.LOOK_AGAIN", 100)
    broker, plant = agent
    async with platform(tmp_path, WC_ENT_CGQ="20011") as (ledger, port):

        def in_use() -> list[str]:
            bodies = [ledger.body(packet) for packet in ledger.packets()]
            return ["".join(row.get("IS_USE", "-") for row in body) for body in bodies if isinstance(body, list)]

        chosen = reporting(broker, tmp_path, Shelf(), port, frame=frame(WC_ENT_CGQ="20011"))
        async with collecting(chosen):
            plant.send("manifest", named(G0001="1#罐", G0002="2#罐"))
            await eventually(lambda: in_use() == ["--"], "both sensors, of which nothing is recorded")
            file = AlarmFile(chosen.state, mend=False)  # as the command beside it
            tank = Scope(HAZARD[:9], f"{HAZARD}G0002")
            DutyBook(file).put("stop", tank, now() - 1000, None, "罐已清空", "li")
            await eventually(lambda: in_use()[1:] == ["-1"], "the stop")
            DutyBook(file).resume(tank, now(), "li", "")
            await eventually(lambda: in_use()[2:] == ["-0"], "its end")
            file.close()
        assert ledger.refusals() == []


async def test_a_table_whose_interface_id_the_platform_does_not_know_stops_no_reading(
    agent: tuple[Server, Agent], tmp_path: Path
) -> None:
    broker, plant = agent
    async with platform(tmp_path, WC_ENT_CGQ="20011") as (ledger, port):
        chosen = reporting(broker, tmp_path, Shelf(), port, frame=frame(WC_ENT_CGQ="20012"))
        async with collecting(chosen) as collector:
            plant.send("manifest", named(G0001="1#罐"))
            await eventually(lambda: collector.reports.packets("county", "dead"), "the dead letter")
            plant.data(1, named(G0001="1#罐"), [("G0001", now(), 7.0, "good")])
            await eventually(lambda: ledger.values("S"), "the reading")
            [dead] = collector.reports.packets("county", "dead")
            assert collector.reports.status()[0].stopped == ""
            assert "static_ids WC_ENT_CGQ as the platform issued it?" in dead.answer
        other = reporting(broker, tmp_path, Shelf(), port, frame={"type": "enterprise"})
        async with collecting(other) as collector:  # a frame that has no place for a table
            assert collector.reports.release("county", dead.id) == 1
            await eventually(lambda: collector.reports.packets("county", "dead"), "the dead letter again")
            [dead] = collector.reports.packets("county", "dead")
    assert dead.answer == "the target's frame has no interface for static table WC_ENT_CGQ: static_ids"
