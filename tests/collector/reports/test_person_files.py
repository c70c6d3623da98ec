"""Files that tell of persons on their way to a platform: as the mine wrote them, and encrypted until they are there."""

from __future__ import annotations

import base64
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from collector.app import Collector
from collector.directory import Directory
from collector.persons.settings import PersonsSettings
from collector.platform.platform import Secret
from collector.registry import Registry
from collector.reports import sender
from collector.reports.persons import PersonPacker, is_encrypted
from collector.reports.queue import ReportQueue
from collector.reports.settings import selection, target_faults, target_model
from collector.reports.transports.base import Answer
from collector.settings import CollectorSettings, load_collector
from config.errors import ConfigError
from profiles.load import library
from profiles.wire.codec import encode
from profiles.wire.messages import Manifest, ManifestDevice, ManifestTag, PersonTag, Site
from tests.collector.field import Agent, Shelf, collecting, eventually, settings
from tests.collector.persons import made
from tests.collector.persons.made import FIRST, MINUTE, OTHER, SECOND, SECRET, person
from tests.profiles.textfile.examples import MINE, RYSS, RYXX
from tests.servers import Server

NOW = time.time_ns() // 1_000_000_000 * 1000
LIBRARY = library()


def target(**rest: Any) -> Any:
    base = {"name": "province", "profiles": ["coal-personnel"], "persons": True, "resume_rate": 100,
            "transport": {"type": "folder", "path": "upload"}}  # fmt: skip
    return target_model().model_validate(base | rest)


class Desk:
    """A packer over its queue and the store."""

    def __init__(self, folder: Path, *keys: bytes, **rest: Any) -> None:
        folder.mkdir(exist_ok=True)
        self.store = made.store(folder, *keys)
        wanted = selection(target(**rest), LIBRARY)
        self.queue = ReportQueue(folder, [wanted])
        self._registry = Registry(folder)
        directory = Directory(self._registry)
        self._packer = PersonPacker("province", "", wanted, self.queue, self.store, LIBRARY, directory)

    def put(self, at: int, *records: str, key: bytes = SECRET) -> None:
        content = made.snapshot(at, *records)
        assert self.store.write(made.records(content, key=made.PersonKey(key)), []) == []

    def pack(self) -> list[str]:
        """Names of the packets that wait, once what is due is packed."""
        self._packer.pack(NOW, set())
        return [each.name for each in self.queue.packets("province", "waiting")]

    def close(self) -> None:
        self.queue.close()
        self.store.close()
        self._registry.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "state", SECRET)
    desk.pack()  # the target is there from now on
    yield desk
    desk.close()


def name(at: int) -> str:
    return f"{MINE}_RYSS_{made.text(at, '%Y%m%d%H%M%S', '+08:00')}.txt"


def test_a_packet_holds_the_file_encrypted_and_once_also_after_a_restart(desk: Desk, tmp_path: Path) -> None:
    desk.put(NOW, person(FIRST, NOW))
    assert desk.pack() == [name(NOW)]
    desk.put(NOW, person(FIRST, NOW))  # the same comes again
    assert desk.pack() == [name(NOW)]
    [packet] = desk.queue.packets("province", "waiting")
    assert (is_encrypted(packet), packet.kind, packet.path, packet.gateway) == (True, "live", "rydw/", MINE)
    desk.queue.set_mark("province", f"{MINE}/{made.KEY.id}", 0)  # killed before it noted how far it had come
    again = Desk(tmp_path / "state", SECRET)
    assert again.pack() == [name(NOW)]
    again.close()
    state = made.kept(tmp_path)
    assert FIRST.encode() not in state
    assert "测试甲".encode() not in state


def test_what_came_before_the_target_was_there_is_not_reported_and_what_is_late_is_resumed(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "state", SECRET)
    desk.put(NOW - MINUTE, person(FIRST, NOW - MINUTE))
    assert desk.pack() == []
    desk.put(NOW, person(FIRST, NOW))
    desk.put(NOW - 60 * MINUTE, person(SECOND, NOW - 60 * MINUTE))
    assert sorted(desk.pack()) == [name(NOW - 60 * MINUTE), name(NOW)]
    assert {each.time: each.kind for each in desk.queue.packets("province", "waiting")} == {
        NOW: "live", NOW - 60 * MINUTE: "resumed",
    }  # fmt: skip
    desk.close()


def test_packets_are_kept_no_longer_than_the_files_whatever_became_of_them(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.reports.persons.FORGET_EVERY", 0)
    for days in (89, 91, 92):
        at = NOW - days * made.DAY
        desk.put(at, person(FIRST, at))
    desk._packer.pack(NOW - 30 * made.DAY, set())
    packets = desk.queue.packets("province", "waiting")
    assert len(packets) == 3
    desk.queue.answered("province", packets[-1].id, "dead", "no")
    desk.pack()
    left = [each for state in ("waiting", "dead") for each in desk.queue.packets("province", state)]
    assert [each.time for each in left] == [NOW - 89 * made.DAY]


def test_two_files_of_one_second_have_names_of_their_own(desk: Desk) -> None:
    desk.put(NOW, person(FIRST, NOW))
    desk.put(NOW, person(SECOND, NOW))
    assert sorted(desk.pack()) == [name(NOW), name(NOW + 1000)]


def test_files_without_their_key_wait_hold_up_no_others_and_are_reported_once_it_is_there(
    desk: Desk, tmp_path: Path
) -> None:
    desk.put(NOW, person(FIRST, NOW), key=OTHER)
    desk.put(NOW + 1000, person(FIRST, NOW))
    assert desk.pack() == [name(NOW + 1000)]
    later = Desk(tmp_path / "state", SECRET, OTHER)
    assert sorted(later.pack()) == [name(NOW), name(NOW + 1000)]
    later.close()


@pytest.mark.parametrize(
    "rest", [{"persons": False}, {"sites": ["9"]}, {"regions": ["11"]}, {"profiles": ["coal-safety"]}]
)
def test_a_target_gets_only_what_it_is_to_have(tmp_path: Path, rest: dict[str, Any]) -> None:
    desk = Desk(tmp_path / "state", SECRET, **rest)
    desk.pack()
    desk.put(NOW, person(FIRST, NOW))
    assert desk.pack() == []
    desk.close()


def test_persons_are_for_targets_of_text_files_and_for_collectors_that_have_keys(tmp_path: Path) -> None:
    for rest in ({"profiles": ["coal-equipment"]}, {"profiles": ["tailings"]}):
        [fault] = target_faults((target(**rest),), LIBRARY)
        assert fault.path[-1] == "persons"
        assert "expected one that does, such as coal-personnel" in fault.message
    for family in ("", "text-file"):
        assert not [*target_faults((target(profiles=["mine-underground"], family=family),), LIBRARY)]
    assert not [*target_faults((target(profiles=["coal-safety"]),), LIBRARY)]  # for who dealt with an alarm
    path = tmp_path / "collector.yaml"
    path.write_text(
        "collector: bureau\nmqtt: {host: 127.0.0.1, tls: disabled}\nsinks: [{type: sqlite, path: store.db}]\nreports:\n"
        "  - {name: p, profiles: [coal-personnel], transport: {type: folder, path: up},\n     persons: true}\n"
    )
    with pytest.raises(ConfigError, match=r"collector.yaml:6:\d+: the files are encrypted; expected the mines' keys"):
        load_collector(path)


# -- through a running collector

TAGS = {
    f"{kind} rydw": ManifestTag(type="text", device="rydw", persons=PersonTag(profile="coal-personnel", kind=kind))
    for kind in ("RYSS", "RYXX")
}
ABOUT = encode(
    Manifest(
        v=1, software="t", site=Site(code=MINE, name="示例煤矿", adcode="140199"), tags=TAGS,
        devices={"rydw": ManifestDevice(driver="files")},
    )
)  # fmt: skip


@pytest.fixture
def agent(broker: Server) -> Iterator[Agent]:
    agent = Agent(broker.port, "mine-a")
    yield agent
    agent.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(sender, "LONGEST_PAUSE", 0.1)
    monkeypatch.setattr("collector.reports.reporter.PACK_EVERY", 0.1)


def chosen(broker: Server, folder: Path, shelf: Shelf, key: bytes = SECRET) -> CollectorSettings:
    """The settings, as of a collector that has this key."""
    keys = PersonsSettings.model_validate({"keys": {MINE: base64.b64encode(key).decode()}})
    made_ = settings(broker.port, folder / "state", shelf)
    transport = {"type": "folder", "path": str(folder / "upload")}
    return made_.model_copy(update={"reports": (target(transport=transport),), "persons": keys})


@asynccontextmanager
async def reporting(chosen: CollectorSettings) -> AsyncIterator[Collector]:
    """A collector whose target has begun."""
    async with collecting(chosen) as collector:
        await eventually(lambda: collector.reports.mark("province", "") is not None, "the target's beginning")
        yield collector


def send(agent: Agent, seq: int, text: str, kind: str = "RYSS") -> bytes:
    found = made.parts(text, kind)
    rows = [(f"{kind} rydw", NOW + part.number, part.text(), "good") for part in found]
    return agent.data(seq, ABOUT, rows)


def uploaded(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "upload").rglob("*.txt")}


async def test_what_the_mine_wrote_is_what_the_platform_has_and_no_store_of_readings_has_any(
    broker: Server, agent: Agent, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    (tmp_path / "upload").mkdir()
    shelf = Shelf()
    async with reporting(chosen(broker, tmp_path, shelf)):
        agent.tell(2)
        agent.send("manifest", ABOUT)
        frames = [send(agent, 1, RYSS), send(agent, 2, RYXX, "RYXX")]
        await eventually(lambda: all(agent.has(at, frame) for at, frame in enumerate(frames, 1)), "both acknowledged")
        await eventually(lambda: len(uploaded(tmp_path)) == 2, "both files")
    assert sorted(uploaded(tmp_path).values()) == sorted([RYSS.encode(), RYXX.encode()])
    assert shelf.readings == {}
    for word in ("测试甲", FIRST, "采煤一队"):
        assert word.encode() not in made.kept(tmp_path / "state")
        assert word not in caplog.text


async def test_a_platform_that_wants_its_files_encrypted_gets_those_of_persons_so_too(
    broker: Server, agent: Agent, tmp_path: Path
) -> None:
    (tmp_path / "upload").mkdir()
    key, iv = "0123456789abcdef", "fedcba9876543210"
    settings_ = chosen(broker, tmp_path, Shelf())
    [plain] = settings_.reports
    ciphered = target_model().model_validate(plain.model_dump() | {"cipher": {"type": "sm4-cbc", "key": key, "iv": iv}})
    async with reporting(settings_.model_copy(update={"reports": (ciphered,)})):
        agent.tell(1)
        agent.send("manifest", ABOUT)
        send(agent, 1, RYSS)
        await eventually(lambda: uploaded(tmp_path), "the file")
    [content] = uploaded(tmp_path).values()
    assert FIRST.encode() not in content
    assert Secret("sm4-cbc", key.encode(), iv.encode()).opened(content.decode("ascii")) == RYSS.encode()


async def test_with_the_wrong_key_nothing_is_reported_nothing_lost_and_the_right_one_makes_it_good(
    broker: Server, agent: Agent, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "upload").mkdir()
    async with reporting(chosen(broker, tmp_path, Shelf(), OTHER)) as collector:
        agent.tell(1)
        agent.send("manifest", ABOUT)
        frame = send(agent, 1, RYSS)
        await eventually(lambda: agent.has(1, frame), "the acknowledgement")
        assert f"are encrypted by the key {made.KEY.id}" in caplog.text
        assert collector.reports.packets("province", "waiting") == []
    assert uploaded(tmp_path) == {}
    async with reporting(chosen(broker, tmp_path, Shelf())):
        await eventually(lambda: uploaded(tmp_path), "the file")
    assert [*uploaded(tmp_path).values()] == [RYSS.encode()]


async def test_a_packet_whose_key_has_gone_is_a_dead_letter_that_can_be_released(
    broker: Server, tmp_path: Path
) -> None:
    (tmp_path / "upload").mkdir()
    desk = Desk(tmp_path / "state", SECRET)
    desk.pack()
    desk.put(NOW, person(FIRST, NOW))
    assert len(desk.pack()) == 1
    desk.close()
    async with reporting(chosen(broker, tmp_path, Shelf(), OTHER)) as collector:
        await eventually(lambda: collector.reports.packets("province", "dead"), "the dead letter")
        [dead] = collector.reports.packets("province", "dead")
        assert "put the key of its agent there" in dead.answer
        assert FIRST.encode() not in dead.body
    async with reporting(chosen(broker, tmp_path, Shelf())) as collector:
        collector.reports.release("province", None)
        await eventually(lambda: uploaded(tmp_path), "the file")


async def test_what_a_platform_quotes_of_persons_is_neither_logged_nor_kept(
    broker: Server, agent: Agent, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "upload").mkdir()

    async def refuses(_transport: object, _outgoing: object) -> Answer:
        return Answer("refused", f"card {FIRST} of 测试甲 is not known, line 1")

    monkeypatch.setattr("collector.reports.transports.folder.transport.FolderTransport.send", refuses)
    async with reporting(chosen(broker, tmp_path, Shelf())) as collector:
        agent.tell(1)
        agent.send("manifest", ABOUT)
        send(agent, 1, RYSS)
        await eventually(lambda: collector.reports.packets("province", "dead"), "the refusal")
        [dead] = collector.reports.packets("province", "dead")
    assert dead.answer == "card … of … is not known, line 1"
    assert "card … of … is not known" in caplog.text
    assert "测试甲" not in caplog.text


async def test_a_tag_of_persons_whose_profile_is_not_known_is_a_dead_letter_and_harms_no_other(
    broker: Server, agent: Agent, tmp_path: Path
) -> None:
    (tmp_path / "upload").mkdir()
    tags = {
        "A": ManifestTag(type="text", device="rydw", persons=PersonTag(profile="nobody", kind="RYSS")),
        "B": ManifestTag(type="text", device="rydw", persons=PersonTag(profile="coal-personnel", kind="CDSS")),
        "C": ManifestTag(type="number", device="rydw", persons=PersonTag(profile="coal-personnel", kind="RYSS")),
        "D": ManifestTag(type="number", device="rydw"),
    }
    site = Site(code=MINE, name="示例煤矿", adcode="140199")
    about = encode(Manifest(v=1, software="t", site=site, tags=tags, devices={"rydw": ManifestDevice(driver="files")}))
    shelf = Shelf()
    async with reporting(chosen(broker, tmp_path, shelf)) as collector:
        agent.tell(1)
        agent.send("manifest", about)
        frame = agent.data(1, about, [(tag, NOW, 1.0, "good") for tag in tags])
        await eventually(lambda: agent.has(1, frame), "the acknowledgement")
        [letter] = collector.dead_letters.letters()
    for reason in (
        "profile 'nobody' is not known here", "'CDSS' is no kind of coal-personnel that tells of persons",
        "files that tell of persons are texts without a point",
    ):  # fmt: skip
        assert reason in letter.reason
    assert [point for point, _time in shelf.readings] == ["D"]


async def test_what_is_past_its_time_is_deleted_by_the_running_collector(
    broker: Server, agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.background.LOOK_AROUND", 0.1)
    (tmp_path / "upload").mkdir()
    store = made.store(tmp_path / "state", SECRET)
    old = NOW - 91 * made.DAY
    assert store.write(made.records(made.snapshot(old, person(FIRST, old))), []) == []
    async with reporting(chosen(broker, tmp_path, Shelf())):
        await eventually(lambda: store.newest(MINE, "RYSS", NOW) is None, "the deletion")
    store.close()
