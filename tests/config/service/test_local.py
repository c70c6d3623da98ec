"""The local socket: its owner's alone, one a folder, bounded, and cleared of what a killed program left."""

from __future__ import annotations

import asyncio
import socket
import stat
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from config.service.local import NAME, LocalServer, NotRunningError, ask


async def echo(asked: Mapping[str, Any]) -> dict[str, Any]:
    if asked.get("ask") == "defect":
        raise ZeroDivisionError("a defect")
    return {"ok": True, "result": dict(asked)}


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[LocalServer]:
    server = LocalServer(folder, echo)
    await server.open()
    try:
        yield server
    finally:
        await server.close()


async def asked(folder: Path, question: Mapping[str, Any]) -> dict[str, Any]:
    return await asyncio.to_thread(ask, folder, question)


async def test_it_answers_its_owner_and_lies_there_for_nobody_else(tmp_path: Path) -> None:
    async with serving(tmp_path):
        assert await asked(tmp_path, {"ask": "状态"}) == {"ok": True, "result": {"ask": "状态"}}
        assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600
    assert not (tmp_path / NAME).exists()


async def test_a_folder_deeper_than_a_socket_s_address_holds_will_do(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 100) / ("y" * 100)
    deep.mkdir(parents=True)
    async with serving(deep):
        assert (await asked(deep, {"ask": "status"}))["ok"]


async def test_a_second_program_on_the_folder_is_refused_and_harms_the_first_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path):
        with pytest.raises(FileExistsError, match="a program runs on this state folder already"):
            await LocalServer(tmp_path, echo).open()
        assert (await asked(tmp_path, {"ask": "status"}))["ok"]


async def test_what_a_killed_program_left_behind_is_cleared_and_what_is_no_socket_is_not(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / NAME))
    with pytest.raises(NotRunningError, match="nothing runs on"):
        await asked(tmp_path, {})
    async with serving(tmp_path):
        assert (await asked(tmp_path, {}))["ok"]
    (tmp_path / NAME).write_text("somebody's")
    with pytest.raises(FileExistsError, match="is there and no socket"):
        await LocalServer(tmp_path, echo).open()
    assert (tmp_path / NAME).read_text() == "somebody's"


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (b"[1]\n", "expected one JSON object"),
        (b"status\n", "expected one JSON object"),
        (b"[" * 60_000 + b"\n", "expected one JSON object"),
        (b"x" * 200_000 + b"\n", "at most 65536 bytes"),
    ],
)
async def test_a_question_that_is_none_gets_an_answer_that_says_what_was_expected(
    tmp_path: Path, sent: bytes, why: str
) -> None:
    async with serving(tmp_path):
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / NAME))
        writer.write(sent)
        answer = await reader.read()
        writer.close()
        assert why in answer.decode()
        assert (await asked(tmp_path, {}))["ok"]


async def test_a_defect_in_an_answer_is_told_to_who_asked_and_ends_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path):
        assert "ZeroDivisionError('a defect')" in (await asked(tmp_path, {"ask": "defect"}))["error"]
        assert (await asked(tmp_path, {}))["ok"]


async def test_who_asks_nothing_holds_up_neither_others_nor_the_end(tmp_path: Path) -> None:
    async with serving(tmp_path):
        _reader, writer = await asyncio.open_unix_connection(str(tmp_path / NAME))
        assert (await asked(tmp_path, {}))["ok"]
    writer.close()


def test_a_program_that_does_not_answer_is_told_from_one_that_is_not_there(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(tmp_path / NAME))
        mute.listen()
        with pytest.raises(NotRunningError, match="it hangs, or is very busy"):
            ask(tmp_path, {}, patience=0.2)
