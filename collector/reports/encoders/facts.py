"""What is known of a site and of its points, as texts: for text files and static tables."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from collector.directory import Place
from collector.reports.encoders.base import Gateway
from collector.reports.encoders.limits import reported_limits, reported_releases
from profiles.conversions import tag_conversion
from profiles.limits import asset_kind
from profiles.model import Quantity
from profiles.releases import RELEASED
from profiles.stated import LimitName
from profiles.units import UnitError

LIMITS: tuple[LimitName, ...] = ("HH", "H", "L", "LL")
Facts = Mapping[str, str]
"""Texts by what they are: the keys are those of the profile's `holds`."""


def number(value: float, decimals: int) -> str:
    """A number with the decimals of its quantity; zero has no sign."""
    return f"{round(value, decimals) + 0.0:.{decimals}f}"


def site_facts(gateway: Gateway) -> dict[str, str]:
    """What is known of the enterprise or mine."""
    return {"site": gateway.site, "site_name": gateway.name}


def place_facts(gateway: Gateway, place: Place, units: Mapping[str, str]) -> dict[str, str]:
    """What is known of a point, whatever its value; `units`: how units are printed that are not as their UCUM code."""
    quantity = gateway.profile.quantities[place.point.quantity]
    low, high = _range(gateway, place, quantity)
    limits = reported_limits(place.spec, gateway.profile, quantity)
    return {
        **site_facts(gateway),
        "point": place.point.code,
        "label": place.label,
        "quantity": quantity.zh,
        "sensor_type": quantity.code_mark or place.point.quantity,
        "unit": units.get(quantity.unit, quantity.unit),
        "asset": place.point.asset,
        "asset_name": place.asset.name,
        "asset_kind": asset_kind(place.point, gateway.profile, place.manifest.assets),
        "range_low": low,
        "range_high": high,
        **{str(name): number(limits[name], quantity.decimals) for name in LIMITS if name in limits},
        **_releases(gateway, place, quantity),
    }


def _releases(gateway: Gateway, place: Place, quantity: Quantity) -> dict[str, str]:
    """By what the agent judges; an older one tells nothing of it, and the site's attribute stands as it is."""
    known = reported_releases(place.spec, gateway.profile, quantity)
    return {
        f"{name}_release": number(known[name], quantity.decimals) if name in known else place.attributes.get(stated, "")
        for name, stated in ((name, gateway.profile.rules.releases.get(name, "")) for name in RELEASED)
    }


def _range(gateway: Gateway, place: Place, quantity: Quantity) -> tuple[str, str]:
    """The instrument's range in the profile's unit, else the quantity's; of a switch its positions."""
    if quantity.type == "flag":
        return "0", "1"
    found = quantity.range
    if place.spec.range is not None:
        try:
            converter = tag_conversion(place.spec, gateway.profile, quantity)
        except UnitError:
            return "", ""
        found = (converter.of(place.spec.range[0]), converter.of(place.spec.range[1]))
    return ("", "") if found is None else (_plain(found[0]), _plain(found[1]))


def _plain(value: float) -> str:
    """With twelve digits and without an exponent, which a platform would not read."""
    return format(Decimal(f"{value:.12g}"), "f")
