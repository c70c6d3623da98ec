"""A program as a service: signals, readiness and watchdog, the local socket, the monitor. Around it, not within it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from prometheus_client.core import Metric

from config.errors import ConfigError
from config.service.local import LocalServer
from config.service.monitor import HealthSource, Monitor, MonitorSettings
from config.service.notify import Notifier
from config.service.progress import Progress
from config.version import VERSION

log = logging.getLogger(__name__)

LOOK = 1.0
"""Seconds between two looks at the loops' progress at most; a watchdog that waits less is answered three times in its
time."""


class Program(Protocol):
    """What is run as a service. All of it is called in the event loop."""

    async def status(self) -> dict[str, Any]:
        """How it is, for ``status --json``; made of what JSON has."""

    def troubles(self) -> list[str]:
        """What keeps it from its work now, and is no neighbour's absence; none: it is healthy."""

    def summary(self) -> str:
        """One line."""

    async def metrics(self) -> Iterable[Metric]:
        """For Prometheus."""

    async def reload(self, file: Path) -> str:
        """Apply a changed settings file; what was done. ConfigError, having changed nothing, when it cannot be."""


class Service:
    """One program in this process, made in the loop that runs it; `file` is the settings file that it runs on."""

    def __init__(self, name: str, file: Path, notifier: Notifier | None = None) -> None:
        self._name, self._file = name, file.absolute()
        self._notifier = Notifier() if notifier is None else notifier
        self.stop = asyncio.Event()
        """Set by SIGTERM and SIGINT."""
        self.progress = Progress()
        self._loaded = time.time()
        self._said = ""
        self._reloads: set[asyncio.Task[Any]] = set()
        self._program: Program | None = None
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up)

    @asynccontextmanager
    async def around(self, program: Program, state: Path, monitor: MonitorSettings | None) -> AsyncIterator[None]:
        """Serve while the block runs `program`; OSError when another program runs on this state folder."""
        local = LocalServer(state, lambda asked: self._answer(program, asked))
        await local.open()
        self._program = program
        watching = asyncio.create_task(self._watch(program))
        opened = None if monitor is None else await self._monitor(program, monitor)
        try:
            yield
        finally:
            self._program = None
            watching.cancel()
            for task in self._reloads:
                task.cancel()
            if opened is not None:
                await asyncio.to_thread(opened.close)
            await local.close()
            self.progress.clear()

    async def _monitor(self, program: Program, settings: MonitorSettings) -> Monitor | None:
        """Figures are no reason not to work: a port that is taken is told, and nothing else."""
        try:
            source = HealthSource(lambda: self._health(program), program.metrics)
            return await asyncio.to_thread(Monitor, settings, source)
        except OSError as err:
            log.error("%s; it goes on without", err)
            return None

    async def _watch(self, program: Program) -> None:
        """Ready once every loop has come round; alive as long as they do; stopping when told to."""
        ready, waits = False, LOOK
        if self._notifier.watchdog is not None:
            waits = min(LOOK, self._notifier.watchdog / 3)
        told: tuple[str, ...] = ()
        while not self.stop.is_set():
            stuck = tuple(self.progress.stuck())
            if stuck != told:
                told = stuck
                if stuck:
                    log.error("no progress of: %s; the watchdog is not answered any more", ", ".join(stuck))
            if self.progress.ready and not ready:
                ready = self._notifier.ready()
            if ready and not stuck:
                self._notifier.alive()
                self._say(program)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stop.wait(), waits)
        self._notifier.stopping()

    def _say(self, program: Program) -> None:
        """A disk that gives no figures, or a defect in one of them, is no reason to starve the watchdog."""
        try:
            text = program.summary()
        except Exception as err:  # noqa: BLE001  # see above
            text = f"no figures: {err!r}"
        if text != self._said:
            self._said = text
            self._notifier.status(text)

    async def _answer(self, program: Program, asked: Mapping[str, Any]) -> dict[str, Any]:
        match asked.get("ask"):
            case "status":
                return {"ok": True, "result": self._about() | await self._health(program) | await program.status()}
            case "reload":
                file = asked.get("file")
                if file is not None and Path(str(file)) != self._file:
                    return {"ok": False, "error": f"this {self._name} runs on {self._file}; expected that file"}
                return await self._reload(program)
            case other:
                return {"ok": False, "error": f"expected status or reload, not {other!r}"}

    def _about(self) -> dict[str, Any]:
        return {
            "program": self._name, "version": VERSION, "pid": os.getpid(), "file": str(self._file),
            "loaded": round(self._loaded * 1000), "loops": self.progress.rounds(),
        }  # fmt: skip

    async def _health(self, program: Program) -> dict[str, Any]:
        troubles = [f"{name} does not move on" for name in self.progress.stuck()] + program.troubles()
        if not self.progress.ready:
            troubles.append("it is starting")
        return {"ok": not troubles, "troubles": troubles}

    async def _reload(self, program: Program) -> dict[str, Any]:
        try:
            done = await program.reload(self._file)
        except ConfigError as err:
            log.error("%s is not taken over, and nothing was changed; see the mistakes that follow", self._file)
            for problem in err.problems:
                log.error("%s", problem)
            return {"ok": False, "problems": [str(problem) for problem in err.problems]}
        except Exception as err:  # a defect of ours must not end what works, and is not to be kept from who asked
            log.exception("taking over %s failed", self._file)
            return {"ok": False, "error": f"a defect, see the log: {err!r}; restart the program"}
        self._loaded = time.time()
        log.info("%s was read again: %s", self._file, done)
        return {"ok": True, "result": done}

    def _hang_up(self) -> None:
        if self._program is None:
            log.warning("it is starting: %s is read anyway", self._file)
            return
        task = asyncio.create_task(self._reload(self._program))
        self._reloads.add(task)
        task.add_done_callback(self._reloads.discard)
