"""What the sampler does with each tag: the site's settings, completed by the profile's parameters, once at start."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Literal

from edge_agent.conditions import AbnormalRule, abnormal_rule
from edge_agent.current_loop import CurrentLoop
from edge_agent.tags import ContactSettings, Deadband, DeviceSettings, TagSettings
from profiles.judge import AgentParameters, agent_parameters
from profiles.limits import attributes
from profiles.load import Library
from profiles.seal import level
from profiles.textfile.abnormal import CODES
from profiles.textfile.encrypted import LONGEST
from profiles.wire.messages import Level, Limits, Manifest, Release, TagType

MAX_TEXT = 2 * 1024
"""Bytes (UTF-8) of a text that travels; an instrument that sends more sends no value. A batch of 500 of them, escaped
as JSON, is still a message that a collector unpacks (`profiles.wire.codec.MAX_MESSAGE`)."""
STALE_AFTER = 3
"""A polled tag that gave nothing for this many times its `max_silence` is stale (specification notes, 6.3)."""


NO_RELEASE = Release()


@dataclass(frozen=True, slots=True)
class LimitRule:
    """The alarm limits and colour thresholds of one tag, in its unit; `delay` in seconds."""

    HH: float | None = None
    H: float | None = None
    L: float | None = None
    LL: float | None = None
    alarm_when: bool | None = None
    RED: float | None = None
    ORANGE: float | None = None
    YELLOW: float | None = None
    BLUE: float | None = None
    bad_side: Literal["high", "low", "both"] = "high"
    """On which side the colours lie; both: by the absolute value."""
    fall_after: int = 1
    """Readings below a colour that it takes to leave it."""
    hysteresis: float = 0.0
    delay: float = 0.0
    release: Release = NO_RELEASE
    """At which value a limit lets go; where none is stated, once back inside by more than the hysteresis."""


@dataclass(frozen=True, slots=True)
class FeedRule:
    """A feeder (馈电) and its cut-off device (断电器), by their tags; `after`: how long they may contradict, s."""

    feeder: str
    device: str
    after: float


@dataclass(frozen=True, slots=True)
class ContactRule:
    """A contact of an electronic seal: `code` is the profile's event, `on` and `off` its times (s), `text` its name."""

    code: str
    when: bool
    on: float
    off: float
    level: Level
    text: str


@dataclass(frozen=True, slots=True)
class TagRule:
    """How one tag is sampled; times in seconds, values in the tag's unit."""

    tag: str
    device: str
    type: TagType = "number"
    interval: float = 5.0
    deadband: Deadband | None = None
    max_silence: float = 60.0
    alert_interval: float | None = None
    """The same while an alarm stands on it, if that is shorter."""
    by_exception: bool = False
    """Whether the device reports only changes, so that silence means an unchanged value."""
    limits: LimitRule | None = None
    feed: FeedRule | None = None
    """Of a feeder: whether it follows its cut-off device."""
    abnormal: AbnormalRule | None = None
    """What is abnormal of it beside its limits."""
    contact: ContactRule | None = None
    """What it tells as a contact of a seal."""
    jump: float | None = None
    frozen: float | None = None
    accumulates: bool = False
    """Whether its value never falls but where it is set back."""
    loop: CurrentLoop | None = None
    """What its readings, in mA, stand for."""
    max_text: int = MAX_TEXT
    """Bytes of its longest text."""

    def watches(self, side: str) -> bool:
        """Whether an alarm of this side may stand on it."""
        if self.abnormal is not None and self.abnormal.watches(side):
            return True
        if side in CODES:
            return False
        return (self.feed if side == "feed" else self.limits) is not None

    @property
    def stale_after(self) -> float:
        """Silence after which a polled tag is stale, s."""
        return STALE_AFTER * max(self.max_silence, self.interval)


def build_rules(
    devices: Sequence[DeviceSettings], manifest: Manifest, library: Library, raised: Container[str] = ()
) -> dict[str, TagRule]:
    """The rule of every tag, by its name; `raised`: tags that combined rules may raise, also without a limit."""
    rules, feeds = {}, _feeds(manifest, library)
    for device in devices:
        for tag in device.all_tags():
            parameters = agent_parameters(manifest.tags[tag.name], library)
            alarmed = tag.name in raised or device.tells_alarms(tag)
            limits = manifest.tags[tag.name].limits or (Limits() if alarmed else None)
            rule = None if limits is None else _limits(limits, parameters)
            slack, delay = (0.0, 0.0) if rule is None else (rule.hysteresis, rule.delay)
            rules[tag.name] = TagRule(
                tag=tag.name,
                device=device.name,
                type=device.tag_type(tag),
                interval=tag.interval or device.interval,
                deadband=tag.deadband,
                max_silence=tag.max_silence,
                alert_interval=parameters.alert_interval,
                by_exception=device.by_exception(),
                limits=rule,
                feed=feeds.get(tag.name),
                abnormal=abnormal_rule(manifest.tags[tag.name], library, parameters, slack, delay),
                contact=_contact(tag.seal, library),
                jump=parameters.jump,
                frozen=parameters.frozen,
                accumulates=parameters.accumulates,
                loop=current_loop(tag),
                max_text=MAX_TEXT if manifest.tags[tag.name].persons is None else LONGEST,
            )
    return rules


def _feeds(manifest: Manifest, library: Library) -> dict[str, FeedRule]:
    """By the tag of each feeder that a cut-off device names: a feeder follows one device, the first."""
    tags = {tag.point.code: name for name, tag in manifest.tags.items() if tag.point is not None}
    found: dict[str, FeedRule] = {}
    for name, tag in manifest.tags.items():
        linkage = library[tag.point.profile].linkage if tag.point and tag.point.profile in library else None
        if tag.point is None or linkage is None:
            continue
        for code in linkage.feeders_of(tag.point.quantity, attributes(tag.point, manifest.assets)):
            feeder = manifest.tags.get(tags.get(code, ""))
            if feeder is not None and feeder.point is not None and feeder.point.quantity in linkage.feeders:
                found.setdefault(tags[code], FeedRule(tags[code], name, linkage.after))
    return found


def _contact(contact: ContactSettings | None, library: Library) -> ContactRule | None:
    """At the level of a mine in the state that the settings state; the collector judges it again, by its order."""
    profile = library.get(contact.profile) if contact else None
    seal = profile.seal if profile else None
    if contact is None or seal is None or contact.event not in seal.events:
        return None  # `contact_faults` tells it
    event = seal.events[contact.event]
    grave = level(seal, contact.event, contact.mine_state, permitted=False)
    name = seal.levels[str(grave)]  # type: ignore[index]  # one of 1, 2, 3
    return ContactRule(contact.event, contact.when, event.on, event.off or 0.0, name, event.en)


def current_loop(tag: TagSettings) -> CurrentLoop | None:
    """The loop that the driver reads the current of; None where it reads the value itself."""
    return None if tag.signal is None or tag.range is None else CurrentLoop(*tag.range)


def _limits(limits: Limits, parameters: AgentParameters) -> LimitRule:
    return LimitRule(
        HH=limits.HH, H=limits.H, L=limits.L, LL=limits.LL, alarm_when=limits.alarm_when,
        RED=limits.RED, ORANGE=limits.ORANGE, YELLOW=limits.YELLOW, BLUE=limits.BLUE,
        bad_side=parameters.bad_side, fall_after=parameters.fall_after,
        hysteresis=parameters.hysteresis if limits.hysteresis is None else limits.hysteresis,
        delay=parameters.delay if limits.delay is None else limits.delay,
        release=limits.release,
    )  # fmt: skip
