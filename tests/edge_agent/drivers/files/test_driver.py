"""The files driver on a real recorder and outbox: what is taken, once and whole, and what is refused and said."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

import pytest

from edge_agent.drivers.files import folder as folder_module
from edge_agent.drivers.files import memory as memory_module
from edge_agent.drivers.files.driver import FilesDriver
from edge_agent.drivers.files.memory import Found
from edge_agent.outbox.store import Outbox, OutboxUnavailable
from edge_agent.recorder import Recorder
from edge_agent.rules import LimitRule, TagRule
from tests.edge_agent.drivers.files.bench import (
    CH4,
    CO,
    FAN,
    MINE,
    TAGS,
    bench,
    cdss,
    device,
    now,
    put,
    stamp,
    until,
    write,
)  # fmt: skip
from tests.profiles.textfile.examples import AT, CDSS, NCDSS, RYSS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "aqjk"
    path.mkdir()
    return path


async def test_values_have_their_own_time_and_the_quality_of_their_state(tmp_path: Path, folder: Path) -> None:
    write(folder, CDSS, AT)
    async with bench(tmp_path / "state", device(folder, backlog="36500d")) as this:
        await until(lambda: this.remembered(), "the file")
        assert this.samples() == [
            ("CH4", AT - 1000, 1.62, "good"),
            ("FAN", AT - 1000, True, "good"),
            ("CO", AT - 1000, None, "bad:instrument"),
        ]
        assert this.state().up


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
async def test_files_of_either_encoding_with_a_capital_ending_are_taken(
    tmp_path: Path, folder: Path, encoding: str
) -> None:
    at = now()
    name = f"{MINE}_CDSS_{stamp(at, '%Y%m%d%H%M%S')}.TXT"
    put(folder / name, cdss(at, (CH4, "0.5", "0", at)).encode(encoding))
    form = {"type": "text", "profile": "coal-safety", "encoding": encoding, "mine": MINE}
    async with bench(tmp_path / "state", device(folder, format=form)) as this:
        await until(lambda: this.of("CH4"), "the value")
        assert this.of("CH4") == [(at, 0.5, "good")]


async def test_files_of_non_coal_mines_are_taken_by_their_profile(tmp_path: Path, folder: Path) -> None:
    write(folder, NCDSS, AT, "NCDSS", "429021001003")
    tags = [{"name": "CO", "code": "42902100100301MN0004CO0001"}]
    form = {"type": "text", "profile": "mine-underground"}
    async with bench(tmp_path / "state", device(folder, tags, format=form, backlog="36500d")) as this:
        await until(lambda: this.of("CO"), "the value")
        assert this.of("CO") == [(AT + 9000, 6, "good")]


async def test_persons_are_counted_and_none_is_named_anywhere(
    tmp_path: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    write(folder, RYSS, AT, "RYSS")
    write(folder, RYSS.replace("14019990000190001;", "14019990000190001;;"), AT + 1000, "RYSS")
    areas = {"ALL": MINE, "FACE": "1401999000010008", "PIT": "1401999000010001"}
    tags = [{"name": name, "code": code, "kind": "RYSS"} for name, code in areas.items()]
    tags.append({"name": "NO COUNT", "code": MINE})
    form = {"type": "text", "profile": "coal-personnel"}
    async with bench(tmp_path / "state", device(folder, tags, format=form, backlog="36500d")) as this:
        await until(lambda: len(this.remembered()) == 2, "both files")
        assert {name: this.of(name) for name in areas} == {
            "ALL": [(AT + 20_000, 1, "good")], "FACE": [(AT + 20_000, 1, "good")], "PIT": [(AT + 20_000, 0, "good")],
        }  # fmt: skip
        assert this.of("NO COUNT") == []
        await until(lambda: this.counted("refused") == 1, "the count")
    kept = b"".join(path.read_bytes() for path in (tmp_path / "state").iterdir()).decode("utf-8", "replace")
    for told in (caplog.text, kept):
        assert "测试甲" not in told
        assert "14019990000190001" not in told


async def test_files_are_taken_in_the_order_of_the_time_in_their_names_so_that_limits_are_judged_in_order(
    tmp_path: Path, folder: Path
) -> None:
    start = now() - 60_000
    for step, value in ((3, "0.4"), (1, "0.6"), (2, "1.2"), (0, "0.5")):
        at = start + 10_000 * step
        write(folder, cdss(at, (CH4, value, "0", at)), at)
    async with bench(tmp_path / "state", device(folder), CH4=LimitRule(H=1.0)) as this:
        await until(lambda: len(this.of("CH4")) == 4, "four values")
        assert [value for _at, value, _q in this.of("CH4")] == [0.5, 0.6, 1.2, 0.4]
        await until(lambda: len(this.events("limit")) == 2, "both transitions")
        assert [(each.state, each.time) for each in this.events("limit")] == [
            ("raised", start + 20_000), ("cleared", start + 30_000),
        ]  # fmt: skip


async def test_an_older_file_after_a_newer_one_completes_the_past_and_moves_nothing(
    tmp_path: Path, folder: Path
) -> None:
    at = now() - 30_000
    async with bench(tmp_path / "state", device(folder), CH4=LimitRule(H=1.0)) as this:
        write(folder, cdss(at, (CH4, "0.5", "0", at), (FAN, "1", "0", at)), at)
        await until(lambda: this.of("CH4"), "the newer file")
        write(folder, cdss(at - 10_000, (CH4, "1.9", "0", at - 10_000), (FAN, "0", "0", at)), at - 10_000)
        await until(lambda: len(this.remembered()) == 2, "the older file")
        assert this.of("CH4") == [(at, 0.5, "good"), (at - 10_000, 1.9, "good")]
        assert this.of("FAN") == [(at, True, "good")], "of the same time the row of the newer file holds"
        assert this.events("limit") == []
        assert this.recorder.latest()["CH4"].value == 0.5


async def test_what_was_written_while_the_folder_was_lost_keeps_its_times(tmp_path: Path, folder: Path) -> None:
    away = tmp_path / "away"
    at = now() - 60_000
    async with bench(tmp_path / "state", device(folder)) as this:
        write(folder, cdss(at, (CH4, "0.5", "0", at)), at)
        await until(lambda: this.of("CH4"), "the first value")
        folder.rename(away)
        await until(lambda: not this.state().up and this.of("CO"), "the loss")
        for step in (1, 2, 3):
            write(away, cdss(at + step * 10_000, (CH4, f"0.{step}", "0", at + step * 10_000)), at + step * 10_000)
        away.rename(folder)
        await until(lambda: len(this.of("CH4")) == 5, "the values written meanwhile")
        good = [(moment, value) for moment, value, quality in this.of("CH4") if quality == "good"]
        assert good == [(at, 0.5), (at + 10_000, 0.1), (at + 20_000, 0.2), (at + 30_000, 0.3)]
        assert [each.state for each in this.events("link")] == ["raised", "cleared"]
        assert {each[2] for each in this.of("CO")} == {"bad:link"}


async def test_the_mines_files_are_left_as_they_are_and_taken_once(tmp_path: Path, folder: Path) -> None:
    at = now()
    path = write(folder, cdss(at, (CH4, "0.5", "0", at)), at)
    path.chmod(0o444)
    before = path.stat()
    async with bench(tmp_path / "state", device(folder)) as this:
        await until(lambda: this.remembered(), "the file")
    async with bench(tmp_path / "state", device(folder)) as this:
        write(folder, cdss(at + 1000, (CH4, "0.6", "0", at + 1000)), at + 1000)
        await until(lambda: len(this.remembered()) == 2, "the second file")
        await until(lambda: this.counted("files") == 1, "the count")
        assert this.of("CH4") == [(at, 0.5, "good"), (at + 1000, 0.6, "good")]
    after = path.stat()
    assert (after.st_mtime_ns, after.st_mode, after.st_ino) == (before.st_mtime_ns, before.st_mode, before.st_ino)
    assert len(list(folder.iterdir())) == 2


async def test_a_file_that_comes_again_byte_for_byte_is_a_duplicate_and_one_rewritten_is_not(
    tmp_path: Path, folder: Path
) -> None:
    at = now()
    content = cdss(at, (CH4, "0.5", "0", at))
    async with bench(tmp_path / "state", device(folder)) as this:
        path = write(folder, content, at)
        await until(lambda: this.remembered(), "the file")
        os.utime(path, ns=(1, 1))
        await until(lambda: this.counted("duplicates") == 1, "the repeat")
        assert this.of("CH4") == [(at, 0.5, "good")]
        write(folder, cdss(at, (CH4, "0.5", "0", at), (CO, "7", "0", at)), at)
        await until(lambda: this.of("CO"), "the value that was added")
        assert this.of("CH4") == [(at, 0.5, "good")]


HASTY = """
profile: hasty
version: 0.1.0-wd
extends: coal-safety
spec: {zh: 急, en: hasty, status: working-definition}
files: {receiving: {incomplete: 50ms}}
"""


async def test_an_unfinished_file_is_waited_for_and_holds_up_no_other(tmp_path: Path, folder: Path) -> None:
    at = now()
    content = cdss(at, (CH4, "0.5", "0", at))
    path = folder / f"{MINE}_CDSS_{stamp(at, '%Y%m%d%H%M%S')}.txt"
    async with bench(tmp_path / "state", device(folder)) as this:
        path.write_text(content.removesuffix("||"), encoding="utf-8")
        later = at + 10_000
        write(folder, cdss(later, (CO, "7", "0", later)), later)
        await until(lambda: this.of("CO"), "the file behind it")
        assert this.of("CH4") == []
        path.write_text(content, encoding="utf-8")
        await until(lambda: this.of("CH4"), "the value once the file is whole")
        assert this.counted("refused") == 0


async def test_a_file_that_stays_unfinished_is_refused_in_the_end(tmp_path: Path, folder: Path) -> None:
    own = tmp_path / "profiles"
    own.mkdir()
    (own / "own.yaml").write_text(HASTY, encoding="utf-8")
    at = now()
    form = {"type": "text", "profile": "hasty", "profiles": [str(own)]}
    async with bench(tmp_path / "state", device(folder, format=form)) as this:
        write(folder, cdss(at, (CH4, "0.5", "0", at)).removesuffix("||"), at)
        await until(lambda: this.events("agent"), "the event")
        assert "does not end with ||, and nothing was written for" in this.events("agent")[0].text
        await until(lambda: this.counted("refused") == 1, "the refusal")


async def test_what_is_refused_is_said_once_and_harms_no_other_file(tmp_path: Path, folder: Path) -> None:
    at = now()
    async with bench(tmp_path / "state", device(folder)) as this:
        for step in range(3):
            bad = cdss(at + 3_600_000, (CH4, "9", "0", at))
            write(folder, bad, at + step * 1000)
        await until(lambda: this.counted("refused") == 3, "three refusals")
        write(folder, cdss(at, (CH4, "0.5", "0", at)), at + 4000)
        await until(lambda: this.of("CH4"), "the good file")
        assert this.of("CH4") == [(at, 0.5, "good")]
        assert len(this.events("agent")) == 1
        await until(lambda: len(this.remembered()) == 4, "all files")
        assert len(list(folder.iterdir())) == 4


async def test_files_are_moved_where_the_settings_say_so_but_never_those_that_tell_of_persons(
    tmp_path: Path, folder: Path
) -> None:
    at = now()
    done, errors = tmp_path / "done", tmp_path / "errors"
    form = {"type": "text", "profile": "coal-personnel"}
    tags = [{"name": "STATION", "code": "1401999000010008000012"}]
    moving = device(folder, tags, format=form, after="move", done=str(done), errors=str(errors))
    good = f"{MINE};矿;{stamp(at)}~1401999000010008000012;0;1;{stamp(at)}~||"
    async with bench(tmp_path / "state", moving) as this:
        first = write(folder, good, at, "JZSS")
        second = write(folder, good.replace("~||", "~~~||"), at + 1000, "JZSS")
        persons = write(folder, RYSS, at + 2000, "RYSS")
        await until(lambda: len(this.remembered()) == 3, "all files")
        assert this.of("STATION") == [(at, 0, "good")]
    assert (done / first.name).read_text(encoding="utf-8") == good
    assert (errors / second.name).exists()
    assert [path.name for path in folder.iterdir()] == [persons.name]


async def test_no_file_is_moved_or_remembered_before_its_readings_are_durable(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = now()
    done = tmp_path / "done"
    moving = device(folder, after="move", done=str(done), errors=str(tmp_path / "errors"))
    asked: list[bool] = []

    def refuses(*_args: object) -> None:
        asked.append(done.exists())
        raise OutboxUnavailable("the disk is full")

    async with bench(tmp_path / "state", moving) as this:
        await until(lambda: this.remembered() == set() and this.state().up, "the start")
        with monkeypatch.context() as full:
            full.setattr(Outbox, "commit", refuses)
            path = write(folder, cdss(at, (CH4, "0.5", "0", at)), at)
            await until(lambda: this.recorder.latest() and len(asked) >= 3, "attempts to commit the readings")
            assert path.exists()
            assert not any(asked)
        await until(lambda: (done / path.name).exists(), "the move")
        assert this.of("CH4") == [(at, 0.5, "good")]


async def test_files_whose_readings_were_dropped_are_taken_again(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = now()
    write(folder, cdss(at, (CH4, "0.5", "0", at)), at)
    answers = [False, True]

    async def committed(_self: Recorder) -> bool:
        return answers.pop(0) if answers else True

    monkeypatch.setattr(Recorder, "committed", committed)
    async with bench(tmp_path / "state", device(folder)) as this:
        await until(lambda: this.remembered(), "the file")
        await until(lambda: this.counted("files") == 2, "the file twice")
        assert this.of("CH4") == [(at, 0.5, "good")]


async def test_a_backlog_of_more_files_than_are_looked_at_together_is_taken_whole(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_module, "AT_ONCE", 10)
    start = now() - 3_600_000
    for step in range(95):
        at = start + 1000 * step
        write(folder, cdss(at, (CH4, f"{step}", "0", at)), at)
    async with bench(tmp_path / "state", device(folder, interval="10m")) as this:
        await until(lambda: len(this.of("CH4")) == 95, "all values")
        assert this.of("CH4") == [(start + 1000 * step, step, "good") for step in range(95)]


async def test_what_is_remembered_is_bounded_and_nothing_is_taken_twice_for_it(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_module, "KEPT", 20)
    start = now() - 3_600_000
    for step in range(50):
        at = start + 1000 * step
        write(folder, cdss(at, (CH4, f"{step}", "0", at)), at)
    for _start in range(2):
        async with bench(tmp_path / "state", device(folder)) as this:
            await until(lambda: len(this.of("CH4")) == 50, "all values")
            await until(lambda: 0 < len(this.remembered()) <= 20, "the memory within its bound")
            write(folder, cdss(start, (CO, "1", "0", start)), start - 1)
            write(folder, cdss(now(), (FAN, "1", "0", now())), now() + _start)
            await until(lambda: this.of("FAN"), "a new file")
            assert this.of("CO") == [], "older than what is known by name: done with"
            assert len(this.of("CH4")) == 50


async def test_at_the_first_start_old_files_are_left_alone(tmp_path: Path, folder: Path) -> None:
    at = now()
    write(folder, cdss(at - 7_200_000, (CH4, "0.1", "0", at - 7_200_000)), at - 7_200_000)
    write(folder, cdss(at, (CH4, "0.5", "0", at)), at)
    async with bench(tmp_path / "state", device(folder, backlog="1h")) as this:
        await until(lambda: this.remembered(), "the new file")
        assert this.of("CH4") == [(at, 0.5, "good")]


async def test_statistics_are_taken_by_tags_that_name_the_kind(tmp_path: Path, folder: Path) -> None:
    at = now()
    statistics = ";".join([CH4, "x", "面", "%CH4", stamp(at - 300_000), stamp(at), "1.9", stamp(at), "0.2", stamp(at),
                           "0.7", stamp(at)])  # fmt: skip
    write(folder, f"{MINE};矿;{stamp(at)}~{statistics}~||", at, "TJSJ")
    tags = [
        *TAGS, {"name": "MEAN", "code": CH4, "kind": "TJSJ"},
        {"name": "MAX", "code": CH4, "kind": "TJSJ", "field": "maximum"},
    ]  # fmt: skip
    async with bench(tmp_path / "state", device(folder, tags)) as this:
        await until(lambda: this.remembered(), "the file")
        assert {each[0]: each[2] for each in this.samples()} == {"MEAN": 0.7, "MAX": 1.9}


async def test_values_that_are_none_of_their_type_are_bad_and_null(tmp_path: Path, folder: Path) -> None:
    at = now()
    write(folder, cdss(at, (CH4, "", "0", at), (FAN, "2", "0", at), (CO, "12x", "0", at)), at)
    async with bench(tmp_path / "state", device(folder)) as this:
        await until(lambda: this.remembered(), "the file")
        assert {each[0]: each[2:] for each in this.samples()} == {
            "CH4": (None, "bad:not_a_number"), "FAN": (None, "bad:decode"), "CO": (None, "bad:decode"),
        }  # fmt: skip


async def test_a_unit_that_is_not_the_settings_is_said_with_each_value(tmp_path: Path, folder: Path) -> None:
    at = now()
    records = "".join(
        f"{point};x;面;1;{unit};0;{stamp(at)}~" for point, unit in ((CH4, "%"), (CO, "mg/m3"), (FAN, "台"))
    )
    write(folder, f"{MINE};矿;{stamp(at)}~{records}||", at)
    async with bench(tmp_path / "state", device(folder)) as this:
        await until(lambda: this.remembered(), "the file")
        assert {each[0]: each[3] for each in this.samples()} == {"CH4": "good", "CO": "uncertain:unit", "FAN": "good"}


async def test_a_file_that_cannot_be_read_holds_up_no_other(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = now()
    forbidden = write(folder, cdss(at, (CH4, "0.5", "0", at)), at)
    real = folder_module.read

    def read(place: Path, found: Found) -> bytes | None:
        if found.name == forbidden.name:  # the tests run as root, whom no mode keeps out
            raise PermissionError(13, "Permission denied", found.name)
        return real(place, found)

    monkeypatch.setattr(folder_module, "read", read)
    write(folder, cdss(at, (CO, "7", "0", at)), at + 1000)
    async with bench(tmp_path / "state", device(folder)) as this:
        await until(lambda: this.of("CO"), "the other file")
        assert this.state().up
        assert this.of("CH4") == []
        assert len(this.remembered()) <= 1
        monkeypatch.undo()
        await until(lambda: this.of("CH4"), "the file once it can be read")


def test_points_of_which_nothing_comes_for_15_minutes_are_stale() -> None:
    """The sampler's rule for every polled tag (STALE_AFTER), with the patience that these tags have by default."""
    [tag, *_rest] = device(Path("x")).tags
    rule = TagRule(tag.name, "mine", interval=5.0, max_silence=tag.max_silence)
    assert rule.stale_after == 900.0
    assert not device(Path("x")).by_exception()


async def test_read_once_shows_the_newest_value_and_its_file_and_changes_nothing(folder: Path) -> None:
    at = now()
    write(folder, cdss(at - 10_000, (CH4, "0.4", "0", at - 10_000), (CO, "7", "0", at - 10_000)), at - 10_000)
    newest = write(folder, cdss(at, (CH4, "0.5", "0", at)), at)
    found = {each.tag: each for each in await FilesDriver.read_once(device(folder))}
    assert (found["CH4"].value, found["CH4"].raw) == (0.5, f"{newest.name} record 1: 0.5")
    assert found["CO"].value == 7
    assert "FAN" not in found
    shutil.rmtree(folder)
    with pytest.raises(OSError, match="No such file"):
        await FilesDriver.read_once(device(folder))
