"""A POST a packet over HTTP or HTTPS; the platform's JSON answer is the verdict (specification notes, 1.6, 1.8)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

import urllib3
from pydantic import Field, SecretStr, field_validator
from pydantic_core import PydanticCustomError

from collector.ask import ask, sendable
from collector.reports.transports.base import Answer, Outgoing, failure_words, judged, told
from collector.reports.transports.http.token import OAuth2Settings, Token, TokenError
from config.hosts import HostInUrl
from config.model import Duration, FilePath, Settings
from config.private import KeyHolder
from config.secrets import hide

UNAUTHORISED = (401, 403)
PASSES = (408, 425, 429)
"""What beside 5xx is worth another try (notes, 1.8)."""
OK = range(200, 300)
OPEN = ("accept", "accept-encoding", "accept-language", "content-type", "user-agent")
"""Headers that hold no secret."""
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""RFC 9110, 5.6.2."""


class HttpSettings(KeyHolder):
    """A platform that takes HTTP POST."""

    type: Literal["http"]
    url: Annotated[str, HostInUrl]
    """Address, http:// or https://; a packet's own path is put behind it."""
    headers: dict[str, SecretStr] = Field(default_factory=dict)
    """Headers of each request, such as appsecret: !secret city-app-secret."""
    oauth2: OAuth2Settings | None = None
    """Log-in by OAuth2 client credentials, where the platform asks for it."""
    ca: FilePath | None = None
    """The authority of the server's certificate; left out: those of the system."""
    certificate: FilePath | None = None
    """Client certificate (PEM)."""
    key: FilePath | None = None
    """Its private key (PEM)."""
    connect_timeout: Annotated[Duration, Field(gt=0)] = 3.0
    """Longest time for a connection."""
    answer_timeout: Annotated[Duration, Field(gt=0)] = 15.0
    """Longest time for an answer."""

    @field_validator("url")
    @classmethod
    def _address(cls, text: str) -> str:
        parts = urlsplit(text)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise PydanticCustomError("url", "expected an address such as https://platform.example/api")
        if parts.username or parts.password:
            raise PydanticCustomError("url", "a log-in does not belong into the address: use headers or oauth2")
        return text

    @field_validator("headers")
    @classmethod
    def _sendable(cls, headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, text in headers.items():
            if not _NAME.fullmatch(name) or not sendable(text.get_secret_value()):
                raise PydanticCustomError(
                    "header", "header {name}: expected a name of letters, digits and -, and printable ASCII characters",
                    {"name": repr(name)},
                )  # fmt: skip
        return headers


class HttpTransport:
    """See `collector.reports.transports.base.Transport`."""

    name: ClassVar[str] = "http"
    settings_model: ClassVar[type[Settings]] = HttpSettings

    def __init__(self, settings: HttpSettings) -> None:
        self._settings = settings
        self._headers = {name: text.get_secret_value() for name, text in settings.headers.items()}
        if "content-type" not in map(str.lower, self._headers):
            self._headers["Content-Type"] = "application/json; charset=utf-8"
        ca, certificate, key = (
            None if file is None else str(file) for file in (settings.ca, settings.certificate, settings.key)
        )
        timeout = urllib3.Timeout(connect=settings.connect_timeout, read=settings.answer_timeout)
        self._pool = urllib3.PoolManager(
            num_pools=2, retries=False, timeout=timeout, ca_certs=ca, cert_file=certificate, key_file=key
        )
        self._token = None if settings.oauth2 is None else Token(settings.oauth2, self._pool)

    async def send(self, packet: Outgoing) -> Answer:
        """A token that is not taken is fetched once more, and the packet sent again with it."""
        answer = await asyncio.to_thread(self._send, packet)
        return Answer(answer.verdict, hide(answer.message, self._secrets()))

    def _send(self, packet: Outgoing) -> Answer:
        try:
            self._settings.guard()
            answer = self._post(packet)
            if answer.verdict == "unauthorised" and self._token is not None:
                self._token.drop()
                answer = self._post(packet)
        except TokenError as err:
            return Answer("unauthorised" if err.refused else "later", str(err))
        except (urllib3.exceptions.HTTPError, OSError) as err:
            return Answer("later", f"{self._settings.url}: {err}")
        return answer

    def _post(self, packet: Outgoing) -> Answer:
        headers = self._headers | dict(packet.headers)
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token.get()}"
        url = self._settings.url.rstrip("/") + packet.path if packet.path else self._settings.url
        status, raw = ask(self._pool, url, body=packet.body, headers=headers)
        return _verdict(status, raw, packet.id)

    async def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def _secrets(self) -> Iterator[SecretStr | str]:
        """What a platform may repeat in its answer, which is logged and kept: not headers such as gzip."""
        for name, text in self._settings.headers.items():
            if name.lower() not in OPEN:
                yield text
        if self._token is not None:
            yield from self._token.secrets()


def _verdict(status: int, raw: bytes, identity: str) -> Answer:
    """The status where it is an error, else what the body says; an answer without a word is none."""
    said = failure_words(told(raw)) or raw.decode(errors="replace")[:400]
    words = said if said.startswith(str(status)) else f"{status} {said}".strip()
    if status in UNAUTHORISED:
        return Answer("unauthorised", words)
    if status in OK:
        return judged(told(raw), identity)
    return Answer("later" if status in PASSES or status >= 500 or status < 400 else "refused", words)
