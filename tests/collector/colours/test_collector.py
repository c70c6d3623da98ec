"""The colours of a pond through a running collector, and what the command says beside it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from collector.alarms import desk
from collector.cli.main import main
from profiles.wire.codec import encode, freeze_events, manifest_hash
from profiles.wire.messages import Event, Level, Limits, Manifest, ManifestDevice, ManifestTag, Point, Site
from tests.collector.colours.pond import REGION, SITE, colour, pond
from tests.collector.field import NOW, STREAM, Agent, Shelf, collecting, eventually, settings
from tests.servers import mosquitto, running

CODES = {f"beach-{at}": f"{SITE}01MN9105GTCD{at}" for at in range(1, 5)} | {"level": f"{SITE}01MN9110KSW1"}
LISTED = "collector: bureau\nstate: state\nmqtt: {host: 127.0.0.1}\nsinks: [{type: sqlite, name: a, path: a.db}]\n"


def about() -> bytes:
    tags = {}
    for name, code in CODES.items():
        point = Point(profile="tailings", asset=SITE, quantity="KSW" if name == "level" else "GTCD", code=code)
        tags[name] = ManifestTag(type="number", device="d", unit="m", point=point, limits=Limits(RED=70.0))
    site = Site(code=SITE, name="pond", adcode=REGION)
    devices = {"d": ManifestDevice(driver="modbus")}
    return encode(Manifest(v=1, software="t", site=site, tags=tags, devices=devices))


def frame(seq: int, *told: tuple[str, Level, int]) -> bytes:
    events = [
        Event(id=f"{tag}-{ms}", alarm=tag, kind="limit", level=level, state="raised", time=NOW + ms, since=NOW + ms,
              tag=tag) for tag, level, ms in told
    ]  # fmt: skip
    return freeze_events(STREAM, seq, 0, manifest_hash(about()), events)


def colours(shelf: Shelf, quantity: str = "") -> list[tuple[int, str]]:
    return sorted(
        (time // 1_000_000 - NOW, fields["colour"])
        for (measurement, tags, time), fields in shelf.facts.items()
        if measurement == "colour" and dict(tags)["quantity"] == quantity
    )


async def command(folder: Path, *words: str, exit_code: int = 0) -> str:
    file = folder / "collector.yaml"
    file.write_text(LISTED)
    result = await asyncio.to_thread(CliRunner().invoke, main, ["colours", str(file), *words])
    assert result.exit_code == exit_code, result.output
    return result.output


async def test_the_colour_of_a_pond_reaches_every_store_also_one_that_was_down_over_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "LOOK_AROUND", 0.05)
    up, down = Shelf(), Shelf()
    beaches: list[tuple[str, Level, int]] = [(f"beach-{at}", "BLUE", at) for at in range(1, 5)]
    with running(mosquitto(tmp_path / "broker")) as broker:
        chosen = settings(broker.port, tmp_path / "state", up, down)
        agent = Agent(broker.port, "pond-1")
        async with collecting(chosen):
            agent.send("manifest", about())
            agent.send("event", frame(1, *beaches))
            await eventually(lambda: colours(up, "GTCD") and colours(down), "the first colours")
            down.up = False
            agent.send("event", frame(2, ("level", "RED", 9)))
            await eventually(lambda: (9, "RED") in colours(up), "the red one")
            rows = json.loads(await command(tmp_path, "--site", SITE, "--json"))
        agent.close()
        assert (9, "RED") not in colours(down)
        down.up = True
        async with collecting(chosen):
            await eventually(lambda: colours(down) == colours(up), "what the store lacked")
    assert colours(up, "GTCD")[-1] == (4, "YELLOW")
    assert colours(up) == [(1, "BLUE"), (4, "YELLOW"), (9, "RED")]
    assert [(row["quantity"], row["colour"], row["since"] - NOW) for row in rows] == [
        ("", "RED", 9), ("GTCD", "YELLOW", 4), ("KSW", "RED", 9)]  # fmt: skip
    assert rows[0]["why"] == "1 RED: KSW; 1 YELLOW: GTCD"
    assert rows[2] == {
        "site": SITE, "region": REGION, "profile": "tailings", "quantity": "KSW", "colour": "RED", "since": NOW + 9,
        "why": f"1 RED: {CODES['level']}",
    }  # fmt: skip
    table = (await command(tmp_path)).splitlines()
    assert [" ".join(line.split()[2:5]) for line in table[1:]] == [
        "tailings whole site", "tailings GTCD 干滩长度", "tailings KSW 库水位"]  # fmt: skip


async def test_the_command_says_what_is_not_there(tmp_path: Path) -> None:
    assert "no collector has run" in await command(tmp_path, exit_code=1)
    with running(mosquitto(tmp_path / "broker")) as broker:
        async with collecting(settings(broker.port, tmp_path / "state", Shelf())) as collector:
            agent = Agent(broker.port, "pond-1")
            assert await command(tmp_path) == "nothing\n"
            agent.send("manifest", about())
            agent.tell(0)
            await eventually(lambda: collector.agent_state("pond-1"), "the agent's state")
            await eventually(lambda: collector._registry.current_manifests(), "the manifest")
            agent.close()
            [row] = json.loads(await command(tmp_path, "--json"))
    assert row == {
        "site": SITE, "region": REGION, "profile": "tailings", "quantity": "", "colour": None, "since": None, "why": "",
    }  # fmt: skip
    assert "no site 'x' whose profile counts colours" in await command(tmp_path, "--site", "x", exit_code=1)


async def test_an_item_without_a_colour_is_not_listed(tmp_path: Path) -> None:
    with pond(tmp_path / "state") as made:
        made.take(colour("JRX1", "BLUE", 0), colour("JRX1", None, 3), colour("KSW1", "BLUE", 1, since=1))
    (tmp_path / "state" / "registry.db").touch()
    rows = json.loads(await command(tmp_path, "--json"))
    assert [(row["quantity"], row["colour"]) for row in rows] == [("", "BLUE"), ("KSW", "BLUE")]
