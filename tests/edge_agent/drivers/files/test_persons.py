"""Files that tell of persons: with a key they are sent on, encrypted, and nobody is named in clear anywhere."""

from __future__ import annotations

import base64
import logging
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from edge_agent.cli.main import main
from edge_agent.drivers.files.driver import FilesDriver
from edge_agent.drivers.files.settings import FilesDevice
from edge_agent.manifest import build_manifest
from edge_agent.rules import LimitRule
from edge_agent.settings import load_agent
from profiles.load import library
from profiles.textfile.codec import encode
from profiles.textfile.encrypted import Opened, PersonKey, decrypt, parse_part
from profiles.textfile.values import text_files
from profiles.wire.messages import PersonTag
from tests.edge_agent.drivers.files.bench import MINE, Bench, bench, device, now, stamp, until, write
from tests.edge_agent.drivers.files.test_kill import agent_file
from tests.private import write_private
from tests.profiles.textfile.examples import AT, RYSS, RYXX

SECRET = bytes(range(32))
KEY = PersonKey(SECRET)
PERSONS: dict[str, Any] = {"key": base64.b64encode(SECRET).decode()}
FORM = {"type": "text", "profile": "coal-personnel"}
TOLD = ("测试甲", "测试乙", f"{MINE}90001", f"{MINE}90002", "采煤一队")
FILES = text_files(library()["coal-personnel"])
COUNTS = [{"name": "HELP", "kind": "RYSS", "code": MINE, "field": "help"},
          {"name": "OVERTIME", "kind": "RYSS", "code": MINE, "field": "overtime"}]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "rydw"
    path.mkdir()
    return path


def mine(folder: Path, tags: list[dict[str, Any]] | None = None, **more: Any) -> FilesDevice:
    base: dict[str, Any] = {"format": FORM, "persons": PERSONS, "backlog": "36500d"}
    return device(folder, tags or [], **(base | more))


def opened(this: Bench, kind: str) -> list[Opened]:
    """The files of a kind that were sent, in the order of their coming."""
    found: dict[str, list[Any]] = {}
    for _time, value, _quality in this.of(f"{kind} mine"):
        part = parse_part(str(value))
        found.setdefault(part.head.id, []).append(part)
    assert all(len(parts) == parts[0].of for parts in found.values())
    return [decrypt(KEY, parts[0].head, b"".join(part.cipher for part in parts)) for parts in found.values()]


def underground(at: int, *cards: str, help_state: str = "正常", since: int | None = None) -> str:
    """A snapshot in which these are underground."""
    area = f"{MINE}0008"
    lines = "".join(
        f"{card};测试甲;1;{stamp(since or at - 3_600_000)};;{area};{stamp(at)};{area}000012;{stamp(at)};三八制;1.00;"
        f"{help_state};0;0;{area}000012&{stamp(at)}~"
        for card in cards
    )
    return f"{MINE};示例煤矿;{stamp(at)}~{lines}||"


async def test_with_a_key_the_files_are_sent_whole_and_nobody_is_named_in_clear(
    tmp_path: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    write(folder, RYSS, AT, "RYSS")
    write(folder, RYXX, AT, "RYXX")
    write(folder, RYSS.replace("14019990000190001;", "14019990000190001;;"), AT + 60_000, "RYSS")  # a fault
    async with bench(tmp_path / "state", mine(folder, COUNTS)) as this:
        await until(lambda: len(this.remembered()) == 3, "all files")
        [snapshot], [persons] = opened(this, "RYSS"), opened(this, "RYXX")
        assert encode(FILES, "RYSS", snapshot.header, snapshot.records).decode() == RYSS
        assert snapshot.head.time == AT + 20_000
        kept = RYXX.replace("1980-01-01", "").replace("1990-12-31", "")  # birth dates are withheld
        assert encode(FILES, "RYXX", persons.header, persons.records).decode() == kept
        assert this.of("HELP") == [(AT + 20_000, 0, "good")]
    state = b"".join(path.read_bytes() for path in (tmp_path / "state").iterdir())
    for word in TOLD:
        assert word.encode() not in state
        assert word not in caplog.text


async def test_without_a_key_nothing_of_a_person_is_sent(tmp_path: Path, folder: Path) -> None:
    write(folder, RYSS, AT, "RYSS")
    async with bench(tmp_path / "state", mine(folder, COUNTS, persons=None)) as this:
        await until(lambda: this.remembered(), "the file")
        assert {tag for tag, *_rest in this.samples()} == {"HELP", "OVERTIME"}


async def test_what_is_withheld_travels_only_where_the_settings_ask_for_it(tmp_path: Path, folder: Path) -> None:
    write(folder, RYXX, AT, "RYXX")
    async with bench(tmp_path / "state", mine(folder, persons={**PERSONS, "withheld": True})) as this:
        await until(lambda: this.of("RYXX mine"), "the file")
        [persons] = opened(this, "RYXX")
        assert [each["birth"] for each in persons.records] == ["1980-01-01", "1990-12-31"]


async def test_a_snapshot_too_long_for_one_text_travels_in_parts_also_when_it_is_taken_again(
    tmp_path: Path, folder: Path
) -> None:
    at = now() - 60_000
    area = f"{MINE}0008"
    cards = [f"{MINE}{number:05}" for number in range(800)]
    text = underground(at, *cards)
    for card in cards:  # tracks that do not compress, so that there are several parts
        text = text.replace(f"{card};测试甲;", f"{card};{os.urandom(24).hex()};")
    write(folder, text, at, "RYSS")
    state = tmp_path / "state"
    async with bench(state, mine(folder)) as this:
        await until(lambda: this.remembered(), "the file")
        [snapshot] = opened(this, "RYSS")
        assert len(snapshot.records) == 800
        assert {each["area"] for each in snapshot.records} == {area}
        sent = this.of("RYSS mine")
        assert len(sent) > 1
        assert [time for time, *_rest in sent] == list(range(at, at + len(sent)))
        this.recorder.remember("mine", {f"file/{name}": "" for name in this.remembered()})  # as after a kill
        assert await this.recorder.committed()
    async with bench(state, mine(folder)) as this:
        await until(lambda: this.remembered(), "the file once more")
        assert set(this.of("RYSS mine")) == set(sent)  # a repeat is the same sample


async def test_help_is_told_at_once_overtime_at_twelve_hours_and_an_older_file_tells_nothing(
    tmp_path: Path, folder: Path
) -> None:
    limits = {"HELP": LimitRule(H=1), "OVERTIME": LimitRule(H=1)}
    card, hours = f"{MINE}90001", 3_600_000
    start = now() - 13 * hours
    async with bench(tmp_path / "state", mine(folder, COUNTS), **limits) as this:
        for after, state in ((11 * hours, "正常"), (12 * hours, "正常"), (12 * hours + 30_000, "求救")):
            at = start + after
            write(folder, underground(at, card, help_state=state, since=start), at, "RYSS")
            await until(lambda at=at: any(each[0] == at for each in this.of("HELP")), "the snapshot")  # type: ignore[misc]
        late = start + 5 * hours
        write(folder, underground(late, card, card.replace("90001", "90002"), help_state="求救"), late, "RYSS")
        await until(lambda: any(each[0] == late for each in this.of("HELP")), "the older file")
        at = start + 12 * hours + 60_000
        write(folder, underground(at), at, "RYSS")
        await until(lambda: len(this.events("limit")) == 4, "the ends")
        told = [(event.tag, event.state, event.time - start, event.value) for event in this.events("limit")]
    assert told == [
        ("OVERTIME", "raised", 12 * hours, 1), ("HELP", "raised", 12 * hours + 30_000, 1),
        ("HELP", "cleared", 12 * hours + 60_000, 0), ("OVERTIME", "cleared", 12 * hours + 60_000, 0),
    ]  # fmt: skip


def test_the_manifest_says_which_tags_carry_persons_and_nothing_of_the_key(tmp_path: Path) -> None:
    write_private(tmp_path / "secrets" / "persons", SECRET.hex() + "\n")
    path = agent_file(tmp_path, [], format=FORM)
    path.write_text(path.read_text() + "  persons: {key: !secret persons}\n")
    settings = load_agent(path).settings
    manifest = build_manifest(settings, library())
    kinds = FILES.persons.kinds if FILES.persons else ()
    assert {name: tag.persons for name, tag in manifest.tags.items()} == {
        f"{kind} mine": PersonTag(profile="coal-personnel", kind=kind) for kind in kinds
    }
    for told in (str(manifest), str(settings), CliRunner().invoke(main, ["check", str(path)]).output):
        assert SECRET.hex() not in told


@pytest.mark.parametrize("text", ["abc", "测试" * 16, SECRET.hex()[:-1]])
def test_a_key_that_is_none_is_refused_at_its_line_and_not_shown(tmp_path: Path, text: str) -> None:
    write_private(tmp_path / "secrets" / "persons", text)
    path = agent_file(tmp_path, [], format=FORM)
    path.write_text(path.read_text() + "  persons: {key: !secret persons}\n")
    result = CliRunner().invoke(main, ["check", str(path)])
    assert result.exit_code == 2
    line = path.read_text().splitlines().index("  persons: {key: !secret persons}") + 1
    assert f"agent.yaml:{line}:" in result.output
    assert "expected a key of 32 bytes as 64 hex digits or as base64" in " ".join(result.output.split())
    assert text not in result.output


def test_persons_need_a_profile_that_knows_of_some(folder: Path) -> None:
    faults = FilesDriver.check([mine(folder, format={"type": "text", "profile": "coal-pressure"})])
    [(path, message)] = faults
    assert path[-1] == "persons"
    assert "profile coal-pressure has no files that tell of persons; expected one of coal-personnel" in message
    with pytest.raises(ValidationError, match=r"is for format: \{type: text"):
        mine(folder, format={"type": "csv", "name": "*.csv", "time": "t", "time_format": "s"})
