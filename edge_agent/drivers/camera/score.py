"""How good an analysis is on recordings whose events somebody labelled: hits, misses, false alarms, delays.

The figures are those that the coal industry asks of video analysis (notes on mines, 5.8: false alarms at most 5 %,
misses at most 10 %, delay at most 2 s). A label says when something began, and when it ended if it lasts.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from edge_agent.drivers.camera.findings import Finding
from profiles.seal import Seal

EARLY = 1.0
"""Seconds before a label's start within which a finding is its: whoever labels sees a movement late."""
LATE = 10.0
"""Seconds after which a finding is no longer the label's, and both a miss and a false alarm."""


@dataclass(frozen=True, slots=True)
class Label:
    """What somebody saw: seconds from the film's beginning. `until` None: a passage."""

    event: str
    start: float
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What the analysis said: an event that was raised, or one more passage of it, at a second of the film."""

    event: str
    at: float


@dataclass(slots=True)
class Tally:
    """Of one kind of event."""

    hits: int = 0
    missed: list[tuple[str, float]] = field(default_factory=list)
    """(film, second) of labels that nothing answers to."""
    false: list[tuple[str, float]] = field(default_factory=list)
    """(film, second) of findings that answer to no label."""
    delays: list[float] = field(default_factory=list)
    """Seconds from a label's start, and the time for which the event must last until it is raised, to the finding."""

    @property
    def precision(self) -> float | None:
        """Hits among what was found; None where nothing was."""
        found = self.hits + len(self.false)
        return self.hits / found if found else None

    @property
    def recall(self) -> float | None:
        """Hits among what was there; None where nothing was."""
        there = self.hits + len(self.missed)
        return self.hits / there if there else None

    @property
    def delay(self) -> float | None:
        """The median, s."""
        return statistics.median(self.delays) if self.delays else None


@dataclass(slots=True)
class Score:
    """Of all recordings together."""

    tallies: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    confused: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    """(labelled, found instead): a miss and a false alarm of two kinds at one time."""
    seconds: float = 0.0
    """Of film."""

    def add(self, film: str, seconds: float, labels: Iterable[Label], seen: Iterable[Seen], seal: Seal) -> None:
        """Count a recording in."""
        self.seconds += seconds
        missed, false = [], []
        by_event: dict[str, tuple[list[Label], list[Seen]]] = defaultdict(lambda: ([], []))
        for label in labels:
            by_event[label.event][0].append(label)
        for each in seen:
            by_event[each.event][1].append(each)
        for code, (wanted, found) in by_event.items():
            tally = self.tallies[code]
            on = seal.events[code].on
            hits, lacking, wrong = _match(wanted, found, on)
            tally.hits += len(hits)
            tally.delays += [each.at - label.start - on for label, each in hits]
            tally.missed += [(film, label.start) for label in lacking]
            tally.false += [(film, each.at) for each in wrong]
            missed += lacking
            false += wrong
        for label in missed:
            for each in false:
                if each.event != label.event and _answers(label, each.at, seal.events[each.event].on):
                    self.confused[label.event, each.event] += 1

    def false_per_day(self, code: str) -> float:
        """False alarms of a camera and day, as the films had them."""
        return len(self.tallies[code].false) * 86400 / self.seconds if self.seconds else 0.0


def _match(
    labels: Sequence[Label], seen: Sequence[Seen], on: float
) -> tuple[list[tuple[Label, Seen]], list[Label], list[Seen]]:
    """Each label with its finding; further findings while it lasts are its as well, and not false.

    Of something that lasts it is the first. Passages follow each other so closely that a missed one must not take the
    next one's: the nearest pair goes first.
    """
    left = sorted(seen, key=lambda each: each.at)
    hits: list[tuple[Label, Seen]] = []
    passages = [each for each in labels if each.until is None]
    pairs = [(abs(each.at - label.start), label, each) for label in passages for each in left]
    for _apart, label, each in sorted(pairs, key=lambda pair: pair[0]):
        if label in passages and each in left and _answers(label, each.at, on):
            passages.remove(label)
            left.remove(each)
            hits.append((label, each))
    lacking = passages
    for label in (each for each in labels if each.until is not None):
        mine = [each for each in left if _answers(label, each.at, on)]
        left = [each for each in left if each not in mine]
        if mine:
            hits.append((label, mine[0]))
        else:
            lacking.append(label)
    return sorted(hits, key=lambda hit: hit[0].start), sorted(lacking, key=lambda each: each.start), left


def _answers(label: Label, at: float, on: float) -> bool:
    end = label.start if label.until is None else label.until
    return label.start - EARLY <= at <= max(end, label.start + on) + LATE


def seen_in(findings: Iterable[tuple[float, Finding]], seal: Seal) -> list[Seen]:
    """What findings, each with its second of the film, say: raises, and each further passage of a life."""
    found: list[Seen] = []
    persons: dict[str, int] = {}
    for at, finding in findings:
        passages = seal.events[finding.code].off is None
        counted = _counted(finding.facts) if passages else 0
        if finding.state == "raised":
            found += [Seen(finding.code, at)] * max(1, counted)
        elif finding.state == "changed":
            found += [Seen(finding.code, at)] * max(0, counted - persons.get(finding.code, counted))
        persons[finding.code] = counted
    return found


def _counted(facts: Mapping[str, object]) -> int:
    """Persons or vehicles that passed in a life; 0 of an event that counts none."""
    passed = [value for name in ("persons", "vehicles") if isinstance(value := facts.get(name), int)]
    return max(passed, default=0)
