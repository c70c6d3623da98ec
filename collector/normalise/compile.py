"""What each tag's samples need, computed once a manifest: its series, conversion and bounds, or its fault."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import NamedTuple

from collector.normalise.lines import reading_prefix
from collector.sinks.base import Series
from profiles.conversions import Converter, plausible, tag_conversion
from profiles.judge import judge
from profiles.load import Library
from profiles.model import Quantity
from profiles.units import SAME
from profiles.wire.messages import Camera, Manifest, ManifestTag, PersonTag, SealContact, Site, TagType

NO_PROFILE = "none"
"""Profile of tags that no specification knows: stored under their device and name, reported to nobody."""


class Rule(NamedTuple):
    """What a tag's samples are made into records by; `low` and `high`, both finite, in the profile's unit."""

    series: Series
    type: TagType
    converter: Converter
    low: float
    high: float
    plain: bool
    """Whether values pass through unchanged."""


@dataclass(slots=True)
class Compiled:
    """A manifest, ready for its data."""

    site: Site
    owner: str
    """Who measured: the agent, or, behind collectors that passed it on, their ids and its own."""
    fault: str = ""
    """Why nothing that refers to it can be used."""
    rules: dict[str, Rule] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    """Tags whose samples become dead letters, and why."""
    cameras: Mapping[str, Camera] = field(default_factory=dict)
    seal_events: frozenset[str] = frozenset()
    """Codes of events that the profiles of its cameras and contacts know; no other becomes a tag of the stores."""
    contacts: Mapping[str, SealContact] = field(default_factory=dict)
    """Tags that are contacts of a seal."""

    @property
    def series(self) -> dict[str, Series]:
        """The series of each faultless tag."""
        return {tag: rule.series for tag, rule in self.rules.items()}

    @property
    def tags(self) -> int:
        """How many tags the manifest has."""
        return len(self.rules) + len(self.faults)

    @property
    def codes(self) -> list[str]:
        """The point codes that the agent claims by it."""
        series = (rule.series for rule in self.rules.values())
        return [each.point for each in series if each.profile != NO_PROFILE and not each.personal]


def compile_manifest(
    manifest: Manifest, library: Library, *, agent: str, claimed: Mapping[str, str] | None = None, own: str = ""
) -> Compiled:
    """Judge and prepare every tag; `claimed` names the agent that each point code belongs to (a code has one owner).

    `own`: the id of this collector; what passed it before is a loop.
    """
    owner = f"{agent}/{manifest.origin}" if manifest.origin else agent
    if own in manifest.via:
        passed = " → ".join([*manifest.via, own])
        return Compiled(manifest.site, owner, f"it passed this collector before ({passed}): a loop")
    contacts = {name: tag.seal for name, tag in manifest.tags.items() if tag.seal is not None}
    named = {each.profile for each in manifest.cameras.values()} | {each.profile for each in contacts.values()}
    compiled = Compiled(
        manifest.site, owner, cameras=manifest.cameras, seal_events=_seal_events(named, library), contacts=contacts
    )
    judged = judge(manifest, library)
    for name, tag in manifest.tags.items():
        errors = [fault.message for fault in judged.get(name, ()) if fault.severity == "error"]
        holder = (claimed or {}).get(tag.point.code, owner) if tag.point else owner
        if holder != owner:
            errors.append(f"code {tag.point.code if tag.point else ''!r} belongs to agent {holder!r}")
        if tag.persons is not None:
            errors += _person_faults(tag, tag.persons, library)
        if errors:
            compiled.faults[name] = "; ".join(errors)
        elif tag.persons is not None:
            compiled.rules[name] = _person_rule(name, tag, tag.persons, manifest.site, owner)
        else:
            compiled.rules[name] = _rule(name, tag, manifest.site, library, owner)
    return compiled


def _seal_events(profiles: Set[str], library: Library) -> frozenset[str]:
    seals = (library[name].seal for name in profiles & library.keys())
    return frozenset(code for seal in seals if seal is not None for code in seal.events)


def _person_faults(tag: ManifestTag, persons: PersonTag, library: Library) -> list[str]:
    """What speaks against keeping a tag's texts as files that tell of persons: nobody would know for how long."""
    files = library[persons.profile].files if persons.profile in library else None
    if files is None or files.persons is None:
        return [f"profile {persons.profile!r} is not known here, or has no files that tell of persons"]
    if persons.kind not in files.persons.kinds:
        known = ", ".join(files.persons.kinds)
        return [f"{persons.kind!r} is no kind of {persons.profile} that tells of persons; expected one of {known}"]
    if tag.type != "text" or tag.point is not None:
        return ["files that tell of persons are texts without a point"]
    return []


def _person_rule(name: str, tag: ManifestTag, persons: PersonTag, site: Site, agent: str) -> Rule:
    series = Series(
        persons.profile, site.code, site.adcode, f"{agent}/{tag.device}", name, persons.kind, prefix="", personal=True
    )
    return Rule(series, "text", SAME, 0.0, 0.0, plain=True)


def _rule(name: str, tag: ManifestTag, site: Site, library: Library, agent: str) -> Rule:
    converter: Converter = SAME
    quantity: Quantity | None = None
    low, high = -sys.float_info.max, sys.float_info.max
    if tag.point is None:
        # names are an agent's own, and codes that guard against two that write to one place are missing here
        parts = (NO_PROFILE, site.code, site.adcode, f"{agent}/{tag.device}", name, "value")
    else:
        point, profile = tag.point, library[tag.point.profile]
        quantity = profile.quantities[point.quantity]
        parts = (point.profile, site.code, site.adcode, point.asset, point.code, point.quantity)
        converter = tag_conversion(tag, profile, quantity)
    least, most = plausible(tag, quantity, converter) or (low, high)
    low, high = max(low, least), min(high, most)  # a profile may say .inf
    series = Series(*parts, prefix=reading_prefix(*parts))
    return Rule(series, tag.type, converter, low, high, converter.same)
