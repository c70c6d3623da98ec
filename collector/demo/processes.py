"""Child processes of the demo: started, watched, ended by their own ids, each with its log in the demo's folder."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

READY_WITHIN = 60.0
"""Seconds within which a child must say that it is ready; only a hang reaches it."""
END_WITHIN = 30.0
"""Seconds that a child has to end by itself after SIGTERM."""


class ChildFailedError(Exception):
    """A child ended by itself or did not get ready; the text names it and the end of its log."""


class Child:
    """One Python module run as a process that ends with the demo, even when that is killed (collector.demo.leash)."""

    def __init__(
        self, name: str, folder: Path, module: str, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> None:
        """`environment`: what it gets beside the demo's own."""
        self.name = name
        self._environment = os.environ | (environment or {})
        self.log = folder / f"{name}.log"
        self._command = [sys.executable, "-m", "collector.demo.leash", module, *arguments]
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self.running and self._process else None

    @property
    def running(self) -> bool:
        """Whether the process has been started and has not ended."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start it; its standard output can be read by `announced_port`, the rest goes to its log."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,  # open as long as the demo lives
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=self._environment,
                start_new_session=True,  # Ctrl-C in the terminal is for the demo, which ends its children in order
            )

    async def announced_port(self) -> int:
        """The port that the child prints as ``{"port": N}`` once it listens."""
        if self._process is None or self._process.stdout is None:
            raise ChildFailedError(f"{self.name} was asked for its port before it was started")
        async with _in_time(self, "to say its port"):
            line = await self._process.stdout.readline()
        if not line:
            raise ChildFailedError(self._obituary("ended before it listened"))
        return int(json.loads(line)["port"])

    async def listening(self, port: int) -> None:
        """Return once the child accepts connections on 127.0.0.1:`port`."""
        async with _in_time(self, f"to listen on port {port}"):
            while not await _accepts(port):
                self.check()
                await asyncio.sleep(0.05)

    def check(self) -> None:
        """Raise ChildFailedError if the process has ended by itself."""
        if not self.running:
            raise ChildFailedError(self._obituary("ended by itself"))

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if the process still runs."""
        if self._process is not None and self.running:
            with contextlib.suppress(ProcessLookupError):  # it ended in this moment
                self._process.send_signal(number)

    async def stop(self) -> int | None:
        """SIGTERM, SIGKILL if it does not end in time; its exit code."""
        if self._process is None:
            return None
        self.signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), END_WITHIN)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        return self._process.returncode

    def _obituary(self, what: str) -> str:
        code = self._process.returncode if self._process else None
        tail = self.log.read_text(errors="replace")[-1500:] if self.log.exists() else ""
        return f"{self.name} {what} (exit code {code}); the end of {self.log}:\n{tail}"


@contextlib.asynccontextmanager
async def _in_time(child: Child, what: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(READY_WITHIN):
            yield
    except TimeoutError as err:
        raise ChildFailedError(f"{child.name} needed more than {READY_WITHIN:.0f} s {what}") from err


async def _accepts(port: int) -> bool:
    try:
        _reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def free_port() -> int:
    """A TCP port of 127.0.0.1 that the system hands out."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
