"""Files into a folder, whole or not at all (notes on mines, 1.1): for an SFTP or rsync of the operator, or a mount."""

from __future__ import annotations

import asyncio
import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, Literal

from collector.reports.transports.base import Answer, Outgoing, file_place
from config.model import FilePath, Settings

NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
"""What file systems without hard links answer (FAT, some SMB servers)."""


class FolderSettings(Settings):
    """A folder on this machine or mounted on it."""

    type: Literal["folder"]
    path: FilePath
    """The folder. It must be there: a mount that is missing is waited for. Folders below it are made."""

    def writes(self) -> tuple[Path, ...]:
        """The folder itself."""
        return (self.path,)


class FolderTransport:
    """See `collector.reports.transports.base.Transport`."""

    name: ClassVar[str] = "folder"
    settings_model: ClassVar[type[Settings]] = FolderSettings

    def __init__(self, settings: FolderSettings) -> None:
        self._root = settings.path

    async def send(self, packet: Outgoing) -> Answer:
        """Accepted means durable in the folder under its own name; an equal file that stands there is that packet.

        So is one that is called by the packet's id, though it may have been told as a live one then.
        """
        return await asyncio.to_thread(self._send, packet)

    def _send(self, packet: Outgoing) -> Answer:
        place = file_place(packet)
        if place is None:
            return Answer("refused", f"{packet.path}{packet.name} is no name of a file below the folder")
        path = self._root.joinpath(*place)
        try:
            if not self._root.is_dir():
                return Answer("later", f"there is no folder {self._root}")
            _make(self._root, path.parent)
            if not _put(path, packet.body) and packet.name:
                return Answer("taken", f"{path} stands there with another content")
        except OSError as err:
            return Answer("later", f"{path}: {err.strerror or err}")
        return Answer("accepted", str(path))

    async def close(self) -> None:
        """Nothing is held open."""


def _make(root: Path, folder: Path) -> None:
    """The folders below `root`, durable."""
    for each in reversed([folder, *folder.parents]):
        if root in each.parents and not each.is_dir():
            each.mkdir(exist_ok=True)
            _sync(each.parent)


def _put(path: Path, content: bytes) -> bool:
    """Write a file, durable on return; False where another content has its name, which stays as it is."""
    if path.exists():
        return _same(path, content)
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(part, path)  # other than a rename it never overwrites
            part.unlink()
        except FileExistsError:
            return _same(path, content)
        except OSError as err:
            if err.errno not in NO_LINKS:
                raise
            part.rename(path)
    finally:
        with suppress(FileNotFoundError):
            part.unlink()
    _sync(path.parent)
    return True


def _same(path: Path, content: bytes) -> bool:
    """Whether a file has this content; it is durable then, though an earlier try may have ended before it was."""
    _sync(path)
    _sync(path.parent)
    return path.read_bytes() == content


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
