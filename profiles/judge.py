"""A manifest held against the profiles, tag by tag: a faulty tag harms no other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from config.errors import Severity
from config.nodes import KeyPath
from profiles.codes import code_faults, standard_codes
from profiles.conversions import plausible, tag_conversion
from profiles.joined import period_faults, unplaced
from profiles.limits import asset_kind, attributes, limit_of, unreadable
from profiles.load import Library
from profiles.model import Profile, Quantity, Rules
from profiles.regions import Counties
from profiles.releases import inside, stated_release
from profiles.units import UnitError
from profiles.wire.messages import Asset, Limits, Manifest, ManifestTag, Point


@dataclass(frozen=True, slots=True)
class TagFault:
    """What is wrong with a tag (or the site): the field, as a path within it, and the message."""

    field: KeyPath
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
    bad_side: Literal["high", "low", "both"] = "high"
    """On which side the colours lie."""
    fall_after: int = 1
    """Readings below a colour that it takes to leave it."""
    accumulates: bool = False
    """Whether it never falls."""
    alert_interval: float | None = None
    """For how long it may be silent while an alarm stands on it."""


def judge(manifest: Manifest, library: Library) -> dict[str, list[TagFault]]:
    """The faults of each tag that has some; errors make its samples dead letters, warnings do not."""
    found: dict[str, list[TagFault]] = {}
    codes: dict[str, str] = {}
    for name, tag in manifest.tags.items():
        if tag.point is None:
            continue
        faults = list(_tag(tag, tag.point, manifest, library))
        first = codes.setdefault(tag.point.code, name)
        if first != name:
            faults.append(TagFault(("point", "code"), f"code {tag.point.code!r} is that of tag {first!r} already"))
        if faults:
            found[name] = faults
    return found


def judge_site(manifest: Manifest, library: Library, counties: Counties | None = None) -> list[TagFault]:
    """What is wrong with the site's own codes, by the national standards and the profiles that its tags use."""
    standard, site = standard_codes(), manifest.site
    found = code_faults(standard.region, site.adcode, counties=counties)
    faults = [TagFault(("adcode",), text, grave) for text, grave in found]
    if site.credit_code:
        found = code_faults(standard.credit, site.credit_code)
        faults += [TagFault(("credit_code",), text, grave) for text, grave in found]
    used = {tag.point.profile for tag in manifest.tags.values() if tag.point is not None}
    for profile in (library[name] for name in sorted(used) if name in library):
        if (rule := profile.codes.get("enterprise")) is not None:
            faults += [TagFault(("code",), text, grave) for text, grave in code_faults(rule, site.code)]
        if (rule := profile.codes.get("gateway")) is not None and site.gateway:
            found = code_faults(rule, site.gateway, site.code)
            faults += [TagFault(("gateway",), text, grave) for text, grave in found]
    known = [library[name] for name in sorted(used) if name in library]
    faults += [TagFault(("periods", name), text, "warning") for name, text in period_faults(manifest, known)]
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
    common = AgentParameters(
        _hysteresis(tag, profile.rules, quantity), delay,
        bad_side=quantity.bad_side, fall_after=profile.rules.fall_after, accumulates=quantity.accumulates,
        alert_interval=quantity.alert_interval,
    )  # fmt: skip
    try:
        converter = tag_conversion(tag, profile, quantity)
    except UnitError:
        return common
    if (ends := plausible(tag, quantity, converter)) is None:
        return replace(common, frozen=quantity.frozen)
    low, high = (converter.back(end) for end in ends)
    first, last = tag.range or (low, high)
    jump = None if quantity.jump is None else quantity.jump * (last - first)
    return replace(common, jump=jump, frozen=quantity.frozen, low=low, high=high)


def _hysteresis(tag: ManifestTag, rules: Rules, quantity: Quantity) -> float:
    """In the tag's unit (notes, 2.4): of the limit where the quantity says so (gas), else of the instrument's range."""
    if quantity.hysteresis is not None:
        return quantity.hysteresis * _largest(tag.limits)
    return rules.hysteresis * (tag.range[1] - tag.range[0] if tag.range else _largest(tag.limits))


def _tag(tag: ManifestTag, point: Point, manifest: Manifest, library: Library) -> Iterator[TagFault]:
    profile = library.get(point.profile)
    if profile is None:
        known = ", ".join(sorted(library))
        yield TagFault(("point", "profile"), f"there is no profile {point.profile!r}; expected one of {known}")
        return
    found = profile.quantities.get(point.quantity)
    mark = (found.code_mark or point.quantity) if found else ""
    yield from _codes(point, mark, profile, manifest)
    yield from _asset(point, profile, manifest.assets)
    if found is None:
        known = ", ".join(profile.quantities)
        yield TagFault(("point", "quantity"), f"{point.quantity!r} is no indicator type; expected one of {known}")
        return
    yield from _quantity(tag, point, profile, found)
    facts = attributes(point, manifest.assets)
    for name in unreadable(point, profile, manifest.assets):
        text = f"{name} {facts[name]!r} is no number: limits of {found.en} ({found.zh}) that follow from it do not hold"
        yield TagFault(("point",), text, "warning")
    yield from _releases(tag, found, profile, facts)
    yield from (TagFault(("point",), text, "warning") for text in unplaced(profile, point, manifest.assets))


def _codes(point: Point, mark: str, profile: Profile, manifest: Manifest) -> Iterator[TagFault]:
    """`mark`: of its indicator type, which its code may hold."""
    site = manifest.site
    around = {"enterprise": site.code, "gateway": site.gateway, "asset": point.asset}
    if (rule := profile.codes.get("asset")) is not None:
        for text, severity in code_faults(rule, point.asset, site.code):
            yield TagFault(("point", "asset"), text, severity)
    if (rule := profile.codes.get("point")) is not None:
        for text, severity in code_faults(rule, point.code, around.get(rule.within or "", ""), mark):
            yield TagFault(("point", "code"), text, severity)
    facts = attributes(point, manifest.assets)
    for rule in profile.codes.values():
        if rule.attribute and (stated := facts.get(rule.attribute)):
            for text, severity in code_faults(rule, stated):
                yield TagFault(("point", "attributes", rule.attribute), text, severity)
    if cas := point.attributes.get("cas"):
        for text, severity in code_faults(standard_codes().cas, cas):
            yield TagFault(("point", "attributes", "cas"), text, severity)


def _asset(point: Point, profile: Profile, assets: Mapping[str, Asset]) -> Iterator[TagFault]:
    kind = asset_kind(point, profile, assets)
    asset = profile.assets.get(kind)
    if asset is None:
        known = ", ".join(profile.assets)
        what = f"equipment type {kind!r} is not known here" if kind else f"the kind of {point.asset!r} is not stated"
        if kind and (start := profile.asset_at) and point.asset[start - 1 : start + 1] == kind:
            what = f"{point.asset!r}: characters {start}–{start + 1} {kind!r}: no equipment type known here"
        how = "known are" if kind else f"state it (assets: {{{point.asset!r}: {{kind: …}}}}); known are"
        yield TagFault(("point", "asset"), f"{what}; {how} {known}", "warning")
        return
    facts = attributes(point, assets)
    usual = asset.required + asset.one_of + asset.optional
    for name, asset_class in profile.classes.items():
        value = asset_class.values.get(facts.get(name, ""))
        if value is not None:
            usual += value.required + value.optional
        elif name in facts:
            known = ", ".join(f"{word} ({each.zh})" for word, each in asset_class.values.items())
            yield TagFault(("point",), f"{name} {facts[name]!r} is not known; expected one of {known}")
        elif kind in asset_class.assets:
            what = f"{asset.en} ({asset.zh}) {point.asset!r} should state its {asset_class.en} ({asset_class.zh})"
            yield TagFault(("point", "asset"), f"{what}: assets: {{CODE: {{attributes: {{{name}: …}}}}}}", "warning")
    for name in asset.attributes:
        if name not in facts:
            what = f"{asset.en} ({asset.zh}) {point.asset!r} should state attributes: {{{name}: …}}"
            yield TagFault(("point", "asset"), what, "warning")
    if point.quantity in profile.quantities and point.quantity not in usual:
        yield TagFault(("point", "quantity"), f"{point.quantity} is unusual for {asset.en} ({asset.zh})", "warning")


def lacking(manifest: Manifest, library: Library) -> dict[str, list[TagFault]]:
    """By equipment code, the indicator types that its profile requires and no tag measures (all warnings)."""
    measured: dict[tuple[str, str], dict[str, Point]] = {}
    for tag in manifest.tags.values():
        if tag.point is not None and tag.point.profile in library:
            measured.setdefault((tag.point.profile, tag.point.asset), {})[tag.point.quantity] = tag.point
    found: dict[str, list[TagFault]] = {}
    for (name, code), points in measured.items():
        profile, point = library[name], next(iter(points.values()))
        asset = profile.assets.get(asset_kind(point, profile, manifest.assets))
        if asset is None:
            continue
        facts = attributes(point, manifest.assets)
        values = [kind.values.get(facts.get(word, "")) for word, kind in profile.classes.items()]
        required = dict.fromkeys([*asset.required, *(each for value in values if value for each in value.required)])
        wanted = [each for each in required if each not in points]
        if asset.one_of and not points.keys() & set(asset.one_of):
            wanted.append(" or ".join(asset.one_of))
        if wanted:
            text = f"{asset.en} ({asset.zh}) {code!r} lacks {', '.join(wanted)}, which {name} requires"
            found.setdefault(code, []).append(TagFault((), text, "warning"))
    return found


def _quantity(tag: ManifestTag, point: Point, profile: Profile, quantity: Quantity) -> Iterator[TagFault]:
    if tag.type != quantity.type:
        yield TagFault(("type",), f"{quantity.en} ({quantity.zh}) is a {quantity.type}, and this tag is a {tag.type}")
        return
    try:
        tag_conversion(tag, profile, quantity)
    except UnitError as err:
        yield TagFault(err.at, str(err))
    for name in quantity.attributes:
        if name not in point.attributes:
            yield TagFault(("point",), f"{quantity.en} ({quantity.zh}) needs attributes: {{{name}: …}}")
    missing = [name for name in quantity.require_limits if limit_of(tag.limits, name) is None]
    if missing:
        yield TagFault(("limits",), f"{quantity.en} ({quantity.zh}) should have limits {', '.join(missing)}", "warning")


def _releases(tag: ManifestTag, quantity: Quantity, profile: Profile, facts: Mapping[str, str]) -> Iterator[TagFault]:
    """Release values that a site states as attributes and by which nothing is released."""
    try:
        converter = tag_conversion(tag, profile, quantity)
    except UnitError:
        return  # `_quantity` tells it
    for name, attribute in profile.rules.releases.items():
        limit = getattr(tag.limits, name, None)
        if limit is None or attribute not in facts:
            continue
        release = stated_release(name, profile, facts)
        if release is None or not inside(name, release, converter.of(limit)):
            text = f"{facts[attribute]!r} is no number on the inner side of {name}, which is released by its hysteresis"
            yield TagFault(("point", "attributes", attribute), text, "warning")


def _largest(limits: Limits | None) -> float:
    if limits is None:
        return 0.0
    return max((abs(value) for value in (limits.HH, limits.H, limits.L, limits.LL) if value is not None), default=0.0)
