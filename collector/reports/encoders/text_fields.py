"""What of ours stands in each field of a text file, by the profile's word for it (`holds`)."""

from __future__ import annotations

from collections.abc import Mapping

from collector.directory import Place
from collector.reports.encoders.base import Gateway
from collector.reports.encoders.limits import reported_limits
from profiles.conversions import tag_conversion
from profiles.limits import asset_kind
from profiles.model import Quantity
from profiles.stated import LimitName
from profiles.textfile.codec import Record
from profiles.textfile.model import Kind, TextFiles
from profiles.textfile.values import text_files
from profiles.units import UnitError

LIMITS: tuple[LimitName, ...] = ("HH", "H", "L", "LL")
Facts = Mapping[str, str]
"""Texts by what they are: the keys are those of `Holds`."""


def number(value: float, decimals: int) -> str:
    """A number with the decimals of its quantity; zero has no sign."""
    return f"{round(value, decimals) + 0.0:.{decimals}f}"


def site_facts(gateway: Gateway) -> dict[str, str]:
    """What is known of the mine."""
    return {"site": gateway.site, "site_name": gateway.name}


def place_facts(gateway: Gateway, place: Place) -> dict[str, str]:
    """What is known of a point, whatever its value."""
    quantity = gateway.profile.quantities[place.point.quantity]
    report = text_files(gateway.profile).report
    units = report.unit_names if report else {}
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
    }


def record(files: TextFiles, kind: str, facts: Facts, place: Place, *, header: bool = False) -> Record:
    """The texts of a record's fields (or the header's); what nobody knows is empty, and so is what tells of persons."""
    its = files.kinds[kind]
    constants = its.written.constants if its.written else {}
    own = _own(its)
    stated = _stated(place)
    made: Record = {}
    for field in files.header_of(kind) if header else its.fields:
        rule = files.fields[field]
        holds = own.get(field, rule.holds)
        if rule.personal:
            text = ""
        elif rule.part is not None:
            text = place.point.code[rule.part[0] - 1 : rule.part[1]]
        elif holds is not None:
            text = facts.get(holds, "")
        else:
            text = stated.get(rule.attribute or field, "")
        made[field] = constants.get(field, rule.words.get(text, text)) if header else rule.words.get(text, text)
    return made


def _own(kind: Kind) -> dict[str, str]:
    """What the fields of this kind hold other than elsewhere: what it says of its values and definitions holds too."""
    own: list[tuple[str | None, str]] = []
    if (its := kind.values) is not None:
        own += [(its.unit, "unit"), (its.state, "state")]
        own += [(its.point, "point"), (its.value, "value"), (its.time, "time")]
    if (that := kind.definition) is not None:
        own += [(that.asset, "asset"), (that.unit, "unit"), (that.high, "range_high"), (that.low, "range_low")]
        own += [(that.point, "point"), (that.name, "label"), (that.sensor, "sensor_type")]
        own += [(field, name) for name, field in that.limits.items()]
    if kind.written is not None:
        own += kind.written.holds.items()
    return {field: holds for field, holds in own if field is not None}


def _stated(place: Place) -> Facts:
    """Attributes of the point over those of its equipment over those of the site."""
    site = place.manifest.assets.get(place.site.code)
    return (site.attributes if site else {}) | place.attributes


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
    return ("", "") if found is None else (f"{found[0]:.12g}", f"{found[1]:.12g}")
