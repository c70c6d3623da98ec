"""Whether a feeder (馈电) follows its cut-off device (断电器), judged where both are heard in order.

Source: notes on mines, 1.5, `003`: voltage still there 2 s after a cut, or none 2 s after a restore. That it is
abnormal whenever the two contradict each other for so long, whichever of them moved, is ours: power that comes back
during a cut is the graver case. Bad quality of either neither raises nor clears, as with limits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from edge_agent.limits import LimitWatch, OpenAlarm, Transition
from edge_agent.rules import FeedRule, LimitRule
from profiles.wire.messages import Value


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
