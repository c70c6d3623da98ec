"""What dashboards say in Chinese and English, and in which units and colours: from the profiles where those know it."""

from __future__ import annotations

from typing import NamedTuple

from grafana_foundation_sdk.models.dashboard import ValueMap, ValueMappingResult

from profiles.model import Profile, Quantity
from profiles.stated import LimitName

UNITS = {
    "": "none", "%": "percent", "Cel": "celsius", "kPa": "pressurekpa", "m": "lengthm", "mm": "lengthmm",
    "m/s": "velocityms", "ppm": "ppm", "mg/m3": "conmgm3", "s": "s", "min": "m", "Hz": "hertz",
}  # fmt: skip
"""UCUM code → Grafana's unit (grafana-data, valueFormats/categories.ts); others are written behind the number."""
COLOURS: dict[LimitName, str] = {
    "RED": "red", "ORANGE": "orange", "YELLOW": "yellow", "BLUE": "blue",
    "HH": "red", "H": "orange", "L": "orange", "LL": "red",
}  # fmt: skip
"""Colour of a limit's line."""
GRAVE = ((0, "green"), (1, "blue"), (2, "yellow"), (3, "orange"), (4, "red"))
"""Colours by severity (`collector.alarms.lives.SEVERITY`) and by number of a colour (docs/store-schema.md)."""


class Title(NamedTuple):
    """Chinese first, English behind it: a panel's title has one line."""

    zh: str
    en: str

    def __str__(self) -> str:
        return f"{self.zh} {self.en}"


def title_of(quantity: Quantity) -> Title:
    """What a profile calls a quantity."""
    return Title(quantity.zh, quantity.en)


def unit_of(quantity: Quantity) -> str:
    """Grafana's unit."""
    return UNITS.get(quantity.unit, f"suffix: {quantity.unit}")


def words(mapping: dict[str, tuple[str, str]]) -> ValueMap:
    """What stands for a value: text and colour."""
    return ValueMap({
        value: ValueMappingResult(text=text, color=colour, index=at)
        for at, (value, (text, colour)) in enumerate(mapping.items())
    })  # fmt: skip


SEVERITIES = words({
    "0": ("正常 none", "green"), "1": ("提示 notice", "blue"), "2": ("一般 minor", "yellow"),
    "3": ("较大 major", "orange"), "4": ("重大 grave", "red"),
})  # fmt: skip
WARNING_COLOURS = words({
    "0": ("无 none", "green"), "1": ("蓝 blue", "blue"), "2": ("黄 yellow", "yellow"), "3": ("橙 orange", "orange"),
    "4": ("红 red", "red"),
})  # fmt: skip
ONLINE = words({"0": ("离线 off line", "red"), "1": ("在线 on line", "green")})
SWITCH = words({"true": ("开/运行 on", "green"), "false": ("关/停止 off", "orange")})
CONDITIONS = words({"raised": ("持续 standing", "red"), "cleared": ("已恢复 cleared", "green")})
LIFE_STATES = words({
    "open": ("未确认 open", "red"), "acknowledged": ("已确认 acknowledged", "orange"),
    "handled": ("已处置 handled", "yellow"), "closed": ("已关闭 closed", "green"),
})  # fmt: skip


def seal_states(profile: Profile) -> ValueMap:
    """States of the electronic seal by their number in the fact ``seal``, in the profile's words."""
    assert profile.seal is not None  # noqa: S101  # for the type checker: the seal's profile has one
    worst_last = list(reversed(profile.seal.verdicts.states.items()))
    colours = ("green", "blue", "yellow", "orange", "red")
    found = {"-1": ("未封 no seal", "text")}
    for number, (_name, words_of) in enumerate(worst_last):
        found[str(number)] = (f"{words_of.zh} {words_of.en}", colours[min(number, len(colours) - 1)])
    return words(found)
