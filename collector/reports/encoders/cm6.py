"""Pushes to an industrial-video platform (工业视频): JSON arrays by path (notes on mines, 5.6, target A)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import msgspec

from collector.directory import Place
from collector.reports.encoders.base import (
    Alarm,
    Awaited,
    CameraState,
    Draft,
    Due,
    Encoder,
    Gateway,
    packet_id,
    written,
)
from collector.reports.encoders.pictures import bytes_of, pictures
from collector.reports.encoders.sealed import is_told, seal_of
from profiles.seal import Cm6Report
from profiles.wire.messages import Camera

_POSITION = "position_code"
_OPTIONAL = {"psStationCode": "station", "positionCode": _POSITION, "direction": "direction"}
"""Keys that a camera has where its attributes state them."""


class Cm6Encoder(Encoder):
    """See `Encoder`. A source that is down says nothing of the cameras (5.5); a late message has no word for it."""

    family: ClassVar[str] = "CM6"
    cameras_told: ClassVar[bool] = True

    @classmethod
    def definitions(cls, gateway: Gateway, now: int, places: Sequence[Place]) -> list[Draft]:
        """The register of cameras: one record a camera and analysis.

        It goes ahead of all alarms, since a camera must be registered before anything is told of it (5.3), and so
        without pictures. Behind it each camera that has a picture is told once more by itself, with it.
        """
        rows = registered(gateway, now, places)
        if not rows:
            return []
        draft = _draft(gateway, "camera", "alarm", now, rows)
        return [replace(draft, time=0), *_shown(gateway, now, places)]

    @classmethod
    def readings(
        cls, gateway: Gateway, end: int, due: Sequence[Due], *, resumed: bool, held: Sequence[Due] = ()
    ) -> list[Draft]:
        """The people underground by the cameras, and those who were carried; what was not analysed is not told as 0."""
        below = seal_of(gateway).links.below
        rows = [
            {
                "cameraCode": each.place.point.asset, "analysisCase": f"{each.value:04.0f}",
                "dataTime": written(gateway.profile.time, each.time), "mineCode": gateway.site,
            }
            for each in due
            if each.place.point.quantity == below and each.valid and each.value is not None and each.value >= 0
        ]  # fmt: skip
        points = {each.place.point.code: each.time for each in due if each.place.point.quantity == below}
        told = [_draft(gateway, "underground", "resumed" if resumed else "live", end, rows, points)] if rows else []
        return told if resumed else [*told, *_carried(gateway, end, due)]

    @classmethod
    def alarms(cls, gateway: Gateway, alarms: Sequence[Alarm]) -> list[Draft]:
        """Diagnoses and passages when they begin, with the pictures that are here by then: nothing updates them."""
        return [draft for alarm in alarms if is_told(gateway, alarm) for draft in _event(gateway, alarm)]

    @classmethod
    def cameras(cls, gateway: Gateway, now: int, cameras: Sequence[CameraState]) -> list[Draft]:
        """Whether cameras are on line (1, 0); the receiver replaces by camera."""
        rows = [
            {
                "cameraCode": each.place.point.code, "cameraStatus": int(each.online),
                "dataTime": written(gateway.profile.time, each.time), "mineCode": gateway.site,
            }
            for each in sorted(cameras, key=lambda each: each.place.point.code)
        ]  # fmt: skip
        return [_draft(gateway, "status", "status", now, rows)]


def _event(gateway: Gateway, alarm: Alarm) -> Iterable[Draft]:
    event, camera = alarm.event, alarm.place.point.code
    known = seal_of(gateway).events.get(event.code)
    if known is None:
        raise LookupError(f"event {event.code!r} is none of profile {gateway.profile.profile}")
    kind: str
    said: dict[str, Any]
    if event.state not in ("raised", "noted"):
        return
    if known.case:
        kind, said = "anomaly", {"analysisType": known.analysis, "analysisCase": known.case}
    elif known.analysis in _shape(gateway).counted:
        persons = event.facts.get("persons", 1)
        kind, said = "counting", {"analysisType": known.analysis, "analysisCase": f"{int(persons):04d}"}
    else:
        return
    shape, agent = _shape(gateway), alarm.place.agent
    shown = [each for _role, each in pictures(event.evidence, event.since) if each.size <= shape.picture]
    shown = shown if gateway.pictures == "inline" else []
    images = [bytes_of(agent, each, prefix=f"data:{each.type};base64,") for each in shown]
    row = {
        "cameraCode": camera, **said, "dataTime": written(gateway.profile.time, event.time),
        **({"imagesBase64": images} if images else {}), **({"localFiles": []} if kind == "anomaly" else {}),
        "mineCode": gateway.site,
    }  # fmt: skip
    draft = _draft(gateway, kind, "alarm", event.time, [row], {camera: event.time}, event.id)
    yield replace(draft, awaits=tuple(Awaited(agent, each.id, shape.picture_wait) for each in shown))


def _carried(gateway: Gateway, end: int, due: Sequence[Due]) -> list[Draft]:
    """How many persons conveyances carried: a row a position and direction, of cameras that state a `position_code`.

    A row has no time and replaces the one before, so that one that is late is not told.
    """
    directions, points = _shape(gateway).directions, {}
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for each in sorted(due, key=lambda each: each.place.point.code):
        direction, camera = directions.get(each.place.point.quantity), _camera(each.place)
        code = camera.attributes.get(_POSITION, "") if camera else ""
        if camera is None or not code or direction is None or not each.valid or each.value is None:
            continue
        points[each.place.point.code] = each.time
        row = rows.setdefault(
            (code, direction),
            {"positionName": camera.label, "positionCode": code, "cameraCode": camera.code, "direction": direction,
             "personCount": 0, "mineCode": gateway.site},
        )  # fmt: skip
        row["personCount"] += int(each.value)
    return [_draft(gateway, "persons", "live", end, list(rows.values()), points)] if rows else []


def _camera(place: Place) -> Camera | None:
    """The camera at which something is counted."""
    return next((each for each in place.manifest.cameras.values() if each.code == place.point.asset), None)


def _cameras(places: Sequence[Place]) -> list[Place]:
    return [place for place in places if place.asset.kind == "camera" and place.point.code == place.point.asset]


def _kinds(gateway: Gateway, place: Place) -> list[str]:
    """What a camera is there for, by its position; the quality of the picture is looked at everywhere."""
    seal = seal_of(gateway)
    position = seal.positions.get(place.point.quantity)
    looked = {seal.events[code].analysis for code in (position.events if position else ())}
    return [kind for kind in seal.registered if kind in looked or kind in seal.everywhere]


def registered(gateway: Gateway, now: int, places: Sequence[Place]) -> list[dict[str, Any]]:
    """The register of cameras, also of other pushes of the seal: a row a camera and analysis."""
    return [_registered(gateway, now, place, kind) for place in _cameras(places) for kind in _kinds(gateway, place)]


def _registered(gateway: Gateway, now: int, place: Place, kind: str) -> dict[str, Any]:
    stated = {key: place.attributes[name] for key, name in _OPTIONAL.items() if name in place.attributes}
    return {
        "cameraCode": place.point.code, "positionType": place.point.quantity, "positionDesc": place.label[:255],
        "analysisType": kind, "dataTime": written(gateway.profile.time, now), **stated, "mineCode": gateway.site,
    }  # fmt: skip


def _shown(gateway: Gateway, now: int, places: Sequence[Place]) -> Iterable[Draft]:
    """The records of a camera with the picture of its scene, `evidence.picture` at most; a message each."""
    if gateway.pictures != "inline":
        return
    most = min(_shape(gateway).picture, seal_of(gateway).evidence.picture)
    for place in _cameras(places):
        picture = gateway.scenes.get(place.point.code)
        if picture is not None and picture.size <= most:
            image = bytes_of(place.agent, picture, prefix=f"data:{picture.type};base64,")
            rows = [row | {"basicImageBase64": image} for row in registered(gateway, now, [place])]
            yield _draft(gateway, "camera", "live", now, rows)


def _draft(
    gateway: Gateway, kind: Any, rank: Any, time: int, rows: list[dict[str, Any]],
    points: dict[str, int] | None = None, about: str = "",
) -> Draft:  # fmt: skip
    identity = packet_id("CM6", gateway.site, kind, time, about, msgspec.json.encode(rows).decode())
    return Draft(identity, rank, time, msgspec.json.encode(rows), points or {}, path=_shape(gateway).paths[kind])


def _shape(gateway: Gateway) -> Cm6Report:
    shape = gateway.profile.shape("CM6")
    assert isinstance(shape, Cm6Report)  # noqa: S101  # see `Encoder.family`
    return shape
