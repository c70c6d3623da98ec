"""TCP frames that end with ``@@``, one request in flight a connection (specification notes, 1.8)."""

from __future__ import annotations

import asyncio
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from collector.reports.transports.base import Answer, Outgoing, judged, told
from config.hosts import Host, endpoint
from config.model import Duration, Settings

END = b"@@"
LEFT = b"@\r\n"
"""No answer begins with these: where a platform ends one with both marks, the second comes with the next answer."""
MAX_ANSWER = 64 * 2**10
"""Bytes of an answer that are read at most."""


class TcpSettings(Settings):
    """A platform that listens on a TCP port."""

    type: Literal["tcp"]
    host: Host
    """Host name or address."""
    port: Annotated[int, Field(ge=1, le=65535)]
    """Port."""
    connect_timeout: Annotated[Duration, Field(gt=0)] = 3.0
    """Longest time for a connection."""
    answer_timeout: Annotated[Duration, Field(gt=0)] = 10.0
    """Longest time for an answer."""


class TcpTransport:
    """See `collector.reports.transports.base.Transport`."""

    name: ClassVar[str] = "tcp"
    settings_model: ClassVar[type[Settings]] = TcpSettings

    def __init__(self, settings: TcpSettings) -> None:
        self._settings = settings
        self._link: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, packet: Outgoing) -> Answer:
        """A connection that failed, or gave another packet's answer, is closed: the next packet begins a new one."""
        where = endpoint(self._settings.host, self._settings.port)
        if END in packet.body:
            return Answer("refused", "the body holds @@, which would end the frame")
        try:
            reader, writer = await self._connected()
            writer.write(packet.body + END)
            async with asyncio.timeout(self._settings.answer_timeout):
                await writer.drain()
                raw = await _answer(reader)
        except TimeoutError:
            await self.close()
            return Answer("later", f"{where}: no answer in time")
        except OSError as err:
            await self.close()
            return Answer("later", f"{where}: {err or 'the connection was closed'}")
        answer = judged(told(raw), packet.id)
        if answer.verdict == "later":
            await self.close()
        return answer

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._link is None or self._link[0].at_eof():
            await self.close()
            async with asyncio.timeout(self._settings.connect_timeout):
                self._link = await asyncio.open_connection(
                    self._settings.host, self._settings.port, limit=MAX_ANSWER
                )  # fmt: skip
        return self._link

    async def close(self) -> None:
        """Close the connection."""
        if self._link is not None:
            writer, self._link = self._link[1], None
            writer.close()
            await asyncio.wait({asyncio.ensure_future(writer.wait_closed())}, timeout=1)


async def _answer(reader: asyncio.StreamReader) -> bytes:
    """One answer: it ends with @@ or with the line; what is left of the end of the one before is passed over."""
    raw = b""
    while len(raw) < MAX_ANSWER:
        piece = await reader.read(MAX_ANSWER - len(raw))
        if not piece:
            raise ConnectionError("the connection was closed before the answer's end")
        raw = (raw + piece).lstrip(LEFT)
        ends = [at for mark in (END, b"\n") if (at := raw.find(mark)) > 0]
        if ends:
            return raw[: min(ends)]
    raise OSError(f"an answer of over {MAX_ANSWER} bytes")
