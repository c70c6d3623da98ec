"""What a camera says of itself over ONVIF: its streams, their addresses, its clock. It is asked, and never set.

Source: ONVIF Media Service Specification, version 1 (GetProfiles, GetStreamUri, GetSnapshotUri). Version 2 is not
spoken: a stream in H.265 that a camera names there alone is not found, and stands in `url` instead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from edge_agent.drivers.camera.capture.conversation import Clock, Conversation
from edge_agent.drivers.camera.capture.soap import DEVICE, MEDIA, loaded
from edge_agent.drivers.camera.capture.source import DeniedError, LostError

T = TypeVar("T")

ABOUT = 60.0
"""Seconds for all questions about all streams: a recorder has two for each of its channels."""
LEAST_WIDTH = 352
"""Pixels (CIF) that a stream must have across to be taken unasked: in smaller ones nobody is found."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One profile of the Media service: a stream that the camera offers."""

    token: str
    name: str
    source: str
    """Its lens, or the channel of a recorder."""
    codec: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class About:
    """What a camera tells of itself, for people."""

    what: str
    """Maker, model and firmware."""
    clock: Clock | None
    streams: list[tuple[Stream, str, str]]
    """Each with its stream's and its single picture's address, without credentials; "" where it has none."""


class Onvif:
    """One camera; each method is one conversation, whole within twice `timeout` s (`about`: `ABOUT`), and blocks: call
    it in a thread.

    LostError for what it does not answer or answers wrongly, DeniedError where it refuses the log-in; both in words.
    """

    def __init__(self, address: str, user: str, password: str, *, timeout: float, udp: bool = False) -> None:
        self._address, self._user, self._password, self._timeout = address, user, password, timeout
        self._protocol = "UDP" if udp else "RTSP"

    def clock(self) -> Clock | None:
        """Its clock; None where it tells none in UTC. No log-in is needed."""
        return self._talk(lambda talk: talk.clock())

    def address(self, wanted: str, *, snapshot: bool) -> tuple[Stream, str]:
        """The stream of that name or token, or the one that is chosen, and its address or that of single pictures."""

        async def ask(talk: Conversation) -> tuple[Stream, str]:
            stream = chosen(await _streams(talk), wanted)
            return stream, await (
                _snapshot_uri(talk, stream) if snapshot else _stream_uri(talk, stream, self._protocol)
            )

        return self._talk(ask)

    def about(self) -> About:
        """All that is asked for, for people."""

        async def ask(talk: Conversation) -> About:
            clock, what = await talk.clock(), await _what(talk)
            found = []
            for stream in await _streams(talk):
                single = await _or_none(_snapshot_uri(talk, stream))
                found.append((stream, await _or_none(_stream_uri(talk, stream, self._protocol)), single))
            return About(what, clock, found)

        return self._talk(ask, ABOUT)

    def _talk(self, ask: Callable[[Conversation], Awaitable[T]], most: float | None = None) -> T:
        most = most or 2 * self._timeout
        loaded(DEVICE, MEDIA)

        async def whole() -> T:
            talk = Conversation(self._address, self._user, self._password, self._timeout)
            try:
                async with asyncio.timeout(most):
                    return await ask(talk)
            except TimeoutError:
                raise LostError(f"it is not done with its ONVIF answers after {most:.3g} s") from None
            finally:
                await talk.close()

        return asyncio.run(whole())


async def _what(talk: Conversation) -> str:
    found = await talk.ask(DEVICE, talk.base, "GetDeviceInformation")
    told = (getattr(found, name, None) for name in ("Manufacturer", "Model", "FirmwareVersion"))
    return " ".join(str(each) for each in told if each)


async def _streams(talk: Conversation) -> list[Stream]:
    """Those with pictures, in the camera's own order."""
    await talk.dated()
    found = [_stream(each) for each in await talk.ask(MEDIA, await talk.place(MEDIA), "GetProfiles") or ()]
    if not any(found):
        raise LostError("it names no profile with pictures over ONVIF")
    return [each for each in found if each is not None]


async def _stream_uri(talk: Conversation, stream: Stream, protocol: str) -> str:
    setup = {"Stream": "RTP-Unicast", "Transport": {"Protocol": protocol}}
    asked = {"StreamSetup": setup, "ProfileToken": stream.token}
    found = await talk.ask(MEDIA, await talk.place(MEDIA), "GetStreamUri", asked)
    return talk.at_home(getattr(found, "Uri", None), ("rtsp", "rtsps", "http", "https"))


async def _snapshot_uri(talk: Conversation, stream: Stream) -> str:
    asked = {"ProfileToken": stream.token}
    found = await talk.ask(MEDIA, await talk.place(MEDIA), "GetSnapshotUri", asked)
    return talk.at_home(getattr(found, "Uri", None), ("http", "https"))


async def _or_none(asked: Awaitable[str]) -> str:
    try:
        return await asked
    except DeniedError:
        raise
    except LostError:
        return ""


def chosen(streams: list[Stream], wanted: str) -> Stream:
    """The stream of that name or token; without one the smallest of the first lens that is large enough; LostError."""
    if wanted:
        for stream in streams:
            if wanted in (stream.token, stream.name):
                return stream
        known = ", ".join(f"{each.name} ({each.token})" for each in streams)
        raise LostError(f"it has no ONVIF profile {wanted}; it has {known}")
    lens = [each for each in streams if each.source == streams[0].source]
    enough = [each for each in lens if each.width >= LEAST_WIDTH]
    return min(enough, key=_area) if enough else max(lens, key=_area)


def _area(stream: Stream) -> int:
    return stream.width * stream.height


def _stream(profile: Any) -> Stream | None:
    """None for a profile without pictures."""
    try:
        coded, lens = profile.VideoEncoderConfiguration, profile.VideoSourceConfiguration
        if coded is None:
            return None
        return Stream(
            token=str(profile.token), name=str(profile.Name), source=str(lens.SourceToken) if lens is not None else "",
            codec=str(coded.Encoding), width=int(coded.Resolution.Width), height=int(coded.Resolution.Height),
        )  # fmt: skip
    except (AttributeError, TypeError, ValueError):
        raise LostError("what it answers to GetProfiles is no ONVIF") from None
