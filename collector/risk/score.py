"""The risk score of each site and profile, by the profile's formula: docs/compliance.md, Risk score."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from collector.alarms.book import AlarmBook
from collector.alarms.lives import Life
from collector.compliance.measure import Measurer, Where
from collector.compliance.tally import Tally
from collector.sinks.base import Fact
from profiles.load import Library
from profiles.model import Risk

MOST = 100.0
"""The greatest score."""


class Score(NamedTuple):
    """`score` is the sum of the three parts, at most `MOST`; `standing` counts the alarms whose condition stands."""

    score: float
    colour: str
    alarms: float
    invalid: float
    offline: float
    standing: int


def score(risk: Risk, lives: Iterable[Life], tally: Tally) -> Score:
    """By the alarms that are not closed, and the last window's rates; what was not measured adds nothing."""
    lives = list(lives)
    alarms = sum(
        risk.levels.get(life.last.level, 0.0) * (1.0 if life.condition == "raised" else risk.cleared) for life in lives
    )
    rates = tally.rates()
    invalid, offline = (
        weight * (1.0 - rate) if (rate := rates[name]) is not None else 0.0
        for name, weight in (("valid_rate", risk.invalid), ("online_rate", risk.offline))
    )
    total = min(MOST, alarms + invalid + offline)
    return Score(
        total, _colour(risk, total), float(alarms), invalid, offline,
        standing=sum(life.condition == "raised" for life in lives),
    )  # fmt: skip


def _colour(risk: Risk, total: float) -> str:
    """The gravest colour that is reached; "" below all."""
    reached = [(least, colour) for colour, least in risk.colours.items() if total >= least]
    return max(reached)[1] if reached else ""


class Scorer:
    """Scores of all sites now, from the store and the alarm book."""

    def __init__(self, library: Library, measurer: Measurer, book: AlarmBook) -> None:
        self._library, self._measurer, self._book = library, measurer, book

    def scores(self, now: int) -> dict[Where, Score]:
        """By site and profile, of those profiles that have a formula. SinkUnavailable; `now` in ms since 1970 UTC."""
        formulas = self._formulas()
        lives: dict[tuple[str, str], list[Life]] = defaultdict(list)
        for life in self._book.between(now, now + 1):
            lives[life.place.site, life.place.profile].append(life)
        found = {}
        for window in sorted({risk.window for risk in formulas.values()}):
            tallies = self._measurer.span(now - round(window * 1000), now)
            for where, tally in tallies.items():
                risk = formulas.get(where.profile)
                if risk is not None and risk.window == window:
                    found[where] = score(risk, lives[where.site, where.profile], tally)
        return found

    def _formulas(self) -> dict[str, Risk]:
        """Of the profiles in use, read as they are asked for."""
        used = {name: self._library.get(name) for name in self._measurer.profiles()}
        return {
            name: profile.risk for name, profile in used.items() if profile is not None and profile.risk is not None
        }


def risk_facts(scores: Mapping[Where, Score], moment: int) -> list[Fact]:
    """The fact ``risk``, one point a moment, site and profile. See docs/store-schema.md."""
    return [
        Fact(
            "risk",
            {"profile": where.profile, "region": where.region, "site": where.site},
            {
                "score": found.score, "colour": found.colour, "alarms": found.alarms, "invalid": found.invalid,
                "offline": found.offline, "standing": found.standing,
            },
            moment * 1_000_000,
        )
        for where, found in scores.items()
    ]  # fmt: skip
