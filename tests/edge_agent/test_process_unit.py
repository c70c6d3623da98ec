from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_agent.drivers.opcua.settings import OpcuaDevice
from edge_agent.simulators.ledger import Served, read_ledger
from edge_agent.simulators.process_unit import device_settings, nodes
from tests.edge_agent.drivers.opcua.plant import Heard, running, until


@contextmanager
def unit(ledger: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    command = [sys.executable, "-m", "edge_agent.simulators.process_unit", "--hold", "--period", "0.05"]
    process = subprocess.Popen([*command, "--ledger", str(ledger)], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())["port"]
    finally:
        process.terminate()
        process.communicate(timeout=20)
    assert process.returncode == 0


def heard_of(heard: Heard) -> Counter[Served]:
    return Counter(Served(each.tag, each.time, each.value) for each in heard.got)


async def test_a_subscriber_gets_every_value_of_the_ledger_once_and_at_its_own_time(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    with unit(ledger) as (process, port):
        async with running(OpcuaDevice.model_validate(device_settings(port))) as heard:
            await until(lambda: len(heard.got) == len(nodes()), "the first values")
            process.send_signal(signal.SIGUSR2)
            await until(lambda: len(heard.got) > 300, "changes")
            process.send_signal(signal.SIGUSR1)
            await until(lambda: heard_of(heard) == Counter(read_ledger(ledger)), "the last changes")
    assert len(heard.got) > 300
    assert heard_of(heard) == Counter(read_ledger(ledger))


def test_no_value_equals_the_one_before_it_where_a_change_must_be_told() -> None:
    for node in nodes():
        if node.settings.get("type", "number") == "number":
            assert all(node.course(step) != node.course(step + 1) for step in range(5000)), node.settings["name"]
