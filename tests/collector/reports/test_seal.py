"""The seal's pushes end to end: events and counts over the contract, judged by the mine's order, to the platform."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collector.mines import MineOrder
from collector.normalise.compile import compile_manifest
from collector.normalise.events import event_records
from collector.platform.ledger import Ledger
from collector.platform.platform import Platform, Secret, plan
from collector.platform.ports import serve_http
from collector.platform.tokens import Tokens
from collector.reports import sender
from collector.reports.encoders.base import written
from collector.reports.settings import target_model
from collector.settings import load_collector
from config.errors import ConfigError
from profiles.load import library
from profiles.wire.codec import decode, decoder, encode, freeze_events, manifest_hash
from profiles.wire.messages import Camera, Event, Events, Evidence, Manifest, ManifestDevice, ManifestTag, Point, Site
from tests.collector.field import NOW, STREAM, Agent, Shelf, collecting, eventually, settings
from tests.servers import LOCAL, Server

MINE, TERMINAL = "140199900001", "14019990000101"
BELT, GATE = "14010000001320000006", "14010000001320000001"


def counted(camera: str, quantity: str) -> ManifestTag:
    point = Point(
        profile="electronic-seal", asset=camera, quantity=quantity, code=f"{camera}{quantity}".replace("-", "")
    )
    return ManifestTag(type="number", device="seal", unit="min" if quantity == "PD-YX" else "", point=point)


ABOUT = encode(
    Manifest(
        v=1, software="edge-agent test",
        site=Site(code=MINE, name="示例煤矿", adcode="140199", gateway=TERMINAL, industry="MK"),
        devices={"seal": ManifestDevice(driver="camera")},
        tags={
            "in": counted(GATE, "RY-IN"), "out": counted(GATE, "RY-OUT"), "under": counted(TERMINAL, "RY-JX"),
            "belt": counted(BELT, "PD-YX"),
        },
        cameras={
            "belt": Camera(code=BELT, profile="electronic-seal", position="P06", label="主运皮带机头"),
            "gate": Camera(code=GATE, profile="electronic-seal", position="P01", label="主井口",
                           attributes={"station": f"{MINE}0008000012"}),
        },
    )
)  # fmt: skip
SHA = "ab" * 32
PICTURES = [
    Evidence(id=f"{BELT}/{number}.jpg", type="image/jpeg", size=9, sha256=SHA, captured=NOW + at)
    for number, at in enumerate((-3000, 0, 3000))
]


def seen(number: int, code: str, camera: str, state: Any = "raised", at: int = 0, **facts: Any) -> Event:
    return Event(
        id=f"e{number}", alarm=f"a-{code}", kind="seal", level="RED", state=state, time=NOW + at, since=NOW,
        camera=camera, code=code, facts=facts, evidence=PICTURES if code == "belt_run" else [], text=code,
    )  # fmt: skip


EVENTS = [
    seen(1, "belt_run", "belt", confidence=0.93, duration=5), seen(2, "person_in", "gate", "noted", persons=2),
    seen(3, "q_covered", "belt"), seen(4, "bypass_in", "gate", "noted", persons=3), seen(5, "camera_offline", "gate"),
    seen(6, "belt_run", "belt", "cleared", 60_000), seen(7, "camera_offline", "gate", "cleared", 61_000),
]  # fmt: skip


@pytest.fixture
def agent(broker: Server) -> Iterator[Agent]:
    agent = Agent(broker.port, "mine-a")
    yield agent
    agent.close()


async def told(
    family: str,
    broker: Server,
    agent: Agent,
    folder: Path,
    order: MineOrder | None,
    wanted: int,
    *,
    life: int = 1000,
    online: bool = False,
) -> Ledger:
    """What a platform has once it took `wanted` packets of the events and one hour's counts."""
    book = Ledger(folder / "platform.db")
    tokens = Tokens("mine-7", "s3cret", life)
    server = await serve_http(Platform(book, Secret(), plan("error:500,success")), LOCAL, 0, tokens)
    base = f"http://{LOCAL}:{server.sockets[0].getsockname()[1]}"
    oauth = {"token_url": f"{base}/oauth/token", "client_id": "mine-7", "client_secret": "s3cret", "scope": "mine"}
    url = base if family == "CM6" else f"{base}/seal"
    target = target_model().model_validate(
        {
            "name": "province", "profiles": ["electronic-seal"], "family": family, "resume_rate": 50,
            "transport": {"type": "http", "url": url, "oauth2": oauth},
        }
    )  # fmt: skip
    changes: dict[str, Any] = {"reports": (target,), "mines": {MINE: order} if order else {}}
    hour = NOW // 3_600_000 * 3_600_000 - 3_600_000 - 1800_000  # one that ended more than a minute ago
    try:
        async with collecting(settings(broker.port, folder, Shelf()).model_copy(update=changes)):
            agent.send("manifest", ABOUT)
            if online:
                agent.tell(0)
            frame = agent.data(
                1, ABOUT, [("in", hour, 3.0, "good"), ("out", hour, None, "bad:link"), ("under", hour, 3.0, "good"),
                           ("belt", hour, 41.0, "good")],
            )  # fmt: skip
            await eventually(lambda: agent.has(1, frame), "the counts' acknowledgement")
            agent.send("event", freeze_events(STREAM, 2, 0, manifest_hash(ABOUT), EVENTS))
            await eventually(lambda: len(book.packets()) >= wanted or book.refusals(), "the platform", 60)
    finally:
        server.close()
    return book


def messages(book: Ledger) -> list[Any]:
    return [book.body(identity) for identity in book.packets()]


STOPPED = MineOrder(state="stopped", order="晋矿安〔2026〕12号")


async def test_a_sealed_mines_events_reach_the_seal_platform_as_grave_and_forbidden(
    broker: Server, agent: Agent, tmp_path: Path
) -> None:
    book = await told("seal", broker, agent, tmp_path, STOPPED, len(EVENTS) + 1)
    assert book.refusals() == []
    found = messages(book)
    events = {(each["eventCode"], each["eventPhase"]): each for each in found if each["msgType"] == "event"}
    phases = {"raised": "raise", "cleared": "clear", "noted": "raise"}
    assert set(events) == {(each.code, phases[each.state]) for each in EVENTS}
    start, clear = events["belt_run", "raise"], events["belt_run", "clear"]
    assert (start["level"], start["forbidden"], start["mineState"]) == (1, True, "stopped")
    assert (start["terminalId"], start["mineKind"]) == (TERMINAL, "MK")
    assert (start["positionType"], start["confidence"], start["endTime"]) == ("P06", 0.93, "")
    assert [each["role"] for each in start["pictures"]] == ["before", "at", "after"]
    assert {each["sha256"] for each in start["pictures"]} == {SHA}
    assert clear["eventId"] == start["eventId"]
    assert clear["endTime"] > clear["startTime"]
    assert events["person_in", "raise"]["persons"] == 2
    assert events["camera_offline", "raise"]["level"] == 2
    [count] = [each for each in found if each["msgType"] == "count"]
    assert count["cameras"] == [{"cameraCode": GATE, "in": 3, "out": None}]
    totals = {name: count[name] for name in ("inTotal", "outTotal", "underground", "cards", "beltRunMin")}
    assert totals == {"inTotal": 3, "outTotal": None, "underground": 3, "cards": None, "beltRunMin": 41}
    assert count["alarms"] == {"1": 0, "2": 0, "3": 0}, "today's are of this hour"
    book.close()


async def test_a_permit_takes_the_alarm_out_of_what_it_allows_and_of_nothing_else(
    broker: Server, agent: Agent, tmp_path: Path
) -> None:
    now = datetime.fromtimestamp(NOW / 1000, UTC)
    permit = {
        "start": (now - timedelta(hours=1)).isoformat(), "end": (now + timedelta(hours=1)).isoformat(),
        "positions": ["P01"], "max_persons": 2, "works": ["inspect"],
    }  # fmt: skip
    order = MineOrder.model_validate({"state": "closed", "permits": [permit]})
    book = await told("seal", broker, agent, tmp_path, order, len(EVENTS) + 1)
    assert book.refusals() == []
    levels = {
        each["eventCode"]: (each["level"], each["forbidden"]) for each in messages(book) if each["msgType"] == "event"
    }
    assert levels["person_in"] == (3, False)  # two people at P01
    assert levels["bypass_in"] == (1, True)  # three
    assert levels["belt_run"] == (1, True)  # at P06
    assert levels["q_covered"] == (1, True)
    book.close()


async def test_the_video_platform_gets_the_register_first_and_each_kind_by_its_path_with_renewed_tokens(
    broker: Server, agent: Agent, tmp_path: Path
) -> None:
    book = await told("CM6", broker, agent, tmp_path, None, 5, life=2, online=True)
    assert book.refusals() == []
    found = messages(book)
    assert [(row["cameraCode"], row["analysisType"]) for row in found[0]] == [
        (BELT, "03"), (GATE, "01"), (GATE, "02"), (GATE, "03")
    ]  # fmt: skip
    assert found[0][1]["psStationCode"] == f"{MINE}0008000012"
    rest = sorted(
        (row["cameraCode"], row.get("analysisType", ""), row.get("analysisCase", row.get("cameraStatus")))
        for rows in found[1:] for row in rows
    )  # fmt: skip
    assert rest == sorted(
        [(BELT, "03", "0001"), (GATE, "04", "0003"), (GATE, "", 1), (TERMINAL, "", "0003")],
        key=lambda row: (row[0], row[1], str(row[2])),
    )
    book.close()


async def test_after_a_week_without_the_platform_the_gravest_leaves_first_with_its_own_time_and_says_that_it_is_late(
    broker: Server, agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(sender, "LONGEST_PAUSE", 0.1)
    began = NOW // 1000 * 1000 - 7 * 86_400_000
    codes = ["box_open", "q_frozen", "belt_run", "power_lost", "person_in"]  # of levels 1, 2, 3, 2, 3 with the permit
    old = [
        msgspec.structs.replace(seen(at, code, "belt"), time=began + at, since=began + at)
        for at, code in enumerate(codes)
    ]
    there = asyncio.Event()

    def answers() -> Iterator[str]:
        while True:
            yield "success" if there.is_set() else "error:503"

    permit = {"start": "2020-01-01T00:00+08:00", "end": "2090-01-01T00:00+08:00"}
    order = MineOrder.model_validate({"state": "stopped", "permits": [permit]})
    book = Ledger(tmp_path / "platform.db")
    server = await serve_http(Platform(book, Secret(), answers()), LOCAL, 0)
    transport = {"type": "http", "url": f"http://{LOCAL}:{server.sockets[0].getsockname()[1]}/seal"}
    target = target_model().model_validate(
        {"name": "province", "profiles": ["electronic-seal"], "family": "seal", "transport": transport}
    )
    chosen = settings(broker.port, tmp_path, Shelf())
    changes: dict[str, Any] = {"reports": (target,), "mines": {MINE: order}}
    async with collecting(chosen.model_copy(update=changes)) as collector:
        agent.send("manifest", ABOUT)
        agent.send("event", freeze_events(STREAM, 1, 0, manifest_hash(ABOUT), old))
        await eventually(lambda: collector.reports.status()[0].alarms_waiting >= len(old), "all of them in the queue")
        there.set()
        await eventually(lambda: len({each["eventCode"] for each in messages(book)}) == len(old), "the platform")
    server.close()
    first: dict[str, Any] = {}
    for each in messages(book):
        first.setdefault(each["eventCode"], each)  # q_frozen, which stands, may have been told again
    came = list(first.values())
    assert [(each["level"], each["eventCode"]) for each in came] == [
        (1, "box_open"), (2, "q_frozen"), (2, "power_lost"), (3, "belt_run"), (3, "person_in"),
    ]  # fmt: skip
    assert {each["resend"] for each in came} == {True}
    assert {each["startTime"] for each in came} == {written(library()["electronic-seal"].time, began)}
    book.close()


async def test_without_an_order_nothing_is_told_and_the_log_says_what_to_state(
    broker: Server, agent: Agent, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    waiting = asyncio.create_task(told("seal", broker, agent, tmp_path, None, 1))
    await eventually(lambda: "mines: {CODE: {state: …}}" in caplog.text, "the log")
    waiting.cancel()
    await asyncio.wait({waiting})
    book = Ledger(tmp_path / "platform.db")
    assert book.packets() == {}
    book.close()


def test_a_seal_platform_without_any_order_is_a_warning_and_an_unknown_state_an_error(tmp_path: Path) -> None:
    head = "collector: bureau\nmqtt: {host: 127.0.0.1, tls: disabled}\nsinks: [{type: sqlite, path: store.db}]\n"
    target = (
        "reports: [{name: p, profiles: [electronic-seal], family: seal, transport: {type: http, url: 'http://p/'}}]\n"
    )
    file = tmp_path / "collector.yaml"
    file.write_text(head + target)
    assert ["without an order" in str(each) for each in load_collector(file).warnings] == [True]
    file.write_text(head + target + f"mines: {{'{MINE}': {{state: asleep}}}}\n")
    with pytest.raises(ConfigError, match="'asleep' is no state"):
        load_collector(file)


def test_a_code_that_the_profile_does_not_know_becomes_no_tag_of_the_stores() -> None:
    compiled = compile_manifest(decode(ABOUT, decoder(Manifest)), library(), agent="mine-a")
    known, odd = (seen(1, code, "belt") for code in ("belt_run", "made-up"))
    frame = freeze_events(STREAM, 1, 0, manifest_hash(ABOUT), [known, odd])
    records = event_records(decode(frame, decoder(Events)), compiled)
    assert [(each.point, each.quantity) for each in records] == [(BELT, "belt_run"), (BELT, "")]
