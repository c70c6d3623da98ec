"""Rights are judged by an echo: what the broker answers proves nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Literal

import pytest

from config.mqtt import MqttSettings
from edge_agent.uplink.rights import Right, try_rights
from tests.integration.secured import COLLECTOR, Secured, Speaker, speaking
from tests.integration.secured import secured as secured
from tests.servers import LOCAL, mosquitto, running

Version = Literal["5", "3.1.1"]
MAY = [f"publish its {kind}" for kind in ("manifest", "data", "event", "evidence", "state", "response")]


def settings(port: int, version: Version, tls: object = "disabled") -> MqttSettings:
    return MqttSettings.model_validate({"host": LOCAL, "port": port, "version": version, "tls": tls})


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_at_the_shipped_settings_an_agent_may_what_it_must_and_no_more(
    secured: Secured, version: Version
) -> None:
    other = await asyncio.to_thread(Speaker, secured.port, secured.context("agent-2"), "agent-2")
    collector = await asyncio.to_thread(Speaker, secured.port, secured.context(COLLECTOR), COLLECTOR)
    with speaking(other, collector):
        collector.listen("#", "gw/v1/county-1/+/data")
        other.client.publish("gw/v1/county-1/agent-2/state", "retained", qos=1, retain=True).wait_for_publish(30)
        found = await try_rights(settings(secured.port, version, secured.environment.tls("agent-1")), "agent-1")
        assert [each for each in found if not each.fine] == []
        assert [each.what for each in found][: len(MAY)] == MAY
        assert len(found) == len(MAY) + 5
        assert not [each for each in collector.heard if "_trial" in each], "a trial must not be taken for data"


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_a_broker_without_an_acl_is_found_out(tmp_path: Path, version: Version) -> None:
    with running(mosquitto(tmp_path)) as server:
        other = await asyncio.to_thread(plain_speaker, server.port)
        found = await try_rights(settings(server.port, version), "agent-1")
        other.end()
    assert all(each.fine for each in found[: len(MAY)])
    assert not any(each.fine for each in found[len(MAY) :])
    assert "gw/v1/county-1/agent-2/state" in found[-1].advice


async def test_an_acl_that_lets_agents_speak_for_each_other_is_found_out(secured: Secured) -> None:
    with (secured.environment.broker.parent / "acl").open("a") as rules:
        rules.write("pattern write gw/v1/+/+/data\npattern read gw/v1/+/+/state\n")
    await asyncio.to_thread(secured.reload)
    other = await asyncio.to_thread(Speaker, secured.port, secured.context("agent-2"), "agent-2")
    with speaking(other):
        other.client.publish("gw/v1/county-1/agent-2/state", "retained", qos=1, retain=True).wait_for_publish(30)
        found = await try_rights(settings(secured.port, "5", secured.environment.tls("agent-1")), "agent-1")
    assert [each.what for each in found if not each.fine] == [
        "must not publish in the name of another agent", "must not hear others",
    ]  # fmt: skip


async def test_an_agent_whose_certificate_bears_another_name_is_told_what_it_may_not(secured: Secured) -> None:
    tls = secured.environment.tls("agent-2")
    found: list[Right] = await try_rights(settings(secured.port, "3.1.1", tls), "agent-1", patience=0.5)
    assert [each.what for each in found if not each.fine] == MAY
    assert "common name" in found[0].advice


def plain_speaker(port: int) -> Speaker:
    other = Speaker(port, None, "agent-2")
    other.client.publish("gw/v1/county-1/agent-2/state", "retained", qos=1, retain=True).wait_for_publish(30)
    return other
