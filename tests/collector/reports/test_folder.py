"""The folder as a transport: whole files or none, nothing overwritten, and every failure tried again."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from collector.reports.transports.base import Answer, Outgoing
from collector.reports.transports.folder.transport import FolderSettings, FolderTransport

NAME = "140199900001_CDSS_20261124080010.txt"


async def put(folder: Path, body: bytes = b"x~||", name: str = NAME, path: str = "aqjk/") -> Answer:
    return await FolderTransport(FolderSettings(type="folder", path=folder)).send(Outgoing("id-1", body, name, path))


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def test_a_packet_is_one_whole_file_and_its_repeat_is_the_same(tmp_path: Path) -> None:
    assert (await put(tmp_path)).verdict == "accepted"
    assert (await put(tmp_path)).verdict == "accepted"
    assert files(tmp_path) == {f"aqjk/{NAME}": b"x~||"}


async def test_what_stands_there_is_never_overwritten(tmp_path: Path) -> None:
    await put(tmp_path)
    answer = await put(tmp_path, b"y~||")
    assert answer == Answer("taken", f"{tmp_path}/aqjk/{NAME} stands there with another content")
    assert files(tmp_path) == {f"aqjk/{NAME}": b"x~||"}


async def test_what_a_killed_try_left_half_written_does_not_stand_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "aqjk").mkdir()
    (tmp_path / "aqjk" / f".{NAME}.part").write_bytes(b"half a fi")
    assert (await put(tmp_path)).verdict == "accepted"
    assert files(tmp_path) == {f"aqjk/{NAME}": b"x~||"}


async def test_a_mount_that_is_missing_is_waited_for_and_not_made(tmp_path: Path) -> None:
    answer = await put(tmp_path / "mount")
    assert answer == Answer("later", f"there is no folder {tmp_path}/mount")
    assert files(tmp_path) == {}
    (tmp_path / "mount").mkdir()
    assert (await put(tmp_path / "mount")).verdict == "accepted"


async def test_what_cannot_be_written_whole_is_not_there_and_comes_again(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        answer = await put(tmp_path, b"x" * 8192)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert answer == Answer("later", f"{tmp_path}/aqjk/{NAME}: File too large")
    assert files(tmp_path) == {}


async def test_a_packet_that_was_written_and_became_a_resumed_one_meanwhile_is_there_already(tmp_path: Path) -> None:
    live, resumed = b'{"reportType":"report"}', b'{"reportType":"continues"}'
    for body in (live, resumed):
        assert (await put(tmp_path, body, name="", path="")).verdict == "accepted"
    assert files(tmp_path) == {"id-1.json": live}


async def test_a_packet_of_a_family_without_files_is_called_by_its_id(tmp_path: Path) -> None:
    await put(tmp_path, b"{}", name="", path="")
    assert files(tmp_path) == {"id-1.json": b"{}"}


@pytest.mark.parametrize(("name", "path"), [("../out.txt", ""), ("a.txt", "../"), (".hidden", ""), ("a/b.txt", "")])
async def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path, name: str, path: str) -> None:
    (tmp_path / "in").mkdir()
    assert (await put(tmp_path / "in", name=name, path=path)).verdict == "refused"
    assert files(tmp_path) == {}
