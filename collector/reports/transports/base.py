"""What a transport is: a way to one platform, which says of each packet what became of it.

A transport is a folder here, registered by the entry point group ``collector.report_transports``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any, ClassVar, Literal, Protocol

from config.model import Settings

ENTRY_POINTS = "collector.report_transports"
Verdict = Literal["accepted", "refused", "unauthorised", "later", "taken"]
"""accepted: the platform has it. refused: it can never be taken. unauthorised: the platform does not take our word for
who we are. later: no answer, or one that passes; it must come again. taken: its file name belongs to another content
there; it must come again under another one."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A packet on its way: its id, bytes, file name (for folders) and path below the target's URL (for HTTP).

    `profile`, `gateway` and `kind` (alarm, live, resumed, static) say what it is about, for topics.
    `headers` travel beside the body, where a transport has room for some (HTTP, MQTT 5).
    """

    id: str
    body: bytes
    name: str = ""
    path: str = ""
    profile: str = ""
    gateway: str = ""
    kind: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a packet, and the platform's own words."""

    verdict: Verdict
    message: str = ""


class Transport(Protocol):
    """One way to one platform; one packet is in flight at a time."""

    name: ClassVar[str]
    settings_model: ClassVar[type[Settings]]

    def __init__(self, settings: Any) -> None: ...

    async def send(self, packet: Outgoing) -> Answer:
        """Deliver a packet; returns within the settings' time-outs and raises nothing for what the network does."""

    async def close(self) -> None:
        """Release connections."""


def transports() -> dict[str, type[Transport]]:
    """The installed kinds of transport by name."""
    return {point.name: point.load() for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda p: p.name)}


def file_place(packet: Outgoing) -> tuple[str, ...] | None:
    """Where a packet lies as a file: folders and name; None for what would not be a file below the target's folder.

    A packet of a family that names no files is called by its id.
    """
    place = (*packet.path.strip("/").split("/"), packet.name or f"{packet.id}.json")
    place = tuple(step for step in place if step)
    return None if any(step.startswith(".") or "/" in step or "\0" in step for step in place) else place


def told(raw: bytes) -> Any:
    """An answer's JSON; as text where it is none, or is nested beyond what can be read."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return raw.decode(errors="replace")


def judged(answer: Any, identity: str) -> Answer:
    """A platform's JSON answer (specification notes, 1.6; notes on mines, 5.6) as a verdict."""
    if not isinstance(answer, dict):
        return Answer("later", f"an answer that is no JSON object: {str(answer)[:200]}")
    about = answer.get("dataId") or answer.get("msgId")
    if about is not None and identity and about != identity:
        return Answer("later", f"an answer to another packet: {str(about)[:200]}")
    success = answer.get("success")
    if success is True or (success is not False and str(answer.get("code")) == "200"):
        return Answer("accepted", str(answer.get("msg", "")))
    code = str(_error(answer).get("code", answer.get("code", "")))
    words = failure_words(answer)
    if code in ("401", "403"):
        return Answer("unauthorised", words)
    if code in ("408", "429") or code.startswith("5") or not code:
        return Answer("later", words or str(answer)[:200])
    return Answer("refused", words)


def failure_words(answer: Any) -> str:
    """What a platform's JSON answer says of its refusal, such as ``400 ID message``; empty where it says nothing."""
    if not isinstance(answer, dict):
        return ""
    error = _error(answer)
    return " ".join(str(error[key]) for key in ("code", "id", "message", "msg") if error.get(key))


def _error(answer: dict[str, Any]) -> dict[str, Any]:
    return its if isinstance(its := answer.get("error"), dict) else answer
