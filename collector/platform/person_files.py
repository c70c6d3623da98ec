"""Files that tell of persons underground, as a platform should judge them (notes on mines, 2.1, 2.3, 2.5).

Of what they hold nothing is quoted and nothing kept but counts: a ledger is read by many.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from collector.platform.fields import Check, Fault, millis, moment, one_of, text

TIME = "%Y-%m-%d %H:%M:%S"
NO_TIME = "xxxx-xx-xx xx:xx:xx"
"""As one sender writes a time that is none."""
TRACK = 50
"""Stations of a track at most."""
_FLAG = text(r"[01]?", "0 or 1, or nothing")
_NUMBER = text(r"(-?\d+(\.\d+)?)?", "a number or nothing")


def _time_or_none(value: object) -> str:
    return "" if value in ("", NO_TIME) else moment(TIME)(value)


CHECKS: dict[str, Check] = {
    "card": text(r"[0-9A-Z]{17}", "a card of 17 characters"),
    "card_number": text(r"\S{1,40}", "a card"),
    "person": text(r".{1,50}", "a name"),
    "leader": _FLAG,
    "special": _FLAG,
    "underground": one_of("0", "1", "2"),
    "time_in": moment(TIME),
    "time_out": _time_or_none,
    "entered_area": _time_or_none,
    "entered_station": _time_or_none,
    "work_area": text(r"([0-9A-Z]{16})?", "an area code of 16 characters or nothing"),
    "area_kind": text(r"\d{2}", "an area type of 2 digits"),
    "station": text(r"[0-9A-Za-z]{18,32}", "a station code"),
    "at_station": text(r"([0-9A-Z]{22})?", "a station code of 22 characters or nothing"),
    "distance": _NUMBER,
    "help": one_of("正常", "求救"),
    "run": one_of("0", "1", "2", "9"),
    "power": one_of("0", "1", "2", "9"),
    "birth": text(r"(\d{4}-\d\d(-\d\d)?)?", "a date or nothing"),
    "identity": text(r"(\d{17}[0-9X])?", "an identity number of 18 characters or nothing"),
}
PERSONAL = frozenset({
    "card", "card_number", "person", "work", "post", "team", "birth", "schooling", "leader", "special", "identity",
    "telephone", "track", "cards", "class", "item", "valid_from", "valid_to",
})  # fmt: skip
"""Fields whose content no message shows."""


def faults(path: str, mine: str, time: int, record: Mapping[str, str]) -> Iterator[Fault]:
    """What is wrong between the fields of a record; `time` is its file's, in ms UTC."""
    for name in ("card", "work_area", "at_station", "station"):
        if record.get(name) and not record[name].startswith(mine):
            yield Fault(path + name, f"does not begin with the mine code {mine}")
    if record.get("work_area") and not record.get("at_station", "").startswith(record["work_area"]):
        yield Fault(f"{path}at_station", "is no station of the area")
    if "underground" in record:
        yield from _trip(path, record)
    if record.get("track"):
        yield from _track(path, time, record["track"])


def _trip(path: str, record: Mapping[str, str]) -> Iterator[Fault]:
    came_out, out = record["underground"] == "2", millis(record["time_out"], TIME)
    if came_out != (out is not None):
        yield Fault(f"{path}time_out", "expected of who came out, and of nobody else")
    went_in = millis(record["time_in"], TIME)
    if out is not None and went_in is not None and out < went_in:
        yield Fault(f"{path}time_out", "lies before the time in")


def _track(path: str, time: int, track: str) -> Iterator[Fault]:
    steps = track.split(",")
    if len(steps) > TRACK:
        yield Fault(f"{path}track", f"has {len(steps)} stations; expected at most {TRACK}")
    for step in steps:
        match = re.fullmatch(r"([0-9A-Z]{22})&(.+)", step)
        at = millis(match[2], TIME) if match else None
        if at is None:
            yield Fault(f"{path}track", "expected station&time, joined by commas")
            return
        if at > time:
            yield Fault(f"{path}track", "lies behind the time of the file")
            return
