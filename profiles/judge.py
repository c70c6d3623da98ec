"""A manifest held against the profiles, tag by tag: a faulty tag harms no other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from config.errors import Severity
from profiles.codes import code_faults
from profiles.load import Library
from profiles.model import Profile, Quantity
from profiles.units import Conversion, UnitError, conversion
from profiles.wire.messages import Limits, Manifest, ManifestTag, Point, Site


@dataclass(frozen=True, slots=True)
class TagFault:
    """What is wrong with a tag (or the site): the field, as a path within it, and the message."""

    field: tuple[str, ...]
    message: str
    severity: Severity = "error"


@dataclass(frozen=True, slots=True)
class AgentParameters:
    """What the agent judges a tag by, in the tag's own unit and seconds; None where the rule does not apply."""

    hysteresis: float = 0.0
    delay: float = 0.0
    jump: float | None = None
    """Largest credible step from one reading to the next (notes, 6.3)."""
    frozen: float | None = None
    low: float | None = None
    high: float | None = None


def judge(manifest: Manifest, library: Library) -> dict[str, list[TagFault]]:
    """The faults of each tag that has some; errors make its samples dead letters, warnings do not."""
    found: dict[str, list[TagFault]] = {}
    codes: dict[str, str] = {}
    for name, tag in manifest.tags.items():
        if tag.point is None:
            continue
        faults = list(_tag(tag, tag.point, manifest.site, library))
        first = codes.setdefault(tag.point.code, name)
        if first != name:
            faults.append(TagFault(("point", "code"), f"code {tag.point.code!r} is that of tag {first!r} already"))
        if faults:
            found[name] = faults
    return found


def judge_site(manifest: Manifest, library: Library) -> list[TagFault]:
    """What is wrong with the site's own codes, by the profiles that its tags use."""
    used = {tag.point.profile for tag in manifest.tags.values() if tag.point is not None}
    faults: list[TagFault] = []
    for profile in (library[name] for name in sorted(used) if name in library):
        site = manifest.site
        if (rule := profile.codes.get("enterprise")) is not None:
            faults += [TagFault(("code",), text, grave) for text, grave in code_faults(rule, site.code, "", "")]
        if (rule := profile.codes.get("gateway")) is not None and site.gateway:
            found = code_faults(rule, site.gateway, site.code, "")
            faults += [TagFault(("gateway",), text, grave) for text, grave in found]
    return list(dict.fromkeys(faults))


def agent_parameters(tag: ManifestTag, library: Library) -> AgentParameters:
    """The parameters of a tag by its profile; none of them for a tag without a (known) point."""
    if tag.point is None or tag.point.profile not in library:
        return AgentParameters()
    profile = library[tag.point.profile]
    quantity = profile.quantities.get(tag.point.quantity)
    if quantity is None:
        return AgentParameters()
    delay = profile.rules.delay if quantity.delay is None else quantity.delay
    fraction = profile.rules.hysteresis if quantity.hysteresis is None else quantity.hysteresis
    hysteresis = fraction * _largest(tag.limits)
    try:
        factor, offset = tag_conversion(tag, profile, quantity)
    except UnitError:
        return AgentParameters(hysteresis, delay)
    if quantity.range is None:
        return AgentParameters(hysteresis, delay, frozen=quantity.frozen)
    low, high = ((end - offset) / factor for end in quantity.range)
    jump = None if quantity.jump is None else quantity.jump * (high - low)
    return AgentParameters(hysteresis, delay, jump, quantity.frozen, low, high)


def tag_conversion(tag: ManifestTag, profile: Profile, quantity: Quantity) -> Conversion:
    """From the tag's unit to the profile's; UnitError when it is none that the quantity accepts."""
    if quantity.type == "flag" or not quantity.unit:
        return Conversion(1.0, 0.0)
    if tag.unit != quantity.unit and tag.unit not in quantity.accepts:
        accepted = ", ".join(dict.fromkeys((quantity.unit, *quantity.accepts)))
        raise UnitError(f"unit {tag.unit!r} does not fit {quantity.en} ({quantity.zh}); expected one of {accepted}")
    gas = profile.gases.get((tag.point.attributes if tag.point else {}).get("cas", ""))
    return conversion(tag.unit, quantity.unit, molar_mass=gas.molar_mass if gas else None)


def _tag(tag: ManifestTag, point: Point, site: Site, library: Library) -> Iterator[TagFault]:
    profile = library.get(point.profile)
    if profile is None:
        known = ", ".join(sorted(library))
        yield TagFault(("point", "profile"), f"there is no profile {point.profile!r}; expected one of {known}")
        return
    for key, field, code, around in (
        ("asset", "asset", point.asset, site.code),
        ("point", "code", point.code, point.asset),
    ):
        rule = profile.codes.get(key)  # type: ignore[call-overload]  # its keys are these words
        if rule is not None:
            quantity = point.quantity if key == "point" else ""
            for text, severity in code_faults(rule, code, around, quantity):
                yield TagFault(("point", field), text, severity)
    yield from _asset(point, profile)
    found = profile.quantities.get(point.quantity)
    if found is None:
        known = ", ".join(profile.quantities)
        yield TagFault(("point", "quantity"), f"{point.quantity!r} is no indicator type; expected one of {known}")
        return
    yield from _quantity(tag, point, profile, found)


def _asset(point: Point, profile: Profile) -> Iterator[TagFault]:
    kind = point.asset[profile.asset_at - 1 : profile.asset_at + 1]
    asset = profile.assets.get(kind)
    if asset is None:
        known = ", ".join(profile.assets)
        yield TagFault(("point", "asset"), f"equipment type {kind!r} is not known here; known are {known}", "warning")
    elif point.quantity in profile.quantities and point.quantity not in asset.required + asset.one_of + asset.optional:
        yield TagFault(("point", "quantity"), f"{point.quantity} is unusual for {asset.en} ({asset.zh})", "warning")


def _quantity(tag: ManifestTag, point: Point, profile: Profile, quantity: Quantity) -> Iterator[TagFault]:
    if tag.type != quantity.type:
        yield TagFault(("type",), f"{quantity.en} ({quantity.zh}) is a {quantity.type}, and this tag is a {tag.type}")
        return
    try:
        tag_conversion(tag, profile, quantity)
    except UnitError as err:
        yield TagFault(("unit",), str(err))
    for name in quantity.attributes:
        if name not in point.attributes:
            yield TagFault(("point",), f"{quantity.en} ({quantity.zh}) needs attributes: {{{name}: …}}")
    missing = [name for name in quantity.require_limits if name != "SIG" and getattr(tag.limits, name, None) is None]
    if missing:
        yield TagFault(("limits",), f"{quantity.en} ({quantity.zh}) should have limits {', '.join(missing)}", "warning")


def _largest(limits: Limits | None) -> float:
    if limits is None:
        return 0.0
    return max((abs(value) for value in (limits.HH, limits.H, limits.L, limits.LL) if value is not None), default=0.0)
