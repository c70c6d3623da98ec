"""What an electronic seal (电子封条) is, as data: positions, events, levels, pushes, times (notes on mines, 5)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

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
    contact: Literal[True] | None = None
    """Told by a contact of an instrument: a lock, a cabinet, the mains."""
    local: Literal[True] | None = None
    """Of ours alone: no platform's specification has its code, and so none is told of it."""


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
    """A terminal off line for so long, or a camera blind for so long, is a grave alarm in a sealed mine."""
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
    below: str
    """Quantity: people underground by the cameras, since 00:00."""
    cards: str
    """Quantity: people underground by the cards that they carry."""
    mismatch: str
    """Event: both differ; the collector raises it. Its triggers: `persons`, and `share` of the larger."""


class Effect(Stated):
    """What an event makes of the seal of its position; what is left out, nothing."""

    standing: str | None = None
    """While it stands."""
    until_closed: str | None = None
    """From its beginning until its alarm is closed, by a person."""


class Verdicts(Stated):
    """The state of the seal itself (封条状态) of a position and of a mine, from the alarms there."""

    states: dict[str, Names]
    """Every state, the gravest first: of several at a position, and of a mine's positions, the gravest counts."""
    intact: str
    """Nothing stands, and nothing is to be closed."""
    permit: str
    """Nothing else, while a permit allows something there."""
    blind: str
    """The state in which nobody sees the position; so long as `beat: terminal_alarm`, it is grave in a sealed mine."""
    groups: dict[Group, Effect]
    """By what an event is about. What its order permits, and what a mine that works did, has no effect."""
    events: dict[str, Effect] = Field(default_factory=dict)
    """Events that differ from their group."""


class Cm6Report(ReportCommon):
    """Push to an industrial-video platform (工业视频, MT/T 1201.6)."""

    family: Literal["CM6"] = "CM6"
    period: Annotated[Duration, Field(ge=1)] = 300.0
    """How often the people underground are told; cameras are registered by `statics`, and at every change."""
    late_after: Annotated[Duration, Field(ge=1)] = 300.0
    source_down: Annotated[Duration, Field(ge=1)] = 300.0
    paths: dict[Literal["camera", "status", "anomaly", "counting", "underground", "persons"], str]
    """Where each kind of message is posted; persons: how many a conveyance carried (cage, chair lift, vehicle)."""
    counted: tuple[str, ...]
    """Analyses of passages, which are told with the number of persons."""
    directions: dict[str, str]
    """Value of `direction` by the quantity that counts persons so."""
    repeat: Duration = 60.0
    """The same camera and case at the earliest again."""
    picture: Size = 20_000_000
    """Bytes of a picture at most."""
    picture_wait: Duration = 8.0
    """How long a message waits for its pictures; then it leaves without, since there is no update of it."""


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
    verdicts: Verdicts
    registered: tuple[str, ...]
    """The analyses (`analysisType`) that a camera is registered for, where an event of its position has one of them."""
    everywhere: tuple[str, ...]
    """Those of them that every camera is registered for: the quality of the picture."""
    cm6: Cm6Report | None = None
    push: SealReport | None = None
    files: SealFileReport | None = None


def is_sealed(seal: Seal, state: str) -> bool:
    """Whether a mine of this state is sealed; without an ordered state it is: better one alarm too many than none."""
    return seal.states[state].sealed if state in seal.states else True


NOTHING = (None, None)
"""What an event without an effect makes of the seal."""


def effect_of(seal: Seal, code: str) -> tuple[str | None, str | None]:
    """What an event makes of the seal while it stands, and until its alarm is closed; of an unknown one nothing."""
    if code not in seal.events:
        return NOTHING
    verdicts = seal.verdicts
    found = verdicts.events.get(code) or verdicts.groups[seal.events[code].group]
    return found.standing, found.until_closed


def level(seal: Seal, code: str, state: str, *, permitted: bool, lasting: float = 0.0) -> int:
    """Level of an event in a mine of this state (notes on mines, 5.7); KeyError for what the profile does not know.

    `lasting`: for how many seconds it stands; one that is blind for long is tampering in a sealed mine.
    """
    event = seal.events[code]
    if not is_sealed(seal, state):
        return event.producing
    if effect_of(seal, code)[0] == seal.verdicts.blind and lasting >= seal.beat.terminal_alarm:
        return GRAVE
    return 3 if permitted and event.group in _PERMITTED else event.sealed


_PERMITTED: frozenset[Group] = frozenset({"people", "vehicles", "equipment", "post", "count"})
"""What a permit can allow: nobody is allowed to cover a camera."""
