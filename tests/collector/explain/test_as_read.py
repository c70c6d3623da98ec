"""What an agent tells of how it read a value is held against the store, and believed no further than the contract."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from collector.cli.audit import command as audit
from collector.explain.as_read import as_read, compared
from collector.moments import utc
from profiles.wire.codec import encode
from profiles.wire.messages import (
    Manifest,
    ManifestDevice,
    ManifestTag,
    RawReading,
    RawReadings,
    Response,
    Site,
    Source,
)
from tests.collector.explain.test_explain import ask, fill
from tests.collector.field import NOW, Agent
from tests.servers import Server

BYTES = bytes.fromhex("41eccccd")
ABOUT = encode(
    Manifest(
        v=1, software="edge-agent test", site=Site(code="110110001", name="厂", adcode="110110"),
        devices={"plc": ManifestDevice(driver="modbus", address="tcp://192.0.2.1:502/1")},
        tags={
            "T": ManifestTag(
                type="number", device="plc", source=Source(at="holding-register 0-1", coded="float32 ABCD")
            )
        },
    )
)  # fmt: skip
VALUE = 29.600000381469727


def reading(**more: Any) -> RawReading:
    said: dict[str, Any] = {"time": NOW, "read": NOW - 3, "raw": "41EC CCCD", "value": VALUE, "quality": "good"}
    return RawReading(**said | more)


def answer(*readings: RawReading, **more: Any) -> Response:
    result = RawReadings(since=NOW - 60_000, kept=len(readings), oldest=NOW - 9000, readings=list(readings))
    return Response(**{"v": 1, "id": "x", "ok": True, "result": msgspec.to_builtins(result)} | more)


@pytest.mark.parametrize(
    ("read", "stored", "worked", "said"),
    [
        (reading(), VALUE, BYTES, "the agent made 29.600000381469727 of it, as is stored"),
        (reading(), 29.6000003814697, None, "the agent made 29.600000381469727 of it, as is stored"),
        (reading(raw="CCCD 41EC"), VALUE, BYTES,
         "THEY DIFFER: the agent read CCCD 41EC, and 41EC CCCD gives the stored value"),
        (reading(value=2.96), VALUE, BYTES, "THEY DIFFER: the agent made 2.96 of it, and 29.600000381469727 is stored"),
        (reading(value=None), VALUE, None, "THEY DIFFER: the agent made None of it, and 29.600000381469727 is stored"),
        (reading(value=True), True, None, "the agent made True of it, as is stored"),
        (reading(value="x" * 255 + "…"), "x" * 2000, None, f"the agent made {'x' * 255}… of it, as is stored"),
        (reading(value="run"), "off", None, "THEY DIFFER: the agent made run of it, and off is stored"),
    ],
)  # fmt: skip
def test_what_was_read_is_held_against_what_is_stored(
    read: RawReading, stored: Any, worked: bytes | None, said: str
) -> None:
    assert compared(read, stored, worked) == said


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (answer(reading(time=NOW - 1)), "the agent does not have it (any more): it was started at "),
        (answer(ok=False, error="no\x1b[2J" + "x" * 10_000), "the agent refuses: no\\x1b[2Jxxx"),
        (answer(result=None), "the agent's answer is not of the contract: Expected `object`, got `null`"),
        (answer(*[reading()] * 101), "the agent's answer is not of the contract: Expected `array` of length <= 100"),
        (
            answer(reading(raw="x" * 5000)),
            "the agent's answer is not of the contract: Expected `str` of length <= 4096",
        ),
        (answer(reading(read=-1)), "the agent's answer is not of the contract: Expected `int` >= 0"),
        (answer(reading(time=2**60)), "the agent's answer is not of the contract: Expected `int` <= 253402214399999"),
    ],
)
def test_what_an_agent_may_answer_is_bounded(told: Response, why: str) -> None:
    found = as_read(told, NOW)
    assert found.reading is None
    assert found.told("register 0").startswith(why)
    assert len(found.why) < 600


class Answering(Agent):
    """An agent that answers each request by what a test wants."""

    answer: Callable[[], Response]

    def _hear(self, client: Any, data: Any, message: Any) -> None:
        before = len(self.asked)
        super()._hear(client, data, message)
        for request in self.asked[before:]:
            if request.verb == "raw":
                frame = encode(msgspec.structs.replace(self.answer(), id=request.id))
                self._client.publish(f"{self._prefix}/response", frame, qos=1)


async def test_the_agent_is_asked_for_the_stored_record_and_the_question_is_audited(
    broker: Server, tmp_path: Path
) -> None:
    await fill(tmp_path, broker, "plant-a", ABOUT, [("T", NOW, VALUE, "good")])
    agent = Answering(broker.port, "plant-a")
    agent.answer = lambda: answer(reading(raw="CCCD 41EC\n\nStored\n  store  41\x1b[2J"))
    told = (await asyncio.to_thread(ask, tmp_path, broker, "plant-a.T", "--ask")).output
    agent.answer = lambda: answer(reading())
    fine = (await asyncio.to_thread(ask, tmp_path, broker, "plant-a.T", "--ask", "--json")).output
    agent.close()
    [line] = [each for each in told.splitlines() if each.startswith("  read as ")]
    shown = r"CCCD 41EC\n\nStored\n  store  41\x1b[2J"  # on one line, and no terminal moves
    assert line.split(maxsplit=2)[2] == f"{shown} (holding-register 0-1), read {utc(NOW - 3)}, told by the agent"
    assert f"THEY DIFFER: the agent read {shown}, and 41EC CCCD gives the stored value" in told
    way = dict(next(each for each in json.loads(fine)["sections"] if each["title"] == "How it was read")["lines"])
    assert way["compared"] == "the agent made 29.600000381469727 of it, as is stored"
    assert [(each.verb, each.args) for each in agent.asked if each.verb == "raw"] == [
        ("raw", {"tag": "T", "time": NOW})
    ] * 2
    file = str(tmp_path / "collector.yaml")
    deeds = json.loads(CliRunner().invoke(audit, ["list", file, "--json"]).stdout)
    assert [each["subject"] for each in deeds if each["what"] == "asked"] == ["agent plant-a"] * 2
