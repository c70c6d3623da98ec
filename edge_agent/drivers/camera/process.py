"""A worker process as the agent sees it: begun, listened to, ended by its own process id."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import time
from collections.abc import AsyncGenerator, Sequence

import msgspec

from config.secrets import environment
from edge_agent.drivers.camera.protocol import (
    HEAD,
    Alive,
    Begin,
    FromWorker,
    Stop,
    ToWorker,
    framed,
    from_worker,
    length,
)

log = logging.getLogger(__name__)

MODULE = "edge_agent.drivers.camera.worker"
START = 60.0
"""Seconds that a worker has for its first sign of life: a network may have to be loaded."""
HUNG = 15.0
"""Seconds without a sign of life of a worker, after which it is ended."""
AWAY = 3.0
"""Seconds between two looks at a worker, beyond which it is the agent that stood still: halted, or its machine was."""
STUCK = 45.0
"""Seconds without progress of one of a camera's threads, or four times the camera's time-out."""
END = 6.0
"""Seconds that a worker has to end when it is asked to."""
HIDDEN = "***"
_LEVELS = {"DEBUG": logging.DEBUG, "WARNING": logging.WARNING, "ERROR": logging.ERROR, "CRITICAL": logging.ERROR}


class Process:
    """One worker. `secrets` are hidden in what it says to people, should a library name them."""

    def __init__(self, name: str, secrets: Sequence[str], stuck: float) -> None:
        self._name, self._secrets, self._stuck = name, [each for each in secrets if each], max(STUCK, stuck)
        self._process: asyncio.subprocess.Process | None = None
        self._minded = time.monotonic()
        self._alive = self._minded + START - HUNG
        self._ending = False

    @property
    def pid(self) -> int:
        """Its process id; 0 when it does not run."""
        return self._process.pid if self._process is not None and self._process.returncode is None else 0

    async def messages(self, begin: Begin) -> AsyncGenerator[FromWorker, None]:
        """Start it, and give what it says until it ends; `ended` then tells how. OSError when it cannot be started."""
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", MODULE,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env=environment(),
        )  # fmt: skip
        assert process.stdout is not None and process.stderr is not None  # noqa: S101, PT018  # both are pipes
        saying = asyncio.create_task(self._log(process.stderr))
        try:
            if self._ending:
                return  # it was told to while the system started it
            self.send(begin)
            while True:
                head = await process.stdout.readexactly(HEAD.size)
                message: FromWorker = from_worker.decode(await process.stdout.readexactly(length(head)))
                if isinstance(message, Alive):
                    self._alive = time.monotonic()
                yield message
        except asyncio.IncompleteReadError:
            return  # it ended
        except (ValueError, msgspec.MsgspecError) as err:
            log.error("%s: what it says is no message and it is ended: %s", self._name, err)
        finally:
            self.kill()
            await process.wait()
            await saying

    def send(self, message: ToWorker) -> None:
        """Say something to it; it may have ended meanwhile."""
        if self._process is not None and self._process.stdin is not None and self._process.returncode is None:
            with contextlib.suppress(ConnectionError):
                self._process.stdin.write(framed(message))

    def hangs(self, stuck: float) -> str:
        """Why it is to be ended; "" while all is well; to be asked each second.

        `stuck`: the longest of its cameras' (`Beat.stuck`).
        """
        now = time.monotonic()
        if (away := now - self._minded - AWAY) > 0:  # what the worker said meanwhile is yet to be read
            self._alive = max(self._alive, min(now, self._alive + away))
        self._minded = now
        silent = now - self._alive
        if silent > HUNG:
            return f"it gave no sign of life for {silent:.0f} s"
        return f"a camera's thread made no progress for {stuck:.0f} s" if stuck > self._stuck else ""

    async def stop(self) -> None:
        """Ask it to end, and end it if it does not."""
        self._ending = True
        if self._process is None:
            return
        self.send(Stop())
        try:
            await asyncio.wait_for(self._process.wait(), END)
        except TimeoutError:
            log.warning("%s: it did not end in %.0f s and is ended", self._name, END)
            self.kill()

    def kill(self) -> None:
        """End it at once, whatever it does."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    @property
    def ended(self) -> str:
        """How it ended, for people."""
        code = self._process.returncode if self._process is not None else None
        return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"

    async def _log(self, pipe: asyncio.StreamReader) -> None:
        """Its words go into the agent's log."""
        rest = b""
        while part := await pipe.read(2**16):
            *lines, rest = (rest + part).split(b"\n")
            for line in lines:
                self._say(line)
            if len(rest) > 2**16:
                self._say(rest)
                rest = b""
        if rest:
            self._say(rest)

    def _say(self, line: bytes) -> None:
        text = line.decode(errors="replace")
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        word, _, told = text.partition(" ")
        level = _LEVELS.get(word, logging.INFO if word == "INFO" else logging.WARNING)
        log.log(level, "%s: %s", self._name, told if word in _LEVELS or word == "INFO" else text)
