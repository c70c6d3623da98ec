"""How far this computer's clock is off, as a time server says: one SNTP question (RFC 4330), which sets nothing."""

from __future__ import annotations

import secrets
import socket
import struct
import time

PORT = 123
PATIENCE = 3.0
"""Seconds that a server may take to answer."""
_PACKET = struct.Struct("!BBbb11I")
"""RFC 4330, 4: flags, stratum, poll, precision, then eleven words; the last six are three times of 64 bits."""
_CLIENT = 0x23
"""No leap second, version 4, mode 3 (client)."""
_SERVER = 4
_UNSYNCHRONISED = 3
"""Leap indicator of a server whose own clock nobody keeps right."""
_EPOCH = 2_208_988_800
"""Seconds from 1900, where NTP's time begins, to 1970."""
_ERA = 2**32
"""NTP's seconds begin again in 2036 (RFC 4330, 3); times here lie between 1968 and 2104."""


class NoTimeError(Exception):
    """The server gave no time that can be used; the text says why."""


def ahead(server: str, port: int = PORT, patience: float = PATIENCE) -> float:
    """Seconds by which this computer's clock is ahead of the server's; NoTimeError."""
    try:
        [family, kind, protocol, _name, address] = socket.getaddrinfo(server, port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as link:
            link.settimeout(patience)
            link.connect(address)  # so that nobody else's answer is taken
            mark = secrets.randbits(64)  # in the place of our time: the answer repeats it, and nobody can guess it
            asked, sent = time.time(), time.monotonic()
            link.send(_PACKET.pack(_CLIENT, 0, 0, 0, *(0,) * 9, mark >> 32, mark & 0xFFFFFFFF))
            answer = link.recv(1024)
            took = time.monotonic() - sent  # not by the clock that is to be judged: it may be set just now
    except OSError as err:
        reason = f"no answer within {patience:g} s" if isinstance(err, TimeoutError) else str(err)
        raise NoTimeError(f"{server}:{port}: {reason}") from err
    received, transmitted = _times(answer, mark, f"{server}:{port}")
    return ((asked - received) + (asked + took - transmitted)) / 2


def _times(answer: bytes, mark: int, server: str) -> tuple[float, float]:
    """When the server had the question and sent its answer, s since 1970; checked as RFC 4330, 5 says."""
    if len(answer) < _PACKET.size:
        raise NoTimeError(f"{server}: {len(answer)} bytes came; expected an answer of {_PACKET.size}")
    flags, stratum, _poll, _precision, *words = _PACKET.unpack(answer[: _PACKET.size])
    if flags & 7 != _SERVER or words[5] << 32 | words[6] != mark:
        raise NoTimeError(f"{server}: what came is no answer to our question")
    if flags >> 6 == _UNSYNCHRONISED or not 1 <= stratum <= 15:
        raise NoTimeError(f"{server}: the server has no time itself (stratum {stratum})")
    return _seconds(words[7], words[8]), _seconds(words[9], words[10])


def _seconds(whole: int, part: int) -> float:
    era = 0 if whole & 0x80000000 else _ERA
    return whole + era - _EPOCH + part / _ERA
