"""What an encoder is: the readings, alarms and states of one gateway to report bodies in a family's own shape.

Encoders are pure: the same input gives the same bytes and the same packet ids, so that a repeat is a repeat.
"""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal

from collector.directory import Place
from collector.duty.records import Record
from collector.handled import Handled
from collector.mines import MineOrder
from collector.reports.crossings import Crossing
from collector.reports.encoders.pictures import PictureMode
from collector.reports.loads import Load
from collector.reports.tallies import Tally
from profiles.model import Profile, Quantity, Times
from profiles.stated import AbnormalName
from profiles.textfile.model import Encoding
from profiles.wire.messages import Event, Evidence, State
from profiles.wire.quality import is_bad, is_good
from profiles.zones import offset

PacketKind = Literal["alarm", "live", "resumed", "static", "heartbeat", "status", "repeat"]
"""heartbeat, status, repeat (which abnormal events still stand): of a gateway only the newest is kept, and none is ever
resumed."""
FLEETING: tuple[PacketKind, ...] = ("heartbeat", "repeat")
"""What is said again and again, so that nobody reads each refusal of it."""
NAMESPACE = uuid.UUID("6f1f1c7e-0b52-4f0e-9a55-1f6f3f5a0c00")
"""Of the packet ids: UUIDs of version 5, derived from what a packet is about."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway (网关) of a site, as one profile reports it."""

    profile: Profile
    site: str
    """Enterprise code (企业编码)."""
    code: str
    """Gateway code (网关编码)."""
    name: str = ""
    """Name of the enterprise."""
    encoding: Encoding | None = None
    """How files for this target are written; left out: as the profile says."""
    tables: frozenset[str] | None = None
    """Static tables that the target takes, of families that have some; None: all."""
    industry: str = ""
    """What kind of enterprise it is, as its settings say."""
    order: MineOrder | None = None
    """What the supervisor ordered of it, if it is a mine."""
    stops: Mapping[str, Record | None] = field(default_factory=dict)
    """By the codes of its points that are stopped (停用), the bureau's record of it; None: it was, and is no more."""
    pictures: PictureMode = "url"
    """How this target gets the pictures of a seal's events."""
    url_base: str = ""
    """What stands before a file's address."""
    persons: bool = False
    """Whether this target gets what tells of persons."""
    scenes: Mapping[str, Evidence] = field(default_factory=dict)
    """By the codes of its cameras the picture of the scene as it was learnt, where it is here."""


@dataclass(frozen=True, slots=True)
class Due:
    """A reading that is due: `value` in the profile's unit, `time` in ms UTC; `text` for words and exact integers."""

    place: Place
    time: int
    value: float | None
    text: str | None
    quality: str
    stood: frozenset[AbnormalName] = frozenset()
    """The levels of the point's alarms that stood at its time."""
    beside: dict[str, str] = field(default_factory=dict)
    """Readings of other points that belong to it, as they are written, by the field of a text file."""

    @property
    def valid(self) -> bool:
        """By the notes, 1.10: good and uncertain values are valid."""
        return not is_bad(self.quality)

    @property
    def good(self) -> bool:
        """Without any doubt."""
        return is_good(self.quality)

    def quantity(self, profile: Profile) -> Quantity:
        """Its indicator type."""
        return profile.quantities[self.place.point.quantity]


def by_hand(due: Sequence[Due]) -> list[tuple[Sequence[Due], bool]]:
    """Readings of instruments, and those taken by hand (人工观测), which are resumed ones (notes, 4.7)."""
    parts = [([each for each in due if each.place.spec.manual == manual], manual) for manual in (False, True)]
    return [(part, manual) for part, manual in parts if part]


@dataclass(frozen=True, slots=True)
class Alarm:
    """A transition that is due: `value` and `limit` in the profile's unit."""

    place: Place
    event: Event
    value: float | None
    limit: float | None
    crossings: tuple[Crossing, ...] = ()
    """What it opened and closed."""


@dataclass(frozen=True, slots=True)
class Statistic:
    """A point's values in a span that are not bad, in the profile's unit, and when the extremes were first reached."""

    place: Place
    mean: float
    highest: float
    highest_at: int
    """Ms UTC."""
    lowest: float
    lowest_at: int
    last: float


@dataclass(frozen=True, slots=True)
class Consumption:
    """What a meter counted in a span, in the profile's unit (kWh); `code`: the platform's of the meter."""

    place: Place
    code: str
    amount: float


@dataclass(frozen=True, slots=True)
class Action:
    """The action of a cut-off device: to 0, or back to 1; what is None nobody knows."""

    due: Due
    trigger: Place | None
    """The point that made it act."""
    value: float | None
    """Its value, in the profile's unit."""
    feed: float | None
    """Whether there is voltage some seconds later."""
    automatic: bool
    """Whether the trigger lies beyond its cut-off limit."""


@dataclass(frozen=True, slots=True)
class Handling:
    """What people noted of how an alarm was handled (处置记录): `at` in ms UTC."""

    cause: str
    measures: str
    at: int
    by: str


@dataclass(frozen=True, slots=True)
class Abnormal:
    """An abnormal event that is told again, with what is known of it by now."""

    place: Place
    crossing: Crossing
    figures: Statistic | None = None
    """Of its values from its beginning to its end, or up to now; None where it has no numbers."""
    handling: Handling | None = None


@dataclass(frozen=True, slots=True)
class CameraState:
    """Whether a camera is on line as of `time`, and `since` when (ms UTC); `cause`: why not, where that was told."""

    place: Place
    online: bool
    time: int
    since: int
    cause: str


@dataclass(frozen=True, slots=True)
class Alive:
    """What a gateway's agents that are connected say of themselves, by name, and of their cameras."""

    agents: Mapping[str, State]
    cameras: int = 0
    """How many there are."""
    online: int = 0
    """How many of them are known to be on line."""
    offset: float | None = None
    """How far the gateway's clock is ahead, in s, where that is measured."""


NOBODY = Alive({})


@dataclass(frozen=True, slots=True)
class Awaited:
    """A file of evidence that a packet waits for, `wait` s at most; None: for as long as it takes."""

    agent: str
    file: str
    wait: float | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A packet before it stands in the queue. `points`: code → ms of the reading that it carries."""

    id: str
    kind: PacketKind
    time: int
    body: bytes
    points: dict[str, int] = field(default_factory=dict)
    name: str = ""
    """File name, where the family writes files; where it is taken the packer gives it the next one."""
    path: str = ""
    """Path below the target's URL, where the family has several; of a static table its name."""
    ahead: int = 0
    """How many steps it goes ahead of other alarms: the graver, the more."""
    tally: Tally | None = None
    """The alarm that it tells of, where a message about its period counts the alarms (`Encoder.sums`)."""
    awaits: tuple[Awaited, ...] = ()
    """Files whose bytes are put into it when it is delivered (`collector.reports.pictures`)."""


class Encoder(ABC):
    """One family of report bodies, without state of its own: all methods are class methods of the registered class.

    What a family does not have it leaves as it is here.
    """

    family: ClassVar[str]
    whole: ClassVar[bool] = False
    """Whether a live packet names every point, also those without a reading in its period."""
    late_alarms: ClassVar[bool] = False
    """Whether an alarm that is delivered late is told as a resumed one, as readings are."""
    cameras_told: ClassVar[bool] = False
    """Whether it tells the states of cameras (`cameras`): of all at intervals, and each change."""
    sums: ClassVar[bool] = False
    """Whether a packet sums up a period (`sum_up`): one about what came late sums up the whole of it anew."""

    @classmethod
    def readings(
        cls, gateway: Gateway, end: int, due: Sequence[Due], *, resumed: bool, held: Sequence[Due] = ()
    ) -> list[Draft]:
        """The readings of one period that ends at `end` (ms UTC); each point stands in `due` once.

        `held`: of a family that is `whole`, the newest reading before of every other point of the gateway.
        """
        return []

    @classmethod
    def sum_up(
        cls, gateway: Gateway, end: int, due: Sequence[Due], alarms: Mapping[int, int], *, resumed: bool
    ) -> list[Draft]:
        """The whole of a period that ends at `end` (ms UTC), of a family that `sums`; each point stands in `due` once.

        `alarms`: how many there were of each level (`Draft.tally`).
        """
        return []

    @classmethod
    @abstractmethod
    def alarms(cls, gateway: Gateway, alarms: Sequence[Alarm]) -> list[Draft]:
        """Transitions, in the order in which they happened."""

    @classmethod
    def loads(cls, gateway: Gateway, now: int, found: Sequence[Load]) -> list[Draft]:
        """That the load of a host has reached a level, of families whose profile has limits for it."""
        return []

    @classmethod
    def handled(cls, gateway: Gateway, handled: Handled) -> list[Draft]:
        """What an operator found and did about an alarm of a seal."""
        return []

    @classmethod
    def told(cls, profile: Profile, point: str, crossings: list[Crossing]) -> list[Crossing]:
        """Which of the crossings of one transition count, of a point by its code; all of them."""
        return crossings

    @classmethod
    def again_after(cls, gateway: Gateway, place: Place, level: AbnormalName) -> float | None:
        """How often (s) an abnormal event is told again while it stands; 0: only once more is known of it, after its
        end; None: never."""
        return None

    @classmethod
    def again(cls, gateway: Gateway, now: int, found: Sequence[Abnormal]) -> list[Draft]:
        """Abnormal events told again at `now` (ms UTC), all of which stand or all of which ended."""
        return []

    @classmethod
    def definitions(cls, gateway: Gateway, now: int, places: Sequence[Place]) -> list[Draft]:
        """What the gateway's points are; `now` (ms UTC) is when it is said."""
        return []

    @classmethod
    def source_down(cls, gateway: Gateway, now: int, due: Sequence[Due]) -> list[Draft]:
        """That the gateway reaches none of its devices; `due` are its points, all of them bad."""
        return []

    @classmethod
    def cameras(cls, gateway: Gateway, now: int, cameras: Sequence[CameraState]) -> list[Draft]:
        """The states of cameras, of a family with `cameras_told`; none of those whose state is not known."""
        return []

    @classmethod
    def heartbeat(cls, gateway: Gateway, now: int, due: Sequence[Due], alive: Alive = NOBODY) -> list[Draft]:
        """That a connected gateway runs; `due` are the newest readings of its points, without their values.

        Called where the profile has an interval for it (`heartbeat`).
        """
        return []

    @classmethod
    def statistics(
        cls, gateway: Gateway, kind: str, now: int, end: int, found: Sequence[Statistic], *, resumed: bool
    ) -> list[Draft]:
        """The statistics of the span that ended at `end`, told at `now` (both ms UTC); `kind`: see `selection.Told`.

        Called where the profile has some. The id of a packet does not depend on `now`.
        """
        return []

    @classmethod
    def changes(cls, gateway: Gateway, kind: str, end: int, found: Sequence[Due], *, resumed: bool) -> list[Draft]:
        """Each change of a point's value in the span that ended at `end` (ms UTC), where the profile tells of them."""
        return []

    @classmethod
    def actions(cls, gateway: Gateway, kind: str, end: int, found: Sequence[Action], *, resumed: bool) -> list[Draft]:
        """Each action of a cut-off device in the span that ended at `end` (ms UTC), where the profile tells of them."""
        return []

    @classmethod
    def energy(
        cls, gateway: Gateway, now: int, start: int, end: int, found: Sequence[Consumption], *, resumed: bool
    ) -> list[Draft]:
        """What meters counted from `start` to `end`, told at `now` (ms UTC), where the profile tells of it.

        The id of a packet does not depend on `now`.
        """
        return []

    @classmethod
    def as_resumed(cls, body: bytes) -> bytes:
        """The same packet as one that was delivered late; its id and its times stay."""
        return body


def packet_id(*about: object) -> str:
    """The id of a packet about these things: the same things give the same id."""
    return str(uuid.uuid5(NAMESPACE, "\x1f".join(map(str, about))))


def written(times: Times | None, millis: int) -> str:
    """A moment (ms UTC) as the specification writes it."""
    times = times or Times(status="working-definition")
    return datetime.fromtimestamp(millis / 1000, offset(times.zone)).strftime(times.format)


def rounded(value: float | None, quantity: Quantity) -> Any:
    """A number with the decimals that a report carries, as JSON; whole numbers without a point."""
    if value is None:
        return None
    number = round(value, quantity.decimals)
    return int(number) if quantity.decimals == 0 else number
