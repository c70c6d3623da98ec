"""What an electronic seal (电子封条) is, as data: positions, events, levels, pushes, times (notes on mines, 5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from config.load import Fault
from config.model import Duration, Size
from profiles.report import ReportCommon
from profiles.stated import Names, Stated
from profiles.wire.messages import Level

Grave = Annotated[int, Field(ge=1, le=3)]
"""1 grave, 2 warning, 3 notice."""
GRAVE, NOTICE = 1, 3
Group = Literal["people", "vehicles", "equipment", "post", "count", "tampering", "supply", "quality", "link"]


class Position(Stated, Names):
    """A place that is watched."""

    events: tuple[str, ...]
    """The events that are looked for there."""


class SealEvent(Stated, Names):
    """Something that a camera, a contact or a comparison finds."""

    group: Group
    """What it is about; the loop of sealed mines goes by it."""
    sealed: Grave
    """Level in a sealed mine, without a permit."""
    producing: Grave
    """Level in a mine that works."""
    on: Duration = 0.0
    """How long its trigger must hold until it is raised."""
    off: Duration | None = None
    """How long it must not hold until it is cleared; left out: it is a passage, raised and over at once."""
    merge: Duration | None = None
    """Raised again within this time it is the same event; left out: the loop's."""
    triggers: dict[str, float] = Field(default_factory=dict)
    """Thresholds of its trigger by name, in the units that the profile states."""
    analysis: str = ""
    """`analysisType` of the industrial-video platform (工业视频); left out: it is not told there."""
    case: str = ""
    """`analysisCase` of a quality diagnosis."""


class MineState(Stated, Names):
    """A state of a mine, as its supervisor orders it."""

    sealed: bool
    """Whether nothing may go on there without a permit."""


class Loop(Stated):
    """From push to closing (报警闭环)."""

    merge: Duration
    """The same event at the same place within this time is told as an update."""
    push: Duration
    """From the picture to the platform at most."""
    acknowledge: Duration
    """By the duty officer."""
    escalate: Duration
    """Then up a level, again and again."""
    check: Duration
    """Until the result of the check on site is due."""


class SealEvidence(Stated):
    """Pictures and films of an event."""

    before: Duration
    """The picture before the event."""
    after: Duration
    """The picture after it."""
    width: int
    """Pixels of a picture."""
    picture: Size
    """Bytes of a picture at most."""
    film_before: Duration
    film_after: Duration
    film: Size
    """Bytes of a film at most."""
    keep: Duration
    """How long evidence is kept; of open or disputed events until so long after they were closed."""


class Beat(Stated):
    """Heartbeat and what counts as off line."""

    terminal_lost: Duration
    """A terminal that said nothing for so long is an event."""
    terminal_alarm: Duration
    """A terminal or camera off line for so long is a grave alarm in a sealed mine."""
    cameras: Duration
    """How often the states of all cameras are told, beside each change."""
    camera_least: Duration
    """Between two changes of one camera at least."""
    camera_lost: Duration
    """A camera without a picture for so long is off line."""
    camera_back: Duration
    """Back when it gave pictures for so long."""
    clock_warning: Duration
    """Offset of a terminal's clock that is told."""
    clock_fault: Duration
    """Offset beyond which forbidden periods are judged by the server's clock."""
    statistics: Duration
    """How often counts are told."""


class Links(Stated):
    """By which quantities and events it is known what is on line."""

    online: str
    """Quantity: whether a camera is on line."""
    offset: str
    """Quantity: how far the terminal's clock is ahead, in s."""
    camera: str
    """Event: a camera is off line."""
    terminal: str
    """Event: a terminal is off line; the collector raises it."""


class Cm6Report(ReportCommon):
    """Push to an industrial-video platform (工业视频, MT/T 1201.6)."""

    family: Literal["CM6"] = "CM6"
    period: Annotated[Duration, Field(ge=1)] = 300.0
    """How often the people underground are told; cameras are registered by `statics`, and at every change."""
    late_after: Annotated[Duration, Field(ge=1)] = 300.0
    source_down: Annotated[Duration, Field(ge=1)] = 300.0
    paths: dict[Literal["camera", "status", "anomaly", "counting", "underground"], str]
    """Where each kind of message is posted."""
    repeat: Duration = 60.0
    """The same camera and case at the earliest again."""


class SealReport(ReportCommon):
    """Push to a seal platform (电子封条平台)."""

    family: Literal["seal"] = "seal"
    period: Annotated[Duration, Field(ge=1)] = 3600.0
    """How often counts are told."""
    settle: Duration | None = 60.0
    """They are told at hh:01, with the alarms and readings that came until then."""
    late_after: Annotated[Duration, Field(ge=1)] = 300.0
    """A message later than this is a resumed one (`resend`)."""
    source_down: Annotated[Duration, Field(ge=1)] = 300.0


FileOf = Literal["event", "count", "status", "camera"]


class SealFileReport(SealReport):
    """The same to a platform that takes files, in the grammar of the profile's `files`."""

    family: Literal["seal-file"] = "seal-file"  # type: ignore[assignment]  # another of the same shape
    heartbeat: None = None
    """Files know none."""
    kinds: dict[FileOf, str]
    """The kind of file (`files: kinds`) of each message; its fields are called as the message's keys."""


class Seal(Stated):
    """The electronic seal."""

    positions: dict[str, Position]
    events: dict[str, SealEvent]
    states: dict[str, MineState]
    """`mineState`."""
    kinds: dict[str, str]
    """`mineKind`: coal mine, underground, open pit."""
    works: dict[str, str]
    """What a permit may allow."""
    findings: dict[str, str]
    """What a check on site may find."""
    levels: dict[Literal["1", "2", "3"], Level]
    """Level on the wire and in the alarm book of grave, warning and notice."""
    loop: Loop
    evidence: SealEvidence
    beat: Beat
    links: Links
    cm6: Cm6Report | None = None
    push: SealReport | None = None
    files: SealFileReport | None = None


def check(seal: Seal) -> Iterator[Fault]:
    """What the parts contradict each other in."""
    for name, position in seal.positions.items():
        for index, event in enumerate(position.events):
            if event not in seal.events:
                yield Fault(("seal", "positions", name, "events", index), f"{event!r} is none of the seal's events")
    for name, event in (("camera", seal.links.camera), ("terminal", seal.links.terminal)):
        if event not in seal.events:
            yield Fault(("seal", "links", name), f"{event!r} is none of the seal's events")
    if missing := {"1", "2", "3"} - seal.levels.keys():
        yield Fault(("seal", "levels"), f"{', '.join(sorted(missing))} is missing")


def is_sealed(seal: Seal, state: str) -> bool:
    """Whether a mine of this state is sealed; without an ordered state it is: better one alarm too many than none."""
    return seal.states[state].sealed if state in seal.states else True


def level(seal: Seal, code: str, state: str, *, permitted: bool, lasting: float = 0.0) -> int:
    """Level of an event in a mine of this state (notes on mines, 5.7); KeyError for what the profile does not know.

    `lasting`: for how many seconds it stands; a camera or terminal off line for long is tampering in a sealed mine.
    """
    event = seal.events[code]
    if not is_sealed(seal, state):
        return event.producing
    if event.group == "link" and lasting >= seal.beat.terminal_alarm:
        return GRAVE
    return 3 if permitted and event.group in _PERMITTED else event.sealed


_PERMITTED: frozenset[Group] = frozenset({"people", "vehicles", "equipment", "post", "count"})
"""What a permit can allow: nobody is allowed to cover a camera."""
