"""A proxy that records which services a client asks for."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import nodeid_from_binary, struct_from_binary

NAMES = {
    number: name.removesuffix("_Encoding_DefaultBinary")
    for name, number in vars(ua.ObjectIds).items()
    if name.endswith("_Encoding_DefaultBinary")
}
ALLOWED = {
    "GetEndpointsRequest", "CreateSessionRequest", "ActivateSessionRequest", "CloseSessionRequest", "ReadRequest",
    "BrowseRequest", "BrowseNextRequest", "CreateSubscriptionRequest", "CreateMonitoredItemsRequest", "PublishRequest",
    "DeleteSubscriptionsRequest",
}  # fmt: skip
HEADER = 24
"""Bytes of a message before its body: type and size, channel, token, sequence, request (OPC UA part 6, 6.7.2)."""


class Wire:
    def __init__(self) -> None:
        self.services: list[str] = []
        self.batches: dict[str, list[int]] = {"ReadRequest": [], "CreateMonitoredItemsRequest": []}
        self.writers: list[asyncio.StreamWriter] = []
        self.port = 0
        self.target = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            above, below = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        self.writers += [writer, below]
        await asyncio.gather(self.pump(reader, below, self.request), self.pump(above, writer, None))

    async def pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, look: Callable[[bytes], None] | None
    ) -> None:
        try:
            while True:
                head = await source.readexactly(8)
                message = head + await source.readexactly(struct.unpack("<I", head[4:])[0] - 8)
                if look is not None and head[:3] == b"MSG":
                    look(message[HEADER:])
                sink.write(message)
                await sink.drain()
        except (OSError, asyncio.IncompleteReadError):
            sink.close()

    def request(self, body: bytes) -> None:
        rest = Buffer(body)
        name = NAMES[int(nodeid_from_binary(rest).Identifier)]
        self.services.append(name)
        if name == "ReadRequest":
            struct_from_binary(ua.RequestHeader, rest)
            self.batches[name].append(len(struct_from_binary(ua.ReadParameters, rest).NodesToRead))
        elif name == "CreateMonitoredItemsRequest":
            struct_from_binary(ua.RequestHeader, rest)
            self.batches[name].append(len(struct_from_binary(ua.CreateMonitoredItemsParameters, rest).ItemsToCreate))


@asynccontextmanager
async def recording(target: int) -> AsyncIterator[Wire]:
    """A proxy before the server on `target`; at the end it holds that only reading services were used."""
    wire = Wire()
    wire.target = target
    server = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
    wire.port = server.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        server.close()
        for writer in wire.writers:
            writer.close()
    assert wire.services
    assert set(wire.services) <= ALLOWED, set(wire.services) - ALLOWED
