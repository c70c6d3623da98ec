"""What the parts of a profile contradict each other in; the model alone cannot see it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from config.load import Fault
from config.nodes import KeyPath
from profiles.codes import code_faults, standard_codes
from profiles.combined import Combined, Condition
from profiles.derived import Derived
from profiles.limits import SYSTEM
from profiles.linkage import FEED
from profiles.model import Asset, AssetClass, ClassValue, Defaults, Profile, Quantity
from profiles.releases import inside
from profiles.report import OF_PERSONS, ChemicalReport, Energy, MineReport
from profiles.seal_check import check as check_seal
from profiles.stated import LimitName
from profiles.static_tables import check as check_tables
from profiles.textfile.check import check as check_files
from profiles.units import UnitError, conversion, unit_fault


def check(profile: Profile) -> Iterator[Fault]:
    """Every such fault, with its place."""
    for name, quantity in profile.quantities.items():
        yield from _quantity(("quantities", name), quantity)
    for name, asset in profile.assets.items():
        yield from _asset(("assets", name), asset, profile)
    for name, asset_class in profile.classes.items():
        yield from _class(("classes", name), asset_class, profile)
    for name, rule in profile.codes.items():
        if rule.within is not None and rule.within not in profile.codes:
            yield Fault(("codes", name, "within"), f"{rule.within!r} is none of the profile's codes")
    for name, combined in profile.combined.items():
        yield from _combined(("combined", name), combined, profile)
    for number in profile.gases:
        for text, severity in code_faults(standard_codes().cas, number):
            yield Fault(("gases", number), text, severity)
    yield from _rooms(profile)


def _rooms(profile: Profile) -> Iterator[Fault]:
    """Of the parts that have rules of their own."""
    if isinstance(profile.report, ChemicalReport):
        yield from check_tables(("report", "tables"), profile.report.tables, profile.assets, profile.quantities)
    if isinstance(profile.report, MineReport):
        yield from _mine(profile.report, profile)
    if profile.files is not None:
        yield from check_files(profile.files, profile.codes)
        if (report := profile.files.report) is not None:
            at = ("files", "report", "quantity_alarm_types")
            yield from _known(at, tuple(report.quantity_alarm_types), profile)
    if profile.linkage is not None:
        for key in ("devices", "feeders"):
            yield from _known(("linkage", key), getattr(profile.linkage, key), profile)
    if profile.seal is not None:
        yield from check_seal(profile.seal)


def _mine(report: MineReport, profile: Profile) -> Iterator[Fault]:
    if report.energy is not None:
        yield from _energy(("report", "energy"), report.energy, profile)
    if report.tells_persons() and (profile.files is None or profile.files.persons is None):
        what = f"{', '.join(OF_PERSONS)} are told of files of persons, and the profile has none (files: {{persons: …}})"
        yield Fault(("report", "data_types"), what)


def _energy(at: KeyPath, energy: Energy, profile: Profile) -> Iterator[Fault]:
    quantity = profile.quantities.get(energy.quantity)
    if quantity is None:
        yield Fault((*at, "quantity"), f"{energy.quantity!r} is none of the profile's quantities")
    elif not quantity.accumulates or quantity.unit != "kW.h":
        yield Fault((*at, "quantity"), f"{energy.quantity} is no total in kW.h (accumulates: true, unit: kW.h)")
    if energy.code not in {rule.attribute for rule in profile.codes.values()}:
        yield Fault((*at, "code"), f"{energy.code!r} is the attribute of none of the profile's codes")


def _asset(at: KeyPath, asset: Asset, profile: Profile) -> Iterator[Fault]:
    for key in ("required", "one_of", "optional"):
        yield from _known((*at, key), getattr(asset, key), profile)
    yield from _defaults_by_quantity((*at, "defaults"), asset.defaults, profile)


def _class(at: KeyPath, asset_class: AssetClass, profile: Profile) -> Iterator[Fault]:
    for index, kind in enumerate(asset_class.assets):
        if kind not in profile.assets:
            yield Fault((*at, "assets", index), f"{kind!r} is none of the profile's assets")
    for word, value in asset_class.values.items():
        for key in ("required", "optional"):
            yield from _known((*at, "values", word, key), getattr(value, key), profile)
        yield from _defaults_by_quantity((*at, "values", word, "defaults"), value.defaults, profile)
        yield from _releases((*at, "values", word), value, profile)


def _releases(at: KeyPath, value: ClassValue, profile: Profile) -> Iterator[Fault]:
    yield from _known((*at, "releases"), tuple(value.releases), profile)
    for quantity, its in value.releases.items():
        for name, release in its.items():
            limit = value.defaults.get(quantity, {}).get(name)
            if limit is None:
                yield Fault((*at, "releases", quantity, name), f"its `defaults` have no {name} that could be released")
            elif not isinstance(limit, Derived) and not inside(name, release, limit):
                yield Fault((*at, "releases", quantity, name), f"{release:g} lies beyond {name} ({limit:g})")


def _combined(at: KeyPath, rule: Combined, profile: Profile) -> Iterator[Fault]:
    if at[-1] in (FEED, SYSTEM):
        yield Fault(at, f"{at[-1]!r} is a word of events (a feeder, another system's alarm); expected another name")
    yield from _known((*at, "raises"), rule.raises, profile)
    for index, condition in enumerate(rule.when):
        here = (*at, "when", index)
        quantity = profile.quantities.get(condition.quantity)
        if quantity is None:
            yield Fault((*here, "quantity"), f"{condition.quantity!r} is none of the profile's quantities")
            continue
        yield from _condition(here, condition, quantity)
        if rule.within == "point" and rule.raises != (condition.quantity,):
            yield Fault((*at, "within"), f"within a point {condition.quantity} raises itself alone, nothing else")
    wanted: tuple[LimitName, ...] = (rule.level,) if rule.level else ("BLUE", "YELLOW", "ORANGE", "RED")
    for index, name in enumerate(rule.raises):
        if name in profile.quantities and (lack := set(wanted) - set(profile.quantities[name].limits)):
            text = f"{name} has no {', '.join(sorted(lack))} among its limits, to which the rule raises it"
            yield Fault((*at, "raises", index), text)


def _condition(at: KeyPath, condition: Condition, quantity: Quantity) -> Iterator[Fault]:
    if (quantity.type == "flag") != (condition.all is not None):
        word = "all: true or all: false" if quantity.type == "flag" else "at_least, limit, grows, moves or counts"
        yield Fault((*at, "quantity"), f"{quantity.en} ({quantity.zh}) is a {quantity.type}; expected {word}")
    for key, name in (("limit", condition.limit), ("grows", condition.grows.least if condition.grows else None)):
        if name is not None and name not in quantity.limits:
            there = ", ".join(quantity.limits) or "it has none"
            yield Fault((*at, key), f"{name} is none of the limits of {quantity.en} ({there})")


def _known(at: KeyPath, wanted: tuple[str, ...], profile: Profile) -> Iterator[Fault]:
    for index, name in enumerate(wanted):
        if name not in profile.quantities:
            yield Fault((*at, index), f"{name!r} is none of the profile's quantities")


def _defaults_by_quantity(at: KeyPath, defaults: Mapping[str, Defaults], profile: Profile) -> Iterator[Fault]:
    for name, limits in defaults.items():
        if name not in profile.quantities:
            yield Fault((*at, name), f"{name!r} is none of the profile's quantities")
        else:
            yield from _defaults((*at, name), limits, profile.quantities[name])


def _defaults(at: KeyPath, defaults: Defaults, quantity: Quantity) -> Iterator[Fault]:
    for name, value in defaults.items():
        if name not in quantity.limits:
            yield Fault((*at, name), f"{name} is none of the limits of {quantity.en} ({', '.join(quantity.limits)})")
        elif isinstance(value, bool) != (name == "SIG"):
            yield Fault((*at, name), "SIG is true or false (the position that is the alarm), the others are numbers")
        elif isinstance(value, Derived) and value.of == name:
            yield Fault((*at, name), f"{name} cannot follow from itself")
        elif isinstance(value, float) and quantity.range and not quantity.range[0] <= value <= quantity.range[1]:
            yield Fault((*at, name), f"{value:g} is beyond the range {quantity.range[0]:g} to {quantity.range[1]:g}")


def _quantity(at: KeyPath, quantity: Quantity) -> Iterator[Fault]:
    if fault := unit_fault(quantity.unit):
        yield Fault((*at, "unit"), fault)
        return
    for index, unit in enumerate(quantity.accepts):
        try:
            conversion(unit, quantity.unit, molar_mass=1.0, lel=1.0)
        except UnitError as err:
            yield Fault((*at, "accepts", index), str(err))
    yield from _conversions(at, quantity)
    if quantity.range is not None and quantity.range[0] >= quantity.range[1]:
        yield Fault((*at, "range"), "the lower end must be below the upper")
    require: tuple[LimitName, ...] = quantity.require_limits
    for index, name in enumerate(require):
        if name not in quantity.limits:
            yield Fault((*at, "require_limits", index), f"{name} is none of its limits")
    if quantity.trend is not None and not quantity.limits:
        yield Fault((*at, "trend"), "a trend leads to a limit, and it has none")
    yield from _defaults((*at, "defaults"), quantity.defaults, quantity)


def _conversions(at: KeyPath, quantity: Quantity) -> Iterator[Fault]:
    """Of what kind the unit must be for what is converted to it beside."""
    if quantity.pressure is not None and not _converts("Pa", quantity.unit):
        yield Fault((*at, "pressure"), f"{quantity.unit or 'no unit'} is no unit of a pressure")
    if quantity.strapped and not (_converts("m3", quantity.unit) or _converts("kg", quantity.unit)):
        yield Fault((*at, "strapped"), f"{quantity.unit or 'no unit'} is no unit of a volume or a mass")


def _converts(given: str, wanted: str) -> bool:
    try:
        conversion(given, wanted)
    except UnitError:
        return False
    return True
