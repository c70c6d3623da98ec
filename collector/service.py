"""A collector as a service (`config.service.service.Program`): how it is, and what of its settings it takes over."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from prometheus_client.core import Metric

from collector.app import Collector
from collector.settings import RELOADED, CollectorSettings, load_collector
from collector.status import metrics
from config import logs


class CollectorProgram:
    """See the module; `settings` are those that the collector was made with."""

    def __init__(self, collector: Collector, settings: CollectorSettings) -> None:
        self._collector, self._settings = collector, settings
        self._reloading = asyncio.Lock()

    async def status(self) -> dict[str, Any]:
        """See `collector.status.View.status`."""
        return await asyncio.to_thread(self._collector.view.status)

    async def metrics(self) -> Iterable[Metric]:
        """For Prometheus."""
        return metrics(await self.status())

    def summary(self) -> str:
        """One line."""
        return self._collector.view.summary()

    def troubles(self) -> list[str]:
        """What keeps it from its work; that a store or the broker is away is no trouble of its own."""
        return self._collector.troubles()

    async def reload(self, file: Path) -> str:
        """Take over who is told of alarms, and how it logs; ConfigError, having changed nothing, for all else."""
        async with self._reloading:
            settings = (await asyncio.to_thread(load_collector, file, self._settings)).settings
            changed = [name for name in RELOADED if getattr(settings, name) != getattr(self._settings, name)]
            if "notify" in changed:
                self._collector.tell_by(settings.notify)
            if "log" in changed:
                logs.configure(settings.log, "edge-collector")
            self._settings = settings
            return f"settings: {', '.join(changed)}" if changed else "nothing has changed"
