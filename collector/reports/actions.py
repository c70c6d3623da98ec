"""What belongs to the action of a cut-off device (控制联动): who made it cut, and whether the power was gone after.

Source: notes on mines, 1.3 (`KZLD`). Relations are the site's; that an action is `auto` where a related point lies
beyond its cut-off limit, and that nobody knows otherwise, is ours.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from collector.directory import Directory, Place
from collector.reports.encoders.base import Action, Due
from collector.reports.encoders.limits import crossed
from collector.reports.figures import usable
from collector.sinks.base import Sink
from profiles.linkage import Linkage
from profiles.load import Library
from profiles.model import Profile

NEAR = 900_000
"""Ms within which a value before an action counts as that of the action's time."""
CUTS = {"HH", "LL"}
"""Limits beyond which a point makes its device cut."""


class Actions:
    """Looks up what the changes of devices belong to; the relations are read anew when a manifest changes."""

    def __init__(self, library: Library, directory: Directory, reader: Sink) -> None:
        self._library, self._directory, self._reader = library, directory, reader
        self._version = -1
        self._controls: dict[str, list[Place]] = {}
        """Code of a device → the points that name it."""

    def of(self, changes: Sequence[Due], profile: Profile) -> list[Action]:
        """The actions among changes; a device that no relation links to anything has none."""
        linkage = profile.linkage
        if linkage is None:
            return []
        controls = self._linked()
        return [
            self._action(change, profile, linkage, controls)
            for change in changes
            if change.place.point.quantity in linkage.devices
            and (controls.get(change.place.point.code) or _feeders(change.place, linkage))
        ]

    def _linked(self) -> Mapping[str, list[Place]]:
        if self._version != self._directory.version:
            self._version = self._directory.version
            found: dict[str, list[Place]] = defaultdict(list)
            for place in self._directory.places():
                profile = self._library.get(place.point.profile)
                if profile is not None and (linkage := profile.linkage) is not None:
                    for code in linkage.related(place.attributes, linkage.control):
                        found[code].append(place)
            self._controls = dict(found)
        return self._controls

    def _action(
        self, change: Due, profile: Profile, linkage: Linkage, controls: Mapping[str, list[Place]]
    ) -> Action:  # fmt: skip
        values = [(place, self._value(place, change.time)) for place in controls.get(change.place.point.code, ())]
        beyond = [each for each in values if _cuts(*each, profile)]
        trigger = beyond[0] if beyond else values[0] if len(values) == 1 else None
        feeders = [self._directory.find(code) for code in _feeders(change.place, linkage)]
        after = change.time + round(linkage.after * 1000)
        feeds = [self._value(place, after) for place in feeders if place and place.point.quantity in linkage.feeders]
        return Action(
            change, trigger and trigger[0], trigger and trigger[1], feeds[0] if feeds else None, automatic=bool(beyond)
        )  # fmt: skip

    def _value(self, place: Place, moment: int) -> float | None:
        """The last value at a moment (ms UTC)."""
        found = usable(self._reader, place, moment - NEAR, moment + 1)
        return found[-1][1] if found else None


def _feeders(place: Place, linkage: Linkage) -> list[str]:
    return linkage.feeders_of(place.point.quantity, place.attributes)


def _cuts(place: Place, value: float | None, profile: Profile) -> bool:
    quantity = profile.quantities.get(place.point.quantity)
    return quantity is not None and value is not None and bool(crossed(place.spec, profile, quantity, value) & CUTS)
