"""Why a camera gives nothing, in words. FFmpeg's own texts name the address with the password: none is passed on."""

from __future__ import annotations

import errno
import socket
from urllib.parse import urlsplit

import av.error

from edge_agent.drivers.camera.capture.source import DeniedError, LostError

BY_STATUS = {
    400: "it refuses the request (4xx)",
    403: "the user may not watch it (403): give him the right of live view at the camera",
    404: "it has no such stream (404): the path of the address is wrong",
    429: "it is asked too often (429)",
    500: "it answers with an error of its own (5xx)",
}
"""Answers of an HTTP or RTSP camera; 400 and 500 stand for the rest of their hundred."""
BROKEN = "it broke the connection off"
UNKNOWN_NAME = "its name is not known: use the address in numbers, or mend the DNS"
_BY_KIND: tuple[tuple[type[Exception], str], ...] = (
    (av.error.HTTPForbiddenError, BY_STATUS[403]),
    (av.error.HTTPNotFoundError, BY_STATUS[404]),
    (av.error.HTTPTooManyRequestsError, BY_STATUS[429]),
    (av.error.HTTPServerError, BY_STATUS[500]),
    (av.error.HTTPClientError, BY_STATUS[400]),
    (av.error.ConnectionRefusedError, "the connection is refused: nothing listens at this port"),
    (av.error.ConnectionResetError, BROKEN),
    (av.error.BrokenPipeError, BROKEN),
    (av.error.FileNotFoundError, "there is no such file"),
    (av.error.ProtocolNotFoundError, "this kind of address is not known here"),
    (av.error.DecoderNotFoundError, "its codec is not known here; set the camera to H.264 or H.265"),
)
_BY_NUMBER = {
    errno.EHOSTUNREACH: "there is no route to it: the host is off or in another network",
    errno.ENETUNREACH: "there is no route to it: this computer is not in its network",
    errno.ENETDOWN: "this computer's network is down",
    errno.ECONNREFUSED: "the connection is refused: nothing listens at this port",
    errno.ECONNRESET: BROKEN,
    errno.EPROTONOSUPPORT: "it does not offer this transport; try transport: tcp or udp",
}
DENIED = "user name or password is wrong (401)"
LATE = 0.8
"""A failure after so much of the time allowed is the silence of the other side, whatever FFmpeg calls it."""


def silent(seconds: float) -> str:
    """Nothing came for so long."""
    return f"it sends nothing for {seconds:.3g} s"


def lost(err: Exception, url: str, waited: float, allowed: float) -> LostError:
    """What FFmpeg raised after `waited` of `allowed` seconds; `url` without credentials."""
    if isinstance(err, av.error.HTTPUnauthorizedError):
        return DeniedError(DENIED)
    if isinstance(err, av.error.TimeoutError | av.error.ExitError):
        return LostError(silent(max(waited, allowed)))
    for kind, words in _BY_KIND:
        if isinstance(err, kind):
            return LostError(words)
    number = getattr(err, "errno", None)
    if number in _BY_NUMBER:
        return LostError(_BY_NUMBER[number])
    if waited >= LATE * allowed:
        return LostError(silent(max(waited, allowed)))
    if number == errno.EIO and (unknown := _unresolved(url)):
        return LostError(unknown)
    if isinstance(err, av.error.InvalidDataError):
        return LostError("what it sends is no video that can be read")
    return LostError(f"it cannot be read ({type(err).__name__} {number})")


def _unresolved(url: str) -> str:
    """FFmpeg says "input/output error" of a name that nobody knows."""
    host = urlsplit(url).hostname
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        return f"the name {host} is not known: use the address in numbers, or mend the DNS"
    return ""
