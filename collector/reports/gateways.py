"""The points that a target wants, by the gateway as which they are reported; grouped anew when manifests change."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from collector.directory import Directory, Place
from collector.reports.encoders.base import Encoder
from collector.reports.selection import Selection
from profiles.load import Library
from profiles.model import Shape


class Key(NamedTuple):
    """A gateway as one profile reports it; `code` is the site's where it has none, or where files are of a site."""

    profile: str
    site: str
    code: str


def key_of(place: Place, profile: str, *, whole: bool = False) -> Key:
    """The gateway of a point. What names every point (`whole`) is of the whole site, whichever gateway measures it."""
    site = place.site
    return Key(profile, site.code, site.code if whole or not site.gateway else site.gateway)


class Gateways:
    """See the module. `family`: the target's."""

    def __init__(
        self, family: str, selection: Selection, directory: Directory, library: Library,
        encoders: Mapping[str, type[Encoder]],
    ) -> None:  # fmt: skip
        self._family, self._selection, self._directory = family, selection, directory
        self._library, self._encoders = library, encoders
        self._version = -1
        self._found: dict[Key, list[Place]] = {}
        self._lengths: dict[Key, set[int]] = {}

    def all(self) -> dict[Key, list[Place]]:
        """Every gateway with its points."""
        if self._version != self._directory.version:
            self._version = self._directory.version
            found: dict[Key, list[Place]] = defaultdict(list)
            for place in itertools.chain(
                self._directory.places(), self._directory.cameras(), self._directory.contacts()
            ):
                point, site = place.point, place.site
                wanted = self._selection.wants_point(point.profile, point.quantity, site.adcode, site.code)
                if wanted and self._is_known(place):
                    found[self.key(place, point.profile)].append(place)
            self._found = dict(found)
            self._lengths = {key: self._lengths_of(key, places) for key, places in found.items()}
        return self._found

    def lengths(self, key: Key) -> set[int]:
        """Lengths of the periods (ms) of a gateway's points, and of files of its stations."""
        return self._lengths.get(key, set())

    def key(self, place: Place, profile: str) -> Key:
        """The gateway of a point to this target."""
        return key_of(place, profile, whole=self.encoder(profile).whole)

    def shape(self, profile: str) -> Shape:
        """How a profile is reported to this target."""
        shape = self._library[profile].shape(self._family)
        assert shape is not None  # noqa: S101  # targets select reported profiles only
        return shape

    def encoder(self, profile: str) -> type[Encoder]:
        """What makes its packets."""
        return self._encoders[self.shape(profile).family]

    def _is_known(self, place: Place) -> bool:
        """Whether the profile has what the point says that it is: one that it has not harms no other of its gateway."""
        profile = self._library[place.point.profile]
        of_a_seal = place.asset.kind in ("camera", "contact") and profile.seal is not None
        return of_a_seal or place.point.quantity in profile.quantities

    def _lengths_of(self, key: Key, places: Sequence[Place]) -> set[int]:
        lengths = (self._selection.period_of(key.profile, place.point.code) for place in places)
        return {length for length in lengths if length is not None} | {*self._selection.stations.get(key.profile, ())}


def heard(places: Iterable[Place], online: set[str]) -> bool:
    """Whether an agent of these points is connected; of one behind a lower collector, whether that is."""
    return any(place.agent.partition("/")[0] in online for place in places)
