"""Whether a feeder (馈电) follows its cut-off device (断电器), judged where both are heard in order.

Source: notes on mines, 1.5, `003`: voltage still there 2 s after a cut, or none 2 s after a restore. That it is
abnormal whenever the two contradict each other for so long, whichever of them moved, is ours: power that comes back
during a cut is the graver case. Bad quality of either neither raises nor clears, as with limits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from edge_agent.abnormal import Heard
from edge_agent.limits import LimitWatch, OpenAlarm, Side, Transition
from edge_agent.rules import FeedRule, LimitRule, TagRule
from profiles.wire import quality as q
from profiles.wire.messages import Value


class Feeds:
    """All feeders with their devices; `alarms` is what an earlier run left open."""

    def __init__(self, rules: Mapping[str, TagRule], alarms: Mapping[str, Mapping[Side, OpenAlarm]]) -> None:
        self._watches = [
            FeedWatch(rule.feed, alarms.get(name, {}).get("feed")) for name, rule in rules.items() if rule.feed
        ]
        self._of = _by_tag(self._watches)

    def change(self, rules: Mapping[str, TagRule]) -> set[str]:
        """Go on by these rules; nothing that stands is heard again: which of the two moved is not known."""
        kept = {watch.rule: watch for watch in self._watches}
        opened = {watch.rule.feeder: watch.open for watch in self._watches}
        feeds = [(name, rule.feed) for name, rule in rules.items() if rule.feed]
        self._watches = [kept.get(feed) or FeedWatch(feed, opened.get(name)) for name, feed in feeds]
        self._of = _by_tag(self._watches)
        return set()

    def open(self, tag: str) -> dict[Side, OpenAlarm]:
        """What stands of a feeder."""
        own = (feed for feed in self._of.get(tag, ()) if feed.rule.feeder == tag)
        alarm = next((feed.open for feed in own), None)
        return {} if alarm is None else {"feed": alarm}

    def hear(self, heard: Heard) -> Iterator[tuple[str, Transition]]:
        """What a reading says of the feeder or the cut-off device that it is of."""
        usable = None if q.is_bad(heard.quality) else heard.value
        for feed in self._of.get(heard.tag, ()):
            moves = feed.judge(heard.tag, usable, heard.time, heard.era, heard.mono)
            yield from ((feed.rule.feeder, each) for each in moves)

    def wait(self, time: int, era: int, mono: float) -> Iterator[tuple[str, Transition]]:
        """What the time that ran out brings; `time` is now."""
        for feed in self._watches:
            yield from ((feed.rule.feeder, each) for each in feed.wait(time, era, mono))


class FeedWatch:
    """One feeder with its device; `open_alarm` is what an earlier run left open."""

    def __init__(self, rule: FeedRule, open_alarm: OpenAlarm | None = None) -> None:
        self.rule = rule
        self._values: dict[str, Value] = {}
        apart = LimitRule(alarm_when=True, delay=rule.after)
        self._watch = LimitWatch(apart, {"switch": open_alarm} if open_alarm else None)

    @property
    def open(self) -> OpenAlarm | None:
        """The alarm that stands."""
        return self._watch.open.get("switch")

    def judge(self, tag: str, value: Value, time: int, era: int, mono: float) -> list[Transition]:
        """What a reading of one of the two brings, None for one that cannot be used; `time` in ms UTC, `mono` in s."""
        self._values[tag] = value
        device, feeder = (self._values.get(name) for name in (self.rule.device, self.rule.feeder))
        if device is None or feeder is None:
            self._watch.unusable()
            return []
        return self._own(self._watch.judge(bool(device) != bool(feeder), time, era, mono))

    def wait(self, time: int, era: int, mono: float) -> list[Transition]:
        """What the time that ran out brings, while both stand; `time` is now."""
        return self._own(self._watch.wait(time, era, mono))

    def _own(self, found: Iterable[Transition]) -> list[Transition]:
        """With the feeder's value: that the two contradict each other is none."""
        return [replace(each, side="feed", value=self._values.get(self.rule.feeder)) for each in found]


def _by_tag(feeds: Iterable[FeedWatch]) -> dict[str, list[FeedWatch]]:
    found: dict[str, list[FeedWatch]] = {}
    for watch in feeds:
        for name in (watch.rule.feeder, watch.rule.device):
            found.setdefault(name, []).append(watch)
    return found
