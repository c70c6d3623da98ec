"""A wire between a camera and its reader that changes the packets of pictures: RTSP over TCP (RFC 2326, 10.12)."""

from __future__ import annotations

import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

RTP_HEADER = 12
Change = Callable[[bytearray, int], None]
"""What becomes of the n-th RTP packet."""


def damage(packet: bytearray, number: int) -> None:
    """Every fortieth packet arrives with other bytes, its header whole."""
    if number % 40 == 39:
        for at in range(RTP_HEADER + 8, len(packet), 3):
            packet[at] ^= 0xA5


def clock_set(after: int, seconds: int) -> Change:
    """From the n-th packet on the camera's clock is that many seconds ahead."""

    def change(packet: bytearray, number: int) -> None:
        if number >= after:
            (stamp,) = struct.unpack_from(">I", packet, 4)
            struct.pack_into(">I", packet, 4, (stamp + seconds * 90_000) % 2**32)

    return change


@contextmanager
def wire(port: int, change: Change, asked: set[str] | None = None) -> Iterator[int]:
    """The port at which the camera of `port` can be reached over the wire, for one reader after the other.

    `asked` gets the methods of all requests.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    open_sockets: list[socket.socket] = [listener]
    threads: list[threading.Thread] = []

    def serve() -> None:
        while True:
            try:
                reader, _from = listener.accept()
            except OSError:
                return
            camera = socket.create_connection(("127.0.0.1", port))
            open_sockets.extend((reader, camera))
            for target in (lambda: _copy(reader, camera, asked), lambda: _changed(camera, reader, change)):  # noqa: B023
                threads.append(threading.Thread(target=target, daemon=True))
                threads[-1].start()

    accepting = threading.Thread(target=serve, daemon=True)
    accepting.start()
    try:
        yield listener.getsockname()[1]
    finally:
        for each in open_sockets:
            with suppress(OSError):  # it is closed already
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in (accepting, *threads):
            thread.join(5)


def _copy(source: socket.socket, target: socket.socket, asked: set[str] | None) -> None:
    try:
        while data := source.recv(2**16):
            if asked is not None:
                asked.update(each.decode() for each in re.findall(rb"(?m)^([A-Z_]+) rtsp://", data))
            target.sendall(data)
    except OSError:
        return


def _changed(camera: socket.socket, reader: socket.socket, change: Change) -> None:
    """Frames are `$`, channel, length; what stands between are RTSP's own answers."""
    rest, number = b"", 0
    try:
        while data := camera.recv(2**16):
            rest += data
            made = b""
            while rest:
                if rest[:1] != b"$":
                    end = rest.find(b"$")
                    made, rest = made + rest[: end if end > 0 else len(rest)], rest[end:] if end > 0 else b""
                    continue
                if len(rest) < 4 or len(rest) < 4 + (size := struct.unpack_from(">H", rest, 2)[0]):
                    break
                packet = bytearray(rest[4 : 4 + size])
                if rest[1] == 0:
                    change(packet, number)
                    number += 1
                made, rest = made + rest[:4] + bytes(packet), rest[4 + size :]
            reader.sendall(made)
    except OSError:
        return
