"""Servers of our own, whose open connections end in silence with the program.

Before Python 3.12.2 the streams of asyncio print a traceback of each one that is open when its loop ends
(https://github.com/python/cpython/issues/113538).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

LIMIT = 64 * 2**10
"""Bytes that are held at most while a separator is looked for; as asyncio has it."""
Connection = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def listen(connection: Connection, host: str, port: int, *, limit: int = LIMIT) -> asyncio.Server:
    """Serve each connection by `connection`, and close it behind that; a port of 0 takes a free one.

    OSError when it cannot listen.
    """

    async def whole(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(asyncio.CancelledError):  # the loop ends
                await connection(reader, writer)
        finally:
            writer.close()

    return await asyncio.start_server(whole, host, port, limit=limit)
