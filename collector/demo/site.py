"""The demo's site: servers, instruments and agent as processes of their own, in a folder that holds all their files."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import yaml

from collector.demo import mine
from collector.demo.mine import SealedMine
from collector.demo.processes import Child, ChildFailedError
from collector.demo.servers import Servers
from edge_agent.simulators import process_unit, tank_farm
from edge_agent.simulators.ledger import read_ledger
from profiles.wire.messages import Value

AGENT, COLLECTOR = "demo-site", "demo"
DEVICES = ("tank-farm", "process-unit")
HELD_BACK = 2.0
"""Seconds after the process unit stopped changing within which its server has published the last change."""


class Site:
    """Starts and ends in the order in which nothing is lost; `folder` keeps settings, ledgers, outbox, store, logs."""

    def __init__(
        self, folder: Path, servers: Servers, interval: str = "1s", sealed_mine: SealedMine | None = None
    ) -> None:
        self.folder, self._mine = folder, sealed_mine
        self._servers, self._interval = servers, interval
        self.restarts = 0
        """How often the agent was killed and started again."""
        self._instruments = {
            "tank-farm": self._instrument("tank_farm"),
            "process-unit": self._instrument("process_unit", "--hold"),
        }
        self._agent = Child("agent", folder, "edge_agent.cli.main", "run", str(folder / "agent.yaml"))

    @property
    def children(self) -> tuple[Child, ...]:
        """All processes, the agents last."""
        cameras = (self._mine.cameras,) if self._mine else ()
        return (*self._servers.children, *self._instruments.values(), *cameras, *self._agents)

    @property
    def _agents(self) -> tuple[Child, ...]:
        return (self._agent, self._mine.agent) if self._mine else (self._agent,)

    def collector_settings(self) -> Path:
        """Write the collector's settings; its file."""
        return self._write(
            "collector.yaml",
            {
                "collector": COLLECTOR,
                "state": "collector",
                "mqtt": self._servers.mqtt(COLLECTOR),
                "sinks": [self._servers.sink],
                **({"mines": {mine.CODE: mine.ORDER}} if self._mine else {}),
                "log": {"level": "warning"},
            },
        )

    async def start_servers(self) -> None:
        """Broker and store, before anybody connects to them."""
        await self._servers.start()

    async def start(self) -> None:
        """The instruments, and the agent that reads them; the cameras, and theirs."""
        for child in (*self._instruments.values(), *((self._mine.cameras,) if self._mine else ())):
            await child.start()
        ports = {name: await child.announced_port() for name, child in self._instruments.items()}
        tanks = tank_farm.device_settings(ports["tank-farm"], name="tank-farm", interval=self._interval)
        self._write(
            "agent.yaml",
            {
                "agent": AGENT,
                "collector": COLLECTOR,
                "site": {
                    "code": tank_farm.HAZARD[:9],
                    "name": "模拟化工厂 (simulated plant)",
                    "adcode": "110110",
                    "gateway": f"{tank_farm.HAZARD[:9]}01",
                },
                "state": "agent",
                "mqtt": self._servers.mqtt(AGENT),
                # a broker that was killed drops what comes before the collector is back: sent again within the drain
                "uplink": {"state_interval": "1s", "resend": "5s", "drain": "25s"},
                "devices": [tanks, process_unit.device_settings(ports["process-unit"])],
            },
        )
        await self._agent.start()
        if self._mine:
            port = await self._mine.cameras.announced_port()
            self._write("mine.yaml", self._mine.settings(port, self._servers.mqtt(mine.AGENT)))
            await self._mine.agent.start()

    def begin(self) -> None:
        """Let the process unit change its values, once the agent listens to it."""
        self._instruments["process-unit"].signal(signal.SIGUSR2)

    async def stop_agents(self) -> None:
        """End in order: no more changes, a moment for the last to arrive, then the agents, which deliver the rest."""
        self._instruments["process-unit"].signal(signal.SIGUSR1)
        await asyncio.sleep(HELD_BACK)
        codes = await asyncio.gather(*(agent.stop() for agent in self._agents))
        for agent, code in zip(self._agents, codes, strict=True):
            if code != 0:
                raise ChildFailedError(f"{agent.name} ended with exit code {code}; its log is {agent.log}")

    async def stop(self) -> None:
        """End every process that still runs."""
        for child in reversed(self.children):
            await child.stop()

    async def check(self, collecting: asyncio.Task[None]) -> None:
        """Raise ChildFailedError when a process ended by itself, or what the collector ended with."""
        for child in self.children:
            child.check()
        if collecting.done():
            await collecting

    async def watch(self, collecting: asyncio.Task[None]) -> None:
        """Start again what was killed, agent or server, as systemd would; otherwise as `check`."""
        for agent in self._agents:
            if not agent.running:
                self.restarts += agent is self._agent
                await agent.start()
        for server in self._servers.lasting:
            if not server.running:
                await server.start()
        await self.check(collecting)

    @property
    def agent_running(self) -> bool:
        """Whether the agent's process runs."""
        return self._agent.running

    def agent_pid(self) -> int | None:
        """The agent's process id."""
        return self._agent.pid

    def served(self) -> list[tuple[str, Value]]:
        """Every value that the instruments served, by their own ledgers."""
        return [(entry.tag, entry.value) for name in self._instruments for entry in read_ledger(self._ledger(name))]

    def tags(self) -> dict[str, str]:
        """Point code (or the tag's name, where it has no code) to tag, as the store knows them."""
        settings = yaml.safe_load((self.folder / "agent.yaml").read_text(encoding="utf-8"))
        return {
            tag.get("point", {}).get("code", tag["name"]): tag["name"]
            for device in settings["devices"]
            for tag in device["tags"]
        }

    def words(self, key: str) -> dict[str, str]:
        """What the settings say of each tag under `key`, such as its label or unit."""
        settings = yaml.safe_load((self.folder / "agent.yaml").read_text(encoding="utf-8"))
        return {tag["name"]: tag.get(key, "") for device in settings["devices"] for tag in device["tags"]}

    def _instrument(self, module: str, *options: str) -> Child:
        name = module.replace("_", "-")
        ledger = str(self._ledger(name))
        return Child(name, self.folder, f"edge_agent.simulators.{module}", "--ledger", ledger, *options)

    def _ledger(self, name: str) -> Path:
        return self.folder / f"{name}.ledger"

    def _write(self, name: str, settings: dict[str, Any]) -> Path:
        path = self.folder / name
        path.write_text(yaml.safe_dump(settings, allow_unicode=True, sort_keys=False), encoding="utf-8")
        return path
