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
    manifest: Manifest
    """The one that it stands in."""
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
        self._manifests: dict[str, Manifest] = {}
        self._by_owner: dict[str, dict[str, Place]] = {}
        self._places: dict[str, Place] = {}
        self._nowhere: set[str] = set()
        self._cameras: dict[str, Place] = {}
        self.version = 0
        """Rises whenever a refresh found something new."""

    def refresh(self) -> None:
        """Take in the manifests that are new since the last call."""
        found = self._registry.current_manifests()
        current = {f"{agent}/{origin}" if origin else agent: (agent, name) for (agent, origin), name in found.items()}
        changed = {owner: key for owner, key in current.items() if self._hashes.get(owner) != key[1]}
        gone = self._by_owner.keys() - current.keys()
        if not changed and not gone:
            return
        for owner in gone:
            del self._by_owner[owner], self._hashes[owner]
            self._manifests.pop(owner, None)
        for owner, (agent, name) in changed.items():
            if (frame := self._registry.look(agent, name)) is not None:
                self._hashes[owner] = name
                self._take(owner, frame)
        self._nowhere.clear()
        self.version += 1
        self._places = {code: place for places in self._by_owner.values() for code, place in places.items()}
        cameras = (_cameras(owner, manifest) for owner, manifest in self._manifests.items())
        self._cameras = {code: place for each in cameras for code, place in each}

    def _take(self, owner: str, frame: bytes) -> None:
        try:
            manifest = decode(frame, _MANIFEST)
        except FrameError as err:
            log.error("agent %s: its manifest cannot be read: %s", owner, err)
            self._by_owner[owner] = {}
            return
        self._manifests[owner] = manifest
        self._by_owner[owner] = dict(_places(owner, manifest))

    def manifest(self, owner: str, tag: str = "") -> Manifest | None:
        """The manifest that an agent works with; where that has the tag no more, the newest that has it."""
        current = self._manifests.get(owner)
        if current is None or not tag or tag in current.tags:
            return current
        return next((found for found in self.older(owner) if tag in found.tags), None)

    def manifests(self) -> Iterable[tuple[str, Manifest]]:
        """Every agent and the manifest that it works with."""
        return self._manifests.items()

    def older(self, owner: str) -> Iterable[Manifest]:
        """Every manifest of an agent that is kept, the newest first."""
        return (decode(frame, _MANIFEST) for frame in self._registry.manifests(owner))

    def __getitem__(self, code: str) -> Place:
        """A point by its code; KeyError where no agent's manifest has it."""
        return self._places[code]

    def get(self, code: str) -> Place | None:
        """A point by its code."""
        return self._places.get(code)

    def find(self, code: str) -> Place | None:
        """A point by its code, also one that stands in an older manifest alone, as of a backlog."""
        if (place := self._places.get(code)) is not None or code in self._nowhere:
            return place
        owner = self._registry.claimed().get(code, "")
        for manifest in self.older(owner):
            if code in (found := dict(_places(owner, manifest))):
                self._places[code] = found[code]
                return found[code]
        self._nowhere.add(code)
        return None

    def camera(self, code: str) -> Place | None:
        """A camera by its code; its quantity is its position."""
        return self._cameras.get(code)

    def cameras(self) -> Iterable[Place]:
        """Every camera that an agent watches now."""
        return self._cameras.values()

    def places(self) -> Iterable[Place]:
        """Every point that an agent measures now."""
        return self._places.values()


def _places(agent: str, manifest: Manifest) -> Iterable[tuple[str, Place]]:
    for name, tag in manifest.tags.items():
        if (point := tag.point) is not None:
            asset = manifest.assets.get(point.asset) or Asset()
            facts = attributes(point, manifest.assets)
            yield point.code, Place(agent, name, tag, point, asset, manifest.site, manifest, facts)


def _cameras(agent: str, manifest: Manifest) -> Iterable[tuple[str, Place]]:
    for name, camera in manifest.cameras.items():
        point = Point(profile=camera.profile, asset=camera.code, quantity=camera.position, code=camera.code)
        spec = ManifestTag(type="text", device=name, label=camera.label, point=point)
        asset = Asset(name=camera.label, kind="camera", lon=camera.lon, lat=camera.lat)
        yield camera.code, Place(agent, name, spec, point, asset, manifest.site, manifest, camera.attributes)
