"""The manifest: what this agent is and what each of its tags means, from its settings (design of the contract)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from config.version import VERSION
from edge_agent.current_loop import FULL, LIVE_ZERO
from edge_agent.tags import (
    ContactSettings,
    DeviceSettings,
    LimitSettings,
    PointSettings,
    StrappingSettings,
    TagSettings,
)
from profiles.conversions import tag_conversion
from profiles.limits import effective
from profiles.load import Library
from profiles.units import SAME, UnitError, conversion
from profiles.wire.messages import (
    Asset,
    Limits,
    Manifest,
    ManifestDevice,
    ManifestTag,
    Point,
    Release,
    SealContact,
    Site,
    Source,
    Strapping,
    TagConversion,
)

if TYPE_CHECKING:
    from edge_agent.settings import AgentSettings


def build_manifest(settings: AgentSettings, library: Library) -> Manifest:
    """The same settings and profiles give the same manifest, byte for byte, so that its hash changes only with them."""
    manifest = _stated(settings)
    tags = {name: _completed(tag, manifest.assets, library) for name, tag in manifest.tags.items()}
    return msgspec.structs.replace(manifest, tags=tags)


def _completed(tag: ManifestTag, assets: Mapping[str, Asset], library: Library) -> ManifestTag:
    """A tag with the limits that its profile has for it where the settings state none."""
    if tag.point is None or (profile := library.get(tag.point.profile)) is None:
        return tag
    quantity = profile.quantities.get(tag.point.quantity)
    if quantity is None or quantity.type != tag.type:
        return tag
    try:
        conversion = tag_conversion(tag, profile, quantity)
    except UnitError:
        return tag  # `judge` tells it
    limits = effective(tag.limits, tag.point, profile, assets, conversion)
    return msgspec.structs.replace(tag, limits=limits)


def _stated(settings: AgentSettings) -> Manifest:
    site = settings.site
    return Manifest(
        v=1,
        software=f"edge-agent {VERSION}",
        site=Site(
            code=site.code, name=site.name, adcode=site.adcode, gateway=site.gateway,
            credit_code=site.credit_code,
            lon=site.lon, lat=site.lat, industry=site.industry, facts=site.facts,
            periods={name: periods.told() for name, periods in site.periods.items()},
        ),
        tags={
            tag.name: ManifestTag(
                type=device.tag_type(tag), device=device.name, unit=tag.unit, label=tag.label,
                point=_point(tag.point), range=tag.range, limits=_limits(tag.limits), max_silence=tag.max_silence,
                source=_source(device, tag),
                conversion=_conversion(tag, site.atmosphere), persons=device.tag_persons(tag),
                seal=_contact(tag.seal, site.gateway), manual=tag.manual,
            )
            for device in settings.devices
            for tag in device.all_tags()
        },
        devices={
            device.name: ManifestDevice(driver=device.driver, address=device.address(), label=device.label)
            for device in settings.devices
        },
        assets={code: Asset(**asset.model_dump()) for code, asset in settings.assets.items()},
        cameras={device.name: camera for device in settings.devices if (camera := device.camera()) is not None},
    )  # fmt: skip


def _source(device: DeviceSettings, tag: TagSettings) -> Source | None:
    """Where a tag is read; of a current loop, from the number read to the value in one step."""
    source = device.tag_source(tag)
    if source is None or tag.signal is None or tag.range is None:
        return source
    slope = (tag.range[1] - tag.range[0]) / (FULL - LIVE_ZERO)
    offset = tag.range[0] + (source.offset - LIVE_ZERO) * slope
    coded = f"{source.coded} {tag.signal}".strip()
    return msgspec.structs.replace(source, coded=coded, scale=source.scale * slope, offset=offset)


def _point(point: PointSettings | None) -> Point | None:
    if point is None:
        return None
    return Point(
        profile=point.profile, asset=point.asset, quantity=point.quantity, code=point.code, attributes=point.attributes
    )


def _contact(contact: ContactSettings | None, terminal: str) -> SealContact | None:
    if contact is None:
        return None
    code = contact.camera or terminal
    return SealContact(profile=contact.profile, event=contact.event, code=code, position=contact.position)


def _conversion(tag: TagSettings, atmosphere: float) -> TagConversion | None:
    if tag.pressure is None and tag.strapping is None:
        return None
    stated = TagConversion(pressure=tag.pressure, strapping=_strapping(tag.strapping, tag.unit))
    if tag.pressure is None:
        return stated
    return msgspec.structs.replace(stated, atmosphere=atmosphere if tag.atmosphere is None else tag.atmosphere)


def _strapping(strapping: StrappingSettings | None, unit: str) -> Strapping | None:
    """The table with its levels in the tag's unit; `check` sees to it that they convert."""
    if strapping is None:
        return None
    try:
        levels = conversion(strapping.level_unit or unit, unit)
    except UnitError:
        levels = SAME
    pairs = [(float(f"{levels.of(level):.12g}"), volume) for level, volume in strapping.table]
    return Strapping(unit=strapping.volume_unit, pairs=pairs, density=strapping.density)


def _limits(limits: LimitSettings | None) -> Limits | None:
    if limits is None:
        return None
    return Limits(**limits.model_dump(exclude={"release"}), release=Release(**limits.release.model_dump()))
