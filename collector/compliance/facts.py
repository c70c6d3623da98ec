"""A day's tally as the fact ``compliance`` in the stores: one point a day, site and profile, at the day's midnight."""

from __future__ import annotations

from collector.compliance.measure import Key
from collector.compliance.tally import Tally
from collector.days import Days
from collector.sinks.base import Fact


def compliance_fact(key: Key, tally: Tally, days: Days) -> Fact:
    """Sums always, rates and means where there is something to divide by. See docs/store-schema.md."""
    rates = {name: value for name, value in (tally.rates() | tally.minutes()).items() if value is not None}
    tags = {"profile": key.profile, "region": key.region, "site": key.site}
    return Fact("compliance", tags, tally.sums() | rates, days.start(key.day) * 1_000_000)
