"""What happened, as the event that travels: one function a kind. Ids are made of what makes an event that one, so
that one that travels twice is one."""

from __future__ import annotations

from config.certificates import CODE
from edge_agent.clock import Step
from edge_agent.drivers.base import CameraEvent, SystemAlarm
from edge_agent.limits import Transition
from edge_agent.links import DeviceChange, OpenFault
from edge_agent.sampler import Reset
from profiles.limits import SYSTEM
from profiles.linkage import FEED
from profiles.textfile.abnormal import CODES
from profiles.wire.codec import event_id
from profiles.wire.messages import MAX_WORDS, REFERENCE, SNAPSHOT, Event, EventState, Evidence, Level

_CODES: dict[str, str] = {"feed": FEED, "system": SYSTEM, **{code: code for code in CODES}}
"""Of alarms that no limit and no rule made."""
_FEED_TEXT = "the feeder does not follow its cut-off device"
_PICTURED = {SNAPSHOT: "a picture was asked for", REFERENCE: "the scene was learnt"}


def noted(agent: str, level: Level, text: str, now: int, era: int) -> Event:
    """A fact about the agent itself; `now` in ms UTC."""
    made = event_id(agent, "agent", level, now, era, text)
    return Event(id=made, alarm=made, kind="agent", level=level, state="noted", time=now, since=now, text=text)


def expiry_event(
    agent: str, alarm: OpenFault, state: EventState, level: Level, text: str, now: int, era: int
) -> Event:  # fmt: skip
    """The agent's own certificates do not hold, or not for long, or all hold again."""
    life = event_id(agent, CODE, alarm.since, alarm.era)
    return Event(
        id=event_id(life, state, now, era), alarm=life, kind="agent", level=level, state=state, time=now,
        since=alarm.since, code=CODE, text=text[:MAX_WORDS],
    )  # fmt: skip


def clock_event(agent: str, step: Step, era: int) -> Event:
    """The agent's clock was set."""
    made = event_id(agent, "clock", step.at, step.by_ms, era)
    return Event(
        id=made, alarm=made, kind="clock", level="WARN", state="noted", time=step.at, since=step.at, text=step.text
    )


def limit_event(agent: str, tag: str, change: Transition, era: int) -> Event:
    """A change of a tag's alarm; `era` is that of the change. The id of the life is that of its raise."""
    life = event_id(agent, tag, change.side, change.alarm.since, change.alarm.era)
    return Event(
        id=event_id(life, change.state, change.level, change.time, era), alarm=life, kind="limit",
        level=change.level, state=change.state, time=change.time, since=change.alarm.since, tag=tag,
        value=change.value, limit=change.limit, text=change.text or (_FEED_TEXT if change.side == "feed" else ""),
        code=_CODES.get(change.side, ", ".join(change.rules)), facts=dict(change.facts),
        ended=list(change.ended),
    )  # fmt: skip


def system_event(agent: str, tag: str, told: SystemAlarm) -> Event:
    """A change of one of the alarms that another system tells of a tag's point; its time is that system's own."""
    life = event_id(agent, tag, SYSTEM, told.key)
    return Event(
        id=event_id(life, told.state, told.level, told.time), alarm=life, kind="limit", level=told.level,
        state=told.state, time=told.time, since=told.since, tag=tag, value=told.value, text=told.text, code=SYSTEM,
        facts=dict(told.facts),
    )  # fmt: skip


def device_event(agent: str, change: DeviceChange, era: int) -> Event:
    """A device falls silent or answers, its clock is wrong or right again; `era` is that of the change."""
    life = event_id(agent, change.device, change.kind, change.fault.since, change.fault.era)
    return Event(
        id=event_id(life, change.state, change.time, era), alarm=life, kind=change.kind, level="FAULT",
        state=change.state, time=change.time, since=change.fault.since, device=change.device, text=change.text,
    )  # fmt: skip


def reset_event(agent: str, reset: Reset, era: int) -> Event:
    """An accumulated value was set back."""
    made = event_id(agent, reset.tag, "reset", reset.time, era)
    return Event(
        id=made, alarm=made, kind="agent", level="INFO", state="noted", time=reset.time, since=reset.time,
        tag=reset.tag, value=reset.value, code="reset",
        text=f"the accumulated value fell from {reset.before:.12g} to {reset.value:.12g}: it was set back",
    )  # fmt: skip


def camera_event(agent: str, event: CameraEvent, era: int) -> Event:
    """What a camera's pictures show, or the camera itself says."""
    life = event_id(agent, "camera", event.camera, event.code, event.since)
    return Event(
        id=event_id(life, event.state, event.time, era), alarm=life, kind=event.kind, level=event.level,
        state=event.state, time=event.time, since=event.since, camera=event.camera, text=event.text, code=event.code,
        facts=dict(event.facts), evidence=list(event.evidence),
    )  # fmt: skip


def picture_event(agent: str, camera: str, file: Evidence, code: str, now: int) -> Event:
    """A picture of a camera by itself, as a fact with its file; `code` says what it was taken for."""
    made = event_id(agent, code, camera, file.id, file.sha256)
    return Event(
        id=made, alarm=made, kind="agent", level="INFO", state="noted", time=now, since=now, camera=camera,
        text=_PICTURED[code], code=code, evidence=[file],
    )  # fmt: skip
