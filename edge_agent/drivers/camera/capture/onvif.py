"""What a camera says of itself over ONVIF: its streams, their addresses, its clock. It is asked, and never set.

Sources: ONVIF Core Specification (GetSystemDateAndTime is open to all; GetServices; WS-UsernameToken digests) and Media
Service Specification, version 1 (GetProfiles, GetStreamUri, GetSnapshotUri). The package onvif-zeep-async (extra
`onvif`) has the WSDL files, so that nothing is fetched from the internet. Version 2 of the Media service is not spoken
by it: a stream in H.265 that a camera names there alone is not found, and stands in `url` instead.
"""

from __future__ import annotations

import asyncio
import datetime
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from config.hosts import bracketed, endpoint, split
from edge_agent.drivers.camera.capture import words
from edge_agent.drivers.camera.capture.soap import DEVICE, MEDIA, library, loaded
from edge_agent.drivers.camera.capture.source import DeniedError, LostError

T = TypeVar("T")

PORT = 80
SERVICE = "/onvif/device_service"
"""Where every device answers (ONVIF Core, 5.1.1)."""
READS = frozenset(
    {
        "GetSystemDateAndTime", "GetDeviceInformation", "GetServices", "GetCapabilities", "GetProfiles",
        "GetStreamUri", "GetSnapshotUri",
    }
)  # fmt: skip
"""All that is ever asked (invariant I1): nothing that sets, moves or records."""
ABOUT = 60.0
"""Seconds for all questions about all streams: a recorder has two for each of its channels."""
LEAST_WIDTH = 352
"""Pixels (CIF) that a stream must have across to be taken unasked: in smaller ones nobody is found."""
SECOND = 0.5
"""Half of what the clock is told to (ONVIF Core, DateTime: whole seconds)."""


@dataclass(frozen=True, slots=True)
class Clock:
    """How far the camera's clock is ahead of ours, and how far that may be wrong, in s."""

    offset: float
    doubt: float


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
        host, port = split(address)
        self._host, self._port = host.lower(), port or PORT
        self._user, self._password, self._timeout = user, password, timeout
        self._protocol = "UDP" if udp else "RTSP"

    def clock(self) -> Clock | None:
        """Its clock; None where it tells none in UTC. No log-in is needed."""
        return self._talk(lambda talk: talk.clock())

    def address(self, wanted: str, *, snapshot: bool) -> tuple[Stream, str]:
        """The stream of that name or token, or the one that is chosen, and its address or that of single pictures."""

        async def ask(talk: _Talk) -> tuple[Stream, str]:
            stream = chosen(await talk.streams(), wanted)
            return stream, await (talk.snapshot_uri(stream) if snapshot else talk.stream_uri(stream, self._protocol))

        return self._talk(ask)

    def about(self) -> About:
        """All that is asked for, for people."""

        async def ask(talk: _Talk) -> About:
            clock, what = await talk.clock(), await talk.what()
            found = []
            for stream in await talk.streams():
                single = await _or_none(talk.snapshot_uri(stream))
                found.append((stream, await _or_none(talk.stream_uri(stream, self._protocol)), single))
            return About(what, clock, found)

        return self._talk(ask, ABOUT)

    def _talk(self, ask: Callable[[_Talk], Awaitable[T]], most: float | None = None) -> T:
        most = most or 2 * self._timeout
        loaded()

        async def whole() -> T:
            talk = _Talk(self._host, self._port, self._user, self._password, self._timeout)
            try:
                async with asyncio.timeout(most):
                    return await ask(talk)
            except TimeoutError:
                raise LostError(f"it is not done with its ONVIF answers after {most:.3g} s") from None
            finally:
                await talk.close()

        return asyncio.run(whole())


class _Talk:
    """One conversation."""

    def __init__(self, host: str, port: int, user: str, password: str, timeout: float) -> None:
        self._host, self._port, self._timeout = host, port, timeout
        self._user, self._password = user, password
        self._ahead: datetime.timedelta | None = None
        self._services: dict[tuple[str, str, datetime.timedelta | None], Any] = {}
        self._media = ""

    async def close(self) -> None:
        for service in self._services.values():
            await service.close()

    async def clock(self) -> Clock | None:
        begun, wall = time.monotonic(), time.time()
        try:
            found = await self._ask(DEVICE, self._base(), "GetSystemDateAndTime", open_to_all=True)
        except DeniedError:
            if not self._user:
                raise
            begun, wall = time.monotonic(), time.time()  # some want a log-in even for this
            found = await self._ask(DEVICE, self._base(), "GetSystemDateAndTime")
        took = time.monotonic() - begun
        told = _moment(found)
        if told is None:
            return None
        # It tells whole seconds, cut off: on average half a second more has passed, and so has half of the way.
        offset = told + SECOND - (wall + took / 2)
        self._ahead = datetime.timedelta(seconds=round(offset))
        return Clock(offset, SECOND + took / 2)

    async def what(self) -> str:
        found = await self._ask(DEVICE, self._base(), "GetDeviceInformation")
        told = (getattr(found, name, None) for name in ("Manufacturer", "Model", "FirmwareVersion"))
        return " ".join(str(each) for each in told if each)

    async def streams(self) -> list[Stream]:
        """Those with pictures, in the camera's own order."""
        if self._ahead is None and self._user:
            await self.clock()  # a digest that is dated by another clock than its own is refused by many a camera
        media = await self._media_address()
        found = [_stream(each) for each in await self._ask(MEDIA, media, "GetProfiles") or ()]
        if not any(found):
            raise LostError("it names no profile with pictures over ONVIF")
        return [each for each in found if each is not None]

    async def stream_uri(self, stream: Stream, protocol: str) -> str:
        setup = {"Stream": "RTP-Unicast", "Transport": {"Protocol": protocol}}
        asked = {"StreamSetup": setup, "ProfileToken": stream.token}
        found = await self._ask(MEDIA, await self._media_address(), "GetStreamUri", asked)
        return self._at_home(getattr(found, "Uri", None), ("rtsp", "rtsps", "http", "https"))

    async def snapshot_uri(self, stream: Stream) -> str:
        asked = {"ProfileToken": stream.token}
        found = await self._ask(MEDIA, await self._media_address(), "GetSnapshotUri", asked)
        return self._at_home(getattr(found, "Uri", None), ("http", "https"))

    async def _media_address(self) -> str:
        if not self._media:
            try:
                services = await self._ask(DEVICE, self._base(), "GetServices", {"IncludeCapability": False})
                named = [each for each in services or () if getattr(each, "Namespace", None) == MEDIA]
                found = getattr(named[0], "XAddr", None) if named else None
            except DeniedError:
                raise
            except LostError:  # an old one that does not know the question
                told = await self._ask(DEVICE, self._base(), "GetCapabilities", {"Category": "Media"})
                found = getattr(getattr(told, "Media", None), "XAddr", None)
            if not found:
                raise LostError("it has no Media service of ONVIF (version 1)")
            self._media = self._at_home(found, ("http", "https"))
        return self._media

    def _base(self) -> str:
        return f"http://{endpoint(self._host, self._port)}{SERVICE}"

    def _at_home(self, uri: object, schemes: tuple[str, ...]) -> str:
        """An address that it names, at the host of the settings and without credentials.

        A camera behind a router tells the address that it has there; and no other host is asked on its word.
        """
        try:
            parts = urlsplit(str(uri).strip())
            host, port = split(parts.netloc.rpartition("@")[2])
        except ValueError:
            parts, host, port = urlsplit(""), "", None
        if parts.scheme not in schemes or not host:
            raise LostError(f"it names no address of {schemes[0]}:// over ONVIF")
        if parts.scheme.startswith("http") and host.lower() != self._host:
            port = self._port
        place = endpoint(self._host, port) if port else bracketed(self._host)
        return parts._replace(netloc=place).geturl()

    async def _ask(
        self, namespace: str, address: str, name: str, given: dict[str, Any] | None = None, *, open_to_all: bool = False
    ) -> Any:
        """One question; LostError, DeniedError. What the package raises may name the address, and is not passed on."""
        if name not in READS:
            raise PermissionError(f"{name} is no question: cameras are only watched")
        known = library()
        service = await self._service(namespace, address)
        begun = time.monotonic()
        method = getattr(service, name if self._user and not open_to_all else f"authless_{name}")
        try:
            async with asyncio.timeout(self._timeout):
                return await method(given or {})
        except TimeoutError:
            raise LostError(words.silent(self._timeout)) from None
        except known.fault as err:
            refused = known.is_auth_error(err)
            raise DeniedError(words.DENIED) if refused else LostError(f"it refuses {name} over ONVIF") from None
        except known.transport as err:
            raise _by_status(err.status_code) from None
        except known.unknown_name:
            raise LostError(words.UNKNOWN_NAME) from None
        except OSError as err:
            raise words.lost(err, address, time.monotonic() - begun, self._timeout) from None
        except known.broken:
            raise LostError(words.BROKEN) from None
        except known.unreadable as err:
            raise LostError(f"what it answers to {name} is no ONVIF ({type(err).__name__})") from None

    async def _service(self, namespace: str, address: str) -> Any:
        key = namespace, address, self._ahead
        if key not in self._services:
            self._services[key] = made = library().service(namespace, address, self._user, self._password, self._ahead)
            await made.setup()
        return self._services[key]


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


def _moment(told: Any) -> float | None:
    """Seconds since 1970 UTC; None where it tells no UTC, or no time that can be."""
    utc = getattr(told, "UTCDateTime", None)
    if utc is None:
        return None
    try:
        day, clock = utc.Date, utc.Time
        made = datetime.datetime(
            day.Year, day.Month, day.Day, clock.Hour, clock.Minute, min(clock.Second, 59), tzinfo=datetime.UTC
        )  # a second of 60 or 61 is allowed (xs: leap seconds)
    except (AttributeError, TypeError, ValueError):
        return None
    return made.timestamp()


def _by_status(status: int) -> LostError:
    if status == 401:
        return DeniedError(words.DENIED)
    return LostError(f"it does not answer ONVIF at this port ({words.BY_STATUS.get(status) or f'HTTP {status}'})")
