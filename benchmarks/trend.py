"""How often does the trend warning cry wolf, and how long before a limit does it warn? On recorded courses.

``python -m benchmarks.trend`` prints the table of docs/trend.md; ``--record`` makes tests/data/courses.csv anew.
"""

from __future__ import annotations

import csv
import math
import random
import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from collector.trend.forecast import PARTS, Limit, Watched, forecast
from profiles.model import Trend

FILE = Path(__file__).parent.parent / "tests" / "data" / "courses.csv"
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


def recorded() -> dict[str, list[float]]:
    """The courses as they are recorded, by name."""
    with FILE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows] for name in rows[0]}


class Outcome(NamedTuple):
    """Times (ms from the start) at which a warning was raised, and when it ended or the course did."""

    warnings: list[tuple[int, int]]
    crossed: int | None
    """When the mean of six hours first lay beyond the limit."""


def watch(values: Sequence[float], rule: Trend) -> Outcome:
    """The warnings of one course, evaluated at the end of each part of the window, as the collector does."""
    watched = Watched(rule, "", (Limit("H", LIMIT, 1),))
    parts = [
        (number * watched.step + watched.step // 2, fmean(value for _at, value in part))
        for number, part in groupby(enumerate(values), lambda each: each[0] * MINUTES * 60_000 // watched.step)
    ]
    warnings: list[tuple[int, int]] = []
    since: int | None = None
    for end in range(PARTS, len(parts)):
        moment = end * watched.step
        if forecast(watched, parts[end - PARTS : end], moment, standing=since is not None) is not None:
            since = moment if since is None else since
        elif since is not None:
            warnings.append((since, moment))
            since = None
    if since is not None:
        warnings.append((since, len(values) * MINUTES * 60_000))
    return Outcome(warnings, _crossed(values))


def _crossed(values: Sequence[float]) -> int | None:
    span = 6 * 60 // MINUTES
    for at in range(span, len(values)):
        if fmean(values[at - span : at]) >= LIMIT:
            return at * MINUTES * 60_000
    return None


def main() -> None:
    """Print the table, or record."""
    if "--record" in sys.argv[1:]:
        courses = record()
        with FILE.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(courses)
            writer.writerows(zip(*courses.values(), strict=True))
    print(f"| false alarms a point-day | {' | '.join(RULES)} |\n| --- |{' --- |' * len(RULES)}")
    courses = recorded()
    for name, values in courses.items():
        if name not in DRIFTS:
            rates = [len(watch(values, rule).warnings) / DAYS for rule in RULES.values()]
            print(f"| {name} | {' | '.join(f'{rate:.3f}' for rate in rates)} |")
    print("| **warned before the limit was reached** | | |")
    for name in DRIFTS:
        print(f"| {name} | {' | '.join(_warned(watch(courses[name], rule)) for rule in RULES.values())} |")


def _warned(outcome: Outcome) -> str:
    crossed = outcome.crossed or 0
    standing = [since for since, until in outcome.warnings if since < crossed <= until + 6 * HOUR]
    early = [since for since, until in outcome.warnings if until + 6 * HOUR < crossed]
    ahead = f"{(crossed - standing[0]) / HOUR:.0f} h" if standing else "no"
    return f"{ahead}, {len(early)} earlier ones let go"


if __name__ == "__main__":
    main()
