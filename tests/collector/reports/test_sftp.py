"""SFTP against a real server on a port of 127.0.0.1: whole files, nothing overwritten, no server trusted unseen."""

from __future__ import annotations

import getpass
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import asyncssh
import pytest
from pydantic import SecretStr, ValidationError

from collector.reports.transports.base import Answer, Outgoing
from collector.reports.transports.sftp.transport import SftpSettings, SftpTransport
from tests.servers import LOCAL, Server, free_port, running

NAME = "140199900001_CDSS_20261124080010.txt"


class Users(asyncssh.SSHServer):
    """One user with one password; `open` are the connections that stand."""

    open: ClassVar[list[asyncssh.SSHServerConnection]] = []

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self.open.append(conn)

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("mine", "right")


class There:
    """The server's folder, and how it is spoken to."""

    def __init__(self, folder: Path) -> None:
        self.root, self.known_hosts, self.key = folder / "root", folder / "known_hosts", folder / "id"
        self.host_key, self.client_key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
        (self.root / "upload").mkdir(parents=True)
        self.client_key.write_private_key(self.key)
        self.key.chmod(0o600)
        self.port = 0
        self.server: asyncssh.SSHAcceptor | None = None

    async def start(self) -> None:
        authorised = asyncssh.import_authorized_keys(self.client_key.export_public_key().decode())
        self.server = await asyncssh.listen(
            LOCAL, self.port, server_host_keys=[self.host_key], server_factory=Users, encoding=None,
            authorized_client_keys=authorised,
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(self.root).encode()),
        )  # fmt: skip
        self.port = self.server.get_port()
        self.trust(self.host_key)

    def trust(self, key: asyncssh.SSHKey) -> None:
        self.known_hosts.write_bytes(f"[{LOCAL}]:{self.port} ".encode() + key.export_public_key())

    async def stop(self) -> None:
        if self.server is not None:
            self.server.close()
            while Users.open:
                Users.open.pop().abort()
            await self.server.wait_closed()

    def transport(self, **rest: Any) -> SftpTransport:
        made: dict[str, Any] = {
            "type": "sftp", "host": LOCAL, "port": self.port, "username": "mine", "password": SecretStr("right"),
            "known_hosts": self.known_hosts, "path": "upload",
        }  # fmt: skip
        return SftpTransport(SftpSettings(**made | rest))

    def files(self) -> dict[str, bytes]:
        return {str(each.relative_to(self.root)): each.read_bytes() for each in self.root.rglob("*") if each.is_file()}


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[There]:
    made = There(tmp_path)
    await made.start()
    yield made
    await made.stop()


async def put(transport: SftpTransport, body: bytes = b"x~||", name: str = NAME, path: str = "aqjk/") -> Answer:
    try:
        return await transport.send(Outgoing("id-1", body, name, path))
    finally:
        await transport.close()


async def test_a_packet_is_one_whole_file_and_its_repeat_is_the_same(there: There) -> None:
    transport = there.transport()
    assert await put(transport) == Answer("accepted", f"upload/aqjk/{NAME}")
    assert await put(transport) == Answer("accepted", f"upload/aqjk/{NAME}")
    assert there.files() == {f"upload/aqjk/{NAME}": b"x~||"}


async def test_a_private_key_opens_the_door_as_well(there: There) -> None:
    assert (await put(there.transport(password=None, key=there.key))).verdict == "accepted"
    assert there.files() == {f"upload/aqjk/{NAME}": b"x~||"}


async def test_what_stands_there_is_never_overwritten(there: There) -> None:
    await put(there.transport())
    answer = await put(there.transport(), b"y~||")
    assert answer == Answer("taken", f"upload/aqjk/{NAME} stands there with another content")
    assert there.files() == {f"upload/aqjk/{NAME}": b"x~||"}


async def test_a_server_with_another_key_hears_nothing_of_us(there: There) -> None:
    there.trust(asyncssh.generate_private_key("ssh-ed25519"))
    answer = await put(there.transport())
    assert (answer.verdict, "Host key is not trusted" in answer.message) == ("later", True)
    assert there.files() == {}


async def test_a_list_of_known_hosts_that_is_missing_trusts_nobody(there: There, tmp_path: Path) -> None:
    answer = await put(there.transport(known_hosts=tmp_path / "none"))
    assert (answer.verdict, there.files()) == ("later", {})


async def test_a_wrong_password_stops_the_target_and_is_not_told(there: There) -> None:
    answer = await put(there.transport(password=SecretStr("wrong-one")))
    assert (answer.verdict, "wrong-one" in answer.message) == ("unauthorised", False)


async def test_a_folder_that_is_missing_is_waited_for_and_not_made(there: There) -> None:
    answer = await put(there.transport(path="mount"))
    assert (answer.verdict, "there is no folder mount" in answer.message) == ("later", True)
    assert there.files() == {}


async def test_after_a_break_the_next_packet_connects_anew(there: There) -> None:
    transport = there.transport()
    first = await transport.send(Outgoing("id-1", b"1", "1.txt", ""))
    await there.stop()
    broken = await transport.send(Outgoing("id-2", b"2", "2.txt", ""))
    await there.start()
    again = await put(transport, b"2", "2.txt", "")
    assert [each.verdict for each in (first, broken, again)] == ["accepted", "later", "accepted"]
    assert there.files() == {"upload/1.txt": b"1", "upload/2.txt": b"2"}


@contextmanager
def openssh(there: There, folder: Path) -> Iterator[Path]:
    """OpenSSH's own server for this machine's user, where it is installed; the folder that stands for its."""
    sshd = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    privileged = Path("/run/sshd")
    if sshd is None or (os.getuid() == 0 and not privileged.is_dir()):
        pytest.skip("no sshd that could be started (as root it wants /run/sshd)")
    there.port = free_port()
    there.trust(there.host_key)
    there.host_key.write_private_key(folder / "host_key")
    (folder / "host_key").chmod(0o600)
    there.client_key.write_public_key(folder / "authorized")
    (folder / "sshd_config").write_text(
        f"Port {there.port}\nListenAddress {LOCAL}\nHostKey {folder}/host_key\nPidFile none\nStrictModes no\n"
        f"AuthorizedKeysFile {folder}/authorized\nPasswordAuthentication no\nUsePAM no\n"
        "PermitRootLogin prohibit-password\nSubsystem sftp internal-sftp\n"
    )
    command = [sshd, "-D", "-e", "-f", str(folder / "sshd_config")]
    with running(Server(command, there.port, folder / "sshd.log")):
        yield there.root / "upload"


async def test_openssh_holds_the_same_file_once_and_nothing_is_overwritten(tmp_path: Path) -> None:
    there = There(tmp_path)
    with openssh(there, tmp_path) as upload:
        made = there.transport(username=getpass.getuser(), password=None, key=there.key, path=str(upload))
        verdicts = [
            (await made.send(Outgoing("id-1", body, NAME, "aqjk/"))).verdict for body in (b"x~||", b"x~||", b"y~||")
        ]
        await made.close()
    assert verdicts == ["accepted", "accepted", "taken"]
    assert there.files() == {f"upload/aqjk/{NAME}": b"x~||"}


def test_a_target_without_known_hosts_or_a_way_to_log_in_is_refused(tmp_path: Path) -> None:
    base: dict[str, Any] = {"type": "sftp", "host": LOCAL, "username": "mine"}
    with pytest.raises(ValidationError, match="known_hosts"):
        SftpSettings(**base, password=SecretStr("x"))
    with pytest.raises(ValidationError, match="expected password: !secret NAME or key: FILE"):
        SftpSettings(**base, known_hosts=tmp_path / "known")
