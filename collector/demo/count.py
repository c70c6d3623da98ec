"""Holds the instruments' own ledgers against the store: is every value there, once and unaltered, and no other?

The comparison knows nothing of agent, broker or collector: values are counted tag by tag as a multiset, so that a
value that is stored twice does not make up for one that is missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from profiles.wire.messages import Value


@dataclass(frozen=True, slots=True)
class Account:
    """What was served, what is stored, and how they differ (numbers of values)."""

    produced: int
    stored: int
    missing: int
    duplicates: int
    examples: tuple[str, ...]
    """At most ten differences, in words."""

    @property
    def proven(self) -> bool:
        """Whether every value served is stored once, and nothing else is."""
        return self.produced > 0 and not self.missing and not self.duplicates


def compare(served: Iterable[tuple[str, Value]], stored: Iterable[tuple[str, Value]]) -> Account:
    """Hold (tag, value) pairs that were served against those that are stored."""
    given, kept = Counter(map(_same, served)), Counter(map(_same, stored))
    missing, beyond = given - kept, kept - given
    examples = [f"{tag} = {value}: served and not stored ({count}×)" for (tag, value), count in missing.items()]
    examples += [f"{tag} = {value}: stored and not served ({count}×)" for (tag, value), count in beyond.items()]
    return Account(given.total(), kept.total(), missing.total(), beyond.total(), tuple(examples[:10]))


def _same(pair: tuple[str, Value]) -> tuple[str, Value]:
    """Numbers to nine significant digits: a float32 instrument and a float64 store write the same value differently."""
    tag, value = pair
    if isinstance(value, bool) or not isinstance(value, int | float):
        return tag, value
    return tag, float(f"{value:.9g}")


def by_tag(rows: Iterable[Mapping[str, object]], tags: Mapping[str, str]) -> Iterable[tuple[str, Value]]:
    """Stored rows (`point` and `value`) as (tag, value), by the table point code → tag; rows without a value are not.

    A null is no reading of an instrument (a lost device is written so), hence nothing that a ledger could hold.
    """
    for row in rows:
        value = row["value"]
        if value is not None and isinstance(value, bool | int | float | str):
            yield tags[str(row["point"])], value
