"""What people do by commands stands in the audit log, and the log stays whole while the collector writes it."""

from __future__ import annotations

import asyncio
import itertools
import json
from pathlib import Path

from click.testing import CliRunner

from collector.alarms.file import AlarmFile
from collector.audit import all_entries, os_user
from collector.cli.main import main
from collector.sinks.sqlite.settings import SqliteSettings
from profiles.wire.codec import freeze_events, manifest_hash
from profiles.wire.messages import Event
from tests.collector.field import HAZARD, STREAM, Agent, Shelf, collecting, eventually
from tests.collector.reports.platform import error, platform
from tests.collector.reports.test_reporting import TANK, now, reporting
from tests.servers import LOCAL, Server

CODE = f"{HAZARD}G0001YW001"


def settings_file(folder: Path, port: int) -> Path:
    """The settings of the collector that runs, as its commands read them."""
    file = folder / "collector.yaml"
    file.write_text(
        "collector: bureau\nstate: .\nmqtt: {host: 127.0.0.1, tls: disabled}\nprofiles: [profiles]\n"
        "sinks: [{type: sqlite, name: store, path: store.db}]\n"
        "reports: [{name: county, profiles: [fast], frame: {type: none},"
        f" transport: {{type: tcp, host: {LOCAL}, port: {port}}}}}]\n"
    )
    return file


async def command(*words: object) -> str:
    """A command beside the collector, on files that it opens itself."""
    result = await asyncio.to_thread(CliRunner().invoke, main, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.output


async def alarms(agent: Agent, stop: asyncio.Event) -> int:
    """An alarm of another device each time, so that the collector logs all the while; how many."""
    for seq in itertools.count(1000):
        at = now()
        event = Event(
            id=f"{seq}", alarm=f"{seq}", kind="link", level="FAULT", state="raised", time=at, since=at, device=f"d{seq}"
        )  # fmt: skip
        frame = freeze_events(STREAM, seq, 0, manifest_hash(TANK), [event])
        await asyncio.to_thread(agent.send, "event", frame)
        if stop.is_set():
            return seq - 1000
    return 0


async def test_every_act_is_in_the_log_and_the_log_is_whole_whenever_it_is_walked_beside_the_collector(
    broker: Server, agent: Agent, tmp_path: Path
) -> None:
    async with platform() as there:
        there.answer = error("400")
        store = SqliteSettings(type="sqlite", name="store", path=tmp_path / "store.db")
        chosen = reporting(broker, tmp_path, Shelf(), there.port).model_copy(update={"sinks": (store,)})
        file = settings_file(tmp_path, there.port)
        async with collecting(chosen) as collector:
            start = now() - 10_000
            agent.send("manifest", TANK)
            agent.data(1, TANK, [("G0001", start + at * 1000, 7.0 + at, "good") for at in range(3)])
            agent.data(2, TANK, [("nobody", start, 1.0, "good")])
            agent.data(3, TANK, [("nowhere", start, 1.0, "good")])
            await eventually(lambda: len(collector.reports.packets("county", "dead")) == 3, "what the platform refused")
            await eventually(lambda: collector.dead_letters.count() == 2, "what could not be used")
            dead = [packet.id for packet in collector.reports.packets("county", "dead")]
            stop = asyncio.Event()
            busy = asyncio.create_task(alarms(agent, stop))
            acts: list[tuple[object, ...]] = [
                ("dead-letters", "replay", file, 1),
                ("dead-letters", "discard", file, "--all"),
                ("reports", "dead-letters", "resend", dead[0], "-s", file),
                ("reports", "dead-letters", "discard", dead[1], "-s", file),
                (
                    "reports",
                    "resend",
                    "county",
                    "--from",
                    "2026-01-01T00:00Z",
                    "--to",
                    "2126-01-01",
                    "--point",
                    CODE,
                    "-s",
                    file,
                ),
                ("duty", "stop", f"{HAZARD[:9]}.G0001", "--reason", "empty", "-s", file),
                ("audit", "archive", file, tmp_path / "old", "--before", "2126-01-01"),
            ]
            for act in acts:
                await command(*act)
                assert "whole and in order" in await command("audit", "verify", file)
            stop.set()
            assert await busy > 0
            assert "whole and in order; head" in await command("audit", "verify", file, tmp_path / "old")
    alarms_file = AlarmFile(tmp_path, mend=False)
    archived = [json.loads(line) for line in (tmp_path / "old").read_text().splitlines()]
    with alarms_file.reading() as db:
        entries = [*archived, *all_entries(db)]
    alarms_file.close()
    people = [(what, about, json.loads(more)) for _, _, who, what, about, more, *_ in entries if who == os_user()]
    assert [(what, subject) for what, subject, _details in people] == [
        ("replayed", "dead letters"), ("discarded", "dead letters"), ("sent again", "report packets"),
        ("discarded", "report packets"), ("sent again", "reports to county"), ("stopped", "duty record 1"),
        ("archived", "audit log"),
    ]  # fmt: skip
    about = [details for _what, _subject, details in people]
    assert about[0]["letters"][0].startswith("1 plant-a data ")
    assert (about[2]["packets"], about[2]["count"]) == ([f"county {dead[0]}"], 1)
    assert about[3]["packets"] == [f"county {dead[1]}"]
    assert (about[4]["from"], about[4]["points"]) == ("2026-01-01T00:00:00.000Z", [CODE])
    logged = [what for _, _, who, what, *_ in entries if who == "edge-collector"]
    assert len(logged) > len(acts), "the collector wrote all the while"
