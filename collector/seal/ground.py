"""What the state of a mine's seal stands on beside its alarms: the supervisor's order, and which cameras watch what."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct, field

from collector.directory import Directory
from collector.mines import MineOrder
from profiles.load import Library

Watched = dict[str, dict[str, list[str]]]
"""By position and agent, names."""


class Ground(Struct, frozen=True):
    """Of one mine, from a moment on until another one is noted."""

    profile: str
    region: str = ""
    order: dict[str, Any] | None = None
    """The order as JSON; None: nobody ordered anything of it."""
    cameras: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    """By position and agent, the names of the cameras that watch it."""
    contacts: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    """By position and agent, the tags of the contacts there."""

    @property
    def ordered(self) -> MineOrder | None:
        """The order."""
        return None if self.order is None else MineOrder.model_validate(self.order)


def grounds(directory: Directory, orders: Mapping[str, MineOrder], library: Library) -> dict[str, Ground]:
    """Every mine that has an order, or cameras or contacts of a profile with a seal, as it is now."""
    watched: dict[str, tuple[str, str, Watched, Watched]] = {}
    for place in itertools.chain(directory.cameras(), directory.contacts()):
        profile, kind = library.get(place.point.profile), place.asset.kind
        if profile is None or profile.seal is None or kind == "terminal" or not place.point.quantity:
            continue  # a terminal watches nothing itself
        _profile, _region, cameras, contacts = watched.setdefault(
            place.site.code, (place.point.profile, place.site.adcode, {}, {})
        )  # fmt: skip
        found_by = cameras if kind == "camera" else contacts
        found_by.setdefault(place.point.quantity, {}).setdefault(place.agent, []).append(place.tag)
    found: dict[str, Ground] = {}
    for site in sorted(watched.keys() | orders.keys()):
        order = orders.get(site)
        name, region, cameras, contacts = watched.get(site) or (_profile_of(order, library), "", {}, {})
        if name:
            body = None if order is None else order.model_dump(mode="json")
            found[site] = Ground(name, region, body, _sorted(cameras), _sorted(contacts))
    return found


def _profile_of(order: MineOrder | None, library: Library) -> str:
    """Of a mine that no camera tells of: the profile whose states its order names, the electronic seal's own first."""
    fitting = [
        name for name in library if (seal := library[name].seal) is not None and order and order.state in seal.states
    ]
    return min(fitting, key=lambda name: (library[name].extends is not None, name), default="")


def _sorted(cameras: Mapping[str, Mapping[str, Iterable[str]]]) -> dict[str, dict[str, list[str]]]:
    """In an order of its own, so that what is equal reads the same."""
    return {
        position: {agent: sorted(names) for agent, names in sorted(agents.items())}
        for position, agents in sorted(cameras.items())
    }
