"""What an operator found about an alarm of a seal: from the command to the platform, over a stop in between."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from collector.cli.main import main
from collector.mines import MineOrder
from collector.reports.settings import target_model
from profiles.wire.codec import freeze_events, manifest_hash
from tests.collector.alarms.make import NOW, book, life
from tests.collector.field import STREAM, Agent, Shelf, collecting, eventually, settings
from tests.collector.reports.test_seal import ABOUT, MINE, messages, seen
from tests.collector.test_terminals import seal_platform
from tests.servers import Server


@pytest.fixture
def agent(broker: Server) -> Iterator[Agent]:
    agent = Agent(broker.port, "mine-a")
    yield agent
    agent.close()


def call(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def numbered(file: Path, quantity: str) -> int:
    for row in json.loads(call("alarms", "list", file, "--json").output):
        if json.loads(call("alarms", "show", file, row["id"], "--json").output)["place"]["quantity"] == quantity:
            return int(row["id"])
    return 0


async def test_what_the_check_on_site_found_reaches_the_platform_for_the_very_event(
    broker: Server, agent: Agent, tmp_path: Path
) -> None:
    file = tmp_path / "collector.yaml"
    file.write_text(f"collector: bureau\nstate: {tmp_path}\nmqtt: {{host: 127.0.0.1, tls: disabled}}\n"
                    f"sinks: [{{type: sqlite, name: store, path: {tmp_path}/store.db}}]\n")  # fmt: skip
    async with seal_platform(tmp_path) as (ledger, transport):
        target = target_model().model_validate(
            {"name": "up", "profiles": ["electronic-seal"], "family": "seal", "transport": transport}
        )
        changes: dict[str, Any] = {"reports": (target,), "mines": {MINE: MineOrder(state="stopped")}}
        chosen = settings(broker.port, tmp_path, Shelf()).model_copy(update=changes)
        async with collecting(chosen):
            agent.send("manifest", ABOUT)
            events = [seen(1, "belt_run", "belt"), seen(2, "q_blur", "gate")]
            agent.send("event", freeze_events(STREAM, 1, 0, manifest_hash(ABOUT), events))
            await eventually(lambda: len(ledger.packets()) == 2, "both events")
            number = numbered(file, "belt_run")
            assert call("alarms", "ack", file, number).exit_code == 0
            refused = call("alarms", "handle", file, number, "--note", "x")
            assert "say with --finding what the check on site found" in refused.output
            odd = call("alarms", "handle", file, number, "--note", "x", "--finding", "fine")
            assert "'fine' is no finding; expected one of illegal_production, permitted" in odd.output
        done = call("alarms", "handle", file, number, "--by", "li", "--note", "皮带断电", "--finding", "false_alarm")
        assert done.exit_code == 0, "the collector is not there; what was done is kept"
        async with collecting(chosen):
            await eventually(lambda: any(each["msgType"] == "handle" for each in messages(ledger)), "the handling")
        assert ledger.refusals() == []
        found = {each.get("eventCode", each["msgType"]): each for each in messages(ledger)}
    handle = found["handle"]
    assert handle["eventId"] == found["belt_run"]["eventId"] != found["q_blur"]["eventId"]
    assert (handle["officer"], handle["finding"], handle["measures"]) == ("li", "false_alarm", "皮带断电")
    assert handle["time"] == handle["sendTime"]


def test_an_alarm_of_a_tank_has_no_finding(tmp_path: Path) -> None:
    (tmp_path / "collector.yaml").write_text(
        "collector: bureau\nstate: state\nmqtt: {host: 127.0.0.1, tls: disabled}\n"
        "sinks: [{type: sqlite, name: store, path: store.db}]\n"
    )
    with book(tmp_path / "state") as opened:
        opened.write([], life("A1", NOW))
    assert call("alarms", "ack", tmp_path / "collector.yaml", 1).exit_code == 0
    refused = call("alarms", "handle", tmp_path / "collector.yaml", 1, "--note", "x", "--finding", "permitted")
    assert "only an alarm of a seal has a finding" in refused.output
