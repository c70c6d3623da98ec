"""Writes the overview to every store from time to time."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence

from collector.alarms.book import AlarmBook
from collector.alarms.lives import Life
from collector.directory import Directory
from collector.overview.facts import device_facts, gateway_fact, industry_of, limits_fact, own_facts, site_fact
from collector.overview.settings import OverviewSettings
from collector.registry import Registry
from collector.sinks.base import Fact, Sink
from collector.writers import Writer
from config.certificates import Certificates
from profiles.load import Library
from profiles.wire.messages import Site

log = logging.getLogger(__name__)
_NEVER = (-1, -1)


class OverviewWriter:
    """A moment that a store misses is not made good: the next one tells what is then.

    While the collector itself is not `connected`, nothing is written: it does not know how its agents are, and a
    dashboard that shows no data says so, where one with the last state would not.
    """

    def __init__(
        self, settings: OverviewSettings, library: Library, registry: Registry, book: AlarmBook,
        connected: Callable[[], bool], writers: Sequence[Writer[Sink]], collector: str, certificates: Certificates,
    ) -> None:  # fmt: skip
        """`certificates`: those of `collector` itself."""
        self._every, self._limits_every = round(settings.every * 1000), round(settings.limits_every * 1000)
        self._library, self._registry, self._book = library, registry, book
        self._connected, self._writers = connected, writers
        self._collector, self._certificates = collector, certificates
        self._directory = Directory(registry)
        self._done = -1
        self._limits_done = _NEVER

    async def step(self, now: int, stop: asyncio.Event) -> bool:
        """Write what holds at `now` (ms since 1970 UTC), once every `every`; whether it was time."""
        moment = now // self._every * self._every
        if moment == self._done or stop.is_set() or not self._connected():
            return False
        facts = await asyncio.to_thread(self.facts, now, moment)
        self._done = moment
        for writer in self._writers if facts else ():
            refusals = await writer.attempt(writer.sink.write_facts, facts)
            if refusals is None:
                self._limits_done = _NEVER  # they come seldom: a store that was away gets them with the next moment
            for refusal in refusals or ():
                fact = facts[refusal.index]
                log.error("store %s can never take the %s of %s: %s",
                          writer.name, fact.measurement, dict(fact.tags), refusal.reason)  # fmt: skip
        return True

    def facts(self, now: int, moment: int) -> list[Fact]:
        """What holds now, as points at `moment` (both ms since 1970 UTC)."""
        self._directory.refresh()
        manifests = dict(self._directory.manifests())
        sites = {owner: manifest.site for owner, manifest in manifests.items()}
        found = own_facts(self._collector, self._certificates.ends().values(), moment)
        for row in self._registry.agents():
            found.append(gateway_fact(row, sites.get(row.agent), moment, self._registry.clocks.ahead(row.agent)))
            found += device_facts(row, manifests.get(row.agent), moment)
        return [*found, *self._sites(sites, now, moment), *self._limits(now, moment)]

    def _sites(self, sites: dict[str, Site], now: int, moment: int) -> list[Fact]:
        online = self._registry.online()
        profiles: dict[str, list[str]] = defaultdict(list)
        for place in [*self._directory.places(), *self._directory.cameras(), *self._directory.contacts()]:
            profiles[place.site.code].append(place.point.profile)
        lives: dict[str, list[Life]] = defaultdict(list)
        for life in self._book.between(now, now + 1):
            if life.state not in ("closed", "joined"):
                lives[life.place.site].append(life)
        by_site: dict[str, tuple[Site, dict[str, bool]]] = {}
        for owner, site in sites.items():  # of one behind a lower collector, whether that is connected
            _site, agents = by_site.setdefault(site.code, (site, {}))
            agents[owner] = owner.partition("/")[0] in online
        return [
            site_fact(site, industry_of(site, profiles[code]), agents, lives[code], moment)
            for code, (site, agents) in by_site.items()
        ]

    def _limits(self, now: int, moment: int) -> list[Fact]:
        due = (now // self._limits_every, self._directory.version)
        if due == self._limits_done:
            return []
        self._limits_done = due
        facts = []
        for place in self._directory.places():
            profile = self._library.get(place.point.profile)
            if profile is not None and (fact := limits_fact(place, profile, moment)) is not None:
                facts.append(fact)
        return facts
