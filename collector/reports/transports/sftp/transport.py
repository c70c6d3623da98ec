"""SFTP: each packet a file on the platform's server, whole or not at all (notes on mines, 1.1).

Through https://asyncssh.readthedocs.io, which is asked for when a target wants it: ``pip install edge-gateway[sftp]``.
"""

from __future__ import annotations

import asyncio
import posixpath
from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from collector.reports.transports.base import Answer, Outgoing, file_place
from config.hosts import Host, endpoint
from config.model import Duration, FilePath, Settings
from config.private import KeyHolder

if TYPE_CHECKING:
    from asyncssh import SFTPClient, SSHClientConnection


class SftpSettings(KeyHolder):
    """A folder on an SFTP server."""

    type: Literal["sftp"]
    host: Host
    """Host name or address."""
    port: Annotated[int, Field(ge=1, le=65535)] = 22
    """Port."""
    username: str
    """User name."""
    password: SecretStr | None = None
    """Password: !secret NAME. It or `key`."""
    key: FilePath | None = None
    """Private key (OpenSSH or PEM). It or `password`."""
    key_password: SecretStr | None = None
    """Password of the private key: !secret NAME."""
    known_hosts: FilePath
    """The server's key as OpenSSH's known_hosts has it (ssh-keyscan, compared by telephone): no other server is spoken
    to, and there is no way around it."""
    path: str = "."
    """Folder on the server. It must be there; folders below it are made."""
    connect_timeout: Annotated[Duration, Field(gt=0)] = 10.0
    """Longest time for connection and log-in."""
    answer_timeout: Annotated[Duration, Field(gt=0)] = 60.0
    """Longest time for a file."""

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if self.password is None and self.key is None:
            raise PydanticCustomError("login", "expected password: !secret NAME or key: FILE")
        if find_spec("asyncssh") is None:
            raise PydanticCustomError("extra", "sftp needs a package more: pip install 'edge-gateway[sftp]'")
        return self


class SftpTransport:
    """See `collector.reports.transports.base.Transport`."""

    name: ClassVar[str] = "sftp"
    settings_model: ClassVar[type[Settings]] = SftpSettings

    def __init__(self, settings: SftpSettings) -> None:
        self._settings = settings
        self._link: tuple[SSHClientConnection, SFTPClient] | None = None

    async def send(self, packet: Outgoing) -> Answer:
        """Accepted means written whole and renamed on the server. After a failure the next packet connects anew.

        A file that is called by the packet's id is that packet, though it may have been told as a live one then.
        """
        import asyncssh  # a quarter of a second, and only where it is installed

        place = file_place(packet)
        if place is None:
            return Answer("refused", f"{packet.path}{packet.name} is no name of a file below the folder")
        path = posixpath.join(self._settings.path, *place)
        where = endpoint(self._settings.host, self._settings.port)
        try:
            sftp = await self._connected()
            async with asyncio.timeout(self._settings.answer_timeout):
                taken = not await _put(sftp, self._settings.path, path, packet.body) and bool(packet.name)
        except asyncssh.PermissionDenied as err:
            await self.close()
            return Answer("unauthorised", f"{where}: {err.reason}")
        except TimeoutError:
            await self.close()
            return Answer("later", f"{where}: no answer in time")
        except (OSError, asyncssh.Error, asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as err:
            await self.close()
            return Answer("later", f"{where}: {path}: {err or type(err).__name__}")
        return Answer("taken", f"{path} stands there with another content") if taken else Answer("accepted", path)

    async def _connected(self) -> SFTPClient:
        import asyncssh

        if self._link is None or self._link[0].is_closed():
            await self.close()
            its = self._settings
            its.guard()
            key = None if its.key is None else asyncssh.read_private_key(its.key, _secret(its.key_password))
            async with asyncio.timeout(its.connect_timeout):
                connection = await asyncssh.connect(
                    its.host, its.port, username=its.username, password=_secret(its.password),
                    client_keys=None if key is None else [key], known_hosts=str(its.known_hosts),
                    config=None, agent_path=None, keepalive_interval=30,
                )  # fmt: skip
                try:
                    self._link = connection, await connection.start_sftp_client()
                except BaseException:
                    connection.abort()
                    raise
        return self._link[1]

    async def close(self) -> None:
        """Close the connection."""
        if self._link is not None:
            (connection, sftp), self._link = self._link, None
            sftp.exit()
            connection.close()
            with suppress(TimeoutError):
                await asyncio.wait_for(connection.wait_closed(), 1)


async def _put(sftp: SFTPClient, root: str, path: str, content: bytes) -> bool:
    """Write a file; False where another content has its name, which stays as it is."""
    import asyncssh

    if await sftp.exists(path):
        async with sftp.open(path, "rb") as there:
            found: object = await there.read(len(content) + 1)  # bytes, since it is open as such; no more are compared
        return found == content
    folder, name = posixpath.split(path)
    if not await sftp.isdir(root):
        raise asyncssh.SFTPNoSuchFile(f"there is no folder {root}")
    if posixpath.normpath(folder) != posixpath.normpath(root):
        await sftp.makedirs(folder, exist_ok=True)
    part = posixpath.join(folder, f".{name}.part")
    async with sftp.open(part, "wb") as file:
        await file.write(content)
        with suppress(asyncssh.SFTPOpUnsupported):  # an extension of OpenSSH's
            await file.fsync()
    if (size := (await sftp.stat(part)).size) != len(content):
        raise OSError(f"the server holds {size} bytes of {len(content)}")
    await sftp.rename(part, path)  # not posix_rename: it must not overwrite what came meanwhile
    return True


def _secret(value: SecretStr | None) -> str | None:
    return None if value is None else value.get_secret_value()
