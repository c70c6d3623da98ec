"""OAuth2 client credentials: a token that is fetched when there is none, and once more when it is not taken.

Source: RFC 6749, 4.4 and 5.1; notes on mines, 5.6 (target A).
"""

from __future__ import annotations

import time
from typing import Annotated

import urllib3
from pydantic import SecretStr

from collector.ask import ask, sendable
from collector.reports.transports.base import told
from config.hosts import HostInUrl
from config.model import Settings, Written

EARLY = 30.0
"""Seconds before its end at which a token is not used any more."""


class OAuth2Settings(Settings):
    """Log-in by OAuth2 client credentials (客户端凭证)."""

    token_url: Annotated[
        str,
        Written(r"^https?://[^/@\s]+(/\S*)?$", "an address such as https://upper.example/token"),
        HostInUrl,
    ]
    """Address that gives tokens."""
    client_id: str
    """Client id issued by the platform."""
    client_secret: SecretStr
    """Client secret issued by the platform; use !secret."""
    scope: str = ""
    """Scope that is asked for, such as mine."""


class TokenError(Exception):
    """No token was given; `refused` when the platform does not know us, else it may be given later."""

    def __init__(self, message: str, *, refused: bool) -> None:
        super().__init__(message)
        self.refused = refused


class Token:
    """The token in use. Not thread-safe: one packet is in flight at a time."""

    def __init__(self, settings: OAuth2Settings, pool: urllib3.PoolManager) -> None:
        self._settings, self._pool = settings, pool
        self._text, self._until = "", 0.0

    def get(self) -> str:
        """A token that still holds; TokenError, or urllib3's HTTPError when nobody answers."""
        if not self._text or time.monotonic() >= self._until:
            self._fetch()
        return self._text

    def drop(self) -> None:
        """It was not taken: the next one is fetched anew."""
        self._text = ""

    def secrets(self) -> tuple[SecretStr | str, ...]:
        """What no message may show."""
        return self._settings.client_secret, self._text

    def _fetch(self) -> None:
        fields = {
            "grant_type": "client_credentials", "client_id": self._settings.client_id,
            "client_secret": self._settings.client_secret.get_secret_value(),
        }  # fmt: skip
        if self._settings.scope:
            fields["scope"] = self._settings.scope
        status, raw = ask(self._pool, self._settings.token_url, fields=fields, encode_multipart=False)
        answer = told(raw)
        text = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(text, str) or not text or not sendable(text):
            refused = status in (400, 401, 403)
            raise TokenError(f"{self._settings.token_url} gives no token: it answers {status}", refused=refused)
        self._text = text
        lasts = answer.get("expires_in")
        self._until = time.monotonic() + (float(lasts) if isinstance(lasts, int | float) else 300.0) - EARLY
