"""Every kind of alarm of every reported profile, from the register to the platform: the alarms that it has are the
crossings that the instrument's own ledger has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collector.platform.family_m import TIME as TIME_M
from collector.platform.family_s import TIME as TIME_S
from collector.platform.fields import millis
from collector.platform.ledger import Ledger as PlatformLedger
from profiles.limits import effective, limit_of
from profiles.load import library
from profiles.model import Profile, Quantity
from profiles.report import ChemicalReport, MineReport
from profiles.units import Conversion
from profiles.wire.messages import Limits, Manifest, ManifestTag
from tests.integration.courses import Course, course
from tests.integration.crossings import COLOURS, Crossing, Expected, Stood, Told, compare, crossings, sides
from tests.integration.site_to_platform import REPORTED, Way, fast, stored
from tests.profiles.made import plant

SAME = Conversion(1.0, 0.0)
DELAY = 0.2
"""S: of what has a delay; it is minutes for some."""


def quick(name: str) -> dict[str, Any]:
    """What a profile says of delays, with shorter ones."""
    profile = library()[name]
    delayed = {each: {"delay": f"{DELAY:g}s"} for each, its in profile.quantities.items() if its.delay}
    return {"quantities": delayed} | ({"rules": {"delay": f"{DELAY:g}s"}} if profile.rules.delay else {})


def alarmed(profile: Profile) -> tuple[Manifest, dict[str, Limits]]:
    """A plant with a point of each kind of alarm, and by their codes the limits that hold: the profile's own, where it
    has all of them. What combined rules make of a point is not its register's alone, and left out.
    """
    made = plant(profile)
    raised = {quantity for rule in profile.combined.values() for quantity in rule.raises}
    points = {code: tag.point for code, tag in made.tags.items() if tag.point is not None}
    tags: dict[str, ManifestTag] = {}
    hold: dict[str, Limits] = {}
    kinds: set[tuple[object, ...]] = set()
    own = {code: effective(None, point, profile, made.assets, SAME) for code, point in points.items()}
    for code in sorted(points, key=lambda code: not whole(own[code], profile.quantities[points[code].quantity])):
        quantity = profile.quantities[points[code].quantity]
        kind = frozenset(quantity.limits), quantity.bad_side
        if not quantity.limits or not quantity.reported or points[code].quantity in raised or kind in kinds:
            continue
        kinds.add(kind)
        limits = own[code] if whole(own[code], quantity) else None
        hold[code] = limits or spaced(quantity)
        tags[code] = msgspec.structs.replace(made.tags[code], limits=None if limits else hold[code])
    return msgspec.structs.replace(made, tags=tags), hold


def whole(limits: Limits | None, quantity: Quantity) -> bool:
    """Whether a point has every limit that is used with its quantity."""
    return all(limit_of(limits, name) is not None for name in quantity.limits)


def ends(quantity: Quantity) -> tuple[float, float]:
    """Between which its values lie."""
    low, high = quantity.range or (0.0, 100.0)
    return low, high


def spaced(quantity: Quantity) -> Limits:
    """Limits that a site might state, in tenths of the range."""
    low, high = (max(min(each, 1000.0), -1000.0) for each in ends(quantity))
    first = max(low, 0.0) if quantity.bad_side == "both" else low
    tenths = {"LL": 1, "L": 3, "H": 7, "HH": 9, "BLUE": 3, "YELLOW": 5, "ORANGE": 7, "RED": 9}
    if quantity.bad_side == "low":
        tenths |= {name: 10 - tenths[name] for name in COLOURS}
    stated = {name: first + (high - first) * tenths[name] / 10 for name in quantity.limits if name != "SIG"}
    return Limits(**stated, alarm_when=True if "SIG" in quantity.limits else None)  # type: ignore[arg-type]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", REPORTED)
async def test_the_alarms_of_the_platform_are_the_crossings_of_what_the_instrument_served(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.reports.packer.PATIENCE", 500)
    (tmp_path / "profiles").mkdir()
    profiles = fast(name, tmp_path / "profiles", quick(name))
    profile = profiles["fast"]
    made, hold = alarmed(profile)
    assert hold, "the profile has no limit to cross"
    quantities = {code: tag.point.quantity for code, tag in made.tags.items() if tag.point is not None}
    its_sides = {code: sides(hold[code], quantity, profile) for code, quantity in quantities.items()}
    courses = {
        code: Course(course(its_sides[code], *ends(profile.quantities[quantity])))
        for code, quantity in quantities.items()
    }

    def sampler(tag: ManifestTag, low: float, step: float) -> Course:
        assert tag.point is not None
        return courses[tag.point.code]

    way = Way(tmp_path, profiles, made)
    book = await way.go(sampler, lambda _: all(each.over for each in courses.values()), "all courses", "50ms")
    assert (book.refusals(), book.findings()) == ([], [])
    its, platform = stored(tmp_path, made.tags), told(book)
    for code, quantity in quantities.items():
        lives = [list(crossings(its[code], side)) for side in its_sides[code]]
        assert {each.level for life in lives for each in life} == {*profile.quantities[quantity].limits}
        expected = [each for life in lives for each in words(profile, quantity, hold[code], life)]
        compare(code, expected, platform.pop(code, []))
    assert platform == {}
    book.close()


def words(profile: Profile, name: str, limits: Limits, found: list[Crossing]) -> Iterator[Expected]:
    """How the profile tells the crossings of one side; none of those for which it has no words."""
    quantity, report = profile.quantities[name], profile.report
    since: Stood | None = None
    for each in found:
        by = [stood._replace(value=round(float(stood.value), quantity.decimals)) for stood in each.by]  # type: ignore[arg-type]
        since = since or by[0]
        if isinstance(report, ChemicalReport):
            limit = (0 if each.cleared else 1) if each.level == "SIG" else limit_of(limits, each.level)  # type: ignore[arg-type]
            kind = report.alarm_names["NORMAL" if each.cleared else four(each.level, quantity)]
            yield (kind, round(float(limit or 0), quantity.decimals)), by, None
        elif isinstance(report, MineReport) and each.level in COLOURS:
            number, code = report.level_numbers[each.level], f"{name}-{report.warning_codes[each.level]}"  # type: ignore[index]
            shown = f"{report.level_names[each.level]}：{quantity.zh}"  # type: ignore[index]
            yield ("1001", number, int(each.cleared), code, shown), by, since
        elif isinstance(report, MineReport) and each.level in report.abnormal_types and not each.cleared:
            yield ("06", report.abnormal_types[each.level]), by, None
        since = None if each.cleared else since


def four(level: str, quantity: Quantity) -> Any:
    """A colour as one of four limits: family S has no colours, and red is the outer limit."""
    if level not in COLOURS:
        return level
    return ("L" if quantity.bad_side == "low" else "H") * (2 if level == "RED" else 1)


def told(book: PlatformLedger) -> dict[str, list[Told]]:
    """By point the alarms that the platform took, in the order of their coming."""
    found: dict[str, list[Told]] = {}
    for packet in book.packets():
        body = book.body(packet)
        for each in body.get("alarms", ()) if isinstance(body, dict) else ():
            said = Told((each["alarmType"], each["threshold"]), each["value"], at(each["alarmTime"], TIME_S))
            found.setdefault(each["quotaId"], []).append(said)
        kind = body.get("dataType") if isinstance(body, dict) and "enterpriseCode" in body else ""
        for each in body["datas"] if kind in ("06", "1001") else ():
            code = each["pointCode" if kind == "06" else "relatedObj"]
            found.setdefault(code, []).append(abnormal(each) if kind == "06" else warning(each, body["collectTime"]))
    return found


def abnormal(record: dict[str, Any]) -> Told:
    return Told(("06", record["abnormalType"]), record["abnormalValue"], at(record["happenTime"], TIME_M))


def warning(record: dict[str, Any], collected: str) -> Told:
    """Of one that goes on, when it changed is its packet's time."""
    match = re.match(r"(\S+：\S+) (-?[\d.]+)", record["alarmDesc"])
    assert match is not None, record
    said = "1001", record["alarmLevel"], record["alarmStatus"], record["Alarmcode"], match[1]
    over = record["alarmOverTime"] or collected
    return Told(said, float(match[2]), at(over, TIME_M), at(record["alarmStartTime"], TIME_M))


def at(text: str, shape: str) -> int:
    found = millis(text, shape)
    assert found is not None, text
    return found


def test_limits_that_a_site_might_state_are_in_their_order() -> None:
    for name in REPORTED:
        for quantity in library()[name].quantities.values():
            limits = spaced(quantity)
            for order in (("LL", "L", "H", "HH"), COLOURS if quantity.bad_side != "low" else COLOURS[::-1]):
                known = [each for level in order if (each := getattr(limits, level)) is not None]
                assert all(first < second for first, second in pairwise(known)), (name, quantity.en)
