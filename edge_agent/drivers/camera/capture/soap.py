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
"""The services that are asked, by their namespaces."""
_WSDL = {DEVICE: ("devicemgmt.wsdl", "DeviceBinding"), MEDIA: ("media.wsdl", "MediaBinding")}


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
        for name in ("onvif", "zeep"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # their own lines name addresses and log-ins
        self._make = onvif.client.ONVIFService
        self._folder = Path(onvif.client.__file__).with_name("wsdl")
        self.is_auth_error: Callable[[Exception], bool] = onvif.util.is_auth_error
        """Whether a fault is a refused log-in; cameras have many words for it."""
        self.fault = zeep.exceptions.Fault
        self.transport = zeep.exceptions.TransportError
        self.unknown_name, self.broken = aiohttp.ClientConnectorDNSError, aiohttp.ClientError
        self.unreadable = (
            zeep.exceptions.Error, onvif.client.ONVIFError, etree.LxmlError, AttributeError, TypeError, ValueError,
            LookupError,
        )  # fmt: skip

    def service(self, namespace: str, address: str, user: str, password: str, ahead: datetime.timedelta | None) -> Any:
        """A service at its address; log-ins are dated `ahead` of our clock. Its `setup` comes before the first call."""
        file, binding = _WSDL[namespace]
        return self._make(  # without a cache: zeep's is a file in the home of a user who may have none
            address, user, password, str(self._folder / file), no_cache=True, dt_diff=ahead,
            binding_name=f"{{{namespace}}}{binding}",
        )  # fmt: skip


@cache
def library() -> Library:
    """The package; LostError where it is not installed."""
    try:
        return Library()
    except ModuleNotFoundError:
        raise LostError(ONVIF_MISSING) from None


_LOADING = threading.Lock()
_ready: set[str] = set()


def loaded() -> None:
    """Read the WSDL files once a process, so that no conversation's time is spent on it."""
    with _LOADING:
        for namespace in _WSDL.keys() - _ready:
            asyncio.run(_load(namespace))
            _ready.add(namespace)


async def _load(namespace: str) -> None:
    service = library().service(namespace, "http://localhost/", "", "", None)
    await service.setup()
    await service.close()
