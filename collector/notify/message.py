"""What a receiver is told of an alarm's change, in words and as fields."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import Struct

from collector.alarms.lives import Life
from collector.figures import figure
from profiles.zones import offset

WORDS = {
    "raised": "报警", "raised again": "再次报警", "graver": "升级", "changed": "变化", "chattering": "频繁报警",
    "cleared": "恢复", "reopened": "重新确认", "acknowledged": "已确认", "handled": "已处置", "closed": "已关闭",
    "joined": "合并", "escalated": "超时未确认",
}  # fmt: skip
"""The steps in the field's words."""


class Message(Struct, frozen=True, kw_only=True):
    """One message; times in ms since 1970 UTC. `id` is the same in every repeat, so that a receiver can tell."""

    id: str
    collector: str
    step: str
    title: str
    text: str
    alarm: int
    state: str
    condition: str
    level: str
    severity: int
    count: int
    chattering: bool
    raised: int
    cleared: int
    agent: str
    kind: str
    source: str
    site: str
    region: str
    profile: str
    asset: str
    point: str
    quantity: str
    by: str
    note: str


def message(collector: str, life: Life, step: str, zone: str) -> Message:
    """What is said of a life at a step such as ``raised`` or ``escalated 2``; `zone` such as ``+08:00``."""
    word = step.rstrip("0123456789 ")
    place, last = life.place, life.last
    by, note = _people(life, word)
    source = place.source or place.agent
    title = f"[{last.level}] {word} {WORDS.get(word, '')}: {place.kind} {source}, site {place.site}"
    title = " ".join(title.split())  # a name with a line end must not end a mail's header
    end = f", cleared 恢复 {clock(life.cleared, zone)}" if life.cleared else ""
    lines = [
        title,
        f"since 起始 {clock(life.raised, zone)}{end}",
        f"value 数值 {figure(last.value)}" + (f", limit 限值 {figure(last.limit)}" if last.limit is not None else ""),
        f"point 指标 {place.point} ({place.profile})" if place.point else "",
        last.text,
        f"raised {life.count} times 次" if life.count > 1 else "",
        "chattering 频繁报警: further raises are counted, and no longer told one by one" if life.chattering else "",
        f"{by}: {note}" if by else "",
        f"alarm {life.id}, {life.state}, collector {collector}",
    ]
    return Message(
        id=f"{collector}/{life.id}/{life.known}/{step}", collector=collector, step=word, title=title,
        text="\n".join(line for line in lines if line), alarm=life.id, state=life.state, condition=life.condition,
        level=last.level, severity=life.severity, count=life.count, chattering=life.chattering, raised=life.raised,
        cleared=life.cleared, agent=place.agent, kind=place.kind, source=place.source, site=place.site,
        region=place.region, profile=place.profile, asset=place.asset, point=place.point, quantity=place.quantity,
        by=by, note=note,
    )  # fmt: skip


def _people(life: Life, word: str) -> tuple[str, str]:
    deed = {"acknowledged": life.acknowledged, "handled": life.handled, "closed": life.closed}.get(word)
    return (deed.by, deed.note) if deed is not None else ("", "")


def clock(ms: int, zone: str) -> str:
    """A moment for people, with its zone."""
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(offset(zone)).strftime("%Y-%m-%d %H:%M:%S %z")
