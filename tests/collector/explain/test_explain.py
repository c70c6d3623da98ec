"""What `explain` tells: of a coal mine's value out of a file, of what nobody has, and of names that mean several."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from collector.alarms.file import AlarmFile
from collector.cli.explain import command
from collector.duty.book import DutyBook
from collector.duty.records import Scope
from collector.moments import utc
from collector.sinks.sqlite.settings import SqliteSettings
from profiles.wire.codec import encode
from profiles.wire.messages import Manifest, ManifestDevice, ManifestTag, Point, Site, Source
from tests.collector.field import NOW, Agent, collecting, eventually, manifest, settings
from tests.servers import Server

HOUR = 3_600_000
MINE = "140199900001"
GAS = f"{MINE}01MN0001A0012"
COAL = encode(
    Manifest(
        v=1, software="edge-agent test", site=Site(code=MINE, name="示例煤矿", adcode="140199"),
        devices={"kj": ManifestDevice(driver="files", address="/srv/aqjk")},
        tags={
            "T1": ManifestTag(
                type="number", device="kj", unit="%CH4", label="1301工作面T1", source=Source(at=f"CDSS {GAS} value"),
                point=Point(profile="coal-safety", asset=f"{MINE}01DT40010007", quantity="0001", code=GAS),
            )
        },
    )
)  # fmt: skip


def ask(folder: Path, broker: Server, *words: str) -> Result:
    file = folder / "collector.yaml"
    file.write_text(
        f"collector: bureau\nstate: state\nmqtt: {{host: 127.0.0.1, port: {broker.port}, tls: disabled}}\n"
        "sinks: [{type: sqlite, name: store, path: store.db}]\n"
    )
    return CliRunner().invoke(command, [*words, "--settings", str(file)])


async def fill(folder: Path, broker: Server, agent: str, about: bytes, rows: list[tuple[str, int, float, str]]) -> None:
    """Have a collector take in one envelope of an agent."""
    chosen = settings(broker.port, folder / "state").model_copy(
        update={"sinks": (SqliteSettings(type="sqlite", name="store", path=folder / "store.db"),)}
    )
    sender = Agent(broker.port, agent)
    async with collecting(chosen):
        sender.send("manifest", about)
        frame = sender.data(1, about, rows)
        await eventually(lambda: sender.has(1, frame), "the acknowledgement")
    sender.close()


async def test_a_coal_mines_value_is_followed_from_its_file_to_the_store(broker: Server, tmp_path: Path) -> None:
    await fill(tmp_path, broker, "mine-1", COAL, [("T1", NOW - 5000, 0.62, "good"), ("T1", NOW, 44.0, "good")])
    text = ask(tmp_path, broker, "示例煤矿.T1").output
    for part in (
        f"CDSS {GAS} value",
        "files /srv/aqjk",
        "coal-safety",
        "环境瓦斯",
        "broken: bad:range",
        "44.0  bad:range",
    ):
        assert part in text, text
    at = ask(tmp_path, broker, GAS, "--at", "1970-01-01T00:00Z").output
    assert "no store has one up to 1970-01-01T00:00:00.000Z" in at
    assert "comes again" not in at
    told = json.loads(ask(tmp_path, broker, "mine-1.T1", "--json").output)
    assert told["agent"] == "mine-1"
    assert told["sections"][0]["title"] == "What it is"


async def test_the_record_at_a_time_is_the_newest_up_to_it(broker: Server, tmp_path: Path) -> None:
    await fill(tmp_path, broker, "mine-1", COAL, [("T1", 1_700_000_000_000, 0.5, "good"), ("T1", NOW, 0.7, "good")])
    found = ask(tmp_path, broker, "mine-1.T1", "--at", "2023-11-20T00:00Z").output  # five days after the first
    assert "2023-11-14T22:13:20.000Z  0.5  good" in found


async def test_whether_readings_were_owed_at_that_time_is_told_with_the_record(broker: Server, tmp_path: Path) -> None:
    await fill(tmp_path, broker, "mine-1", COAL, [("T1", NOW - HOUR, 0.5, "good"), ("T1", NOW, 0.7, "good")])
    file = AlarmFile(tmp_path / "state", mend=False)
    DutyBook(file).put("repair", Scope(MINE), NOW - 2 * HOUR, NOW - 1, "更换传感器", "li")
    file.close()
    then = ask(tmp_path, broker, GAS, "--at", utc(NOW - HOUR)).output
    assert f"repair of {MINE} from {utc(NOW - 2 * HOUR)} to {utc(NOW - 1)}, by li: 更换传感器; entered" in then
    assert "not owed" in then
    assert f"owed: no stop or repair covers {utc(NOW)}" in ask(tmp_path, broker, GAS).output


async def test_a_name_that_several_agents_have_asks_for_the_agent(broker: Server, tmp_path: Path) -> None:
    for agent, tank in (("plant-a", "G0001"), ("plant-b", "G0002")):
        about = manifest(tank).replace(f'"{tank}":{{"type"'.encode(), b'"level":{"type"')
        assert about != manifest(tank)
        await fill(tmp_path, broker, agent, about, [("level", NOW, 2.0, "good")])
    several = ask(tmp_path, broker, "plant.level")
    assert several.exit_code == 1
    assert "plant-a.level, plant-b.level; name the agent" in several.output
    assert "plant-b" in ask(tmp_path, broker, "plant-b.level").output
    nobody = ask(tmp_path, broker, "plant-c.level")
    assert "there is plant-a.level, plant-b.level" in nobody.output
    assert ask(tmp_path, broker, "plant-a.level", "--at", "yesterday").exit_code == 2
