"""File names of packets: a name belongs to one packet of a target for as long as the packet is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from collector.reports.encoders.base import Draft
from profiles.model import Profile
from profiles.textfile.naming import free, parse
from profiles.textfile.values import zone


def free_name(profile: Profile, name: str, taken: Callable[[str], bool]) -> str:
    """The name, or the next one that is free: a second more in it each time (notes on mines, 1.1).

    A name that is none of the profile's (or none at all) stays as it is.
    """
    naming = profile.files.naming if profile.files else None
    found = parse(naming, zone(profile), name) if naming and name else None
    return name if naming is None or found is None else free(naming, zone(profile), found, taken)


def named(profile: Profile, drafts: Iterable[Draft], taken: Callable[[str, str], bool]) -> list[Draft]:
    """Drafts whose names are free; `taken` says whether a name is that of a packet other than the one of this id."""
    found: dict[str, Draft] = {}

    def not_free(draft: Draft, name: str) -> bool:
        return name in found or taken(name, draft.id)

    for draft in drafts:
        name = free_name(profile, draft.name, partial(not_free, draft))
        found[name or draft.id] = replace(draft, name=name)
    return list(found.values())
