"""From an agent's envelope to the platform's answer, over a real broker and a real TCP port."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from collector.alarms.file import AlarmFile
from collector.cli.main import main
from collector.duty.book import DutyBook
from collector.evidence.store import EvidenceStore
from collector.persons.settings import PersonsSettings
from collector.persons.store import PersonStore
from collector.registry import Registry
from collector.reports import sender
from collector.reports.encoders.chemical import ChemicalEncoder
from collector.reports.frames import FrameA
from collector.reports.reporter import Reporter
from collector.reports.settings import target_model
from collector.settings import CollectorSettings, load_collector
from profiles.load import library
from profiles.wire.codec import decode, decoder, encode, freeze_events, manifest_hash
from profiles.wire.messages import Event, Limits, Manifest, State
from tests.collector.field import HAZARD, STREAM, Agent, Shelf, collecting, eventually, manifest, settings
from tests.collector.reports.platform import Platform, error, platform
from tests.servers import LOCAL, Server

FAST = """
profile: fast
version: 1.2.3-wd
extends: hazchem-storage
spec: {zh: 快, en: fast, status: working-definition}
report: {period: 1s, late_after: 30s, source_down: 1s}
"""
CODE = f"{HAZARD}G0001YW001"


def fast(*names: str, **units: str) -> bytes:
    """The field's manifest, under a profile that reports each second."""
    made = decode(manifest(*names, unit=units), decoder(Manifest))
    tags = {
        name: msgspec.structs.replace(
            tag, point=msgspec.structs.replace(tag.point, profile="fast"), limits=Limits(HH=50.0, H=40.0)
        )
        for name, tag in made.tags.items()
        if tag.point is not None
    }
    return encode(msgspec.structs.replace(made, tags=tags))


TANK = fast("G0001")
TANK_HASH = manifest_hash(TANK)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(sender, "LONGEST_PAUSE", 0.1)
    monkeypatch.setattr(sender, "STOPPED_PAUSE", 0.1)
    monkeypatch.setattr("collector.reports.packer.PATIENCE", 100)
    monkeypatch.setattr("collector.reports.reporter.PACK_EVERY", 0.1)


def reporting(broker: Server, folder: Path, shelf: Shelf, port: int, **rest: Any) -> CollectorSettings:
    own = folder / "profiles"
    own.mkdir(exist_ok=True)
    (own / "fast.yaml").write_text(FAST, encoding="utf-8")
    target = target_model().model_validate(
        {
            "name": "county", "profiles": ["fast"], "frame": {"type": "none"}, "resume_rate": 100,
            "transport": {"type": "tcp", "host": LOCAL, "port": port, "answer_timeout": "300ms"},
        } | rest
    )  # fmt: skip
    return settings(broker.port, folder, shelf).model_copy(update={"reports": (target,), "profiles": (own,)})


def now() -> int:
    return time.time_ns() // 1_000_000


def values(frames: list[dict[str, Any]]) -> list[tuple[str, float | None]]:
    return [(each["quotaId"], each["value"]) for frame in frames for each in frame.get("datas", ())]


async def test_a_backlog_of_a_tag_that_the_present_manifest_has_no_more_is_reported(
    broker: Server, agent: Agent, tmp_path: Path
) -> None:
    before, after = fast("G0001", "G0002", G0001="mm"), fast("G0002")
    async with platform() as there, collecting(reporting(broker, tmp_path, Shelf(), there.port)):
        agent.send("manifest", before)
        agent.send("manifest", after)
        told = State(v=1, online=True, since=now(), version="1", manifest=manifest_hash(after))
        agent.send("state", encode(told))  # so that the one that was used last is not taken for the present one
        frame = agent.data(1, after, [("G0002", now(), 1.0, "good")])
        await eventually(lambda: agent.has(1, frame), "the present manifest in use")
        old = now() - 3_600_000
        agent.data(2, before, [("G0001", old, 7412.4, "good")])
        await eventually(lambda: (CODE, 7.412) in values(there.frames), "the reading of the tag that is gone")


async def test_a_reading_is_reported_live_in_the_profiles_unit_once(
    broker: Server, agent: Agent, tmp_path: Path
) -> None:
    about = fast("G0001", G0001="mm")
    async with platform() as there, collecting(reporting(broker, tmp_path, Shelf(), there.port)) as collector:
        agent.send("manifest", about)
        frame = agent.data(1, about, [("G0001", now(), 7412.4, "good")])
        await eventually(lambda: there.frames, "the packet")
        await eventually(lambda: agent.has(1, frame), "the acknowledgement")
        agent.send("data", frame)  # everything delivered twice
        await eventually(lambda: collector.counters["duplicates"], "the repeat")
        other = agent.data(2, about, [("G0001", now(), 7413.0, "good")])
        await eventually(lambda: len(there.frames) >= 2, "the next packet")
        await eventually(lambda: agent.has(2, other), "the next acknowledgement")
    assert values(there.frames) == [(CODE, 7.412), (CODE, 7.413)]
    assert {frame["reportType"] for frame in there.frames} == {"report"}
    assert {frame["enterpriseId"] for frame in there.frames} == {HAZARD[:9]}
    assert len({frame["dataId"] for frame in there.frames}) == 2


async def test_a_late_reading_is_a_resumed_one_with_its_own_time(broker: Server, agent: Agent, tmp_path: Path) -> None:
    async with platform() as there, collecting(reporting(broker, tmp_path, Shelf(), there.port)):
        agent.send("manifest", TANK)
        agent.data(1, TANK, [("G0001", 1_795_438_739_500, 7.0, "good")])
        await eventually(lambda: there.frames, "the packet")
    assert (there.frames[0]["reportType"], there.frames[0]["collectTime"]) == ("continues", "20261123205900")


async def test_no_answer_means_that_the_same_packet_comes_again(broker: Server, agent: Agent, tmp_path: Path) -> None:
    async with platform() as there, collecting(reporting(broker, tmp_path, Shelf(), there.port)) as collector:
        there.answer = lambda _: None
        agent.send("manifest", TANK)
        agent.data(1, TANK, [("G0001", now(), 7.0, "good")])
        await eventually(lambda: len(there.frames) >= 3, "the repeats")
        assert len({json.dumps(frame) for frame in there.frames}) == 1
        there.answer = Platform().answer
        await eventually(lambda: collector.reports.status()[0].accepted == 1, "the answer")
        [status] = collector.reports.status()
    assert (status.waiting, status.due, status.dead) == (0, 0, 0)


async def test_a_packet_that_was_not_answered_survives_the_collector(
    broker: Server, agent: Agent, tmp_path: Path
) -> None:
    async with platform() as there:
        there.answer = lambda _: None
        chosen = reporting(broker, tmp_path, Shelf(), there.port)
        async with collecting(chosen):
            agent.send("manifest", TANK)
            frame = agent.data(1, TANK, [("G0001", now(), 7.0, "good")])
            await eventually(lambda: agent.has(1, frame), "the acknowledgement")
        there.answer = Platform().answer
        there.frames.clear()
        async with collecting(chosen):
            await eventually(lambda: there.frames, "the packet after the restart")
    assert values(there.frames[:1]) == [(CODE, 7.0)]


async def test_what_a_platform_refuses_is_a_dead_letter_at_once_and_the_next_goes_on(
    broker: Server, agent: Agent, tmp_path: Path
) -> None:
    async with platform() as there, collecting(reporting(broker, tmp_path, Shelf(), there.port)) as collector:
        there.answer = error("400")
        agent.send("manifest", TANK)
        agent.data(1, TANK, [("G0001", now(), 7.0, "good")])
        await eventually(lambda: collector.reports.packets(None, "dead"), "the dead letter")
        there.answer = Platform().answer
        agent.data(2, TANK, [("G0001", now(), 8.0, "good")])
        await eventually(lambda: collector.reports.status()[0].accepted, "the next packet")
        [dead] = collector.reports.packets("county", "dead")
        assert (dead.answer, dead.version) == ("400 as told", "1.2.3-wd")
        assert collector.reports.release("county", dead.id) == 1
        await eventually(lambda: collector.reports.status()[0].accepted == 2, "the packet sent again")


async def test_a_packet_that_the_platform_chokes_on_blocks_none_behind_it(
    broker: Server, agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.reports.passing.TRIES", 2)
    well = Platform().answer
    async with platform() as there, collecting(reporting(broker, tmp_path, Shelf(), there.port)) as collector:
        there.answer = lambda frame: error("500")(frame) if values([frame]) == [(CODE, 7.0)] else well(frame)
        agent.send("manifest", TANK)
        start = now()
        agent.data(1, TANK, [("G0001", start, 7.0, "good")])
        await eventually(lambda: there.frames, "the packet that it does not take")
        agent.data(2, TANK, [("G0001", start + 1000 * at, 7.0 + at, "good") for at in range(1, 4)])
        await eventually(lambda: collector.reports.status()[0].accepted == 3, "the packets behind it")
        assert collector.reports.status()[0].waiting == 1, "it is kept"


async def test_what_a_transport_did_not_expect_is_a_dead_letter_after_some_tries_and_ends_nothing(
    broker: Server, agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(self: Any, packet: Any) -> Any:
        raise RuntimeError("a defect")

    monkeypatch.setattr("collector.reports.transports.tcp.transport.TcpTransport.send", fails)
    async with platform() as there, collecting(reporting(broker, tmp_path, Shelf(), there.port)) as collector:
        agent.send("manifest", TANK)
        agent.data(1, TANK, [("G0001", now(), 7.0, "good")])
        await eventually(lambda: collector.reports.packets("county", "dead"), "the dead letter")
        [dead] = collector.reports.packets("county", "dead")
        assert (dead.attempts, "a defect" in dead.answer) == (sender.DEFECTS, True)
        monkeypatch.undo()
        collector.reports.release("county", dead.id)
        await eventually(lambda: there.frames, "the packet, once the defect is mended")


async def test_a_reporter_that_goes_on_for_long_holds_no_more_than_at_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.reports.reporter.PACK_EVERY", 0.001)
    registry, stop, packed = Registry(tmp_path), asyncio.Event(), 0
    alarms = AlarmFile(tmp_path)
    persons = PersonStore(tmp_path, PersonsSettings(), library())
    evidence = EvidenceStore(tmp_path)
    reporter = Reporter(tmp_path, [], library(), registry, {}, DutyBook(alarms), persons, evidence)
    pack = reporter._pack

    async def counted() -> None:
        nonlocal packed
        packed += 1
        await pack()

    monkeypatch.setattr(reporter, "_pack", counted)
    running = asyncio.create_task(reporter.run(stop))
    await eventually(lambda: packed > 50, "many looks at what is due")
    assert len(asyncio.all_tasks()) <= 4
    stop.set()
    await running
    registry.close()
    alarms.close()
    evidence.close()
    persons.close()


async def test_a_target_that_does_not_accept_us_is_stopped_said_and_tried_again(
    broker: Server, agent: Agent, tmp_path: Path
) -> None:
    async with platform() as there, collecting(reporting(broker, tmp_path, Shelf(), there.port)) as collector:
        there.answer = error("401")
        agent.send("manifest", TANK)
        agent.data(1, TANK, [("G0001", now(), 7.0, "good")])
        await eventually(lambda: collector.reports.status()[0].stopped == "401 as told", "the stop")
        assert collector.reports.status()[0].dead == 0
        there.answer = Platform().answer
        await eventually(lambda: collector.reports.status()[0].accepted, "the packet")
        assert collector.reports.status()[0].stopped == ""


async def test_an_alarm_leaves_before_what_is_live_and_that_before_what_is_resumed(
    broker: Server, agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.reports.passing.TRIES", 10**6)  # how often it fails depends on the machine
    async with platform() as there, collecting(reporting(broker, tmp_path, Shelf(), there.port)) as collector:
        there.answer = error("503")
        agent.send("manifest", TANK)
        agent.data(1, TANK, [("G0001", 1_795_438_739_500 + 1000 * at, float(at), "good") for at in range(5)])
        agent.data(2, TANK, [("G0001", now(), 41.0, "good")])
        event = Event(
            id="one", alarm="one", kind="limit", level="H", state="raised", time=now(), since=now(), tag="G0001",
            value=41.0, limit=40.0,
        )  # fmt: skip
        agent.send("event", freeze_events(STREAM, 3, 0, TANK_HASH, [event]))
        await eventually(lambda: collector.reports.status()[0].waiting == 7, "all packets")
        there.frames.clear()
        there.answer = Platform().answer
        await eventually(lambda: collector.reports.status()[0].accepted == 7, "all answers")
    kinds = ["alarm" if "alarms" in frame else frame["reportType"] for frame in there.frames[-7:]]
    assert kinds == ["alarm", "report", *["continues"] * 5]
    assert there.frames[-7]["alarms"][0]["alarmType"] == "alarm hi:alarm"


async def test_a_gateway_that_reaches_no_device_says_so_again_and_again(
    broker: Server, agent: Agent, tmp_path: Path
) -> None:
    async with platform() as there, collecting(reporting(broker, tmp_path, Shelf(), there.port)):
        agent.send("manifest", TANK)
        agent.tell(1)
        agent.data(1, TANK, [("G0001", now(), None, "bad:link")])

        def down() -> list[dict[str, Any]]:
            return [frame for frame in there.frames if not frame["isConnectDataSource"]]

        await eventually(lambda: len(down()) >= 2, "two packets that say so")
        assert down()[0]["datas"] == [{"quotaId": CODE, "value": None, "isValid": False}]
        agent.data(2, TANK, [("G0001", now(), 7.0, "good")])
        await eventually(lambda: values(there.frames)[-1] == (CODE, 7.0), "the reading")
        count = len(down())
        agent.data(3, TANK, [("G0001", now() + 1000, 8.0, "good")])
        await eventually(lambda: values(there.frames)[-1] == (CODE, 8.0), "the next reading")
        assert len(down()) == count


async def test_a_queue_that_cannot_be_written_leaves_everything_unacknowledged(
    broker: Server, agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with platform() as there, collecting(reporting(broker, tmp_path, Shelf(), there.port)) as collector:
        collector.reports._db.execute("PRAGMA query_only=ON")
        agent.send("manifest", TANK)
        frame = agent.data(1, TANK, [("G0001", now(), 7.0, "good")])
        await eventually(lambda: collector.counters["waiting"], "the wait")
        assert not agent.has(1, frame)
        collector.reports._db.execute("PRAGMA query_only=OFF")
        agent.send("data", frame)
        await eventually(lambda: agent.has(1, frame), "the acknowledgement")
        await eventually(lambda: there.frames, "the packet")


async def test_a_past_period_is_reported_again_and_each_packet_is_the_same(
    broker: Server, agent: Agent, tmp_path: Path
) -> None:
    async with platform() as there, collecting(reporting(broker, tmp_path, Shelf(), there.port)) as collector:
        agent.send("manifest", TANK)
        agent.data(1, TANK, [("G0001", 1_795_438_739_500, 7.0, "good")])
        await eventually(lambda: collector.reports.status()[0].accepted == 1, "the packet")
        assert collector.reports.packets_again("county", 1_795_438_700_000, 1_795_438_800_000) == 1
        await eventually(lambda: len(there.frames) == 2, "the packet once more")
    assert there.frames[0] == there.frames[1]


async def test_each_packet_is_framed_and_encrypted_as_the_platform_asks(
    broker: Server, agent: Agent, tmp_path: Path
) -> None:
    import base64

    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    key, iv = "0123456789abcdef", "fedcba9876543210"
    frame = FrameA(type="app", app_id="a" * 32, service_id="s", district="1101").model_dump()
    cipher = {"type": "aes-128-cbc", "key": key, "iv": iv}
    async with platform() as there:
        chosen = reporting(broker, tmp_path, Shelf(), there.port, frame=frame, cipher=cipher)
        async with collecting(chosen):
            agent.send("manifest", TANK)
            agent.data(1, TANK, [("G0001", now(), 7.0, "good")])
            await eventually(lambda: there.frames, "the packet")
    [outer] = there.frames
    decryptor = Cipher(algorithms.AES128(key.encode()), modes.CBC(iv.encode())).decryptor()
    text = decryptor.update(base64.b64decode(outer["data"])) + decryptor.finalize()
    body = json.loads(text[: -text[-1]])
    assert list(outer) == ["appId", "serviceId", "dataId", "data", "districtCode"]
    assert outer["dataId"] == body["dataId"]
    assert body["datas"] == [{"quotaId": CODE, "value": 7.0, "isValid": True}]


async def test_a_defect_of_an_encoder_costs_its_own_readings_alone_and_they_are_kept(
    broker: Server, agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode_well = ChemicalEncoder.readings.__func__  # type: ignore[attr-defined]  # a class method

    def fails(cls: Any, /, gateway: Any, end: int, due: Any, **rest: Any) -> Any:
        if any(each.value == 7.0 for each in due):
            raise RuntimeError("a defect")
        return encode_well(cls, gateway, end, due, **rest)

    monkeypatch.setattr(ChemicalEncoder, "readings", classmethod(fails))
    async with platform() as there, collecting(reporting(broker, tmp_path, Shelf(), there.port)) as collector:
        agent.send("manifest", TANK)
        frame = agent.data(1, TANK, [("G0001", now(), 7.0, "good")])
        await eventually(lambda: agent.has(1, frame), "the acknowledgement")
        agent.data(2, TANK, [("G0001", now() + 2000, 8.0, "good")])
        await eventually(lambda: there.frames, "the other reading's packet")
        assert values(there.frames) == [(CODE, 8.0)]
        assert collector.reports.status()[0].due == 1
        monkeypatch.undo()
        await eventually(lambda: len(there.frames) == 2, "the reading, once the defect is mended")


async def test_a_queue_that_was_lost_is_filled_again_from_the_store(
    broker: Server, agent: Agent, tmp_path: Path
) -> None:
    path = tmp_path / "collector.yaml"
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/fast.yaml").write_text(FAST, encoding="utf-8")
    async with platform() as there:
        path.write_text(
            f"collector: bureau\nmqtt: {{host: {LOCAL}, port: {broker.port}, tls: disabled}}\nstate: state\n"
            "profiles: [profiles]\nsinks: [{type: sqlite, path: store.db}]\nreports:\n"
            "- {name: county, profiles: [fast], frame: {type: none}, resume_rate: 100, transport:"
            f" {{type: tcp, host: {LOCAL}, port: {there.port}, answer_timeout: 300ms}}}}\n"
        )
        async with collecting(load_collector(path).settings) as collector:
            agent.send("manifest", TANK)
            agent.data(1, TANK, [("G0001", 1_795_438_739_500, 7.0, "good")])
            await eventually(lambda: collector.reports.status()[0].accepted == 1, "the packet")
        (tmp_path / "state/reports.db").write_bytes(b"\xa5" * 8192)
        async with collecting(load_collector(path).settings):
            words = ["reports", "resend", "county", "--from", "2026-11-23T00:00Z", "--to", "2026-11-24T00:00Z"]
            done = await asyncio.to_thread(CliRunner().invoke, main, [*words, "--settings", str(path)])
            assert done.exit_code == 0, done.output
            await eventually(lambda: len(there.frames) == 2, "the reading once more")
    assert values(there.frames) == [(CODE, 7.0), (CODE, 7.0)]
    assert list((tmp_path / "state").glob("reports.damaged-*"))
