"""A past period once more: from the store and the alarm book, when the queue has forgotten its packets."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from collector.alarms import whole
from collector.alarms.file import AlarmFile
from collector.cli import reports
from collector.platform.ledger import Ledger
from collector.platform.platform import Platform, Secret, plan
from collector.platform.ports import serve_tcp
from collector.settings import load_collector
from collector.sinks.base import EventRecord
from profiles.wire.codec import freeze_events
from profiles.wire.messages import Event, EventState
from tests.collector.field import STREAM, Agent, collecting, eventually
from tests.collector.reports.test_reporting import FAST, TANK, TANK_HASH
from tests.servers import LOCAL, Server

START = time.time_ns() // 10**9 * 1000 - 3_600_000
SETTINGS = """
collector: bureau
state: state
mqtt: {{host: {local}, port: {broker}, tls: disabled}}
intake: {{flush: 50ms}}
sinks: [{{type: sqlite, name: store, path: store.db}}]
profiles: [profiles]
reports:
  - name: county
    profiles: [fast]
    resume_rate: 100
    transport: {{type: tcp, host: {local}, port: {port}}}
"""


def transition(name: str, state: EventState, at: int, alarm: str = "a") -> Event:
    return Event(
        id=name, alarm=alarm, kind="limit", level="H", state=state, time=at, since=START, tag="G0001",
        value=41.0 if state == "raised" else 39.0, limit=40.0,
    )  # fmt: skip


def resend(file: Path, *words: str, start: int = START - 1000, end: int = START + 10_000) -> Result:
    moments = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at // 1000)) for at in (start, end)]
    line = ["resend", "county", "--from", moments[0], "--to", moments[1], "--settings", str(file), *words]
    return CliRunner().invoke(reports.command, line, catch_exceptions=False)


async def test_readings_and_alarms_come_from_store_and_book_under_the_ids_that_the_platform_knows(
    broker: Server, agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.reports.packer.PATIENCE", 100)
    monkeypatch.setattr("collector.reports.reporter.PACK_EVERY", 0.1)
    monkeypatch.setattr(reports, "PART", 2)
    monkeypatch.setattr(whole, "PART", 1)
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "fast.yaml").write_text(FAST, encoding="utf-8")
    file = tmp_path / "collector.yaml"
    with closing(Ledger(tmp_path / "ledger.db")) as ledger:
        async with await serve_tcp(Platform(ledger, Secret(), plan("success")), LOCAL, 0) as server:
            port = server.sockets[0].getsockname()[1]
            file.write_text(SETTINGS.format(local=LOCAL, broker=broker.port, port=port), encoding="utf-8")
            async with collecting(load_collector(file).settings) as collector:
                agent.send("manifest", TANK)
                agent.data(1, TANK, [("G0001", START + 1000 * at, float(at), "good") for at in range(5)])
                events = [transition("up", "raised", START), transition("down", "cleared", START + 60_000)]
                agent.send("event", freeze_events(STREAM, 2, 0, TANK_HASH, events))
                await eventually(lambda: collector.reports.status()[0].accepted == 7, "all answers")
                first = set(ledger.packets())
                with closing(sqlite3.connect(tmp_path / "state" / "reports.db", timeout=30)) as db, db:
                    assert db.execute("DELETE FROM packet").rowcount == 7
                answer = await asyncio.to_thread(resend, file)  # to a moment before the alarm cleared
                assert answer.exit_code == 0, answer.output
                assert "0 packets wait" in answer.output
                assert "5 readings" in answer.output
                assert "2 transitions" in answer.output
                await eventually(lambda: [*ledger.packets().values()] == [2] * 7, "each packet once more")
                again = await asyncio.to_thread(resend, file)
                assert "6 packets wait" in again.output  # the end of the alarm lies behind the period
                assert "0 transitions" in again.output
                await eventually(lambda: sorted(ledger.packets().values()) == [2] + [3] * 6, "what is kept, once more")
            await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))
            await asyncio.sleep(0)
        assert set(ledger.packets()) == first
        assert len(ledger.values("S")) == 5
        assert [each.kind for each in ledger.values("S.alarm")] == ["alarm hi:alarm", "normal:alarm"]
        assert ledger.refusals() == []


def test_an_alarm_that_moved_in_the_period_is_told_to_its_end_and_others_are_not(tmp_path: Path) -> None:
    told = [
        transition("1", "raised", START), transition("2", "raised", START + 50_000, "b"),
        transition("3", "cleared", START + 60_000),
    ]  # fmt: skip
    with closing(AlarmFile(tmp_path)) as file:
        assert whole.first(file) is None
        with file.transaction() as db:
            whole.note(db, [EventRecord(each, "a", 0, 1, "s", "r", "fast", "as", "p", "YW") for each in told])
        parts = [*whole.between(file, START, START + 10_000)]
        assert [each.event for part in parts for each in part] == [told[0], told[2]]
        whole.forget(file, START + 1)
        assert whole.first(file) == START + 50_000
