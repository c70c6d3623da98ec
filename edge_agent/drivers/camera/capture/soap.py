"""The package that speaks SOAP to ONVIF cameras, and how it is kept within this program's ways."""

from __future__ import annotations

import asyncio
import datetime
import logging
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from edge_agent.drivers.camera.capture.source import LostError
from edge_agent.drivers.camera.settings import ONVIF_MISSING

DEVICE, MEDIA = "http://www.onvif.org/ver10/device/wsdl", "http://www.onvif.org/ver10/media/wsdl"
EVENTS = "http://www.onvif.org/ver10/events/wsdl"
"""The services that are asked, by their namespaces …"""
PULL, MANAGE = f"{EVENTS}/PullPointSubscription", f"{EVENTS}/SubscriptionManager"
"""… and the two that a subscription of the last one is."""
_WSDL = {
    DEVICE: ("devicemgmt.wsdl", f"{{{DEVICE}}}DeviceBinding"),
    MEDIA: ("media.wsdl", f"{{{MEDIA}}}MediaBinding"),
    EVENTS: ("events.wsdl", f"{{{EVENTS}}}EventBinding"),
    PULL: ("events.wsdl", f"{{{EVENTS}}}PullPointSubscriptionBinding"),
    MANAGE: ("events.wsdl", f"{{{EVENTS}}}SubscriptionManagerBinding"),
}
LARGEST = 2**20
"""Bytes of an answer at most: a recorder's list of profiles has some KiB for each of its channels."""
PART = 2**16
"""Bytes that are read of it at once."""


class TooLargeError(ValueError):
    """An answer of more than `LARGEST` bytes; it is read no further."""


class ElsewhereError(ValueError):
    """A camera sends its questioner to another address: none is asked on its word."""


class Library:
    """What of the package is used; imported only where a camera is asked, since it takes 45 MiB and half a second."""

    def __init__(self) -> None:
        import aiohttp
        import zeep.exceptions
        from lxml import etree

        root = logging.getLogger()
        before = root.handlers[:], root.level
        import onvif.client  # sets up the whole program's log, if nobody did
        import onvif.util

        root.handlers[:], root.level = before
        onvif.client.DEFAULT_SETTINGS.xml_huge_tree = False  # no answer is so deep: libxml2's own bounds hold
        for name in ("onvif", "zeep"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # their own lines name addresses and log-ins
        self._make, self._session = onvif.client.ONVIFService, _sessions(aiohttp)
        self._folder = Path(onvif.client.__file__).with_name("wsdl")
        self.is_auth_error: Callable[[Exception], bool] = onvif.util.is_auth_error
        """Whether a fault is a refused log-in; cameras have many words for it."""
        self.fault = zeep.exceptions.Fault
        self.transport = zeep.exceptions.TransportError
        self.unknown_name, self.broken = aiohttp.ClientConnectorDNSError, aiohttp.ClientError
        self.unreadable = (
            zeep.exceptions.Error, onvif.client.ONVIFError, etree.LxmlError, AttributeError, TypeError, ValueError,
            LookupError, RecursionError,
        )  # fmt: skip

    def service(self, name: str, address: str, user: str, password: str, ahead: datetime.timedelta | None) -> Any:
        """A service at its address; log-ins are dated `ahead` of our clock. Its `setup` comes before the first call."""
        file, binding = _WSDL[name]
        made = self._make(  # without a cache: zeep's is a file in the home of a user who may have none
            address, user, password, str(self._folder / file), no_cache=True, dt_diff=ahead, binding_name=binding,
        )  # fmt: skip
        made.transport.session = self._session()
        return made

    async def close(self, service: Any) -> None:
        """Let go of a service's connections."""
        await service.transport.session.close()
        await service.close()


def _sessions(aiohttp: Any) -> Callable[[], Any]:
    """Makes HTTP sessions whose answers are bounded, and come from where they were asked for."""

    class Bounded(aiohttp.ClientResponse):  # type: ignore[misc]  # imported late
        async def read(self) -> bytes:
            found = bytearray()
            async for part in self.content.iter_chunked(PART):
                found += part
                if len(found) > LARGEST:
                    self.close()
                    raise TooLargeError
            return bytes(found)

    async def stay(asked: Any, send: Any) -> Any:
        answer = await send(asked)
        if 300 <= answer.status < 400:
            answer.close()
            raise ElsewhereError
        return answer

    return lambda: aiohttp.ClientSession(response_class=Bounded, middlewares=(stay,))


@cache
def library() -> Library:
    """The package; LostError where it is not installed."""
    try:
        return Library()
    except ModuleNotFoundError:
        raise LostError(ONVIF_MISSING) from None


_LOADING = threading.Lock()
_ready: set[str] = set()


def loaded(*names: str) -> None:
    """Read the WSDL files of these services once a process, so that no conversation's time is spent on it."""
    with _LOADING:
        for name in set(names) - _ready:
            asyncio.run(_load(name))
            _ready.add(name)


async def _load(name: str) -> None:
    service = library().service(name, "http://localhost/", "", "", None)
    await service.setup()
    await library().close(service)
