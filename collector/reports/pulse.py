"""What a connected gateway says of itself and of its cameras at intervals: that it runs, who of them is on line.

Source: specification notes, 6.2 (run states); notes on mines, 5.5 (terminals and cameras of a seal). Of an agent that
cannot be heard nobody says anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from collector.directory import Place
from collector.reports.bench import Bench, Given
from collector.reports.encoders.base import Alive, CameraState, Due, Gateway
from collector.reports.gateways import Key, heard
from collector.reports.loads import Load, is_graver, reached
from collector.reports.memory import Said
from collector.reports.watched import Standing
from profiles.report import MineReport


class Pulse(Bench):
    """See the module."""

    def __init__(self, given: Given) -> None:
        super().__init__(given)
        self._beaten: dict[Key, int] = {}
        """Gateway → when it said last that it runs (ms)."""
        self._listed: dict[Key, int] = {}
        """Gateway → when the states of all its cameras were told last (ms)."""
        self._cameras_told: dict[tuple[Key, str], tuple[bool, int]] = {}
        """Camera of a gateway → whether it was on line when that was told last, and when (ms)."""

    def _beat(self, now: int, online: set[str], gateways: Mapping[Key, Sequence[Place]]) -> int:
        """Gateways that are connected say at their interval that they run, once something was heard of their points."""
        made = 0
        for key, found in gateways.items():
            interval = self._gateways.shape(key.profile).heartbeat
            if interval is None or now - self._beaten.get(key, 0) < 1000 * interval:
                continue
            places = [place for place in found if heard([place], online)]
            if places and self._attempts.due(("heartbeat", key), now):
                step = partial(self._heartbeat, key, now, places)
                made += self._kept(f"heartbeats of gateway {key.code}", ("heartbeat", key), now, step)
        return made

    def _heartbeat(self, key: Key, now: int, places: Sequence[Place]) -> int:
        gateway, alive = self._gateway(key, places[0]), self._alive(key, places)
        newest = ((place, *self._last[place.point.code]) for place in places if place.point.code in self._last)
        due = [Due(place, time, None, None, quality) for place, time, quality in newest]
        drafts = self._gateways.encoder(key.profile).heartbeat(gateway, now // 1000 * 1000, due, alive)
        if drafts:
            self._beaten[key] = now
            self._put(gateway, drafts, anew="heartbeat")
        return len(drafts) + self._loads(key, gateway, now, alive)

    def _loads(self, key: Key, gateway: Gateway, now: int, alive: Alive) -> int:
        """Loads of the agents' hosts that have reached a level since they were looked at last, over a restart too."""
        shape, made = self._gateways.shape(key.profile), 0
        limits = shape.load_limits if isinstance(shape, MineReport) else {}
        hosts = {agent: state.host for agent, state in alive.agents.items() if state.host and state.host.ip}
        for agent, host in hosts.items():
            for name, its in limits.items():
                value: float | None = getattr(host, name)
                about = f"load/{key.profile}/{key.code}/{agent}/{name}"
                said = self._queue.said(self._target, about)
                before = said.digest if said else ""
                if value is None or (level := reached(its, value, before)) == before:
                    continue
                found = [Load(host, name, value, level)] if is_graver(level, before) else []
                drafts = self._gateways.encoder(key.profile).loads(gateway, now // 1000 * 1000, found)
                self._put(gateway, drafts, said=Said(about, level, now))
                made += len(drafts)
        return made

    def _alive(self, key: Key, places: Sequence[Place]) -> Alive:
        """What is known of the agents behind a gateway, and of their cameras."""
        names = sorted({place.agent for place in places})
        agents = {name: state for name in names if (state := self._states(name)) is not None}
        if (seal := self._library[key.profile].seal) is None:
            return Alive(agents)
        offset = self._queue.watched(self._target, key.profile, seal.links.offset).get(key.code)
        states = _states(places, self._queue.watched(self._target, key.profile, seal.links.online))
        ahead = offset.value if offset is not None and offset.known else self._clock_of(names)
        return Alive(agents, len(_cameras(places)), sum(each.online for each in states), ahead)

    def _clock_of(self, names: Sequence[str]) -> float | None:
        """By how much a terminal's clock is ahead, s; of several agents that which is furthest off."""
        known = [ahead for name in names if (ahead := self._clocks.ahead(name)) is not None]
        return max(known, key=abs) / 1000 if known else None

    def _watch_cameras(self, now: int, online: set[str], gateways: Mapping[Key, Sequence[Place]]) -> int:
        """The states of all cameras at their interval, and of each that changed, one not more often than it may be."""
        made = 0
        known: dict[str, dict[str, Standing]] = {}
        for key, found in gateways.items():
            seal = self._library[key.profile].seal
            if seal is None or not self._gateways.encoder(key.profile).cameras_told:
                continue
            if key.profile not in known:
                known[key.profile] = self._queue.watched(self._target, key.profile, seal.links.online)
            every = now - self._listed.get(key, 0) >= 1000 * seal.beat.cameras
            places = [place for place in found if heard([place], online)]
            states, before = _states(places, known[key.profile]), now - round(1000 * seal.beat.camera_least)
            told = states if every else [each for each in states if self._has_changed(key, each, before)]
            if told and self._attempts.due(("cameras", key), now):
                step = partial(self._tell_cameras, key, now, places[0], told, every=every)
                made += self._kept(f"camera states of gateway {key.code}", ("cameras", key), now, step)
        return made

    def _has_changed(self, key: Key, camera: CameraState, before: int) -> bool:
        """Since it was told last, which was not after `before` (ms)."""
        told = self._cameras_told.get((key, camera.place.point.code))
        return told is None or (told[0] != camera.online and told[1] <= before)

    def _tell_cameras(self, key: Key, now: int, place: Place, told: Sequence[CameraState], *, every: bool) -> int:
        gateway = self._gateway(key, place)
        drafts = self._gateways.encoder(key.profile).cameras(gateway, now // 1000 * 1000, told)
        self._put(gateway, drafts, anew="status" if every else None)
        if every:
            self._listed[key] = now
        for each in told:
            self._cameras_told[key, each.place.point.code] = each.online, now
        return len(drafts)


def _states(places: Sequence[Place], known: Mapping[str, Standing]) -> list[CameraState]:
    """Of the cameras whose state is known now: nobody reports one as off line because a look-up failed."""
    found = ((place, known.get(place.point.code)) for place in _cameras(places))
    return [
        CameraState(place, bool(each.value), each.time, each.since, each.cause)
        for place, each in found
        if each is not None and each.known
    ]


def _cameras(places: Sequence[Place]) -> list[Place]:
    """The cameras among points and cameras of a gateway."""
    return [place for place in places if place.asset.kind == "camera" and place.point.code == place.point.asset]
