"""OAuth2 client credentials as the notes on mines have them (5.6): a form for a token, a token with each push."""

from __future__ import annotations

import secrets
from urllib.parse import parse_qs

from collector.platform.platform import Reply

PATH = "/oauth/token"
LASTS = 3600
"""Seconds that a token is said to hold."""


class Tokens:
    """Who may push. A token is good for `life` pushes; then it is refused, and a new one must be fetched."""

    def __init__(self, client: str, secret: str, life: int = 1000) -> None:
        self._client, self._secret, self._life = client, secret, life
        self._left: dict[str, int] = {}

    def give(self, form: bytes) -> Reply:
        """A token for who knows the secret."""
        told = {name: values[0] for name, values in parse_qs(form.decode(errors="replace")).items()}
        expected = {"grant_type": "client_credentials", "client_id": self._client, "client_secret": self._secret}
        wrong = [name for name, text in expected.items() if told.get(name) != text]
        if wrong:
            return Reply(401, {"error": "invalid_client", "error_description": f"wrong: {', '.join(wrong)}"})
        if told.get("scope") != "mine":
            return Reply(400, {"error": "invalid_scope", "error_description": "expected scope=mine"})
        token = secrets.token_hex(16)
        self._left[token] = self._life
        return Reply(200, {"access_token": token, "token_type": "Bearer", "expires_in": LASTS})

    def refused(self, header: str) -> Reply | None:
        """What is said to a push without a token that holds."""
        kind, _, token = header.partition(" ")
        if kind == "Bearer" and self._left.get(token, 0) > 0:
            self._left[token] -= 1
            return None
        return Reply(401, {"code": 401, "msg": "expected a token that holds: Authorization: Bearer …"})
