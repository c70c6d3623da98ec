"""A lock on a sealed hoist is opened: from a real Modbus instrument to the state of the seal and the platform.

Agent, broker, collector and platform are the real ones; the agent is stopped while the lock stands open.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from collector.mines import MineOrder
from collector.platform.ledger import Ledger
from collector.platform.platform import Platform, Secret, plan
from collector.platform.ports import serve_http
from collector.reports.settings import target_model
from edge_agent.simulators.modbus_server import Instrument, Served
from tests.collector.field import Shelf, collecting, eventually, seals, settings
from tests.integration.agents import agent
from tests.servers import LOCAL, Server

MINE, TERMINAL = "140199900001", "14019990000101"
QUICK = """
profile: quick-seal
version: 1.0.0-wd
extends: electronic-seal
spec: {zh: 快, en: quick, status: working-definition}
seal: {events: {lock_open: {on: 100ms, off: 200ms}}}
"""
"""The package's, but for the times of a lock."""


def written(folder: Path, broker: int, modbus: int) -> None:
    (folder / "profiles").mkdir()
    (folder / "profiles" / "quick-seal.yaml").write_text(QUICK, encoding="utf-8")
    seal = {"profile": "quick-seal", "event": "lock_open", "position": "P07", "when": True}
    lock = {"name": "LOCK", "label": "绞车电子锁", "table": "discrete-input", "address": 3, "type": "bit", "seal": seal}
    plc = {"name": "plc", "driver": "modbus", "connection": {"type": "tcp", "host": LOCAL, "port": modbus},
           "addressing": "plain", "interval": "100ms", "tags": [lock]}  # fmt: skip
    made = {
        "agent": "mine-a", "collector": "bureau", "state": "agent", "profiles": ["profiles"], "devices": [plc],
        "site": {"code": MINE, "name": "示例煤矿", "adcode": "140199", "gateway": TERMINAL, "industry": "MK"},
        "mqtt": {"host": LOCAL, "port": broker, "tls": "disabled"}, "outbox": {"flush": "50ms"},
        "uplink": {"drain": "1s"},
    }  # fmt: skip
    (folder / "agent.yaml").write_text(yaml.safe_dump(made, allow_unicode=True), encoding="utf-8")


@pytest.mark.timeout(120)
async def test_an_opened_lock_breaks_the_seal_and_is_one_event_at_the_platform_over_a_restart_of_the_agent(
    tmp_path: Path, broker: Server
) -> None:
    shelf, ledger, is_open = Shelf(), Ledger(tmp_path / "platform.db"), False
    bit = Served("LOCK", "discrete-input", 3, 1, lambda: (is_open, bytes([is_open])))
    modbus = await Instrument([bit], None).serve(LOCAL, 0)
    server = await serve_http(Platform(ledger, Secret(), plan("success")), LOCAL, 0)
    at_modbus, at_platform = (each.sockets[0].getsockname()[1] for each in (modbus, server))
    way = {"type": "http", "url": f"http://{LOCAL}:{at_platform}/seal"}
    target = target_model().model_validate(
        {"name": "up", "profiles": ["quick-seal"], "family": "seal", "transport": way}
    )
    written(tmp_path, broker.port, at_modbus)
    changes: dict[str, Any] = {
        "reports": (target,), "mines": {MINE: MineOrder(state="stopped")}, "profiles": (tmp_path / "profiles",)
    }  # fmt: skip

    def told() -> list[Any]:
        bodies = [ledger.body(identity) for identity in ledger.packets()]
        return [each for each in bodies if each["msgType"] == "event"]

    try:
        async with collecting(settings(broker.port, tmp_path / "bureau", shelf).model_copy(update=changes)) as bureau:
            async with agent(tmp_path):
                await eventually(lambda: shelf.readings, "the lock, which is shut")
                assert bureau.book.lives() == []
                is_open = True
                await eventually(told, "the lock at the platform")
                await eventually(lambda: "broken" in seals(shelf, "P07"), "that the seal is broken")
            is_open = False
            async with agent(tmp_path):
                await eventually(lambda: len(told()) == 2, "that the lock is shut")
            [life] = bureau.book.lives()
    finally:
        server.close()
        modbus.close()
    begin, end = told()
    assert not ledger.refusals()
    assert (begin["eventCode"], begin["eventPhase"], end["eventPhase"]) == ("lock_open", "raise", "clear")
    assert (begin["cameraCode"], begin["positionType"], begin["positionDesc"]) == (TERMINAL, "P07", "绞车电子锁")
    assert (begin["level"], begin["forbidden"], begin["mineState"]) == (1, True, "stopped")
    assert (end["eventId"], end["startTime"]) == (begin["eventId"], begin["startTime"])
    assert (life.place.source, life.condition, life.count) == ("LOCK", "cleared", 1)
    assert seals(shelf, "P07")[-1] == "broken"  # until a person has closed it
    ledger.close()
