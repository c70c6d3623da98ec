"""What each step of packing for one target works with: gateways, queue, and another try for a step that failed."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from collector.clocks import Clocks
from collector.directory import Directory, Place
from collector.duty.book import DutyBook
from collector.evidence.store import Kept
from collector.handled import Handled
from collector.mines import MineOrder
from collector.reports.attempts import Attempts
from collector.reports.crossings import Crossing
from collector.reports.encoders.base import Draft, Encoder, Gateway, PacketKind
from collector.reports.frames import tables
from collector.reports.gateways import Gateways, Key
from collector.reports.memory import Said
from collector.reports.names import named
from collector.reports.queue import ReportQueue
from collector.reports.rows import DueEvent, DueRow
from collector.reports.selection import Selection
from collector.reports.settings import TargetSettings
from collector.reports.standing import Again
from profiles.load import Library
from profiles.wire.messages import State

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Given:
    """What the packing for one target is given."""

    target: TargetSettings
    selection: Selection
    queue: ReportQueue
    directory: Directory
    library: Library
    encoders: Mapping[str, type[Encoder]]
    orders: Mapping[str, MineOrder]
    """By the mine's code."""
    states: Callable[[str], State | None]
    """What an agent said of itself last."""
    duty: DutyBook
    """What is stopped or under repair."""
    clocks: Clocks = field(default_factory=Clocks)
    """By how much the agents' clocks are off."""
    scene: Callable[[str, str], Kept | None] = lambda _agent, _camera: None
    """The picture of the scene of an agent's camera, if it is here (`EvidenceStore.reference`)."""


class Bench:
    """Of one target."""

    def __init__(self, given: Given) -> None:
        target = given.target
        self._target, self._encoding, self._tables = target.name, target.encoding, tables(target.frame)
        self._pictures, self._url_base = target.pictures, target.url_base
        self._persons = target.persons
        self._selection, self._queue, self._directory = given.selection, given.queue, given.directory
        self._library, self._orders, self._states = given.library, given.orders, given.states
        self._clocks = given.clocks
        self._gateways = Gateways(target.family, given.selection, given.directory, given.library, given.encoders)
        self._last: dict[str, tuple[int, str]] = {}
        """Point → time and quality of its newest reading; as many as the agents' manifests have points."""
        self._told: set[str] = set()
        self._attempts = Attempts()

    def _kept(self, what: str, about: Hashable, now: int, step: Callable[[], int]) -> int:
        """A defect of ours costs what it happened to alone (I6): that is kept, said once, and tried again later."""
        try:
            made = step()
        except (sqlite3.Error, OSError):
            raise
        except Exception as err:  # see above
            if what not in self._told:
                log.error("target %s: %s cannot be encoded; they are kept", self._target, what, exc_info=err)
                self._told.add(what)
            self._attempts.failed(about, now)
            return 0
        self._attempts.done(about)
        return made

    def _put(
        self, gateway: Gateway, drafts: Sequence[Draft], *, done: Sequence[DueRow] = (),
        events: Iterable[DueEvent] = (), hold: bool = False, count: bool = False,
        crossings: Mapping[str, Iterable[Crossing]] | None = None, said: Said | None = None,
        summed: int | None = None, anew: PacketKind | None = None,
        handled: Sequence[Handled] = (), stand: Sequence[Again] = (),
    ) -> None:  # fmt: skip
        profile = gateway.profile
        found = named(profile, drafts, partial(self._queue.has_name, self._target))
        self._queue.put(
            self._target, gateway.code, profile.profile, profile.version, found, done=done, events=events,
            hold=hold, count=count, crossings=crossings or {}, said=said, summed=summed, anew=anew, handled=handled,
            stand=stand,
        )  # fmt: skip

    def _gateway(self, key: Key, place: Place) -> Gateway:
        site, order = place.site, self._orders.get(key.site)
        return Gateway(
            self._library[key.profile], key.site, key.code, site.name, self._encoding, self._tables,
            industry=site.industry, order=order, pictures=self._pictures, url_base=self._url_base,
            persons=self._persons,
        )  # fmt: skip

    def _place(self, code: str, profile: str = "", agent: str = "", contact: str = "") -> Place | None:
        """A point, an agent's camera, or a `contact` of a seal by its tag, that a manifest knows, of a profile still
        reported; any other waits.
        """
        place = self._directory.contact(agent, contact) if contact else None
        place = place or self._directory.find(code) or self._directory.camera(agent, code)
        if place is not None and (profile or place.point.profile) in self._selection.periods:
            return place
        if code not in self._told:
            why = "no agent's manifest has the point" if place is None else "its profile is not reported (any more):"
            log.warning("target %s: %s %s; its readings and alarms wait", self._target, why, code)
            self._told.add(code)
        return None
