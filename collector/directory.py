"""What each point is and where: by its code, from the manifest that each agent works with now."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field

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


@dataclass(slots=True)
class _Past:
    """By tag the newest manifest that has it, and by code its place there."""

    manifests: dict[str, Manifest] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)


class Directory:
    """All points by code. Not thread-safe: each user has its own; `refresh` reads what has changed."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._hashes: dict[str, str] = {}
        self._manifests: dict[str, Manifest] = {}
        self._by_owner: dict[str, dict[str, Place]] = {}
        self._places: dict[str, Place] = {}
        self._past: dict[str, _Past] = {}
        self._owners: dict[str, str] = {}
        self._seen: tuple[int, int] | None = None
        self._cameras: dict[tuple[str, str], Place] = {}
        self._contacts: dict[tuple[str, str], Place] = {}
        self.version = 0
        """Rises whenever a refresh found something new."""

    def refresh(self) -> None:
        """Take in the manifests that are new since the last call; cheap where there are none."""
        if (seen := self._registry.version()) == self._seen:
            return
        self._seen = seen
        found = self._registry.current_manifests()
        current = {f"{agent}/{origin}" if origin else agent: (agent, name) for (agent, origin), name in found.items()}
        changed = {owner: key for owner, key in current.items() if self._hashes.get(owner) != key[1]}
        gone = self._by_owner.keys() - current.keys()
        for owner in gone:
            del self._by_owner[owner], self._hashes[owner]
            self._manifests.pop(owner, None)
        for owner, (agent, name) in changed.items():
            if (frame := self._registry.look(agent, name)) is not None:
                self._hashes[owner] = name
                self._take(owner, frame)
        self._past.clear()
        self._owners.clear()
        places = self._owned()
        if not changed and not gone and all(places[code] is self._places.get(code) for code in places):
            return
        self.version += 1
        self._places = places
        self._cameras = {
            (owner, code): place
            for owner, manifest in self._manifests.items()
            for code, place in _cameras(owner, manifest)
        }
        self._contacts = {
            (owner, name): place
            for owner, manifest in self._manifests.items()
            for name, place in _contacts(owner, manifest)
        }

    def _owned(self) -> dict[str, Place]:
        """Every code with its place; where several agents state one, that of the agent whose it is."""
        places: dict[str, Place] = {}
        twice: set[str] = set()
        for its in self._by_owner.values():
            twice |= places.keys() & its.keys()
            places |= its
        for code, owner in (self._registry.claimed(twice) if twice else {}).items():
            if (place := self._by_owner.get(owner, {}).get(code)) is not None:
                places[code] = place
        return places

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
        return self._past_of(owner).manifests.get(tag)

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
        if (place := self._places.get(code)) is not None:
            return place
        if code not in self._owners:
            self._owners[code] = self._registry.claimed([code]).get(code, "")
        return self._past_of(self._owners[code]).places.get(code)

    def _past_of(self, owner: str) -> _Past:
        """What the manifests of an agent that are kept say, read once until something changes."""
        if owner not in self._past:
            found = self._past[owner] = _Past()
            for manifest in self.older(owner):
                for tag in manifest.tags:
                    found.manifests.setdefault(tag, manifest)
                for code, place in _places(owner, manifest):
                    found.places.setdefault(code, place)
        return self._past[owner]

    def camera(self, owner: str, code: str) -> Place | None:
        """An agent's camera by its code, or the terminal that analyses them by its own; a camera's quantity is its
        position. Nobody claims the code of a camera, so that a contact of the seal may name one of another agent.
        """
        if (place := self._cameras.get((owner, code))) is not None:
            return place
        return next(
            (each for (its, _tag), each in self._contacts.items() if (its, each.point.code) == (owner, code)), None
        )

    def contact(self, owner: str, tag: str) -> Place | None:
        """A contact of a seal by its tag, also one that stands in an older manifest alone, as of a backlog.

        Its code is that of a camera or the terminal, its quantity its position.
        """
        if (place := self._contacts.get((owner, tag))) is not None:
            return place
        manifest = self.manifest(owner, tag)
        return dict(_contacts(owner, manifest)).get(tag) if manifest is not None else None

    def contacts(self) -> Iterable[Place]:
        """Every contact of a seal that an agent reads now."""
        return self._contacts.values()

    def cameras(self) -> Iterable[Place]:
        """Every camera that an agent watches now, and every terminal."""
        return self._cameras.values()

    def site(self, code: str) -> Site | None:
        """The site of that code, as an agent of it states it now."""
        return next((each.site for each in self._manifests.values() if each.site.code == code), None)

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
    terminal, codes = manifest.site.gateway, {camera.code for camera in manifest.cameras.values()}
    if codes and terminal and terminal not in codes:
        profile = next(iter(manifest.cameras.values())).profile
        point = Point(profile=profile, asset=terminal, quantity="", code=terminal)
        spec = ManifestTag(type="text", device=terminal, point=point)
        yield terminal, Place(agent, terminal, spec, point, Asset(kind="terminal"), manifest.site, manifest, {})


def _contacts(agent: str, manifest: Manifest) -> Iterable[tuple[str, Place]]:
    for name, tag in manifest.tags.items():
        if (contact := tag.seal) is not None:
            code = contact.code
            point = Point(profile=contact.profile, asset=code, quantity=contact.position, code=code)
            spec = ManifestTag(type="flag", device=tag.device, label=tag.label, point=point)
            yield name, Place(agent, name, spec, point, Asset(kind="contact"), manifest.site, manifest, {})
