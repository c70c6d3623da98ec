"""Settings of notifications: who can be reached, and who is told what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from collector.notify.channels.command import CommandSettings
from collector.notify.channels.smtp import SmtpSettings
from collector.notify.channels.webhook import WebhookSettings
from config.load import Fault, Sought
from config.model import Duration, Settings, Written
from profiles.wire.messages import Level

Step = Literal[
    "raised", "raised again", "graver", "changed", "chattering", "cleared", "reopened", "acknowledged", "handled",
    "closed",
]  # fmt: skip
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
TimeOfDay = Annotated[str, Written(r"^([01][0-9]|2[0-3]):[0-5][0-9]$", "a time of day such as 08:00")]
EndOfDuty = Annotated[
    str,
    Written(r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", "a time of day such as 18:00, or 24:00 for the end of the day"),
]
Names = Annotated[tuple[str, ...], Field(min_length=1)]


class DutySettings(Settings):
    """When a rule holds, by the zone of `notify.zone`; an `end` before the `begin` is on the next day."""

    days: Annotated[tuple[Day, ...], Field(min_length=1)] = DAYS
    """Days on which the duty begins."""
    begin: TimeOfDay = "00:00"
    """Its first minute."""
    end: EndOfDuty = "00:00"
    """The minute after its last, 24:00 for the end of the day; equal to `begin`: a whole day."""


class EscalationSettings(Settings):
    """Who is told of an alarm that nobody acknowledges (specification notes, mines 5.7: 15 min, then every 30 min)."""

    after: Annotated[Duration, Field(ge=0.1)] = 15 * 60.0
    """How long after the collector heard of it the first of `to` are told."""
    every: Annotated[Duration, Field(ge=0.1)] = 30 * 60.0
    """How long after that each next of `to`."""
    to: Annotated[tuple[Names, ...], Field(min_length=1)]
    """Receivers by level, such as county, city, province: ``[[county], [city, city-mail], [province]]``."""


class RuleSettings(Settings):
    """Who is told of which alarms; every rule that fits holds, and each receiver is told once."""

    to: Names
    """Receivers by name."""
    levels: tuple[Level, ...] = ()
    """Levels on the wire (HH, RED …) that the alarm has, or had at its gravest; left out: all."""
    regions: tuple[str, ...] = ()
    """County codes, or their beginnings (11 is a province); left out: all."""
    profiles: tuple[str, ...] = ()
    """Profiles; left out: all, and what has none."""
    sites: tuple[str, ...] = ()
    """Sites by code; left out: all."""
    duty: DutySettings | None = None
    """When the rule holds; left out: always."""
    steps: Annotated[tuple[Step, ...], Field(min_length=1)] = (
        "raised", "raised again", "graver", "chattering", "cleared", "reopened",
    )  # fmt: skip
    """What is told."""
    escalate: EscalationSettings | None = None
    """Who is told when nobody acknowledges; left out: nobody."""


Receiver = Annotated[WebhookSettings | SmtpSettings | CommandSettings, Field(discriminator="type")]


class NotifySettings(Settings):
    """Notifications of alarms."""

    receivers: tuple[Receiver, ...] = ()
    """Who can be reached, and how: ``type: webhook``, ``smtp`` or ``command``."""
    rules: tuple[RuleSettings, ...] = ()
    """Who is told what."""
    zone: Annotated[str, Written(r"^[+-](0[0-9]|1[0-4]):[0-5][0-9]$", "an offset from UTC such as +08:00")] = "+08:00"
    """Offset from UTC by which duty is reckoned and times are told; Beijing time by default."""
    give_up: Annotated[Duration, Field(ge=1)] = 86_400.0
    """How long a message is tried; then it is given up, and the audit log says so."""


def rule_faults(notify: NotifySettings) -> Iterator[Fault]:
    """Receivers that stand twice or have no address, and rules that name one that does not stand there."""
    first: dict[str, int] = {}
    for number, receiver in enumerate(notify.receivers):
        if first.setdefault(receiver.name, number) != number:
            yield Fault(("notify", "receivers", number, "name"), f"receiver {receiver.name!r} stands twice; first",
                        first=("notify", "receivers", first[receiver.name], "name"))  # fmt: skip
        if isinstance(receiver, WebhookSettings) and not receiver.is_address:
            yield Fault(
                ("notify", "receivers", number, "url"), "expected an address that begins with https:// or http://"
            )
    known = ", ".join(first) or "none"
    for number, rule in enumerate(notify.rules):
        for path, name in _named(rule):
            if name not in first:
                yield Fault(
                    ("notify", "rules", number, *path),
                    f"no receiver has the name {name!r}; there are: {known}",
                    sought=Sought(("notify", "receivers"), name),
                )


def _named(rule: RuleSettings) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """The receivers that a rule names, with their places in it."""
    for at, name in enumerate(rule.to):
        yield ("to", at), name
    for level, names in enumerate(rule.escalate.to if rule.escalate else ()):
        for at, name in enumerate(names):
            yield ("escalate", "to", level, at), name
