"""What a target is told at intervals, and not since a reading came: definitions, sources that are down.

Source: specification notes, 1.9: a packet a minute while the gateway reaches no device; notes on mines, 1.3:
definitions on change and daily.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from collector.directory import Place
from collector.duty.records import Record
from collector.duty.scopes import stops_of
from collector.reports.bench import Given
from collector.reports.encoders.base import Due
from collector.reports.encoders.static_tables import lacking
from collector.reports.gateways import Key, heard
from collector.reports.memory import Said
from collector.reports.pulse import Pulse
from profiles.wire.messages import Evidence
from profiles.wire.quality import BAD_LINK

log = logging.getLogger(__name__)
LOOK_AGAIN = 60_000
"""Ms after which definitions are looked at though no manifest has changed: they are due again every so often."""


class Rounds(Pulse):
    """See the module."""

    def __init__(self, given: Given) -> None:
        super().__init__(given)
        self._duty, self._scene = given.duty, given.scene
        self._down_said: dict[Key, int] = {}
        self._defined = (-1, 0)
        """Which version of the directory was defined last, and when (ms)."""
        self._stated: dict[Key, tuple[Sequence[Place], Mapping[str, Record | None], Mapping[str, Evidence]]] = {}
        """Gateway → the points whose definitions were looked at last, the stops of them, and the scenes of cameras."""

    def _define(self, now: int, gateways: Mapping[Key, Sequence[Place]]) -> int:
        """Definitions are sent when they change, and again every so often."""
        version, at = self._defined
        if version == self._directory.version and now - at < LOOK_AGAIN:
            return 0
        self._defined = self._directory.version, now
        roster = self._duty.whole()
        return sum(
            self._kept(f"definitions of gateway {key.code}, profile {key.profile}", ("definitions", key), now,
                       partial(self._definitions, key, now, places, stops_of(places, roster, now)))
            for key, places in gateways.items()
        )  # fmt: skip

    def _definitions(self, key: Key, now: int, places: Sequence[Place], stops: Mapping[str, Record | None]) -> int:
        about = f"{key.profile}/{key.code}"
        last = self._queue.said(self._target, about)
        due = last is None or now - last.time >= self._gateways.shape(key.profile).statics * 1000
        stated, stopped, shown = self._stated.get(key, ((), {}, {}))
        scenes = self._scenes(places)
        if not due and _same(stated, places) and stopped == stops and shown == scenes:
            return 0  # encoding all points of a county takes seconds
        gateway = replace(self._gateway(key, places[0]), stops=stops, scenes=scenes)
        encoder = self._gateways.encoder(key.profile)
        for text in lacking(gateway, places):
            if text not in self._told:
                log.warning("target %s: %s", self._target, text)
                self._told.add(text)
        content = b"".join(draft.body for draft in encoder.definitions(gateway, 0, places))
        digest = hashlib.sha256(content).hexdigest()
        self._stated[key] = places, stops, scenes
        if not content or (last is not None and last.digest == digest and not due):
            return 0
        drafts = encoder.definitions(gateway, now // 1000 * 1000, places)
        self._put(gateway, drafts, said=Said(about, digest, now))
        return len(drafts)

    def _scenes(self, places: Sequence[Place]) -> dict[str, Evidence]:
        """By their codes the pictures of cameras' scenes, for a target that takes pictures within messages."""
        if self._pictures != "inline":
            return {}
        cameras = (place for place in places if place.asset.kind == "camera" and place.point.code == place.point.asset)
        found = ((place.point.code, self._scene(place.agent, place.tag)) for place in cameras)
        return {
            code: Evidence(id=kept.id, type=kept.type, size=kept.size, sha256=kept.sha256, captured=kept.captured)
            for code, kept in found
            if kept is not None
        }

    def _down(self, now: int, online: set[str], gateways: Mapping[Key, Sequence[Place]]) -> int:
        """Gateways that are connected and reach none of their devices say so, again and again."""
        made = 0
        for key, found in gateways.items():
            if any(self._last.get(place.point.code, (0, BAD_LINK))[1] != BAD_LINK for place in found):
                self._down_said.pop(key, None)
                continue
            places = [place for place in found if place.point.code in self._last]
            if not places or not heard(places, online):
                continue  # nobody knows: the agent itself cannot be heard
            if now - self._down_said.get(key, 0) >= 1000 * self._gateways.shape(key.profile).source_down:
                self._down_said[key] = now
                gateway = self._gateway(key, places[0])
                due = [Due(place, now, None, None, BAD_LINK) for place in places]
                drafts = self._gateways.encoder(key.profile).source_down(gateway, now // 1000 * 1000, due)
                self._put(gateway, drafts)
                made += len(drafts)
        return made


def _same(some: Sequence[Place], others: Sequence[Place]) -> bool:
    """Whether these are the very places: a manifest that changed has new ones."""
    return len(some) == len(others) and all(one is other for one, other in zip(some, others, strict=True))
