"""MQTT at QoS 1 to a platform's broker: its PUBACK is the answer, or the platform's own on a topic of its own."""

from __future__ import annotations

import asyncio
import string
import uuid
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from collector.ask import MAX_ANSWER
from collector.reports.transports.base import Answer, Outgoing, judged, told
from config.hosts import endpoint
from config.model import Duration, Settings
from config.mqtt import MqttSettings
from edge_agent.uplink.client import LinkDownError, MqttLink

ANSWERS = 100
"""Answers that wait to be looked at."""
WILD = set("+#\0")
WORDS = ("id", "name", "path", "profile", "gateway", "kind")


class MqttTransportSettings(MqttSettings):
    """A platform's broker; address, version, TLS and log-in as everywhere."""

    type: Literal["mqtt"]
    topic: str
    """Topic of a packet, such as report/{gateway}/{kind}; filled in are {id}, {name} (of a file), {path}, {profile},
    {gateway} and {kind} (alarm, live, resumed, static)."""
    answer_topic: str | None = None
    """Topic on which the platform answers each packet in JSON; left out: the broker's PUBACK is the answer."""
    answer_timeout: Annotated[Duration, Field(gt=0)] = 10.0
    """Longest time for PUBACK and answer."""

    @field_validator("topic")
    @classmethod
    def _known(cls, topic: str) -> str:
        try:
            named = {field for _text, field, _form, _how in string.Formatter().parse(topic) if field is not None}
        except ValueError as err:
            raise PydanticCustomError("topic", "no topic: {why}", {"why": str(err)}) from err
        if odd := sorted(named - set(WORDS)):
            expected = ", ".join(f"{{{word}}}" for word in WORDS)
            raise PydanticCustomError(
                "topic", "nothing is called {odd}; expected {expected}", {"odd": odd[0], "expected": expected}
            )
        if not topic or set(topic) & WILD:
            raise PydanticCustomError("topic", "expected a topic without + and #, which are for those who listen")
        return topic

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.answer_topic == self.topic:
            raise PydanticCustomError("topic", "expected answers on another topic than the packets")
        return self


class MqttTransport:
    """See `collector.reports.transports.base.Transport`."""

    name: ClassVar[str] = "mqtt"
    settings_model: ClassVar[type[Settings]] = MqttTransportSettings

    def __init__(self, settings: MqttTransportSettings) -> None:
        self._settings = settings
        self._client_id = settings.client_id or f"report-{uuid.uuid4().hex[:12]}"
        self._link: MqttLink | None = None
        self._mid = 0
        self._puback: asyncio.Future[str] | None = None
        """Of the packet in flight: empty when the broker has it, else why it does not take it."""
        self._answers: asyncio.Queue[Any] = asyncio.Queue(ANSWERS)
        self._unnamed = False
        """Whether an answer came that names no packet."""

    async def send(self, packet: Outgoing) -> Answer:
        """A connection that failed or gave no answer is closed: the next packet begins a new one."""
        where = endpoint(self._settings.host, self._settings.port)
        self._unnamed = False
        try:
            link = await self._connected()
            if link.max_frame is not None and len(packet.body) > link.max_frame:
                return Answer("refused", f"{where}: the broker takes {link.max_frame} bytes, not {len(packet.body)}")
            async with asyncio.timeout(self._settings.answer_timeout):
                return await self._published(link, packet)
        except TimeoutError:
            await self.close()
            why = "answers that name no packet (dataId or msgId)" if self._unnamed else "no answer in time"
            return Answer("later", f"{where}: {why}")
        except (OSError, LinkDownError) as err:
            await self.close()
            return Answer("later", f"{where}: {err}")

    async def _published(self, link: MqttLink, packet: Outgoing) -> Answer:
        topic = self._settings.topic.format(**{word: getattr(packet, word) for word in WORDS})
        if set(topic) & WILD:
            return Answer("refused", f"{topic!r} is no topic")
        self._answers = asyncio.Queue(ANSWERS)
        self._puback = asyncio.get_running_loop().create_future()
        self._mid = link.publish(topic, packet.body, beside=packet.headers)
        await asyncio.wait({self._puback, link.lost}, return_when=asyncio.FIRST_COMPLETED)
        if not self._puback.done():
            raise LinkDownError(f"the connection ended: {link.lost.result()}")
        if refused := self._puback.result():
            return Answer("later", f"the broker refuses {topic}: {refused}; does its ACL let us write?")
        if self._settings.answer_topic is None:
            return Answer("accepted", topic)
        while True:
            answer = await self._answers.get()
            about = answer.get("dataId") or answer.get("msgId") if isinstance(answer, dict) else None
            if about == packet.id:
                return judged(answer, packet.id)
            self._unnamed |= about is None  # whichever packet it is about: one to an earlier one may come late

    async def _connected(self) -> MqttLink:
        if self._link is None or self._link.lost.done():
            await self.close()
            topics = [] if self._settings.answer_topic is None else [self._settings.answer_topic]
            link = MqttLink(
                self._settings, self._client_id, will=None, on_message=self._hear,
                on_received=lambda mid: self._received(mid, ""), on_refused=self._received,
            )  # fmt: skip
            await link.open(topics)
            self._link = link
        return self._link

    def _received(self, mid: int, refused: str) -> None:
        if mid == self._mid and self._puback is not None and not self._puback.done():
            self._puback.set_result(refused)

    def _hear(self, _topic: str, payload: bytes) -> None:
        if self._answers.full():  # a platform that talks on and on; the newest is the likeliest answer
            self._answers.get_nowait()
        self._answers.put_nowait(told(payload[:MAX_ANSWER]))

    async def close(self) -> None:
        """Close the connection."""
        if self._link is not None:
            link, self._link = self._link, None
            await link.close()
