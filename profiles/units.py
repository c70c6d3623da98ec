"""Units as people write them (UCUM codes, https://ucum.org/ucum), converted by pint, computed once a tag."""

from __future__ import annotations

import difflib
import functools
from typing import Any, NamedTuple

_PINT = {
    "1": "dimensionless", "%": "percent", "ppm": "ppm", "%LEL": "lel_percent", "%RH": "percent", "%VOL": "percent",
    "%CH4": "percent", "dB(A)": "decibel_a",
    "pH": "ph", "Cel": "degC", "K": "kelvin", "[degF]": "degF",
    "Pa": "pascal", "hPa": "hectopascal", "kPa": "kilopascal", "MPa": "megapascal", "bar": "bar", "mbar": "millibar",
    "[psi]": "psi", "mm": "millimeter", "cm": "centimeter", "m": "meter", "km": "kilometer",
    "mg/m3": "milligram/meter**3", "g/m3": "gram/meter**3", "kg/m3": "kilogram/meter**3", "g/L": "gram/liter",
    "L": "liter", "m3": "meter**3", "g": "gram", "kg": "kilogram", "t": "metric_ton",
    "L/min": "liter/minute", "L/s": "liter/second", "m3/h": "meter**3/hour", "m3/s": "meter**3/second",
    "m3/min": "meter**3/minute", "kN": "kilonewton", "J": "joule", "cm/s": "centimeter/second",
    "kg/h": "kilogram/hour", "t/h": "metric_ton/hour", "r/min": "revolution/minute", "Hz": "hertz",
    "mm/s": "millimeter/second", "m/s": "meter/second", "mm/h": "millimeter/hour", "deg": "degree",
    "mm/d": "millimeter/day", "mm/d2": "millimeter/day**2", "m2": "meter**2",
    "m/s2": "meter/second**2", "NTU": "turbidity", "dB": "decibel_level",
    "10*-6": "micro_one",
    "mA": "milliampere", "A": "ampere", "mV": "millivolt", "V": "volt", "kV": "kilovolt", "kV/m": "kilovolt/meter",
    "Ohm": "ohm", "kOhm": "kiloohm", "kvar": "kilovar",
    "W": "watt", "kW": "kilowatt", "MW": "megawatt", "kW.h": "kilowatt_hour", "MW.h": "megawatt_hour",
    "uS/cm": "microsiemens/centimeter", "ms": "millisecond", "s": "second", "min": "minute", "h": "hour", "d": "day",
}  # fmt: skip
_ALSO_WRITTEN = {
    "℃": "Cel", "°C": "Cel", "degC": "Cel", "C": "Cel", "celsius": "Cel", "℉": "[degF]", "degF": "[degF]",
    "meter": "m", "meters": "m", "metre": "m", "米": "m", "mg/m³": "mg/m3", "m³": "m3", "m³/h": "m3/h", "m^3/h": "m3/h",
    "LEL": "%LEL", "psi": "[psi]", "rpm": "r/min", "°": "deg", "kWh": "kW.h", "MWh": "MW.h", "us/cm": "uS/cm",
    "m³/min": "m3/min", "l/min": "L/min", "%vol": "%VOL", "RH": "%RH", "ph": "pH",
}  # fmt: skip
"""How people write units too; the hint names ours."""
MOLAR_VOLUME = 24.45
"""Litres a mole at 25 °C and 101.3 kPa: mg/m³ = ppm × M / 24.45 (specification notes, 2.5)."""


class UnitError(ValueError):
    """A unit that is not known, or two that do not convert into each other."""


class Conversion(NamedTuple):
    """``value × factor + offset``."""

    factor: float
    offset: float

    @property
    def same(self) -> bool:
        """Whether nothing changes; then values pass through untouched."""
        return self == (1.0, 0.0)


def unit_fault(unit: str) -> str:
    """What is wrong with a unit, or nothing; no unit at all is in order."""
    if not unit or unit in _PINT:
        return ""
    meant = [_ALSO_WRITTEN[each] for each in (unit, unit.lower()) if each in _ALSO_WRITTEN]
    meant += [known for known in _PINT if known.lower() == unit.lower()]
    near = list(dict.fromkeys(meant)) or difflib.get_close_matches(unit, _PINT, 3, 0.5)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    return f"unit {unit!r} is not known{hint} (docs/profiles.md lists them)"


def meant(unit: str) -> str:
    """The code of a unit that is written otherwise (℃, m³/min); one that is not known stays as it is."""
    return unit if unit in _PINT else _ALSO_WRITTEN.get(unit, unit)


@functools.cache
def conversion(given: str, wanted: str, *, molar_mass: float | None = None) -> Conversion:
    """From one unit to another; `molar_mass` (g/mol) lets ppm and mg/m3 convert. UnitError when they do not."""
    if given == wanted:
        return Conversion(1.0, 0.0)
    for unit in (given, wanted):
        if not unit or unit_fault(unit):
            raise UnitError(unit_fault(unit) or "a unit is missing")
    if "ppm" in (given, wanted) and given != wanted:
        if {given, wanted} != {"ppm", "mg/m3"} or molar_mass is None:
            raise UnitError(f"{given} does not convert to {wanted} without the gas's molar mass; state its cas number")
        factor = molar_mass / MOLAR_VOLUME
        return Conversion(factor if given == "ppm" else 1 / factor, 0.0)
    registry = _registry()
    try:
        zero = registry.Quantity(0.0, _PINT[given]).to(_PINT[wanted]).magnitude
        one = registry.Quantity(1.0, _PINT[given]).to(_PINT[wanted]).magnitude
    except Exception as err:
        if type(err).__name__ != "DimensionalityError":
            raise
        raise UnitError(f"{given} does not convert to {wanted}") from err
    return Conversion(float(f"{one - zero:.12g}"), float(f"{zero:.12g}"))


@functools.cache
def _registry() -> Any:
    import pint  # takes a quarter of a second; most commands need no conversion

    registry: Any = pint.UnitRegistry()
    registry.define("lel_percent = [lower_explosive_limit]")
    registry.define("ph = [acidity]")
    registry.define("turbidity = [turbid]")
    registry.define("kilovar = [reactive_power]")  # never to be taken for active power
    registry.define("decibel_level = [level]")
    registry.define("micro_one = 1e-6")
    registry.define("decibel_a = [sound_level]")
    return registry
