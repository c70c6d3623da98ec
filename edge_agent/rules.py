"""What the sampler does with each tag: the site's settings, completed by the profile's parameters, once at start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge_agent.tags import Deadband, DeviceSettings, LimitSettings
from profiles.judge import agent_parameters
from profiles.load import Library
from profiles.wire.messages import Manifest, TagType

STALE_AFTER = 3
"""A polled tag that gave nothing for this many times its `max_silence` is stale (specification notes, 6.3)."""


@dataclass(frozen=True, slots=True)
class LimitRule:
    """The alarm limits of one tag, in its unit; `delay` in seconds."""

    HH: float | None = None
    H: float | None = None
    L: float | None = None
    LL: float | None = None
    alarm_when: bool | None = None
    hysteresis: float = 0.0
    delay: float = 0.0


@dataclass(frozen=True, slots=True)
class TagRule:
    """How one tag is sampled; times in seconds, values in the tag's unit."""

    tag: str
    device: str
    type: TagType = "number"
    interval: float = 5.0
    deadband: Deadband | None = None
    max_silence: float = 60.0
    by_exception: bool = False
    """Whether the device reports only changes, so that silence means an unchanged value."""
    limits: LimitRule | None = None
    jump: float | None = None
    frozen: float | None = None

    @property
    def stale_after(self) -> float:
        """Silence after which a polled tag is stale, s."""
        return STALE_AFTER * max(self.max_silence, self.interval)


def build_rules(devices: Sequence[DeviceSettings], manifest: Manifest, library: Library) -> dict[str, TagRule]:
    """The rule of every tag, by its name."""
    rules = {}
    for device in devices:
        for tag in device.all_tags():
            parameters = agent_parameters(manifest.tags[tag.name], library)
            rules[tag.name] = TagRule(
                tag=tag.name,
                device=device.name,
                type=device.tag_type(tag),
                interval=tag.interval or device.interval,
                deadband=tag.deadband,
                max_silence=tag.max_silence,
                by_exception=device.by_exception(),
                limits=_limits(tag.limits, parameters.hysteresis, parameters.delay),
                jump=parameters.jump,
                frozen=parameters.frozen,
            )
    return rules


def _limits(limits: LimitSettings | None, hysteresis: float, delay: float) -> LimitRule | None:
    if limits is None:
        return None
    return LimitRule(
        HH=limits.HH,
        H=limits.H,
        L=limits.L,
        LL=limits.LL,
        alarm_when=limits.alarm_when,
        hysteresis=hysteresis if limits.hysteresis is None else limits.hysteresis,
        delay=delay if limits.delay is None else limits.delay,
    )
