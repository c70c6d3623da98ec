"""Writes the risk scores to every store from time to time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from collector.risk.score import Scorer, risk_facts
from collector.risk.settings import RiskSettings
from collector.sinks.base import Sink
from collector.writers import Writer

log = logging.getLogger(__name__)


class RiskWriter:
    """A moment that a store misses is not made good: the next one tells what is then."""

    def __init__(self, settings: RiskSettings, scorer: Scorer, writers: Sequence[Writer[Sink]]) -> None:
        self._every, self._scorer, self._writers = round(settings.every * 1000), scorer, writers
        self._done = -1

    async def step(self, now: int, stop: asyncio.Event) -> bool:
        """Write what holds now, once every `every`; whether it was time. `now` in ms since 1970 UTC."""
        moment = now // self._every * self._every
        if moment == self._done or stop.is_set():
            return False
        facts = risk_facts(await asyncio.to_thread(self._scorer.scores, now), moment)
        self._done = moment
        for writer in self._writers if facts else ():
            for refusal in await writer.attempt(writer.sink.write_facts, facts) or ():
                log.error("store %s can never take the risk of %s: %s",
                          writer.name, dict(facts[refusal.index].tags), refusal.reason)  # fmt: skip
        return True
