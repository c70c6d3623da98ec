"""What is wrong with the limits that a site states: their order, their kind, what they can never do."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from config.load import Fault
from config.nodes import KeyPath
from edge_agent.tags import TagSettings
from profiles.judge import AgentParameters
from profiles.limits import LIMITS, limit_of
from profiles.releases import RELEASED, inside
from profiles.wire.messages import Limits, ManifestTag, TagType

COLOURS = ("BLUE", "YELLOW", "ORANGE", "RED")


def stated_faults(path: KeyPath, tag: TagSettings, kind: TagType) -> Iterator[Fault]:
    """Limits in their order, and of the kind that the tag's type has (specification notes, 2.4)."""
    limits, at = tag.limits, (*path, "limits")
    if tag.range is not None and tag.range[0] >= tag.range[1]:
        yield Fault((*path, "range"), "the lower end must be below the upper")
    if limits is None:
        return
    numbers = [(name, value) for name in ("LL", "L", "H", "HH") if (value := getattr(limits, name)) is not None]
    colours = [value for name in COLOURS if (value := getattr(limits, name)) is not None]
    if colours not in (sorted(colours), sorted(colours, reverse=True)):
        yield Fault(at, "the thresholds of the colours must rise or fall from BLUE over YELLOW and ORANGE to RED")
    if numbers and kind != "number":
        yield Fault(at, f"{numbers[0][0]} is for numbers; this tag is a {kind}: use alarm_when")
    if limits.alarm_when is not None and kind != "flag":
        yield Fault(at, f"alarm_when is for switches; this tag is a {kind}: use HH, H, L, LL")
    for (low, below), (high, above) in itertools.pairwise(numbers):
        if below > above or (below == above and (low, high) == ("L", "H")):
            yield Fault((*at, high), f"{low} ({below:g}) must be below {high} ({above:g})")


def completed_faults(path: KeyPath, tag: TagSettings, found: ManifestTag, rule: AgentParameters) -> Iterator[Fault]:
    """Of the limits with what the profile has beside them; `found` is the tag as the manifest has it."""
    yield from _within_range(path, tag, rule)
    yield from _releases(path, tag, found)
    yield from _defaults(path, tag, found)


def _releases(path: KeyPath, tag: TagSettings, found: ManifestTag) -> Iterator[Fault]:
    """A release lies on the inner side of the limit that it is of."""
    for name in RELEASED:
        release = None if tag.limits is None else getattr(tag.limits.release, name)
        if release is None:
            continue
        at, limit = (*path, "limits", "release", name), getattr(found.limits, name)
        if limit is None:
            yield Fault(at, f"there is no limit {name} that could be released; state it beside")
        elif not inside(name, release, limit):
            side = "below" if name in ("H", "HH") else "above"
            yield Fault(at, f"{name} is released {side} itself ({limit:g}), or at it; {release:g} lies beyond")


def _within_range(path: KeyPath, tag: TagSettings, rule: AgentParameters) -> Iterator[Fault]:
    """A limit beyond the plausible range never alarms: a value there is bad (specification notes, 2.4)."""
    if tag.limits is None or rule.low is None or rule.high is None:
        return
    for name in (each for each in LIMITS if each != "SIG"):
        value = getattr(tag.limits, name)
        if value is not None and not rule.low <= value <= rule.high:
            within = f"{rule.low:.6g} to {rule.high:.6g} {tag.unit}".rstrip()
            yield Fault(
                (*path, "limits", name), f"{name} ({value:g}) is beyond what is plausible here; expected {within}"
            )


def _defaults(path: KeyPath, tag: TagSettings, completed: ManifestTag) -> Iterator[Fault]:
    """The limits that a profile has where the settings state none: the site's own should stand there."""
    stated = None if tag.limits is None else Limits(**tag.limits.model_dump(exclude={"release"}))
    used = [name for name in LIMITS if limit_of(completed.limits, name) is not None and limit_of(stated, name) is None]
    if used:
        shown = ", ".join(f"{name} {limit_of(completed.limits, name)!s}" for name in used)
        name = completed.point.profile if completed.point else ""
        yield Fault((*path, "limits"), f"limits not stated here; those of profile {name} hold: {shown}", "warning")
