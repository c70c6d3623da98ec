"""How often does the trend warning cry wolf, and how long before a limit does it warn?

``python -m benchmarks.trend`` prints the tables of docs/trend.md: on simulated courses (tests/data/courses.csv, which
``--record`` makes anew), and on what instruments measured (tests/data/measured, whose README.md says where it is from).
"""

from __future__ import annotations

import csv
import math
import random
import sys
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median, quantiles
from typing import NamedTuple

from collector.trend.forecast import PARTS, Limit, Watched, forecast
from collector.trend.slope import Course
from profiles.model import Trend

DATA = Path(__file__).parent.parent / "tests" / "data"
FILE = DATA / "courses.csv"
MINUTES, DAYS, SEED = 10, 20, 20261125
HOUR, DAY = 3_600_000, 86_400_000
LIMIT = 3.0
"""H of every course; all but the drifts stay around 0 with a scatter of about 0.3, in units of the limit's distance."""
DRIFTS = ("drift", "drift over a daily cycle", "fast rise")
RULES = {
    "10 h → 3 h": Trend(window=10 * 3600.0, horizon=3 * 3600.0),
    "48 h → 24 h": Trend(window=48 * 3600.0, horizon=24 * 3600.0),
    "4 d → 2 d": Trend(window=96 * 3600.0, horizon=48 * 3600.0),
}


def record() -> dict[str, list[float]]:
    """Twenty days, a value each ten minutes: what instruments do when nothing is wrong, and three that go wrong."""
    chance = random.Random(SEED)
    courses: dict[str, list[float]] = {name: [] for name in KINDS}
    wander = walk = 0.0
    for at in range(DAYS * 24 * 60 // MINUTES):
        day = at * MINUTES / 1440
        noise, cycle = chance.gauss(0, 0.3), math.sin(2 * math.pi * day)
        wander = 0.995 * wander + chance.gauss(0, 0.1)  # forgets within 33 h
        walk = max(-2.5, min(2.5, walk + chance.gauss(0, 0.05)))
        drift = -1.0 + max(0.0, day - 10) / 2
        values = {
            "noisy constant": noise,
            "constant near the limit": LIMIT - 0.5 + noise / 2,
            "spikes": noise + (chance.uniform(2, 6) if chance.random() < 0.05 else 0),
            "daily cycle": 1.5 * cycle + noise / 3,
            "wandering noise": wander,
            "random walk": walk,
            "filling twice a day": 2.5 * min(1.0, (day * 2 % 1) / 0.2) if day * 2 % 1 < 0.6 else 0.0,
            "drift": drift + noise / 3,
            "drift over a daily cycle": drift + 0.3 * cycle + noise / 3,
            "fast rise": 5.0 * max(0.0, min(1.0, (day - 15) / 1.5)) + noise / 3,
        }
        for name, value in values.items():
            courses[name].append(round(value, 2))
    return courses


KINDS = (
    "noisy constant", "constant near the limit", "spikes", "daily cycle", "wandering noise", "random walk",
    "filling twice a day", *DRIFTS,
)  # fmt: skip


def drawn() -> dict[str, Course]:
    """The simulated courses, by name."""
    with FILE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [(at * MINUTES * 60_000, float(row[name])) for at, row in enumerate(rows)] for name in rows[0]}


def measured() -> dict[str, Course]:
    """What instruments measured, by the name of the column; values that are missing are left out."""
    found: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
    for path in sorted((DATA / "measured").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                at = round(datetime.fromisoformat(row.pop("time")).timestamp() * 1000)
                for name, text in row.items():
                    if text:
                        found[name].append((at, float(text)))
    return dict(found)


class Warned(NamedTuple):
    """A warning: the limit, when it was raised, and when it or the course ended (ms, as the course has its times)."""

    limit: Limit
    since: int
    until: int


def watch(values: Course, rule: Trend, limits: tuple[Limit, ...] = (Limit("H", LIMIT, 1),)) -> list[Warned]:
    """The warnings of one course, evaluated at the end of each part of the window, as the collector does."""
    watched = Watched(rule, "", limits)
    parts: dict[int, list[float]] = defaultdict(list)
    for at, value in values:
        parts[at // watched.step].append(value)
    means = {part: (part * watched.step + watched.step // 2, fmean(held)) for part, held in parts.items()}
    warnings: list[Warned] = []
    standing: Warned | None = None
    for end in range(min(means) + PARTS, max(means) + 2):
        moment = end * watched.step
        window = [means[part] for part in range(end - PARTS, end) if part in means]
        if len(window) < rule.steps:
            continue  # nothing is judged, and what stands stays
        found = forecast(watched, window, moment, standing=standing is not None)
        if found is not None and standing is None:
            limit = next(each for each in limits if each.name == found.limit)
            standing = Warned(limit, moment, moment)
        elif found is None and standing is not None:
            warnings.append(standing._replace(until=moment))
            standing = None
    if standing is not None:
        warnings.append(standing._replace(until=values[-1][0]))
    return warnings


def crossings(values: Course, limit: Limit) -> list[int]:
    """When the mean of six hours came to lie beyond the limit, after a day on this side of it."""
    found: list[int] = []
    inside: int | None = None
    """Since when it lies on this side."""
    held: list[tuple[int, float]] = []
    for at, value in values:
        held = [*(each for each in held if each[0] > at - 6 * HOUR), (at, value)]
        if (fmean(each[1] for each in held) - limit.value) * limit.side < 0:
            inside = at if inside is None else inside
        else:
            if inside is not None and at - inside >= DAY:
                found.append(at)
            inside = None
    return found


class Score(NamedTuple):
    """Hours by which each crossing was warned of (None: it was not), and how many warnings none followed."""

    ahead: list[float | None]
    false: int


def score(values: Course, rule: Trend, limits: tuple[Limit, ...]) -> Score:
    """A warning is right if its limit is crossed while it stands, or within its horizon of then, else false."""
    warnings = watch(values, rule, limits)
    reached = [(limit, at) for limit in limits for at in crossings(values, limit)]
    grace = round(rule.horizon * 1000)
    used: set[Warned] = set()
    ahead: list[float | None] = []
    for limit, at in reached:
        before = [each for each in warnings if each.limit == limit and each.since < at <= each.until + grace]
        used.update(before)
        ahead.append((at - before[0].since) / HOUR if before else None)
    return Score(ahead, len(set(warnings) - used))


def beyond(values: Course) -> tuple[Limit, ...]:
    """Limits a tenth of the range outside all that was measured: whatever is told of them is false."""
    least, most = min(each[1] for each in values), max(each[1] for each in values)
    return Limit("H", most + (most - least) / 10, 1), Limit("L", least - (most - least) / 10, -1)


def within(values: Course) -> tuple[Limit, ...]:
    """Limits outside which lie 5 % of what was measured, on either side."""
    twentieths = quantiles((each[1] for each in values), n=20)
    return Limit("H", twentieths[-1], 1), Limit("L", twentieths[0], -1)


def main() -> None:
    """Print the tables, or record."""
    if "--record" in sys.argv[1:]:
        courses = record()
        with FILE.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(courses)
            writer.writerows(zip(*courses.values(), strict=True))
    simulated()
    print()
    real(measured())


def simulated() -> None:
    """The table of the simulated courses."""
    print(f"| false alarms a point-day | {' | '.join(RULES)} |\n| --- |{' --- |' * len(RULES)}")
    courses = drawn()
    for name, values in courses.items():
        if name not in DRIFTS:
            rates = [len(watch(values, rule)) / DAYS for rule in RULES.values()]
            print(f"| {name} | {' | '.join(f'{rate:.3f}' for rate in rates)} |")
    print("| **warned before the limit was reached** | | |")
    for name in DRIFTS:
        print(f"| {name} | {' | '.join(_warned(courses[name], rule) for rule in RULES.values())} |")


def _warned(values: Course, rule: Trend) -> str:
    crossed = crossings(values, Limit("H", LIMIT, 1))[0]
    warnings = watch(values, rule)
    standing = [each.since for each in warnings if each.since < crossed <= each.until + 6 * HOUR]
    early = [each.since for each in warnings if each.until + 6 * HOUR < crossed]
    ahead = f"{(crossed - standing[0]) / HOUR:.0f} h" if standing else "no"
    return f"{ahead}, {len(early)} earlier ones let go"


def real(courses: Mapping[str, Course]) -> None:
    """The two tables of what instruments measured."""
    print(f"| false alarms a point-day, limits beyond all of it | days | {' | '.join(RULES)} |")
    print(f"| --- | --- |{' --- |' * len(RULES)}")
    for name, values in courses.items():
        days = (values[-1][0] - values[0][0]) / DAY
        rates = [
            f"{len(watch(values, rule, beyond(values))) / days:.3f}" if _dense(values, rule) else "–"
            for rule in RULES.values()
        ]
        print(f"| {name} | {days:.0f} | {' | '.join(rates)} |")
    print(f"\n| warned / crossed, h before (median); false | days | {' | '.join(RULES)} |")
    print(f"| --- | --- |{' --- |' * len(RULES)}")
    for name, values in courses.items():
        days = (values[-1][0] - values[0][0]) / DAY
        told = [_told(score(values, rule, within(values))) if _dense(values, rule) else "–" for rule in RULES.values()]
        print(f"| {name} | {days:.0f} | {' | '.join(told)} |")


def _dense(values: Course, rule: Trend) -> bool:
    """Are there readings enough that the rule judges at all?"""
    spacing = median(later - at for (at, _), (later, _) in pairwise(values))
    return rule.window * 1000 / spacing >= rule.steps


def _told(found: Score) -> str:
    ahead = [each for each in found.ahead if each is not None]
    hours = f", {median(ahead):.0f} h" if ahead else ""
    return f"{len(ahead)} / {len(found.ahead)}{hours}; {found.false}"


if __name__ == "__main__":
    main()
