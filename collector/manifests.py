"""Manifests ready for their data: compiled once, asked for where they are missing, given up where they are nowhere."""

from __future__ import annotations

import logging
import time
import uuid
from collections import Counter, OrderedDict
from collections.abc import Iterable
from typing import TypeVar

from collector.limits import Admission, RefusedError
from collector.normalise.compile import Compiled, compile_manifest
from collector.registry import Registry
from profiles.judge import judge_site
from profiles.load import Library
from profiles.regions import Counties
from profiles.wire.codec import decode, decoder, manifest_hash
from profiles.wire.messages import Manifest, Request

log = logging.getLogger(__name__)
TAGS = 200_000
"""Tags of the compiled manifests held in memory, at about half a KiB each; the one in use is held in any case."""
ASK_AGAIN = 10.0
"""Seconds between two requests for the same manifest."""
REFUSED_AGAIN = 600.0
"""Seconds after which one that was refused is asked for again: a limit may have been raised, or a day begun."""
REMEMBERED = 10_000
"""Manifests that were asked for, and those that are nowhere, which are remembered at most."""
_MANIFEST = decoder(Manifest)
K = TypeVar("K")
V = TypeVar("V")


class Manifests:
    """The manifests of all agents, over the registry that keeps them."""

    def __init__(
        self, library: Library, registry: Registry, counters: Counter[str], own: str = "",
        counties: Counties | None = None, admission: Admission | None = None,
    ) -> None:  # fmt: skip
        """`admission`: judges manifests that were not here before; left out: any is taken."""
        self._admission = admission
        self._own, self._counties = own, counties
        self._library, self._registry, self._counters = library, registry, counters
        self._compiled: OrderedDict[tuple[str, str], Compiled] = OrderedDict()
        self._tags, self._version = 0, registry.changed_by_others()
        self._asked: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._nowhere: OrderedDict[tuple[str, str], None] = OrderedDict()

    def take(self, agent: str, frame: bytes) -> None:
        """Keep a manifest; FrameError when it is none, RefusedError when it brings more than its agent may."""
        manifest = decode(frame, _MANIFEST)
        name = manifest_hash(frame)
        self._nowhere.pop((agent, name), None)
        if self._admission is not None and self._registry.look(agent, name) is None:
            try:
                self._admission.check(agent, manifest)
            except RefusedError:
                self._registry.note(agent)  # so that it is among the agents, though nothing else of it is known
                _remember(self._asked, (agent, name), time.monotonic() + REFUSED_AGAIN)
                raise
        if self._registry.put_manifest(agent, name, frame, manifest.origin):
            self._counters["manifests"] += 1
            log.info("agent %s: manifest %s…", agent, name[:12])

    def compiled(self, agent: str, name: str) -> Compiled | None:
        """A manifest by its hash, ready for data; None when it has not come yet."""
        key = (agent, name)
        if (version := self._registry.changed_by_others()) != self._version:
            self._compiled.clear()  # an agent was forgotten, so that codes are free
            self._version, self._tags = version, 0
        if key in self._compiled:
            self._compiled.move_to_end(key)
            return self._compiled[key]
        frame = self._registry.manifest(agent, name)
        if frame is None:
            return None
        manifest = decode(frame, _MANIFEST)
        claimed = self._registry.claimed(tag.point.code for tag in manifest.tags.values() if tag.point is not None)
        found = compile_manifest(manifest, self._library, agent=agent, claimed=claimed, own=self._own)
        self._registry.claim(found.owner, found.codes)
        if found.fault:
            log.error(
                "agent %s, manifest %s…: %s; what refers to it becomes dead letters", agent, name[:12], found.fault
            )
        for fault in judge_site(manifest, self._library, self._counties):
            log.warning("agent %s, site.%s: %s", found.owner, ".".join(map(str, fault.field)), fault.message)
        for tag, reason in found.faults.items():
            log.warning("agent %s, tag %s: %s; its samples become dead letters", agent, tag, reason)
        self._compiled[key] = found
        self._tags += found.tags
        while self._tags > TAGS and len(self._compiled) > 1:
            _key, oldest = self._compiled.popitem(last=False)
            self._tags -= oldest.tags
        return found

    def ask(self, agent: str, name: str) -> Request | None:
        """The request for a manifest that has not come; None when it was asked for lately."""
        key, now = (agent, name), time.monotonic()
        if now - self._asked.get(key, -ASK_AGAIN) < ASK_AGAIN:
            return None
        _remember(self._asked, key, now)
        self._counters["manifests_asked"] += 1
        request = Request(v=1, id=uuid.uuid4().hex, verb="manifest", args={"hashes": [name]})
        log.info("agent %s is asked (request %s): manifest %s", agent, request.id, name)
        return request

    def lost(self, agent: str, names: Iterable[str]) -> None:
        """The agent says that it does not have these (any more)."""
        for name in names:
            if self._registry.manifest(agent, name) is None:
                log.error("agent %s does not have its manifest %s any more; what refers to it is kept", agent, name)
                _remember(self._nowhere, (agent, name), None)

    def is_nowhere(self, agent: str, name: str) -> bool:
        """Whether the agent itself does not have this manifest."""
        return (agent, name) in self._nowhere


def _remember(where: OrderedDict[K, V], key: K, value: V) -> None:
    where[key] = value
    where.move_to_end(key)
    if len(where) > REMEMBERED:
        where.popitem(last=False)
