"""The manifest: what this agent is and what each of its tags means, from its settings (design of the contract)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.version import VERSION
from edge_agent.tags import LimitSettings, PointSettings
from profiles.wire.messages import Limits, Manifest, ManifestDevice, ManifestTag, Point, Site

if TYPE_CHECKING:
    from edge_agent.settings import AgentSettings


def build_manifest(settings: AgentSettings) -> Manifest:
    """The same settings give the same manifest, byte for byte, so that its hash changes only with them."""
    site = settings.site
    return Manifest(
        v=1,
        software=f"edge-agent {VERSION}",
        site=Site(
            code=site.code, name=site.name, adcode=site.adcode, gateway=site.gateway,
            lon=site.lon, lat=site.lat, industry=site.industry,
        ),
        tags={
            tag.name: ManifestTag(
                type=device.tag_type(tag), device=device.name, unit=tag.unit, label=tag.label,
                point=_point(tag.point), limits=_limits(tag.limits), max_silence=tag.max_silence,
            )
            for device in settings.devices
            for tag in device.all_tags()
        },
        devices={
            device.name: ManifestDevice(driver=device.driver, address=device.address(), label=device.label)
            for device in settings.devices
        },
    )  # fmt: skip


def _point(point: PointSettings | None) -> Point | None:
    if point is None:
        return None
    return Point(
        profile=point.profile, asset=point.asset, quantity=point.quantity, code=point.code, attributes=point.attributes
    )


def _limits(limits: LimitSettings | None) -> Limits | None:
    return None if limits is None else Limits(**limits.model_dump())
