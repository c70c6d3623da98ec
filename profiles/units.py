"""Units as people write them (UCUM codes, https://ucum.org/ucum), converted by pint, computed once a tag."""

from __future__ import annotations

import csv
import difflib
import functools
from pathlib import Path
from typing import Any, NamedTuple


class Unit(NamedTuple):
    """A unit as it is written here: its code, how pint names it, and its names in both languages."""

    code: str
    pint: str
    zh: str
    en: str


def _table() -> dict[str, Unit]:
    with (Path(__file__).parent / "tables" / "units.csv").open(encoding="utf-8", newline="") as file:
        return {row["code"]: Unit(**row) for row in csv.DictReader(file)}


UNITS = _table()
"""Every unit by its code. Those that UCUM does not have (%LEL, %RH, %VOL, %CH4, ppm, pH, NTU, kvar, dB(A)) are written
as the trade writes them."""
_ALSO_WRITTEN = {
    "℃": "Cel", "°C": "Cel", "degC": "Cel", "C": "Cel", "celsius": "Cel", "℉": "[degF]", "degF": "[degF]",
    "meter": "m", "meters": "m", "metre": "m", "mg/m³": "mg/m3", "m³": "m3", "m³/h": "m3/h", "m^3/h": "m3/h",
    "LEL": "%LEL", "psi": "[psi]", "rpm": "r/min", "°": "deg", "kWh": "kW.h", "MWh": "MW.h", "us/cm": "uS/cm",
    "m³/min": "m3/min", "l/min": "L/min", "%vol": "%VOL", "RH": "%RH", "ph": "pH",
    **{unit.zh: unit.code for unit in UNITS.values()},
}  # fmt: skip
"""How people write units too, their Chinese names among them; the hint names ours."""
MOLAR_VOLUME = 24.45
"""Litres a mole at 25 °C and 101.3 kPa: mg/m³ = ppm × M / 24.45 (specification notes, 2.5)."""


_BY_VOLUME = {"ppm": 1.0, "%VOL": 1e-4, "%CH4": 1e-4}
"""What one ppm (by volume) is in each."""


class UnitError(ValueError):
    """A unit that is not known, two that do not convert into each other, or a conversion that cannot be as stated."""

    def __init__(self, message: str, *at: str | int) -> None:
        """`at`: the tag's field that is wrong, as a path; left out: its unit."""
        super().__init__(message)
        self.at = at or ("unit",)


class Conversion(NamedTuple):
    """``value × factor + offset``."""

    factor: float
    offset: float

    @property
    def same(self) -> bool:
        """Whether nothing changes; then values pass through untouched."""
        return self == (1.0, 0.0)

    def of(self, value: float) -> float:
        """A value converted."""
        return value * self.factor + self.offset

    def back(self, value: float) -> float:
        """The value that is converted to this one."""
        return (value - self.offset) / self.factor

    def step(self, size: float, at: float) -> float:  # at: as a strapping table has it
        """What a difference of `size` becomes; it is the same wherever it lies."""
        return size * abs(self.factor)


SAME = Conversion(1.0, 0.0)


def unit_fault(unit: str) -> str:
    """What is wrong with a unit, or nothing; no unit at all is in order."""
    if not unit or unit in UNITS:
        return ""
    meant = [_ALSO_WRITTEN[each] for each in (unit, unit.lower()) if each in _ALSO_WRITTEN]
    meant += [known for known in UNITS if known.lower() == unit.lower()]
    near = list(dict.fromkeys(meant)) or difflib.get_close_matches(unit, UNITS, 3, 0.5)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    return f"unit {unit!r} is not known{hint} (docs/profiles/units.md lists them)"


def meant(unit: str) -> str:
    """The code of a unit that is written otherwise (℃, m³/min); one that is not known stays as it is."""
    return unit if unit in UNITS else _ALSO_WRITTEN.get(unit, unit)


@functools.cache
def conversion(given: str, wanted: str, *, molar_mass: float | None = None, lel: float | None = None) -> Conversion:
    """From one unit to another; UnitError when there is no way.

    What a gas's concentration needs is known of the gas alone: `molar_mass` (g/mol) leads from mg/m3 to a share of the
    volume (ppm, %VOL, %CH4), `lel` (its lower explosive limit, %VOL) from %LEL.
    """
    if given == wanted:
        return SAME
    for unit in (given, wanted):
        if not unit or unit_fault(unit):
            raise UnitError(unit_fault(unit) or "a unit is missing")
    concentrations = {*_BY_VOLUME, "mg/m3", "%LEL"}
    if {given, wanted} <= concentrations:
        return Conversion(_a_ppm(wanted, given, molar_mass, lel) / _a_ppm(given, wanted, molar_mass, lel), 0.0)
    registry = _registry()
    try:
        zero = registry.Quantity(0.0, UNITS[given].pint).to(UNITS[wanted].pint).magnitude
        one = registry.Quantity(1.0, UNITS[given].pint).to(UNITS[wanted].pint).magnitude
    except Exception as err:
        if type(err).__name__ != "DimensionalityError":
            raise
        raise UnitError(f"{given} does not convert to {wanted}") from err
    return Conversion(float(f"{one - zero:.12g}"), float(f"{zero:.12g}"))


def _a_ppm(unit: str, other: str, molar_mass: float | None, lel: float | None) -> float:
    """What one ppm is in `unit`; `other` is the unit at the other end, for the message."""
    if unit == "mg/m3" and molar_mass is not None:
        return molar_mass / MOLAR_VOLUME
    if unit == "%LEL" and lel is not None:
        return 1e-2 / lel
    if unit not in _BY_VOLUME:
        lacking = "molar mass" if unit == "mg/m3" else "lower explosive limit"
        raise UnitError(f"{unit} and {other} do not convert without the gas's {lacking}; state its cas number")
    return _BY_VOLUME[unit]


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
