"""Where something is reached or listens: a name, an IPv4 address or an IPv6 address, read and shown in one way.

Sources: RFC 4291, 2.2 and RFC 5952 (how IPv6 addresses are written), RFC 3986, 3.2.2 (brackets in URLs), RFC 4007, 11
(``fe80::1%eth0``).
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

PORTS = range(1, 65536)
_SPLIT = re.compile(r"(?:\[(?P<literal>[^\[\]]*)\]|(?P<name>[^\s:/?#@\[\]]+))(?::(?P<port>\d{1,5}))?")
_NUMBERS = re.compile(r"[\d.]+")
_WORDS = "a host name, 192.0.2.7 or an IPv6 address such as 2001:db8::7"


def split(text: str) -> tuple[str, int | None]:
    """``HOST``, ``HOST:PORT``, ``2001:db8::7``, ``[2001:db8::7]`` or ``[2001:db8::7]:502`` as host and port.

    The host comes without brackets, an IPv6 address in its short form. ValueError says what was expected.
    """
    if text.count(":") > 1 and "[" not in text:
        return _address(text), None
    found = _SPLIT.fullmatch(text)
    if found is None:
        raise ValueError(f"expected {_WORDS}")
    port = None if found["port"] is None else int(found["port"])
    if port is not None and port not in PORTS:
        raise ValueError(f"expected a port from 1 to 65535, not {port}")
    return _address(found["literal"]) if found["literal"] is not None else _name(found["name"]), port


def endpoint(host: str, port: int) -> str:
    """Host and port as people and addresses of services write them: ``plc-1:502``, ``[2001:db8::7]:502``."""
    return f"{bracketed(host)}:{port}"


def bracketed(host: str) -> str:
    """A host as it stands before a port: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def _address(text: str) -> str:
    try:
        return str(IPv6Address(text))
    except ValueError:
        raise ValueError("expected an IPv6 address such as 2001:db8::7") from None


def _name(text: str) -> str:
    if _NUMBERS.fullmatch(text):
        try:
            IPv4Address(text)
        except ValueError:
            raise ValueError("expected an IPv4 address, four numbers up to 255") from None
    return text


def _host(text: str) -> str:
    try:
        host, port = split(text)
    except ValueError as err:
        raise PydanticCustomError("host", "{why}", {"why": str(err)}) from None
    if port is not None:
        raise PydanticCustomError(
            "host", 'expected the host alone; write host: "{host}" and port: {port}', {"host": host, "port": port}
        )
    return host


def _host_port(text: str) -> str:
    try:
        host, port = split(text)
    except ValueError as err:
        why = {"why": str(err)}
        raise PydanticCustomError("host", "expected HOST or HOST:PORT, without a log-in: {why}", why) from None
    return bracketed(host) if port is None else endpoint(host, port)


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        place = parts.netloc.rpartition("@")[2]
        if place.count(":") > 1 and "[" not in place:
            raise ValueError(f"expected an IPv6 address in brackets, such as {parts.scheme}://[2001:db8::7]:8080")
        if parts.scheme != "file":
            split(place)
    except ValueError as err:
        raise PydanticCustomError("url", "{why}", {"why": str(err)}) from None
    return text


Host = Annotated[str, AfterValidator(_host), WithJsonSchema({"type": "string", "minLength": 1, "examples": ["::1"]})]
"""A host without a port; brackets around an IPv6 address are taken off."""
HostPort = Annotated[str, AfterValidator(_host_port)]
"""A host, perhaps with a port, as it stands in addresses of services."""
HostInUrl = AfterValidator(_url)
"""Beside the pattern of a URL: its host is one, an IPv6 address in brackets, and its port is one."""
