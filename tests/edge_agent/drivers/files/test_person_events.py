"""Overtime, restricted areas and calls for help of single persons, where a mine's own system does not write them."""

from __future__ import annotations

import itertools
import logging
import random
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from edge_agent.drivers.files.driver import FilesDriver
from edge_agent.drivers.files.person_watch import REMEMBERED
from edge_agent.drivers.files.settings import PERSONS, FilesDevice, TextFormat
from edge_agent.drivers.files.text import TextSource
from edge_agent.recorder import Recorder
from profiles.load import library
from profiles.textfile.codec import encode
from profiles.textfile.encrypted import Opened, PersonKey, decrypt, parse_part
from profiles.textfile.values import text_files
from tests.edge_agent.drivers.files.bench import MINE, Bench, bench, device, now, stamp, until, write
from tests.edge_agent.drivers.files.test_kill import agent_file, committed
from tests.servers import wait_for

KILLS = 3
BESIDE = "140199900002"
"""The mine next door, whose system writes into the same folder."""
SECRET, OTHER = bytes(range(32)).hex(), bytes(32).hex()
KEY = PersonKey(bytes(range(32)))
FILES = text_files(library()["coal-personnel"])
SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000
AT = now() - 14 * HOUR
"""When everybody went down."""
FACE, STORE, HEAD = f"{MINE}0008", f"{MINE}0009", f"{MINE}0001"
ANNA, BERT = f"{MINE}90001", f"{MINE}90002"
NAMES = {ANNA: "测试甲", BERT: "测试乙"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "rydw"
    path.mkdir()
    return path


def mine(folder: Path, *, key: str = SECRET, tags: Any = (), only: str | None = MINE, **persons: Any) -> FilesDevice:
    form = {"type": "text", "profile": "coal-personnel"} | ({"mine": only} if only else {})
    return device(folder, tags, format=form, backlog="36500d", persons={"key": key, **persons})


def person(
    card: str, at: int, *, area: str = FACE, entered: int | None = None, out: int | None = None, state: str = "正常"
) -> str:
    """A record of a snapshot; who is `out` is at the pit head."""
    where, flag, left = (area, "1", "") if out is None else (HEAD, "2", stamp(out))
    since, station = stamp(at if entered is None else entered), f"{where}000012"
    trip, spot = f"{flag};{stamp(AT)};{left}", f"{where};{since};{station};{stamp(at)}"
    return f"{card};{NAMES[card]};{trip};{spot};三八制;1.00;{state};0;0;~"


def snapshot(at: int, *records: str, of: str = MINE) -> str:
    return f"{of};示例煤矿;{stamp(at)}~{''.join(records)}||"


def ryxx(at: int, works: Mapping[str, str]) -> str:
    lines = "".join(f"{card};{NAMES[card]};{work};;;;;0;0~" for card, work in works.items())
    return f"{MINE};示例煤矿;120;KJ000;人员定位系统;示例厂家;2028-12-31;{stamp(at)}~{lines}||"


def event(card: str, at: int, start: int, end: int | None = None, area: str = FACE, entered: int | None = None) -> str:
    """A record as the gateway writes it."""
    ended, station = "" if end is None else stamp(end), f"{area}000012"
    since = stamp(at if entered is None else entered)
    return f"{card};{NAMES[card]};{stamp(AT)};{stamp(start)};{ended};{area};{since};{station};{stamp(at)}~"


class Source:
    """A folder's source, told of one file after the other."""

    def __init__(self, folder: Path, before: Mapping[str, str] | None = None, **settings: Any) -> None:
        self.device = mine(folder, **settings)
        assert isinstance(self.device.format, TextFormat)
        self.source = TextSource(self.device.format, self.device)
        self.remembered = dict(before or {})
        self.source.begin(self.remembered)

    def take(self, kind: str, at: int, content: str, *, durable: bool = True, of: str = MINE) -> dict[str, str]:
        """The files that it gives rise to, by kind, in clear; of RYSS only those of ours."""
        name = f"{of}_{kind}_{stamp(at, '%Y%m%d%H%M%S')}.txt"
        taken = self.source.take(name, content.encode(), now=now(), quiet=False)
        rows = [(row.kind, row.values["text"]) for row in taken.rows if row.code == PERSONS]
        if durable:
            self.remembered |= self.source.settled()
        else:
            self.source.begin(self.remembered)  # as the driver does, since they were dropped
        return {word: clear(str(told)) for word, told in rows if word != "RYSS"}

    def see(self, at: int, *records: str, durable: bool = True, of: str = MINE) -> dict[str, str]:
        return self.take("RYSS", at, snapshot(at, *records, of=of), durable=durable, of=of)


def clear(told: str) -> str:
    part = parse_part(told)
    file = decrypt(KEY, part.head, part.cipher)
    return encode(FILES, file.head.kind, file.header, file.records).decode()


def test_overtime_goes_by_the_class_of_work_from_its_first_minute_to_the_way_out(folder: Path) -> None:
    source = Source(folder, overtime={"采煤工": "8h"})
    assert [*source.take("RYXX", AT, ryxx(AT, {ANNA: "采煤工", BERT: "电工"}))] == ["RYXX"]
    at = AT + 8 * HOUR - SECOND
    assert source.see(at, person(ANNA, at), person(BERT, at)) == {}
    at = AT + 8 * HOUR + 20 * SECOND
    start = AT + 8 * HOUR  # and not when a snapshot came to tell of it
    assert source.see(at, person(ANNA, at), person(BERT, at)) == {"RYCS": snapshot(at, event(ANNA, at, start))}
    at += 30 * SECOND
    assert source.see(at, person(ANNA, at), person(BERT, at)) == {}  # told lately
    at += 30 * SECOND
    assert source.see(at, person(ANNA, at), person(BERT, at)) == {"RYCS": snapshot(at, event(ANNA, at, start))}
    last, at = at, at + 30 * SECOND
    out = at - 12 * SECOND
    told = source.see(at, person(ANNA, at, out=out), person(BERT, at))
    assert told == {"RYCS": snapshot(at, event(ANNA, last, start, out))}
    assert source.see(at + MINUTE, person(BERT, at)) == {}
    at = AT + 12 * HOUR  # the profile's, of every other work
    assert source.see(at, person(BERT, at)) == {"RYCS": snapshot(at, event(BERT, at, at))}


def test_a_limit_of_all_other_works_takes_the_place_of_the_profiles(folder: Path) -> None:
    source = Source(folder, overtime={"采煤工": "8h", "*": "10h"})
    at = AT + 10 * HOUR
    assert source.see(at, person(BERT, at)) == {"RYCS": snapshot(at, event(BERT, at, at))}


async def test_the_count_of_overtime_on_the_screen_is_that_of_the_file(tmp_path: Path, folder: Path) -> None:
    tags = [{"name": "OVERTIME", "kind": "RYSS", "code": MINE, "field": "overtime"}]
    write(folder, ryxx(AT, {ANNA: "采煤工"}), AT, "RYXX")
    at = AT + 9 * HOUR
    write(folder, snapshot(at, person(ANNA, at), person(BERT, at)), at, "RYSS")
    settings = mine(folder, tags=tags, overtime={"采煤工": "8h"})
    [shown] = await FilesDriver.read_once(settings)
    assert shown.value == 1
    async with bench(tmp_path / "state", settings) as this:
        await until(lambda: opened(this, "RYCS"), "the event")
        assert this.of("OVERTIME") == [(at, 1, "good")]


def test_a_call_for_help_is_told_at_once_again_with_each_snapshot_and_until_it_is_reset(folder: Path) -> None:
    source, at = Source(folder), AT + HOUR
    assert source.see(at, person(ANNA, at), person(BERT, at, state="求救")) == {
        "RYQJ": snapshot(at, event(BERT, at, at))
    }  # fmt: skip
    start, at = at, at + 30 * SECOND
    both = event(ANNA, at, at) + event(BERT, at, start)
    assert source.see(at, person(ANNA, at, state="求救"), person(BERT, at, state="求救")) == {
        "RYQJ": snapshot(at, both)
    }
    second, last, at = at, at, at + 30 * SECOND
    both = event(ANNA, at, second) + event(BERT, last, start, at)
    assert source.see(at, person(ANNA, at, state="求救"), person(BERT, at)) == {"RYQJ": snapshot(at, both)}


def test_whoever_is_not_on_the_list_of_a_restricted_area_is_told_from_entering_to_leaving(folder: Path) -> None:
    source = Source(folder, restricted={STORE: BERT, f"{MINE}0010": None})
    entered, at = AT + HOUR, AT + HOUR + 20 * SECOND
    told = source.see(at, person(ANNA, at, area=STORE, entered=entered), person(BERT, at, area=STORE))
    assert told == {"RYXZ": snapshot(at, event(ANNA, at, entered, area=STORE, entered=entered))}
    last, at = at, at + 30 * SECOND
    left = at - 5 * SECOND
    told = source.see(at, person(ANNA, at, entered=left), person(BERT, at, area=STORE))
    assert told == {"RYXZ": snapshot(at, event(ANNA, last, entered, left, STORE, entered))}
    at += 30 * SECOND  # and from one restricted area into the next is an end and a beginning
    source.see(at, person(ANNA, at, area=STORE, entered=at))
    last, at = at, at + 30 * SECOND
    told = source.see(at, person(ANNA, at, area=f"{MINE}0010", entered=at))
    ended = event(ANNA, last, last, at, STORE, last)
    assert told == {"RYXZ": snapshot(at, ended, event(ANNA, at, at, area=f"{MINE}0010", entered=at))}


def test_a_kind_that_the_mine_writes_is_never_begun_by_us_and_what_stands_is_told_to_its_end(folder: Path) -> None:
    old = AT - 400 * 24 * HOUR
    write(folder, snapshot(old), old, "RYCS")  # an empty one, older than any backlog
    write(folder, f"{MINE};示例煤矿;{stamp(old)}~1;2~||", old, "RYQJ")  # not readable: nobody gets anything from it
    source, at = Source(folder), AT + 13 * HOUR
    told = source.see(at, person(ANNA, at, state="求救"))
    assert told == {"RYQJ": snapshot(at, event(ANNA, at, at))}  # and no RYCS
    start, at = at, at + 30 * SECOND
    theirs = snapshot(at, event(BERT, at, at))
    assert source.take("RYQJ", at, theirs) == {"RYQJ": theirs}  # the mine writes them after all
    told = source.see(at, person(ANNA, at, state="求救"), person(BERT, at, state="求救"))
    assert told == {"RYQJ": snapshot(at, event(ANNA, at, start))}  # Bert's is the mine's
    last, at = at, at + 30 * SECOND
    assert source.see(at, person(ANNA, at)) == {"RYQJ": snapshot(at, event(ANNA, last, start, at))}
    for path in folder.iterdir():
        path.unlink()
    again = Source(folder, source.remembered)  # after a restart, with the mine's files gone
    at += 30 * SECOND
    assert again.see(at, person(ANNA, at, state="求救")) == {}


def test_a_kind_that_the_settings_call_ours_has_one_writer_too(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    source, at = Source(folder, events=["RYQJ"]), AT + 13 * HOUR
    assert source.take("RYQJ", at, snapshot(at, event(BERT, at, at))) == {}
    assert [*source.see(at, person(ANNA, at, state="求救"))] == ["RYQJ"]  # no RYCS, which is not named
    assert f"mine: the mine {MINE} writes RYQJ as well: its files of that kind are not sent on" in caplog.text
    theirs = snapshot(at, event(BERT, at, at))
    assert source.take("RYCS", at, theirs) == {"RYCS": theirs}


def test_neither_an_older_snapshot_nor_a_broken_record_ends_an_event(folder: Path) -> None:
    source, at = Source(folder), AT + HOUR
    source.see(at, person(ANNA, at, state="求救"), person(BERT, at))
    assert source.see(at - MINUTE, person(BERT, at)) == {}
    others = "".join(f"{MINE}9{number:04};某;1;{stamp(AT)};;;;;;;;正常;0;0;~" for number in range(100, 110))
    start, at = at, at + 30 * SECOND
    broken = person(ANNA, at, state="求救").replace(ANNA, ANNA[:-1])
    assert source.see(at, broken, others) == {"RYQJ": snapshot(at, event(ANNA, start, start))}
    at += 30 * SECOND
    assert source.see(at, others) == {"RYQJ": snapshot(at, event(ANNA, start, start, at))}  # who is gone is gone


def test_a_file_that_is_taken_again_since_its_readings_were_dropped_tells_the_same(folder: Path) -> None:
    source, at = Source(folder), AT + HOUR
    first = source.see(at, person(ANNA, at, state="求救"), durable=False)
    assert first != {}
    assert source.remembered == {}
    assert source.see(at, person(ANNA, at, state="求救")) == first


def test_two_mines_that_write_into_one_folder_end_nothing_of_each_others_and_hide_no_snapshot(folder: Path) -> None:
    source, at = Source(folder, only=None), AT + HOUR
    assert source.see(at, person(ANNA, at, state="求救")) == {"RYQJ": snapshot(at, event(ANNA, at, at))}
    later = at + 5 * SECOND
    assert source.see(later, of=BESIDE) == {}  # nobody there: of Anna it tells nothing
    again = Source(folder, source.remembered, only=None)  # nor after a restart
    assert again.see(later + SECOND, of=BESIDE) == {}
    between, start = at + 2 * SECOND, at  # older than the other mine's newest
    assert again.see(between, person(ANNA, between)) == {"RYQJ": snapshot(between, event(ANNA, at, start, between))}


def test_of_two_mines_in_one_folder_each_has_its_own_writer_and_its_own_classes_of_work(folder: Path) -> None:
    old = AT - 400 * 24 * HOUR
    write(folder, snapshot(old), old, "RYQJ")
    write(folder, snapshot(AT, of=BESIDE), AT, "RYQJ", BESIDE)  # newer, and of another mine
    write(folder, ryxx(AT, {ANNA: "采煤工"}), AT, "RYXX")
    write(folder, ryxx(AT + SECOND, {}).replace(f"{MINE};", f"{BESIDE};", 1), AT + SECOND, "RYXX", BESIDE)
    source, at = Source(folder, only=None, overtime={"采煤工": "8h"}), AT + 9 * HOUR
    told = source.see(at, person(ANNA, at, state="求救"))
    assert told == {"RYCS": snapshot(at, event(ANNA, at, AT + 8 * HOUR))}  # and no RYQJ


def test_the_counts_of_a_mine_are_not_those_of_another_that_writes_into_its_folder(folder: Path) -> None:
    codes = {"ALL": MINE, "FACE": FACE, "BESIDE": BESIDE}
    tags = [{"name": name, "kind": "RYSS", "code": code} for name, code in codes.items()]
    source = Source(folder, only=None, tags=tags)
    name = f"{BESIDE}_RYSS_{stamp(AT, '%Y%m%d%H%M%S')}.txt"
    taken = source.source.take(name, snapshot(AT, of=BESIDE).encode(), now=now(), quiet=False)
    assert [(row.code, row.values["count"]) for row in taken.rows if row.field == "count"] == [(BESIDE, 0)]


async def test_who_writes_what_is_known_as_before_once_readings_were_dropped(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [False]

    async def committed(_self: Recorder) -> bool:
        return answers.pop() if answers else True

    monkeypatch.setattr(Recorder, "committed", committed)
    old, at = AT - 400 * 24 * HOUR, AT + 9 * HOUR
    path = write(folder, snapshot(old), old, "RYQJ")  # older than the backlog: it is never taken
    write(folder, ryxx(old, {ANNA: "采煤工"}), old, "RYXX")
    write(folder, snapshot(at, person(ANNA, at, state="求救")), at, "RYSS")
    settings = mine(folder, overtime={"采煤工": "8h"}).model_copy(update={"backlog": 2 * 86_400.0})
    async with bench(tmp_path / "state", settings) as this:
        await until(lambda: this.counted("files") == 2 and this.remembered(), "the snapshot twice")
        assert path.name not in this.remembered()
        assert answers == []
        assert opened(this, "RYQJ") == []
        assert [each.head.kind for each in opened(this, "RYCS")] == ["RYCS"]
        assert f"driver:mine/{REMEMBERED}theirs/{MINE}" in this.outbox.recall()


def opened(this: Bench, kind: str) -> list[Opened]:
    parts = [parse_part(str(value)) for _time, value, _quality in this.of(f"{kind} mine")]
    return [decrypt(KEY, part.head, part.cipher) for part in parts]


async def test_what_stands_survives_a_restart_a_kill_and_nobody_is_named_on_disk(
    tmp_path: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    state, first, second = tmp_path / "state", AT + HOUR, AT + HOUR + 30 * SECOND
    write(folder, snapshot(first, person(ANNA, first, state="求救")), first, "RYSS")
    async with bench(state, mine(folder)) as this:
        await until(lambda: opened(this, "RYQJ"), "the call for help")
        await until(lambda: this.remembered(), "its file in the memory")
    write(folder, snapshot(second, person(ANNA, second)), second, "RYSS")
    async with bench(state, mine(folder)) as this:
        await until(lambda: len(this.remembered()) == 2, "the second file")
        told = [each.records for each in opened(this, "RYQJ")]
        assert [(each["start_time"], each["end_time"]) for [each] in told] == [
            (stamp(first), ""), (stamp(first), stamp(second)),
        ]  # fmt: skip
        sent = set(this.of("RYQJ mine"))
        forgotten = {f"file/{name}": "" for name in this.remembered()} | {f"{REMEMBERED}standing/{MINE}": ""}
        this.recorder.remember("mine", forgotten)
        assert await this.recorder.committed()  # as if it had been killed before any of it was remembered
    async with bench(state, mine(folder)) as this:
        await until(lambda: len(this.remembered()) == 2, "both files once more")
        assert set(this.of("RYQJ mine")) == sent  # a repeat is the same sample
        kept = b"".join(path.read_bytes() for path in state.rglob("*") if path.is_file())
    for word in (*NAMES, *NAMES.values()):
        assert word.encode() not in kept
        assert word not in caplog.text
    assert ANNA.encode() in b"".join(path.read_bytes() for path in folder.iterdir())  # so it would have been found


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_a_gateway_that_is_killed_again_and_again_tells_what_one_that_never_was_would(
    tmp_path: Path, folder: Path
) -> None:
    persons = {"key": SECRET, "restricted": {STORE: None}}
    path = agent_file(tmp_path, [], format={"type": "text", "profile": "coal-personnel"}, persons=persons)
    path.write_text(path.read_text().replace("aqjk", "rydw"))
    reference, chance = Source(folder, restricted={STORE: None}), random.Random(7)
    expected: set[tuple[str, int, object]] = set()
    where, calls = dict.fromkeys(NAMES, FACE), dict.fromkeys(NAMES, "正常")
    start = now() - 13 * HOUR  # each file is a second later than the last: none may reach the future

    def more(step: int) -> None:
        at = start + step * SECOND
        for card in NAMES:  # each state stands for some ten snapshots, so that a kill falls into most of them
            where[card] = chance.choice((FACE, STORE)) if chance.random() < 0.2 else where[card]
            calls[card] = chance.choice(("正常", "求救")) if chance.random() < 0.2 else calls[card]
        records = [person(card, at, area=where[card], entered=at, state=calls[card]) for card in NAMES]
        content = snapshot(at, *records)
        name = write(folder, content, at, "RYSS").name
        taken = reference.source.take(name, content.encode(), now=now(), quiet=False)
        reference.source.settled()
        expected.update((f"{row.kind} mine", row.time, row.values["text"]) for row in taken.rows if row.code == PERSONS)

    steps = itertools.count(1)
    with (tmp_path / "log").open("ab") as log:
        for kill in range(KILLS + 1):
            before = len(committed(tmp_path))
            process = subprocess.Popen(
                [sys.executable, "-m", "edge_agent.cli.main", "run", str(path)], stdout=log, stderr=log
            )
            try:
                while len(committed(tmp_path)) == before:  # it has begun
                    more(next(steps))
                    assert process.poll() is None, (tmp_path / "log").read_text()
                until_then = time.monotonic() + chance.uniform(0.1, 1.5)  # where in a flush it dies
                while time.monotonic() < until_then:
                    more(next(steps))
            finally:
                if kill < KILLS:
                    process.kill()
                else:
                    wait_for(lambda: expected <= set(committed(tmp_path)), what="all files")
                    process.terminate()
                process.wait(60)
    assert set(committed(tmp_path)) == expected
    assert {tag for tag, *_rest in expected} == {"RYSS mine", "RYXZ mine", "RYQJ mine"}


def test_what_another_key_remembered_is_begun_anew_and_said(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    source, at = Source(folder), AT + 13 * HOUR
    source.see(at, person(ANNA, at))
    Source(folder, source.remembered, key=OTHER)
    other = PersonKey(bytes(32)).id
    assert f"begun anew: it was encrypted by the key {KEY.id}, and the key {other} does not open it" in caplog.text


def test_mistakes_in_the_settings_are_told_and_no_card_with_them(folder: Path) -> None:
    areas = {f"{MINE}9": None, "2401999000010009": None, STORE: f"{ANNA},123 {BERT}"}
    wrong = mine(folder, events=["RYSS"], restricted=areas)
    faults = FilesDriver.check([wrong])
    assert [(path[1:], message) for path, message in faults] == [
        (("persons", "events", 0),
         "'RYSS' is no kind of event that the gateway writes; expected one of RYCS, RYXZ, RYQJ"),
        (("persons", "restricted", f"{MINE}9"), f"area '{MINE}9' has 13 characters; expected 16"),
        (("persons", "restricted", "2401999000010009"),
         f"area '2401999000010009' does not begin with the mine's code {MINE}"),
        (("persons", "restricted", STORE), "of its cards 1 are none: the first has 3 characters; expected 17"),
    ]  # fmt: skip
    form = {"type": "text", "profile": "mine-underground"}
    other = device(folder, format=form, tags=[], persons={"key": SECRET, "events": ["NRYSS"], "overtime": {"*": "8h"},
                                                          "restricted": {"17": None}})  # fmt: skip
    assert [path[2] for path, _message in FilesDriver.check([other])] == ["events", "overtime", "restricted"]
