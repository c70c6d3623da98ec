"""The platform's ports: TCP with ``@@`` behind each frame (notes, 1.8), and HTTP POST."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import suppress

from collector.platform.platform import Platform, Reply
from collector.platform.tokens import PATH as TOKEN_PATH
from collector.platform.tokens import Tokens
from config.serving import listen

log = logging.getLogger(__name__)
END = b"@@"
SEAL_PATHS = ("/mine/ai/", "/seal")
"""Where a seal is pushed to: an industrial-video platform, and a seal platform of ours."""
MOST = 64 * 2**10
"""Bytes that are read for one frame or one HTTP head at most."""
MOST_PUSHED = 64 * 2**20
"""Bytes of a push at most: it may hold pictures."""


async def serve_tcp(platform: Platform, host: str, port: int) -> asyncio.Server:
    """Listen; port 0 is the system's choice."""

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            while True:
                frame = (await reader.readuntil(END))[: -len(END)]
                reply = await asyncio.to_thread(platform.take, frame)
                await asyncio.sleep(reply.delay)
                if reply.cut:
                    break
                if reply.body is not None:
                    writer.write(_json(reply) + END)
                    await writer.drain()

    return await listen(connection, host, port, limit=MOST)


async def serve_http(platform: Platform, host: str, port: int, tokens: Tokens | None = None) -> asyncio.Server:
    """Listen for POST requests; below /mine/ai/ and /seal they are pushes of a seal. `tokens`: who may send them."""

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                lines = head.split("\r\n")
                fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
                path = lines[0].partition(" ")[2].partition(" ")[0]
                most = MOST_PUSHED if path.startswith(SEAL_PATHS) else MOST
                body = await reader.readexactly(min(int(fields.get("content-length", "0")), most))
                if not lines[0].startswith("POST "):
                    reply = Reply(405, {"success": False, "error": {"code": "405", "message": "expected POST"}})
                else:
                    reply = await asyncio.to_thread(_taken, platform, tokens, path, fields, body)
                await asyncio.sleep(reply.delay)
                if reply.cut or reply.body is None:
                    break
                text = _json(reply)
                writer.write(
                    f"HTTP/1.1 {reply.status} -\r\nContent-Type: application/json\r\n"
                    f"Content-Length: {len(text)}\r\n\r\n".encode()
                    + text
                )
                await writer.drain()

    return await listen(connection, host, port, limit=MOST)


def _taken(platform: Platform, tokens: Tokens | None, path: str, fields: dict[str, str], body: bytes) -> Reply:
    if tokens is not None and path == TOKEN_PATH:
        return tokens.give(body)
    if tokens is not None and (refused := tokens.refused(fields.get("authorization", ""))) is not None:
        return refused
    return platform.push(path, body, fields) if path.startswith(SEAL_PATHS) else platform.take(body, fields)


def _json(reply: Reply) -> bytes:
    return json.dumps(reply.body, ensure_ascii=False).encode()
