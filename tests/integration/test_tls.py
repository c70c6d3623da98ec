"""Agent and collector through the shipped broker settings: TLS, a certificate each, and the ACL."""

from __future__ import annotations

import asyncio
from pathlib import Path

import yaml

from collector.app import Collector
from collector.settings import load_collector
from edge_agent.app import Agent
from edge_agent.settings import load_agent
from edge_agent.simulators import tank_farm
from tests.integration.secured import Secured
from tests.integration.secured import secured as secured
from tests.servers import LOCAL


async def test_readings_travel_through_tls_and_the_acl(secured: Secured, tmp_path: Path) -> None:
    instrument = await tank_farm.instrument(None).serve(LOCAL, 0)
    settings: dict[str, dict[str, object]] = {
        "agent": {
            "agent": "agent-1",
            "collector": "county-1",
            "site": {"code": "110110001", "name": "plant", "adcode": "110110"},
            "uplink": {"state_interval": "200ms"},
            "devices": [tank_farm.device_settings(instrument.sockets[0].getsockname()[1], interval="200ms")],
        },
        "collector": {"collector": "county-1", "sinks": [{"type": "sqlite", "path": "store.db"}]},
    }
    for name, identity in (("agent", "agent-1"), ("collector", "county-1")):
        tls = secured.environment.tls(identity)
        whole = settings[name] | {"state": name, "mqtt": {"host": LOCAL, "port": secured.port, "tls": tls}}
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(whole, allow_unicode=True))
    collector = Collector(load_collector(tmp_path / "collector.yaml").settings)
    agent = Agent(load_agent(tmp_path / "agent.yaml").settings)
    collecting_ends, agent_ends = asyncio.Event(), asyncio.Event()
    collecting = asyncio.create_task(collector.run(collecting_ends))
    working = asyncio.create_task(agent.run(agent_ends))
    async with asyncio.timeout(60):
        while (state := collector.agent_state("agent-1")) is None or not state.counters.get("acknowledged"):
            await asyncio.sleep(0.05)
    agent_ends.set()
    await working
    collecting_ends.set()
    await collecting
    instrument.close()
