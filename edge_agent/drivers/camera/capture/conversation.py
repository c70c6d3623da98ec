"""One conversation with a camera over ONVIF: what may be asked, where its services are, what goes wrong in words.

Sources: ONVIF Core Specification (GetSystemDateAndTime is open to all; GetServices; WS-UsernameToken digests). The
package onvif-zeep-async (extra `onvif`) has the WSDL files, so that nothing is fetched from the internet.
"""

from __future__ import annotations

import asyncio
import datetime
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from config.hosts import bracketed, endpoint, split
from edge_agent.drivers.camera.capture import words
from edge_agent.drivers.camera.capture.soap import DEVICE, EVENTS, MEDIA, library
from edge_agent.drivers.camera.capture.source import DeniedError, LostError

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
SECOND = 0.5
"""Half of what the clock is told to (ONVIF Core, DateTime: whole seconds)."""
_SERVICES = {MEDIA: ("Media", "Media service of ONVIF (version 1)"), EVENTS: ("Events", "event service of ONVIF")}
"""What GetCapabilities calls a service, and what it is called to people."""


class NoServiceError(LostError):
    """The camera answers, and has no such service."""


@dataclass(frozen=True, slots=True)
class Clock:
    """How far the camera's clock is ahead of ours, and how far that may be wrong, in s."""

    offset: float
    doubt: float


class Conversation:
    """Each question is answered within `timeout` s, or LostError, DeniedError; `allowed`: what may be asked."""

    def __init__(self, address: str, user: str, password: str, timeout: float, allowed: frozenset[str] = READS) -> None:
        host, port = split(address)
        self._host, self._port = host.lower(), port or PORT
        self._user, self._password, self._timeout, self._allowed = user, password, timeout, allowed
        self._ahead: datetime.timedelta | None = None
        self._services: dict[tuple[str, str, datetime.timedelta | None], Any] = {}
        self._places: dict[str, str] = {}

    async def close(self) -> None:
        """Let go of its connections."""
        for service in self._services.values():
            await library().close(service)

    async def clock(self) -> Clock | None:
        """Its clock; None where it tells none in UTC."""
        begun, wall = time.monotonic(), time.time()
        try:
            found = await self.ask(DEVICE, self.base, "GetSystemDateAndTime", open_to_all=True)
        except DeniedError:
            if not self._user:
                raise
            begun, wall = time.monotonic(), time.time()  # some want a log-in even for this
            found = await self.ask(DEVICE, self.base, "GetSystemDateAndTime")
        took = time.monotonic() - begun
        told = _moment(found)
        if told is None:
            return None
        # It tells whole seconds, cut off: on average half a second more has passed, and so has half of the way.
        offset = told + SECOND - (wall + took / 2)
        self._ahead = datetime.timedelta(seconds=round(offset))
        return Clock(offset, SECOND + took / 2)

    async def dated(self) -> None:
        """Know its clock before a log-in: a digest that is dated by another one is refused by many a camera."""
        if self._ahead is None and self._user:
            await self.clock()

    async def place(self, namespace: str) -> str:
        """The address of a service; NoServiceError where it has none."""
        if namespace not in self._places:
            capability, called = _SERVICES[namespace]
            try:
                services = await self.ask(DEVICE, self.base, "GetServices", {"IncludeCapability": False})
                named = [each for each in services or () if getattr(each, "Namespace", None) == namespace]
                found = getattr(named[0], "XAddr", None) if named else None
            except DeniedError:
                raise
            except LostError:  # an old one that does not know the question
                told = await self.ask(DEVICE, self.base, "GetCapabilities", {"Category": capability})
                found = getattr(getattr(told, capability, None), "XAddr", None)
            if not found:
                raise NoServiceError(f"it has no {called}")
            self._places[namespace] = self.at_home(found, ("http", "https"))
        return self._places[namespace]

    @property
    def base(self) -> str:
        """Where the device itself is asked."""
        return f"http://{endpoint(self._host, self._port)}{SERVICE}"

    def at_home(self, uri: object, schemes: tuple[str, ...]) -> str:
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

    async def ask(
        self, service: str, address: str, name: str, given: dict[str, Any] | None = None, *,
        open_to_all: bool = False, wait: float = 0.0,
    ) -> Any:  # fmt: skip
        """One question of a service (`soap`); `wait`: seconds that the camera is asked to wait before it answers.

        LostError, DeniedError. What the package raises may name the address, and is not passed on.
        """
        if name not in self._allowed:
            raise PermissionError(f"{name} is no question: cameras are only watched")
        known = library()
        asked = await self._service(service, address)
        begun = time.monotonic()
        method = getattr(asked, name if self._user and not open_to_all else f"authless_{name}")
        try:
            async with asyncio.timeout(self._timeout + wait):
                return await method(given or {})
        except TimeoutError:
            raise LostError(words.silent(self._timeout + wait)) from None
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

    async def _service(self, service: str, address: str) -> Any:
        key = service, address, self._ahead
        if key not in self._services:
            self._services[key] = made = library().service(service, address, self._user, self._password, self._ahead)
            await made.setup()
        return self._services[key]


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
