"""A TCP proxy that writes down what passes and can break silently, and what may stand in what a driver sends (I1)."""

from __future__ import annotations

import asyncio
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

from tests.servers import LOCAL

READ_FUNCTIONS = (b"\1", b"\2", b"\3", b"\4")


@dataclass
class Conversation:
    """One connection: the bytes that the client sent, and those that the server did."""

    sent: bytearray = field(default_factory=bytearray)
    received: bytearray = field(default_factory=bytearray)


@dataclass
class Recording:
    """All connections through a proxy that listens on `port`, oldest first."""

    port: int = 0
    conversations: list[Conversation] = field(default_factory=list)


class Line(Recording):
    """A recording that a test may break off."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._loop = loop
        self.passing = asyncio.Event()
        self.passing.set()

    def cut(self) -> None:
        """Not a byte passes any more while every connection stands: a break of which nobody is told."""
        self._loop.call_soon_threadsafe(self.passing.clear)

    def mend(self) -> None:
        """All passes again, what waited first, as TCP sends it again."""
        self._loop.call_soon_threadsafe(self.passing.set)


@contextmanager
def recording_proxy(target: int, listen: str = LOCAL) -> Iterator[Line]:
    """A proxy to `target` on this machine, listening at `listen`, in a thread of its own for any kind of test."""
    loop = asyncio.new_event_loop()
    recording, ready = Line(loop), threading.Event()
    stop = asyncio.Event()

    async def serve() -> None:
        proxy = _Proxy(target, recording)
        server = await asyncio.start_server(proxy.client, listen, 0)
        recording.port = server.sockets[0].getsockname()[1]
        ready.set()
        await stop.wait()
        server.close()
        await proxy.close()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), name="recording proxy")
    thread.start()
    try:
        assert ready.wait(30), "the proxy does not start"
        yield recording
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


class _Proxy:
    def __init__(self, target: int, recording: Line) -> None:
        self._target = target
        self._recording = recording
        self._writers: set[asyncio.StreamWriter] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    async def client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversation = Conversation()
        self._recording.conversations.append(conversation)
        mine = {writer}
        self._writers.add(writer)
        self._idle.clear()
        try:
            up_reader, up_writer = await asyncio.open_connection(LOCAL, self._target)
            mine.add(up_writer)
            self._writers.add(up_writer)
            passing = self._recording.passing
            await asyncio.gather(
                _pump(reader, up_writer, conversation.sent, passing),
                _pump(up_reader, writer, conversation.received, passing),
            )
        except OSError:
            pass  # nobody is there: the client sees its connection end, as behind a gateway whose instrument is gone
        finally:
            await _end(mine)
            self._writers -= mine
            if not self._writers:
                self._idle.set()

    async def close(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        await self._idle.wait()


async def _end(writers: set[asyncio.StreamWriter]) -> None:
    for writer in writers:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, note: bytearray, passing: asyncio.Event
) -> None:
    try:
        while data := await reader.read(65_536):
            await passing.wait()
            note += data
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass  # the other direction ends with it
    finally:
        writer.close()


def modbus_requests(sent: bytes, framing: Literal["tcp", "rtu"] = "tcp") -> list[bytes]:
    """The PDUs in what a client sent on one connection; AssertionError where it is no Modbus."""
    found: list[bytes] = []
    while len(sent) >= 8:
        if framing == "tcp":
            _transaction, protocol, length = struct.unpack(">HHH", sent[:6])
            assert protocol == 0, f"no Modbus TCP header: {sent[:7].hex(' ')}"
            found.append(sent[7 : 6 + length])
            sent = sent[6 + length :]
        else:  # a request of functions 1 to 4 has 8 bytes; with any other the rest falls out of step, and is seen
            found.append(sent[1:6])
            sent = sent[8:]
    return found


def assert_read_only_modbus(recording: Recording, framing: Literal["tcp", "rtu"] = "tcp") -> list[bytes]:
    """Everything that was sent is a request of functions 1 to 4 and nothing besides; the PDUs."""
    requests = [pdu for each in recording.conversations for pdu in modbus_requests(bytes(each.sent), framing)]
    for pdu in requests:
        assert pdu[:1] in READ_FUNCTIONS, f"function {pdu[:1].hex()} was sent: {pdu.hex(' ')}"
        assert len(pdu) == 5, f"a request of {len(pdu)} bytes was sent: {pdu.hex(' ')}"
    return requests
