"""Text files from an agent's envelopes to a folder: whole files at their interval, names that belong to one packet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collector.alarms.file import AlarmFile
from collector.app import book_of
from collector.platform.folder import Folder
from collector.platform.ledger import Ledger
from collector.platform.platform import Secret
from collector.platform.text_files import TextPlatform
from collector.reports import sender
from collector.reports.names import free_name
from collector.reports.settings import target_faults, target_model
from collector.settings import CollectorSettings
from collector.sinks.sqlite.settings import SqliteSettings
from profiles.load import library
from profiles.textfile.codec import Record, decode
from profiles.textfile.values import text_files
from profiles.wire.codec import encode, freeze_events, manifest_hash
from profiles.wire.messages import Event, Limits, Manifest, ManifestDevice, ManifestTag, Point, Site
from tests.collector.field import STREAM, Agent, Shelf, collecting, eventually, settings
from tests.collector.reports.test_reporting import now
from tests.profiles.textfile.examples import MINE
from tests.servers import Server

FAST = """
profile: fast
version: 0.0.1-wd
extends: coal-safety
spec: {zh: 快, en: fast, status: working-definition}
files: {kinds: {CDSS: {interval: 1s}, KGBH: {interval: 1s}, FZSS: {interval: 1s}}, report: {late_after: 60s}}
"""
PROFILE = library()["coal-safety"]
CIPHER = {"type": "sm4-cbc", "key": "0123456789abcdef", "iv": "fedcba9876543210"}
CH4, FAN = f"{MINE}01MN0001A0012", f"{MINE}01KG1001B0001"


def mine(gateway: str = "", only: str = "", **rest: Any) -> bytes:
    tags = {
        code: ManifestTag(
            type="flag" if quantity == "1001" else "number", device="s", unit=PROFILE.quantities[quantity].unit,
            label=label, limits=limits,
            point=Point(profile="fast", asset=f"{MINE}01DT40010007", quantity=quantity, code=code),
        )
        for code, quantity, label, limits in (
            (CH4, "0001", rest.get("label", "T1"), Limits(H=1.0, HH=1.5)), (FAN, "1001", "风机", Limits()),
        )
        if only in ("", code)
    }  # fmt: skip
    site = Site(code=MINE, name="示例煤矿", adcode="140199", gateway=gateway)
    return encode(Manifest(v=1, software="t", site=site, tags=tags, devices={"s": ManifestDevice(driver="files")}))


ABOUT = mine()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(sender, "LONGEST_PAUSE", 0.1)
    monkeypatch.setattr("collector.reports.packer.PATIENCE", 100)
    monkeypatch.setattr("collector.reports.reporter.PACK_EVERY", 0.1)


@pytest.fixture
def agent(broker: Server) -> Iterator[Agent]:
    agent = Agent(broker.port, "mine-a")
    yield agent
    agent.close()


@pytest.fixture
def chosen(broker: Server, tmp_path: Path) -> CollectorSettings:
    for name in ("profiles", "upload", "state"):
        (tmp_path / name).mkdir()
    (tmp_path / "profiles" / "fast.yaml").write_text(FAST, encoding="utf-8")
    target = target_model().model_validate(
        {"name": "province", "profiles": ["fast"], "resume_rate": 100,
         "transport": {"type": "folder", "path": str(tmp_path / "upload")}}
    )  # fmt: skip
    made = settings(broker.port, tmp_path / "state", Shelf())
    return made.model_copy(update={"reports": (target,), "profiles": (tmp_path / "profiles",)})


def files(folder: Path, kind: str) -> dict[str, list[Record]]:
    """Files of a kind by name, in the order of their names."""
    found = sorted((folder / "upload").rglob(f"*_{kind}_*.txt"))
    return {path.name: list(decode(text_files(PROFILE), kind, path.read_bytes()).records.values()) for path in found}


def transitions(folder: Path) -> dict[str, list[Record]]:
    """The files of abnormal events with the time of what happened; one that is told again has that of the telling."""
    return {name: found for name, found in files(folder, "YCBJ").items() if "_20261124" in name}


def whole(folder: Path) -> list[dict[str, str]]:
    """Of each real-time file the values by point."""
    return [{each["point"]: each["value"] for each in records} for records in files(folder, "CDSS").values()]


def defined(folder: Path) -> list[str]:
    """Of each definition file where it says that the methane sensor is."""
    return [records[-1]["place"] for records in files(folder, "CDDY").values()]


async def test_files_come_at_their_interval_with_every_point_though_nothing_is_new_also_after_a_restart(
    agent: Agent, chosen: CollectorSettings, tmp_path: Path
) -> None:
    async with collecting(chosen):
        agent.tell(1)
        agent.send("manifest", ABOUT)
        at = now()
        agent.data(1, ABOUT, [(CH4, at, 0.31, "good"), (FAN, at, True, "good")])
        await eventually(lambda: len(whole(tmp_path)) >= 2, "a file without anything new")
    before = set(files(tmp_path, "CDSS"))
    async with collecting(chosen):
        agent.tell(2)
        agent.data(2, ABOUT, [(CH4, now(), 0.32, "good")])
        await eventually(lambda: whole(tmp_path)[-1].get(CH4) == "0.32", "a file after the restart")
    assert defined(tmp_path) == ["T1"]  # once, though the collector was started twice
    assert all(each == {CH4: "0.31", FAN: "1"} for each in whole(tmp_path)[: len(before)])
    assert all(each == {CH4: "0.32", FAN: "1"} for each in whole(tmp_path)[-1:])
    times = {
        each["data_time"] for records in files(tmp_path, "CDSS").values() for each in records if each["point"] == FAN
    }
    assert len(times) == 1  # a value that was held keeps its own time
    stations = [[*each.values()][:3] for records in files(tmp_path, "FZSS").values() for each in records]
    assert stations
    assert all(each == [f"{MINE}01DT40010007", "0", "9"] for each in stations)


async def test_a_file_is_of_the_whole_mine_whichever_gateway_measures_its_points(
    broker: Server, agent: Agent, chosen: CollectorSettings, tmp_path: Path
) -> None:
    other = Agent(broker.port, "mine-b")
    async with collecting(chosen):
        for each, gateway, code, value in ((agent, f"{MINE}01", CH4, 0.31), (other, f"{MINE}02", FAN, True)):
            each.tell(1)
            each.send("manifest", about := mine(gateway, code))
            each.data(1, about, [(code, now(), value, "good")])
        await eventually(lambda: {CH4: "0.31", FAN: "1"} in whole(tmp_path), "a file with both")
    other.close()


async def test_what_comes_late_has_a_file_of_its_own_under_the_next_free_name(
    agent: Agent, chosen: CollectorSettings, tmp_path: Path
) -> None:
    async with collecting(chosen) as collector:
        agent.send("manifest", ABOUT)
        for seq, row in enumerate([(CH4, 0.31), (FAN, True)], 1):
            agent.data(seq, ABOUT, [(row[0], 1_795_478_409_000, row[1], "good")])
            await eventually(lambda: len(files(tmp_path, "CDSS")) == seq, "the file")  # noqa: B023
        await eventually(lambda: not collector.reports.status()[0].waiting, "the answers")
        assert collector.reports.packets_again("province", 1_795_478_400_000, 1_795_478_420_000) >= 2
        await eventually(lambda: not collector.reports.status()[0].waiting, "the repeats")
    found = files(tmp_path, "CDSS")
    assert list(found) == [f"{MINE}_CDSS_2026112408001{second}.txt" for second in (0, 1)]
    assert [[each["point"] for each in records] for records in found.values()] == [[CH4], [FAN]]


async def test_a_file_of_somebody_else_stays_and_ours_takes_the_next_name(
    agent: Agent, chosen: CollectorSettings, tmp_path: Path
) -> None:
    (tmp_path / "upload" / "aqjk").mkdir()
    theirs = tmp_path / "upload" / "aqjk" / f"{MINE}_CDSS_20261124080010.txt"
    theirs.write_text("theirs~||")
    ours = theirs.with_name(f"{MINE}_CDSS_20261124080011.txt")
    async with collecting(chosen):
        agent.send("manifest", ABOUT)
        agent.data(1, ABOUT, [(CH4, 1_795_478_409_000, 0.31, "good")])
        await eventually(ours.exists, "our file")
    assert theirs.read_text() == "theirs~||"
    assert ours.read_text(encoding="utf-8").startswith(
        f"{MINE};示例煤矿;2026-11-24 08:00:10~"
    )  # the header keeps its time


async def test_definitions_are_sent_again_when_they_change(
    agent: Agent, chosen: CollectorSettings, tmp_path: Path
) -> None:
    async with collecting(chosen):
        for number, label in enumerate(("T1", "T2"), 1):
            agent.send("manifest", about := mine(label=label))
            agent.data(number, about, [(CH4, now(), 0.31, "good")])
            await eventually(lambda: defined(tmp_path)[-1:] == [label], "the definitions")  # noqa: B023
    assert defined(tmp_path) == ["T1", "T2"]


async def test_a_rise_through_both_limits_and_back_is_two_events_with_their_ends(
    agent: Agent, chosen: CollectorSettings, tmp_path: Path
) -> None:
    def step(number: int, state: Any, level: Any, at: int) -> Event:
        return Event(id=f"e{number}", alarm="a", kind="limit", level=level, state=state, time=at,
                     since=1_795_478_409_000, tag=CH4, value=1.0, limit=1.0)  # fmt: skip

    steps = [("raised", "H", 0), ("changed", "HH", 10), ("changed", "H", 20), ("cleared", "H", 20)]
    events = [step(at, state, level, 1_795_478_409_000 + 1000 * s) for at, (state, level, s) in enumerate(steps)]
    async with collecting(chosen):
        agent.send("manifest", ABOUT)
        agent.send("event", freeze_events(STREAM, 1, 0, manifest_hash(ABOUT), events[:2]))
        await eventually(lambda: len(transitions(tmp_path)) == 2, "the beginnings")
    async with collecting(chosen):  # which limits stand crossed outlives the collector
        agent.send("event", freeze_events(STREAM, 2, 0, manifest_hash(ABOUT), events[2:]))
        await eventually(lambda: len(transitions(tmp_path)) == 4, "the ends")
    told = [
        (name[-10:-4], each["abnormal_type"], each["start_time"][-8:], each["end_time"][-8:])
        for name, records in transitions(tmp_path).items() for each in records
    ]  # fmt: skip
    assert told == [
        ("080009", "001", "08:00:09", ""), ("080019", "002", "08:00:19", ""),
        ("080029", "002", "08:00:19", "08:00:29"), ("080030", "001", "08:00:09", "08:00:29"),  # the second was taken
    ]  # fmt: skip


async def test_a_point_in_alarm_by_a_combined_rule_has_its_event_and_its_state_while_that_stands(
    agent: Agent, chosen: CollectorSettings, tmp_path: Path
) -> None:
    at = 1_795_478_409_000
    raised = Event(id="e1", alarm="a", kind="limit", level="SIG", state="raised", time=at, since=at, tag=FAN,
                   value=True, text="no alarm by itself; …", code="both-doors")  # fmt: skip
    over = msgspec.structs.replace(raised, id="e2", state="cleared", time=at + 2000)
    async with collecting(chosen):
        agent.send("manifest", ABOUT)
        agent.send("event", freeze_events(STREAM, 1, 0, manifest_hash(ABOUT), [raised, over]))
        await eventually(lambda: len(transitions(tmp_path)) == 2, "beginning and end")
        for number, moment in enumerate((at, at + 1000, at + 2000), 2):
            agent.data(number, ABOUT, [(FAN, moment, True, "good")])
        await eventually(lambda: len(files(tmp_path, "CDSS")) == 3, "the readings")
    assert [each["state"] for [each] in files(tmp_path, "CDSS").values()] == ["1", "1", "0"]
    [[begun], [ended]] = transitions(tmp_path).values()
    assert (begun["abnormal_type"], begun["end_time"], ended["end_time"][-8:]) == ("001", "", "08:00:11")


async def test_what_the_store_and_the_alarm_desk_know_of_an_event_and_of_a_switch_reaches_the_folder(
    agent: Agent, chosen: CollectorSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.reports.standing.STEP", 200)
    monkeypatch.setattr("collector.reports.standing.SETTLED", 100)
    monkeypatch.setattr("collector.app.TELL_EVERY", 0.1)
    store = SqliteSettings(type="sqlite", path=tmp_path / "store.db")
    chosen = chosen.model_copy(update={"sinks": (store,)})
    at = 1_795_478_409_000
    rows = [(CH4, at, 1.62, "good"), (CH4, at + 2000, 1.81, "good"), (CH4, at + 9000, 0.92, "good")]
    switched = [(FAN, at, True, "good"), (FAN, at + 1000, False, "good"), (FAN, at + 2000, True, "good")]
    steps: list[tuple[Any, int, float]] = [("raised", at, 1.62), ("cleared", at + 9000, 0.92)]
    events = [
        Event(id=state, alarm="a", kind="limit", level="HH", state=state, time=time, since=at, tag=CH4, value=value,
              limit=1.5)
        for state, time, value in steps
    ]  # fmt: skip

    def told() -> list[Record]:
        found = [records[-1] for records in files(tmp_path, "YCBJ").values()]
        return [record for record in found if record["abnormal_type"] == "002" and record["maximum"] == "1.81"]

    async with collecting(chosen):
        agent.send("manifest", ABOUT)
        agent.data(1, ABOUT, rows + switched)
        agent.send("event", freeze_events(STREAM, 2, 0, manifest_hash(ABOUT), events))
        await eventually(lambda: any(each["mean"] == "1.45" and not each["cause"] for each in told()), "the figures")
        desk = book_of(AlarmFile(tmp_path / "state", mend=False), chosen)  # as the command line has it
        [life] = desk.lives()
        desk.act(life.id, "acknowledge", "wang")
        desk.act(life.id, "handle", "wang", "加大风量", cause="放炮")
        desk.close()
        await eventually(lambda: any(each["cause"] == "放炮" for each in told()), "the note")
        await eventually(lambda: len(files(tmp_path, "KGBH")) == len(switched), "the changes")
    [record] = [each for each in told() if each["cause"]]
    assert (record["measures"], record["entered_by"], record["end_time"][-8:]) == ("加大风量", "wang", "08:00:18")
    changes = sorted((each for [each] in files(tmp_path, "KGBH").values()), key=lambda each: each["data_time"])
    assert [(each["point"], each["value"]) for each in changes] == [(FAN, "1"), (FAN, "0"), (FAN, "1")]


@pytest.mark.parametrize("cipher", ["aes-128-cbc", "sm4-cbc"])
async def test_a_platform_that_wants_its_files_encrypted_finds_no_plain_text_and_reads_them_with_the_key(
    agent: Agent, chosen: CollectorSettings, tmp_path: Path, cipher: str
) -> None:
    keys = {"key": "0123456789abcdef", "iv": "fedcba9876543210"}
    [target] = chosen.reports
    encrypted = target_model().model_validate(target.model_dump() | {"cipher": {"type": cipher, **keys}})
    chosen = chosen.model_copy(update={"reports": (encrypted,)})
    known = library(chosen.profiles)
    assert list(target_faults(chosen.reports, known)) == []
    at = now() // 1000 * 1000 - 3_600_000
    async with collecting(chosen) as collector:
        agent.send("manifest", ABOUT)
        agent.data(1, ABOUT, [(CH4, at, 0.31, "good")])
        await eventually(lambda: [*(tmp_path / "upload").rglob("*_CDSS_*.txt")], "a file")
        await eventually(lambda: not collector.reports.status()[0].waiting, "the answers")
    found = [*(tmp_path / "upload").rglob("*.txt")]
    assert not any(MINE.encode() in path.read_bytes() for path in found)
    ledger = Ledger(tmp_path / "platform.db")
    secret = Secret(cipher, keys["key"].encode(), keys["iv"].encode())
    platform = TextPlatform(ledger, secret=secret)
    half = found[0].read_bytes()[:-16]
    assert not platform.complete(half)
    assert not platform.take(found[0].name, half)
    assert not TextPlatform(ledger).take(found[0].name, found[0].read_bytes())
    assert not TextPlatform(ledger, secret=Secret(cipher, b"another-key-here", secret.iv)).complete(
        found[0].read_bytes()
    )
    assert Folder(platform, tmp_path / "upload").look() == len(found) == len(ledger.packets())
    assert ledger.values("T")[0][1:4] == (CH4, at, 0.31)
    ledger.close()


def test_a_name_that_is_none_of_the_profiles_stays() -> None:
    assert free_name(PROFILE, "x.json", lambda _: True) == "x.json"
    assert free_name(library()["tailings"], "", lambda _: True) == ""


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        (
            {"profiles": ["mine-underground"], "family": "S"},
            "mine-underground is not reported in it; expected M, text-file",
        ),
        (
            {"profiles": ["coal-safety"], "frame": {"type": "enterprise"}},
            "text files (coal-safety) travel without a frame",
        ),
        ({"profiles": ["mine-underground"], "frame": {"type": "enterprise"}}, ""),
        ({"profiles": ["mine-underground"], "family": "text-file"}, ""),
        ({"profiles": ["coal-safety"], "cipher": CIPHER}, ""),
        ({"profiles": ["mine-underground"], "cipher": CIPHER}, "a cipher needs a frame that carries its text"),
    ],
)
def test_a_target_is_told_what_its_profiles_cannot_do(rest: dict[str, Any], words: str, tmp_path: Path) -> None:
    base = {"name": "p", "transport": {"type": "folder", "path": str(tmp_path)}}
    target = target_model().model_validate(base | rest)
    found = [each.message for each in target_faults((target,), library())]
    assert len(found) == bool(words)
    assert all(words in each for each in found)
