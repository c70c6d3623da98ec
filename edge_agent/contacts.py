"""Contacts of an electronic seal (电子封条): the flag of an instrument that is an event of it, as of a lock.

Source: notes on mines, 5.4: raised once the contact has told it for the profile's `on`, cleared once it has told the
opposite for `off`. Bad quality neither raises nor clears, and a time that runs begins anew, as with limits
(`edge_agent.limits`). Times run on the monotonic clock; an event carries the time of the reading, or of the moment at
which the time ran out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from edge_agent.rules import ContactRule, TagRule
from profiles.wire.codec import event_id
from profiles.wire.messages import Event, EventState, Level, Value


class OpenContact(msgspec.Struct, frozen=True):
    """An event that was raised and not cleared: survives a restart of the agent; `since` in ms UTC."""

    code: str
    level: Level
    since: int
    era: int


class ContactChange(NamedTuple):
    """A transition; `contact` names the life that it belongs to, `time` is in ms UTC."""

    tag: str
    state: EventState
    contact: OpenContact
    time: int
    value: Value
    text: str


class ContactWatch:
    """One contact; `opened` is what an earlier run, or other settings, left open."""

    def __init__(self, tag: str, rule: ContactRule, opened: OpenContact | None = None) -> None:
        self.rule, self.open = rule, opened
        self._tag = tag
        self._begun: float | None = None
        """Since when (s, monotonic) it tells the opposite of what stands."""
        self._value: Value = None
        self._told = (opened.era, opened.since) if opened else (-1, 0)
        """Era and time of the last transition."""

    def judge(self, value: Value, time: int, era: int, mono: float) -> ContactChange | None:
        """What a reading brings, None for one that cannot be used; `time` in ms UTC, `mono` in s."""
        if value is None:
            self._begun = None
            return None
        holds = bool(value) == self.rule.when
        if holds == (self.open is not None):
            self._begun = None
            return None
        self._value = value
        self._begun = mono if self._begun is None else self._begun
        if mono - self._begun < (self.rule.on if holds else self.rule.off):
            return None
        self._begun = None
        last_era, last = self._told
        time = max(time, last + 1) if last_era == era else time  # its readings and our clock may differ
        self._told = era, time
        if self.open is None:
            self.open = OpenContact(self.rule.code, self.rule.level, time, era)
            return ContactChange(self._tag, "raised", self.open, time, value, self.rule.text)
        opened, self.open = self.open, None
        return ContactChange(self._tag, "cleared", opened, time, value, self.rule.text)

    def wait(self, time: int, era: int, mono: float) -> ContactChange | None:
        """What the time that ran out brings, while nothing else is heard; `time` is now."""
        return None if self._begun is None else self.judge(self._value, time, era, mono)


class Contacts:
    """All contacts of an agent by their tags; `opened`: what stands of them."""

    def __init__(self, rules: Iterable[TagRule], opened: Mapping[str, OpenContact]) -> None:
        self._watches = {rule.tag: _watch(rule.tag, rule.contact, opened) for rule in rules if rule.contact}

    def change(self, rules: Iterable[TagRule]) -> set[str]:
        """Go on by these rules; the contacts that are judged otherwise now, and so have to hear what stands."""
        before, opened = self._watches, {tag: each.open for tag, each in self._watches.items() if each.open}
        self._watches = {
            rule.tag: known
            if (known := before.get(rule.tag)) is not None and known.rule == rule.contact
            else _watch(rule.tag, rule.contact, opened)
            for rule in rules if rule.contact
        }  # fmt: skip
        return {tag for tag, each in self._watches.items() if before.get(tag) is not each}

    def hear(self, tag: str, value: Value, time: int, era: int, mono: float) -> list[ContactChange]:
        """What a reading brings, None for one that cannot be used; `time` in ms UTC, `mono` in s."""
        watch = self._watches.get(tag)
        found = watch.judge(value, time, era, mono) if watch else None
        return [found] if found else []

    def wait(self, time: int, era: int, mono: float) -> list[ContactChange]:
        """What times that ran out bring; `time` is now."""
        return [found for watch in self._watches.values() if (found := watch.wait(time, era, mono))]

    def open(self, tag: str) -> OpenContact | None:
        """What stands of a tag."""
        watch = self._watches.get(tag)
        return watch.open if watch else None


def stays(rule: TagRule | None, opened: OpenContact) -> bool:
    """Whether what stood open can still end by the contact itself: by these settings the tag tells the same event."""
    return rule is not None and rule.contact is not None and rule.contact.code == opened.code


def contact_event(agent: str, change: ContactChange, era: int) -> Event:
    """A transition as it travels; `era` is that of the change. The id of the life is that of its raise."""
    contact, time = change.contact, change.time
    life = event_id(agent, "contact", change.tag, contact.code, contact.since, contact.era)
    lasted = {"duration": max(0.0, (time - contact.since) / 1000)}
    return Event(
        id=event_id(life, change.state, time, era), alarm=life, kind="seal", level=contact.level, state=change.state,
        time=time, since=contact.since, tag=change.tag, value=change.value, text=change.text, code=contact.code,
        facts=dict(lasted) if change.state == "cleared" else {},
    )  # fmt: skip


def _watch(tag: str, rule: ContactRule, opened: Mapping[str, OpenContact]) -> ContactWatch:
    left = opened.get(tag)
    return ContactWatch(tag, rule, left if left is not None and left.code == rule.code else None)
