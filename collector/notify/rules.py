"""Which receivers are told of a change, decided and put into the queue within the transaction of the change."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from collector.alarms.lives import Life
from collector.notify import queue
from collector.notify.settings import DAYS, DutySettings, NotifySettings, RuleSettings
from profiles.zones import offset

COUNTED = ("raised again", "cleared")
"""Steps that a life may take more than once; each is told once a raise, until the life is said to chatter."""


class Rules:
    """A listener of the alarm book."""

    def __init__(self, settings: NotifySettings) -> None:
        self._settings = settings

    def change(self, settings: NotifySettings) -> None:
        """Go by these from the next change on."""
        self._settings = settings

    def __call__(self, db: sqlite3.Connection, life: Life, steps: Sequence[str], now: int) -> None:
        """Queue what is to be told; `now` in ms UTC. What was acknowledged escalates no further."""
        if life.state != "open":
            queue.withdraw(db, life.id)
        body = msgspec.json.encode(life).decode()
        for rule in self._fitting(life, now):
            for step in steps:
                if step in rule.steps:
                    for receiver in rule.to:
                        queue.put(db, life.id, _named(step, life), receiver, now, body)
            if life.state == "open":
                for step, receiver, due in _escalation(rule, life, now):
                    queue.put(db, life.id, step, receiver, due, "")

    def _fitting(self, life: Life, now: int) -> Iterator[RuleSettings]:
        place, settings = life.place, self._settings
        for rule in settings.rules:
            if (
                (not rule.levels or {life.last.level, life.gravest} & set(rule.levels))
                and (not rule.regions or place.region.startswith(rule.regions))
                and (not rule.profiles or place.profile in rule.profiles)
                and (not rule.sites or place.site in rule.sites)
                and (rule.duty is None or on_duty(rule.duty, now, settings.zone))
            ):
                yield rule


def _named(step: str, life: Life) -> str:
    """The step's name in the queue, where one is told once."""
    if step in COUNTED:
        return f"{step} {life.count}"
    if step == "graver":
        return f"{step} {life.severity}"
    if step in ("changed", "reopened", "handled"):
        return f"{step} {life.version}"
    return step


def _escalation(rule: RuleSettings, life: Life, now: int) -> Iterator[tuple[str, str, int]]:
    """Step, receiver and time of each level. One that became graver after it was acknowledged begins anew."""
    if rule.escalate is None:
        return
    anew = f" {life.acknowledged.at}" if life.acknowledged is not None else ""
    for level, receivers in enumerate(rule.escalate.to):
        due = now + round((rule.escalate.after + level * rule.escalate.every) * 1000)
        for receiver in receivers:
            yield f"escalated {level + 1}{anew}", receiver, due


def on_duty(duty: DutySettings, now: int, zone: str) -> bool:
    """Whether a moment (ms UTC) is within the duty."""
    local = datetime.fromtimestamp(now / 1000, UTC).astimezone(offset(zone))
    clock = local.strftime("%H:%M")
    if duty.begin < duty.end:
        return DAYS[local.weekday()] in duty.days and duty.begin <= clock < duty.end
    begun = local if clock >= duty.begin else local - timedelta(days=1)
    return DAYS[begun.weekday()] in duty.days and (clock >= duty.begin or clock < duty.end)
