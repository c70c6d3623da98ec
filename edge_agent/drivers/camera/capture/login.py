"""Log-in at an HTTP camera: basic (RFC 7617) and digest (RFC 7616: MD5 and SHA-256, with and without qop=auth)."""

from __future__ import annotations

import base64
import hashlib
import itertools
import secrets
from urllib.parse import urlsplit
from urllib.request import parse_http_list, parse_keqv_list

_HASHES = {"MD5": "md5", "SHA-256": "sha256"}


class Login:
    """What is answered to a camera's challenge; the same challenge is good for many requests."""

    def __init__(self, user: str, password: str) -> None:
        self._user, self._password = user, password
        self._challenge: dict[str, str] = {}
        self._basic = False
        self._counter = itertools.count(1)

    def challenged(self, header: str) -> bool:
        """Take a `WWW-Authenticate` header; whether it can be answered. Digest is preferred to the open password."""
        header = " ".join(header.split())  # it may be folded over several lines (RFC 9112, 5.2)
        for challenge in _challenges(header):
            scheme, _, rest = challenge.partition(" ")
            if scheme.lower() == "digest" and self._user:
                # a parameter without a value, which no standard knows, is left out
                fields = parse_keqv_list([each for each in parse_http_list(rest) if each.partition("=")[2]])
                if fields.get("algorithm", "MD5").upper() in _HASHES:
                    self._challenge, self._basic, self._counter = fields, False, itertools.count(1)
                    return True
        self._basic = bool(self._user) and header.lower().startswith("basic")
        self._challenge = {}
        return self._basic

    def header(self, method: str, url: str) -> dict[str, str]:
        """The headers of a request; none before the first challenge."""
        if self._basic:
            both = base64.b64encode(f"{self._user}:{self._password}".encode()).decode()
            return {"Authorization": f"Basic {both}"}
        return {"Authorization": self._digest(method, url)} if self._challenge else {}

    def _digest(self, method: str, url: str) -> str:
        given = self._challenge
        algorithm = given.get("algorithm", "MD5")
        parts = urlsplit(url)
        uri = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

        def digest(*fields: str) -> str:
            return hashlib.new(_HASHES[algorithm.upper()], ":".join(fields).encode()).hexdigest()

        secret = digest(self._user, given.get("realm", ""), self._password)
        asked = digest(method, uri)
        fields = {"username": self._user, "realm": given.get("realm", ""), "nonce": given.get("nonce", ""), "uri": uri}
        plain = {"algorithm": algorithm}
        if "auth" in [each.strip() for each in given.get("qop", "").split(",")]:
            count, own = f"{next(self._counter):08x}", secrets.token_hex(8)
            fields |= {"cnonce": own, "response": digest(secret, fields["nonce"], count, own, "auth", asked)}
            plain |= {"qop": "auth", "nc": count}
        else:
            fields["response"] = digest(secret, fields["nonce"], asked)
        if "opaque" in given:
            fields["opaque"] = given["opaque"]
        quoted = [f'{name}="{_escaped(value)}"' for name, value in fields.items()]
        return "Digest " + ", ".join([*quoted, *(f"{name}={value}" for name, value in plain.items())])


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _challenges(header: str) -> list[str]:
    """Several may stand in one header, or in one each, which the client joins by commas."""
    made: list[str] = []
    for part in parse_http_list(header):
        scheme, _, rest = part.partition(" ")
        if "=" in scheme and made:
            made[-1] += f", {part}"
        else:
            made.append(f"{scheme} {rest}")
    return made
