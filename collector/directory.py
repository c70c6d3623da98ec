"""What each point is and where: by its code, from the manifest that each agent works with now."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from collector.registry import Registry
from profiles.limits import attributes
from profiles.wire.codec import FrameError, decode, decoder
from profiles.wire.messages import Asset, Manifest, ManifestTag, Point, Site

log = logging.getLogger(__name__)
_MANIFEST = decoder(Manifest)


@dataclass(frozen=True, slots=True)
class Place:
    """One point: the agent and tag that measure it, and what the manifest says of tag, equipment and site."""

    agent: str
    tag: str
    spec: ManifestTag
    point: Point
    asset: Asset
    site: Site
    attributes: dict[str, str]
    """The point's own over those of its equipment."""

    @property
    def label(self) -> str:
        """What people call it."""
        return self.spec.label or self.tag


class Directory:
    """All points by code. Not thread-safe: each user has its own; `refresh` reads what has changed."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._hashes: dict[str, str] = {}
        self._by_agent: dict[str, dict[str, Place]] = {}
        self._places: dict[str, Place] = {}

    def refresh(self) -> None:
        """Take in the manifests that are new since the last call."""
        current = self._registry.current_manifests()
        changed = {agent: name for agent, name in current.items() if self._hashes.get(agent) != name}
        gone = self._by_agent.keys() - current.keys()
        if not changed and not gone:
            return
        for agent in gone:
            del self._by_agent[agent], self._hashes[agent]
        for agent, name in changed.items():
            if (frame := self._registry.manifest(agent, name)) is None:
                continue
            try:
                manifest = decode(frame, _MANIFEST)
            except FrameError as err:
                log.error("agent %s: its manifest %s cannot be read: %s", agent, name, err)
                manifest = None
            self._hashes[agent] = name
            self._by_agent[agent] = {} if manifest is None else dict(_places(agent, manifest))
        self._places = {code: place for places in self._by_agent.values() for code, place in places.items()}

    def __getitem__(self, code: str) -> Place:
        """A point by its code; KeyError where no agent's manifest has it."""
        return self._places[code]

    def get(self, code: str) -> Place | None:
        """A point by its code."""
        return self._places.get(code)

    def places(self) -> Iterable[Place]:
        """Every point that an agent measures now."""
        return self._places.values()


def _places(agent: str, manifest: Manifest) -> Iterable[tuple[str, Place]]:
    for name, tag in manifest.tags.items():
        if (point := tag.point) is not None:
            asset = manifest.assets.get(point.asset) or Asset()
            facts = attributes(point, manifest.assets)
            yield point.code, Place(agent, name, tag, point, asset, manifest.site, facts)
