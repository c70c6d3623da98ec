"""Reports over TCP: where an answer ends, in whatever pieces it comes (notes, 1.8)."""

from __future__ import annotations

import asyncio
import json

import pytest

from collector.reports.transports.base import Answer, Outgoing
from collector.reports.transports.tcp.transport import TcpSettings, TcpTransport
from tests.servers import LOCAL


async def test_a_connection_that_is_closed_before_the_answer_is_said_so_in_words() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"@@")
        writer.close()

    server = await asyncio.start_server(serve, LOCAL, 0)
    port = server.sockets[0].getsockname()[1]
    sender = TcpTransport(TcpSettings(type="tcp", host=LOCAL, port=port))
    async with server:
        answer = await sender.send(Outgoing("a", b'{"dataId": "a"}'))
        await sender.close()
    assert answer == Answer("later", f"{LOCAL}:{port}: the connection was closed before the answer's end")


@pytest.mark.parametrize("end", [b"@@", b"\n", b"\r\n", b"@@\r\n", b"\n@@"])
async def test_an_answer_is_whole_at_its_end_though_every_byte_comes_by_itself(end: bytes) -> None:
    connections: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        try:
            while True:
                packet = json.loads((await reader.readuntil(b"@@"))[:-2])
                for byte in json.dumps({"success": True, "dataId": packet["dataId"]}).encode() + end:
                    writer.write(bytes([byte]))
                    await asyncio.sleep(0)  # so that the other side reads it before the next
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()  # the sender is done, perhaps before it read the last end

    server = await asyncio.start_server(serve, LOCAL, 0)
    port = server.sockets[0].getsockname()[1]
    sender = TcpTransport(TcpSettings(type="tcp", host=LOCAL, port=port))
    async with server:
        answers = [await sender.send(Outgoing(name, json.dumps({"dataId": name}).encode())) for name in "abc"]
        await sender.close()
    assert [each.verdict for each in answers] == ["accepted"] * 3
    assert len(connections) == 1
