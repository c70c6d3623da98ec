"""The state of a seal through a running collector: broker, events as an agent sends them, real stores, the command."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from collector.alarms import desk
from collector.cli.main import main
from collector.mines import MineOrder
from collector.sinks.sqlite.settings import SqliteSettings
from profiles.wire.codec import freeze_events, manifest_hash
from tests.collector.field import NOW, STREAM, Agent, collecting, eventually, settings
from tests.collector.reports.test_seal import ABOUT, BELT, MINE, seen
from tests.collector.seal.made import permit
from tests.collector.sinks.stores import InfluxStore, SqliteStore, Store
from tests.servers import Server, influxdb, running

LISTED = "collector: bureau\nstate: state\nmqtt: {host: 127.0.0.1}\nsinks: [{type: sqlite, name: a, path: a.db}]\n"


@pytest.fixture(params=["sqlite", "influxdb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "sqlite":
        yield sqlite(tmp_path)
        return
    with running(influxdb(tmp_path / "influxdb")) as server:
        yield InfluxStore(server, "bureau")


@pytest.fixture
def agent(broker: Server) -> Iterator[Agent]:
    agent = Agent(broker.port, "mine-a")
    yield agent
    agent.close()


def sqlite(folder: Path) -> SqliteStore:
    """With its tables, so that a test may look into it from the beginning on."""
    made = SqliteStore(folder / "store.db")
    sink = made.sink()
    sink.write_facts([])
    sink.close()
    return made


def states(store: Store, position: str | None) -> list[str]:
    """What a store has of the mine (None) or a position, by time."""
    return [row["state"] for _time, row in store.facts("seal") if row.get("position") == position]


async def command(folder: Path, *words: str, exit_code: int = 0) -> str:
    file = folder / "collector.yaml"
    file.write_text(LISTED)
    result = await asyncio.to_thread(CliRunner().invoke, main, [words[0], words[1], str(file), *words[2:]])
    assert result.exit_code == exit_code, result.output
    return result.output


async def test_a_person_in_a_sealed_mine_breaks_its_seal_in_every_store_until_a_person_closes_the_alarm(
    broker: Server, agent: Agent, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "LOOK_AROUND", 0.05)
    monkeypatch.setattr("collector.background.LOOK_AROUND", 0.1)
    belt = permit(-5, 60, positions=["P06"])
    order = MineOrder.model_validate({"state": "closed", "order": "12号", "permits": [belt]})
    chosen = settings(broker.port, tmp_path / "state").model_copy(
        update={"sinks": (_sink(store),), "mines": {MINE: order}}
    )  # fmt: skip
    async with collecting(chosen):
        agent.send("manifest", ABOUT)
        agent.tell(0)
        await eventually(lambda: states(store, None)[-1:] == ["maintenance"], "the seal at first")
        first = [seen(1, "person_in", "gate", "noted", 0, persons=1), seen(2, "q_covered", "belt"),
                 seen(3, "belt_run", "belt")]  # fmt: skip
        agent.send("event", freeze_events(STREAM, 1, 0, manifest_hash(ABOUT), first))
        await eventually(lambda: states(store, None)[-1:] == ["broken"], "that the seal is broken")
        await eventually(lambda: states(store, "P06")[-1:] == ["blind"], "that the belt's camera is covered")
        [mine] = json.loads(await command(tmp_path, "seal", "list", "--json"))
        assert (mine["site"], mine["state"], mine["why"]) == (MINE, "broken", "1 broken: P01; 1 blind: P06")
        [about] = json.loads(await command(tmp_path, "seal", "show", MINE, "--json"))
        at = {row["position"]: row for row in about["positions"]}
        assert (at["P01"]["state"], at["P01"]["since"], at["P01"]["cameras"]) == ("broken", NOW, ["gate"])
        assert [each["positions"] for each in about["permits"]] == [["P06"]]
        assert (about["order"]["order"], "P05" in about["unwatched"]) == ("12号", True)
        assert about["evidence"] == [], "what runs by permit makes nothing of the seal, and so do its pictures"
        table = await command(tmp_path, "seal", "show", MINE)
        assert "broken 封条破坏" in table
        assert "without a camera: P02, P03" in table
        before = json.loads(await command(tmp_path, "seal", "list", "--json", "--at", "2020-01-01T00:00Z"))
        assert before[0]["state"] is None
    late = [seen(4, "q_covered", "belt", "cleared", 60_000)]
    numbers = [str(each["id"]) for each in json.loads(await command(tmp_path, "alarms", "list", "--json"))]
    async with collecting(chosen):
        agent.send("event", freeze_events(STREAM, 2, 0, manifest_hash(ABOUT), late))
        await eventually(lambda: "suspicious" in states(store, "P06"), "what came after a restart")
        await command(tmp_path, "alarms", "ack", *numbers)
        await command(tmp_path, "alarms", "handle", *numbers, "--note", "x", "--finding", "illegal_production")
        listed = json.loads(await command(tmp_path, "alarms", "list", "--json"))
        cleared = [str(each["id"]) for each in listed if each["condition"] == "cleared"]
        await command(tmp_path, "alarms", "close", *cleared)
        await eventually(lambda: states(store, None)[-1:] == ["maintenance"], "that the seal is whole again")
    assert set(states(store, "P01")) == {"sealed", "broken"}
    rows = [row for _time, row in store.facts("seal") if row["state"] == "broken" and "position" not in row]
    assert (rows[0]["site"], rows[0]["number"], rows[0]["since"]) == (MINE, 4, NOW)


async def test_the_command_names_the_evidence_of_the_alarms_that_made_the_state(
    broker: Server, agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "LOOK_AROUND", 0.05)
    monkeypatch.setattr("collector.background.LOOK_AROUND", 0.1)
    store = sqlite(tmp_path)
    changes: dict[str, Any] = {"sinks": (_sink(store),), "mines": {MINE: MineOrder(state="closed")}}
    async with collecting(settings(broker.port, tmp_path / "state").model_copy(update=changes)):
        agent.send("manifest", ABOUT)
        agent.tell(0)
        agent.send("event", freeze_events(STREAM, 1, 0, manifest_hash(ABOUT), [seen(1, "belt_run", "belt")]))
        await eventually(lambda: states(store, "P06")[-1:] == ["broken"], "that the seal is broken")
        [about] = json.loads(await command(tmp_path, "seal", "show", MINE, "--json"))
    found = [(each["event"], each["id"], each["state"]) for each in about["evidence"]]
    assert sorted(found) == [("belt_run", f"{BELT}/{number}.jpg", "incomplete") for number in range(3)]


async def test_the_command_says_what_is_not_there(tmp_path: Path) -> None:
    assert "no collector has run" in await command(tmp_path, "seal", "list", exit_code=1)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "alarms.db").touch()
    assert await command(tmp_path, "seal", "list") == "nothing\n"
    assert "no mine 'x' that has a seal" in await command(tmp_path, "seal", "show", "x", exit_code=1)
    assert "is no time; expected one such as" in await command(tmp_path, "seal", "list", "--at", "noon", exit_code=2)


def _sink(store: Store) -> Any:
    if isinstance(store, SqliteStore):
        return SqliteSettings(type="sqlite", name="a", path=store.path)
    assert isinstance(store, InfluxStore)
    return store.settings
