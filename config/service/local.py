"""The local socket of a running program: a JSON line asks, a JSON line answers; its owner's and root's alone.

It lies in the program's state folder with mode 0600, so that whoever may read the state may ask, and nobody else. The
path of a unix socket holds 107 bytes (unix(7)); a longer one is reached through the folder's descriptor.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import stat
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

NAME = "control.sock"
LONGEST_PATH = 100
QUESTION = 64 * 1024
"""Bytes of a question at most; an answer may be longer."""
PATIENCE = 10.0
"""Seconds that one question may take to arrive, and that a program may take to say how it is."""
Answer = Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]


class NotRunningError(Exception):
    """No program answers on the socket; the text says what was expected."""


class LocalServer:
    """Answers while it is open; at most one a state folder."""

    def __init__(self, folder: Path, answer: Answer) -> None:
        self.path, self._answer = folder / NAME, answer
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Listen; OSError when that cannot be, or another program answers there already."""
        with _reachable(self.path) as address:
            _clear(self.path, address)
            link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                link.bind(address)
                os.chmod(address, 0o600)  # before it listens, so that nobody else ever reaches it
                self._server = await asyncio.start_unix_server(self._serve, sock=link, limit=QUESTION)
            except BaseException:
                link.close()
                raise

    async def close(self) -> None:
        """Take no more questions; one that is being answered is given up."""
        if self._server is None:
            return
        self._server.close()
        with contextlib.suppress(OSError):
            self.path.unlink()
        for task in list(self._open):
            task.cancel()
        if self._open:
            await asyncio.wait(list(self._open))
        self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # a stream's callback runs in a task of its own
        self._open.add(task)
        try:
            writer.write((json.dumps(await self._one(reader), ensure_ascii=False) + "\n").encode())
            await writer.drain()
        except (ConnectionError, TimeoutError):
            return  # who asked is gone
        except asyncio.CancelledError:
            return  # the program ends; asyncio would tell a cancelled stream as a failure
        finally:
            self._open.discard(task)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            try:
                line = await reader.readline()
            except ValueError:
                return {"ok": False, "error": f"expected a question of at most {QUESTION} bytes"}
        try:
            asked = json.loads(line)
        except (ValueError, RecursionError):
            asked = None
        if not isinstance(asked, dict):
            return {"ok": False, "error": 'expected one JSON object on one line, such as {"ask": "status"}'}
        try:
            return await self._answer(asked)
        except Exception as err:  # a disk that gives no figures, or a defect: who asked is told, and nobody is harmed
            log.exception("the question %r cannot be answered", asked.get("ask"))
            return {"ok": False, "error": f"it cannot be answered, see the log: {err!r}"}


def ask(folder: Path, question: Mapping[str, Any], patience: float = PATIENCE) -> dict[str, Any]:
    """Ask the program whose state folder this is; NotRunningError when none answers, PermissionError for strangers."""
    path = folder / NAME
    try:
        with _reachable(path) as address, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.settimeout(patience)
            link.connect(address)
            link.sendall((json.dumps(question) + "\n").encode())
            with link.makefile("rb") as answers:
                line = answers.readline()
    except PermissionError as err:
        raise PermissionError(f"{path}: {err.strerror}; ask as root or as the service's user") from err
    except TimeoutError as err:
        raise NotRunningError(f"{path}: it does not answer within {patience:.0f} s: it hangs, or is very busy") from err
    except OSError as err:
        raise NotRunningError(f"nothing runs on {folder}: {path}: {err.strerror}") from err
    try:
        answer = json.loads(line)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise NotRunningError(f"{path}: it ended before it answered")
    return answer


@contextmanager
def _reachable(path: Path) -> Iterator[str]:
    """The path as a unix socket's address holds it."""
    if len(os.fsencode(path)) <= LONGEST_PATH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _clear(path: Path, address: str) -> None:
    """Remove what a program that was killed left behind; FileExistsError when it is not that."""
    try:
        mode = os.lstat(address).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(f"{path} is there and no socket; expected a state folder of this program's own")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(1.0)
        if link.connect_ex(address) == 0:
            text = "a program runs on this state folder already; expected a `state` of its own for each program"
            raise FileExistsError(f"{path}: {text}")
    os.unlink(address)
