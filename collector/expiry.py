"""Warns in the log, early and once a day, of certificates and revocation lists that expire."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path

from collector.settings import CollectorSettings
from config.certificates import ExpiryWarning, ExpiryWatch

log = logging.getLogger(__name__)


def watched_files(settings: CollectorSettings) -> list[Path]:
    """What a collector goes by: towards its broker, towards higher collectors, and what its settings name beside."""
    ways = [settings.mqtt.tls, *(higher.mqtt.tls for higher in settings.cascade)]
    own = [file for tls in ways if tls != "disabled" for file in tls.files]
    return list(dict.fromkeys([*own, *settings.certificates]))


class Expiry:
    """A work of the collector's background."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._watch = ExpiryWatch(files)

    async def step(self, now: int, _stop: asyncio.Event) -> list[ExpiryWarning]:
        """Look at the files at `now` (ms UTC); what was said."""
        said = await asyncio.to_thread(self._watch.due, now / 1000)
        for each in said:
            log.log(logging.ERROR if each.level == "FAULT" else logging.WARNING, "%s", each.text)
        return said
