"""A platform on a real TCP port, as small as a test of the sender needs: it notes frames and answers as it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from tests.servers import LOCAL

Answer = Callable[[dict[str, Any]], bytes | None]


def success(frame: dict[str, Any]) -> bytes:
    return json.dumps({"success": True, "dataId": frame.get("dataId", "")}).encode() + b"@@"


def error(code: str) -> Answer:
    def answer(frame: dict[str, Any]) -> bytes:
        told = {"success": False, "dataId": frame.get("dataId", ""), "error": {"code": code, "message": "as told"}}
        return json.dumps(told).encode() + b"\n"

    return answer


class Platform:
    """`answer` may be changed while it runs; None says nothing."""

    def __init__(self) -> None:
        self.answer: Answer = success
        self.frames: list[dict[str, Any]] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                raw = await reader.readuntil(b"@@")
                frame = json.loads(raw[:-2])
                self.frames.append(frame)
                if (answer := self.answer(frame)) is not None:
                    writer.write(answer[:7])
                    await writer.drain()
                    writer.write(answer[7:])
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the sender is gone, which ends the connection
        finally:
            writer.close()


@asynccontextmanager
async def platform() -> AsyncIterator[Platform]:
    made = Platform()
    server = await asyncio.start_server(made.serve, LOCAL, 0)
    made.port = server.sockets[0].getsockname()[1]
    async with server:
        yield made
