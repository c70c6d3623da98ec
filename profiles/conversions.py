"""From what a tag delivers to the profile's unit: by its unit, gas, kind of pressure or strapping table.

Computed once a manifest. All are ``value × factor + offset`` but the strapping table.
"""

from __future__ import annotations

from profiles.model import Profile, Quantity
from profiles.strapping import Table, table_faults
from profiles.units import SAME, Conversion, UnitError, conversion
from profiles.wire.messages import ATMOSPHERES, ManifestTag, Strapping, TagConversion
from profiles.wire.quality import BAD_INSTRUMENT

Converter = Conversion | Table
_NOTHING = TagConversion()
BEYOND = 0.05
"""Share of its span by which an instrument may show more, or less, than its range (specification notes, 6.3)."""


def tag_conversion(tag: ManifestTag, profile: Profile, quantity: Quantity) -> Converter:
    """From the tag's unit to the profile's; UnitError (with the tag's field) when it is none that the quantity accepts.

    The gas that a concentration is of is named by the point's attribute `cas`.
    """
    stated = tag.conversion or _NOTHING
    if stated.strapping is not None:
        return _strapped(tag.unit, stated.strapping, quantity)
    if stated.pressure is not None and quantity.pressure is None:
        text = f"{quantity.en} ({quantity.zh}) is no pressure that is known to be gauge or absolute here"
        raise UnitError(f"{text}; leave pressure out", "pressure")
    if quantity.type == "flag" or not quantity.unit:
        return SAME
    if tag.unit != quantity.unit and tag.unit not in quantity.accepts:
        accepted = ", ".join(dict.fromkeys((quantity.unit, *quantity.accepts)))
        raise UnitError(f"unit {tag.unit!r} does not fit {quantity.en} ({quantity.zh}); expected one of {accepted}")
    return _pressed(_by_gas(tag, profile, quantity), stated, quantity)


def plausible(tag: ManifestTag, quantity: Quantity | None, converter: Converter) -> tuple[float, float] | None:
    """The lowest and highest value, in the profile's unit, that is not ``bad:range``; None where all are good.

    Within the quantity's range, the strapping table, and the instrument's own range (量程) with `BEYOND` of its span on
    either side (specification notes, 6.3); without a quantity in the tag's unit.
    """
    bounds = [] if quantity is None or quantity.range is None else [quantity.range]
    if isinstance(converter, Table):
        bounds.append(converter.ends)
    if tag.range is not None:
        margin = BEYOND * (tag.range[1] - tag.range[0])
        ends = converter.of(tag.range[0] - margin), converter.of(tag.range[1] + margin)
        bounds.append((min(ends), max(ends)))
    if not bounds or tag.type != "number":
        return None
    lows, highs = zip(*bounds, strict=True)
    return max(lows), min(highs)


def above(tag: ManifestTag, profile: Profile, quantity: Quantity, value: float) -> bool | None:
    """Whether a value that is ``bad:range`` lies above what is plausible; None where nothing says what is."""
    try:
        ends = plausible(tag, quantity, tag_conversion(tag, profile, quantity))
    except UnitError:
        return None
    return None if ends is None else value > ends[1]


def is_reading(quality: str, value: float, ends: tuple[float, float] | None) -> bool:
    """Whether a number is what the instrument measured: where it reports a fault, one beyond its range is none.

    So a broken wire of a 4–20 mA loop is told from a calibration. `ends`: of its own range (量程), in the value's unit.
    """
    return quality != BAD_INSTRUMENT or ends is None or min(ends) <= value <= max(ends)


def _by_gas(tag: ManifestTag, profile: Profile, quantity: Quantity) -> Conversion:
    cas = (tag.point.attributes if tag.point else {}).get("cas", "")
    gas = profile.gases.get(cas)
    try:
        if gas is None:
            return conversion(tag.unit, quantity.unit)
        return conversion(tag.unit, quantity.unit, molar_mass=gas.molar_mass, lel=gas.lel)
    except UnitError as err:
        if cas:  # the message asks for what is stated already
            what = f"does not know the gas {cas!r}" if gas is None else f"has no lower explosive limit of {gas.zh}"
            raise UnitError(
                f"{tag.unit} does not convert to {quantity.unit}: profile {profile.profile} {what}"
            ) from err
        raise


def _pressed(converted: Conversion, stated: TagConversion, quantity: Quantity) -> Conversion:
    """Absolute pressure is gauge pressure and the atmosphere's together."""
    if stated.pressure is None or stated.pressure == quantity.pressure:
        return converted
    low, high = ATMOSPHERES
    if not low <= stated.atmosphere <= high:
        raise UnitError(f"atmosphere {stated.atmosphere:g}: expected {low:g} to {high:g} kPa", "atmosphere")
    between = conversion("kPa", quantity.unit).of(stated.atmosphere)
    offset = converted.offset + (between if quantity.pressure == "absolute" else -between)
    return Conversion(converted.factor, offset)


def _strapped(level: str, strapping: Strapping, quantity: Quantity) -> Table:
    if not quantity.strapped:
        raise UnitError(f"{quantity.en} ({quantity.zh}) takes no strapping table; leave strapping out", "strapping")
    conversion(level, "m")
    contents = _contents(strapping, quantity.unit)
    converted = [(level, contents.of(volume)) for level, volume in strapping.pairs]
    for pairs in (strapping.pairs, converted):  # a manifest may hold what rises no more once it is converted
        for index, message in table_faults(pairs):
            raise UnitError(message, "strapping", "table", index)
    return Table(*zip(*converted, strict=True))


def _contents(strapping: Strapping, wanted: str) -> Conversion:
    """From the table's unit to the profile's, by the density where one is a volume and the other a mass."""
    given, density = strapping.unit, strapping.density
    try:
        return conversion(given, wanted)
    except UnitError as err:
        at = ("strapping", "volume_unit")
        try:
            to_volume, to_mass = conversion(given, "m3"), conversion("kg", wanted)
        except UnitError:
            raise UnitError(str(err), *at) from err
        if density is not None and not density > 0:
            raise UnitError(f"density {density:g} must be above 0", "strapping", "density") from err
        if density is None:
            raise UnitError(f"{given} does not convert to {wanted} without the density", *at) from err
        return Conversion(to_volume.factor * density * to_mass.factor, 0.0)
