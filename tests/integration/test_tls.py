"""Agent and collector through the shipped broker settings: TLS, a certificate each, the ACL, and renewal in between."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from cryptography import x509

from collector.app import Collector
from collector.pki.authority import opened
from collector.settings import load_collector
from config.certificates import valid_until
from config.keys import write_file
from config.mqtt import MqttSettings
from edge_agent.app import Agent
from edge_agent.settings import load_agent
from edge_agent.simulators import tank_farm
from edge_agent.uplink.rights import try_rights
from tests.integration.secured import COLLECTOR, Secured
from tests.integration.secured import secured as secured
from tests.servers import LOCAL

AGENT = "agent-1"


@dataclass(frozen=True)
class Plant:
    """An agent with a simulated tank farm, and its collector; both run."""

    folder: Path
    collector: Collector

    def acknowledged(self) -> int:
        state = self.collector.agent_state(AGENT)
        return 0 if state is None else state.counters.get("acknowledged", 0)

    def events(self) -> list[tuple[str, str, str]]:
        with closing(sqlite3.connect(self.folder / "store.db")) as store:
            return store.execute("SELECT kind, level, text FROM event").fetchall()

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                await asyncio.sleep(0.05)


@asynccontextmanager
async def plant(secured: Secured, folder: Path) -> AsyncIterator[Plant]:
    instrument = await tank_farm.instrument(None).serve(LOCAL, 0)
    settings: dict[str, dict[str, object]] = {
        AGENT: {
            "agent": AGENT,
            "collector": COLLECTOR,
            "site": {"code": "110110001", "name": "plant", "adcode": "110110"},
            "uplink": {"state_interval": "200ms", "drain": "500ms"},
            "devices": [tank_farm.device_settings(instrument.sockets[0].getsockname()[1], interval="200ms")],
        },
        COLLECTOR: {"collector": COLLECTOR, "sinks": [{"type": "sqlite", "path": "store.db"}]},
    }
    for name, whole in settings.items():
        mqtt = {"host": LOCAL, "port": secured.port, "tls": secured.environment.tls(name)}
        text = yaml.safe_dump(whole | {"state": f"state-{name}", "mqtt": mqtt}, allow_unicode=True)
        (folder / f"{name}.yaml").write_text(text)
    collector = Collector(load_collector(folder / f"{COLLECTOR}.yaml").settings)
    agent = Agent(load_agent(folder / f"{AGENT}.yaml").settings)
    collecting_ends, agent_ends = asyncio.Event(), asyncio.Event()
    collecting = asyncio.create_task(collector.run(collecting_ends))
    working = asyncio.create_task(agent.run(agent_ends))
    try:
        yield Plant(folder, collector)
    finally:
        agent_ends.set()
        await working
        collecting_ends.set()
        await collecting
        instrument.close()


async def test_readings_travel_through_tls_and_the_acl(secured: Secured, tmp_path: Path) -> None:
    async with plant(secured, tmp_path) as running:
        await running.until(running.acknowledged)
        state = running.collector.agent_state(AGENT)
    assert state is not None
    assert state.certificates.keys() == {"client", "ca", "broker"}
    assert state.certificates["client"] == valid_until(Path(secured.environment.tls(AGENT)["certificate"]))
    assert all(end > state.time > 1_700_000_000_000 for end in state.certificates.values())


async def test_rights_are_tried_beside_a_running_agent_which_is_back_at_once(secured: Secured, tmp_path: Path) -> None:
    tls = secured.environment.tls(AGENT)
    mqtt = MqttSettings.model_validate({"host": LOCAL, "port": secured.port, "tls": tls})
    async with plant(secured, tmp_path) as running:
        await running.until(running.acknowledged)
        assert all(each.fine for each in await try_rights(mqtt, AGENT))
        before = running.acknowledged()
        await running.until(lambda: running.acknowledged() > before)


async def test_a_renewed_certificate_is_used_at_the_next_connection_without_a_restart(
    secured: Secured, tmp_path: Path
) -> None:
    """The old ones are revoked and the broker is started again: who still used them would stay out."""
    async with plant(secured, tmp_path) as running:
        await running.until(running.acknowledged)
        with opened(secured.environment.pki) as authority:
            for name in (AGENT, COLLECTOR):
                [old] = authority.index.of(name)
                made = authority.renew(name)
                write_file(Path(secured.environment.tls(name)["certificate"]), made.pem.encode())
                authority.revoke(name, x509.ReasonFlags.superseded, old.serial)
        secured.environment.publish("root")
        before = running.acknowledged()
        await asyncio.to_thread(secured.restart)
        await running.until(lambda: running.acknowledged() > before)


async def test_what_expires_is_an_event_of_the_agents_and_of_the_collectors_which_has_it_in_its_log_too(
    secured: Secured, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(secured.environment.pki) as authority:
        for name in (AGENT, COLLECTOR):
            made = authority.renew(name, days=0.5)  # it began a day ago: a third of its life is left
            write_file(Path(secured.environment.tls(name)["certificate"]), made.pem.encode())
    with caplog.at_level(logging.WARNING):
        async with plant(secured, tmp_path) as running:
            await running.until(running.acknowledged)
            await running.until(
                lambda: any("certificate agent-1 expires in" in text for _kind, _level, text in running.events())
            )
            await running.until(lambda: f"certificate {COLLECTOR} expires in" in caplog.text)
            await running.until(lambda: sum("expires" in text for _kind, _level, text in running.events()) == 2)
            found = [each for each in running.events() if "expires" in each[2]]
    assert [each[:2] for each in found] == [("agent", "WARN")] * 2
    assert sum(f"certificate {COLLECTOR} expires in" in each[2] for each in found) == 1
