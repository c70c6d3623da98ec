"""``edge-collector ask``: a connected agent is asked while the collector runs, and who asked is in the audit log."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from collector.cli.ask import _args
from collector.cli.audit import command as audit
from collector.cli.main import main
from edge_agent.simulators import tank_farm
from tests.edge_agent.test_app import working
from tests.servers import LOCAL, Server, free_port, wait_for


def settings(folder: Path, port: int) -> Path:
    path = folder / "collector.yaml"
    (folder / "bureau").mkdir()
    path.write_text(
        f"collector: county-1\nstate: bureau\nmqtt: {{host: {LOCAL}, port: {port}, tls: disabled}}\n"
        "sinks: [{name: store, type: sqlite, path: store.db}]\n"
    )
    return path


async def test_an_agent_answers_and_the_question_is_audited(tmp_path: Path, broker: Server) -> None:
    file = settings(tmp_path, broker.port)

    async def ask(*words: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, main, ["ask", *words, "-s", str(file)])

    instrument = await tank_farm.instrument(None).serve(LOCAL, 0)
    port = instrument.sockets[0].getsockname()[1]
    async with working(tmp_path, broker.port, [tank_farm.device_settings(port, interval="200ms")]) as listener:
        await asyncio.to_thread(wait_for, lambda: listener.of("data"), what="samples")
        status, read = await ask("plant-1", "status"), await ask("plant-1", "read", "tags=T101.LEVEL,T102.LEVEL")
        raw = [await ask("plant-1", "raw", *words) for words in (["tag=T101.LEVEL"], ["tag=T101.LEVEL", "time=0"])]
        strange = [await ask("plant-1", "raw", *words) for words in (["tag=x"], ["time=5"])]
        refused = await ask("plant-1", "snapshot", "camera=gate")
        silent = await ask("plant-2", "status", "--timeout", "1")
    instrument.close()
    assert json.loads(status.stdout)["devices"]["tank-farm"]["up"] is True
    assert {"T101.LEVEL", "T102.LEVEL"} >= json.loads(read.stdout).keys() > set()
    newest, oldest = (json.loads(each.stdout)["readings"] for each in raw)
    for each in newest + oldest:  # the farm's levels stand as mm in two registers
        assert int(each["raw"].replace(" ", ""), 16) == round(1000 * each["value"])
    assert 0 < oldest[0]["time"] <= newest[-1]["time"]
    assert {each.output for each in strange} == {
        "Error: agent plant-1: tag: expected the name of one of this agent's tags\n"
    }
    assert (refused.exit_code, silent.exit_code) == (1, 1)
    assert "agent plant-1: camera: expected one of none: it has no cameras" in refused.output
    assert "agent plant-2 did not answer in 1 s; is it connected?" in silent.output
    shown = CliRunner().invoke(audit, ["list", str(file), "--json"])
    deeds = [each for each in json.loads(shown.stdout) if each["what"] == "asked"]
    assert [each["subject"] for each in deeds] == ["agent plant-1"] * 7 + ["agent plant-2"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["plant-1", "status"], "Connection refused"),
        (["Plant 1", "status"], "is no agent's id; expected 1 to 63 lower-case letters"),
        (["plant-1", "browse", "device"], "'device': expected KEY=VALUE, such as camera=gate"),
        (["plant-1", "write"], "'write' is not one of"),
        (["plant-1", "raw", "tag=T", "time=yesterday"], "time: 'yesterday' is no time; expected one such as"),
    ],
)
def test_what_cannot_be_asked_is_said(tmp_path: Path, words: list[str], message: str) -> None:
    done = CliRunner().invoke(main, ["ask", *words, "-s", str(settings(tmp_path, free_port()))])
    assert done.exit_code != 0
    assert message in done.output


def test_a_camera_may_be_named_as_a_number_and_a_depth_is_one() -> None:
    assert _args(["camera=12", "device=7", "depth=2", "tags=1,2", "time=1970-01-01T00:00:01Z"]) == {
        "camera": "12", "device": "7", "depth": 2, "tags": ["1", "2"], "time": 1000,
    }  # fmt: skip
