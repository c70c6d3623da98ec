"""HMAC-SM3 as the platform checks it: by the definition (RFC 2104), so that a mistake in the encoders cannot hide."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes

BLOCK = 64
"""Bytes of a block of SM3 (GB/T 32905)."""


class DigestError(ValueError):
    """A digest that is missing or wrong; the text says which."""


@dataclass(frozen=True, slots=True)
class Check:
    """The digest that is asked for: in a header, of the whole body; or in a field of the frame, of its text."""

    key: bytes
    header: str = "X-HMAC-SM3"
    field: str = ""

    def check_headers(self, body: bytes, headers: Mapping[str, str]) -> None:
        """DigestError for a header that is missing or wrong; `headers` by their names in lower case."""
        if not self.field:
            self._check(headers.get(self.header.lower(), ""), body, f"header {self.header}")

    def check_field(self, digest: object, text: str) -> None:
        """DigestError for a field that is missing or wrong."""
        self._check(digest if isinstance(digest, str) else "", text.encode(), f"field {self.field}")

    def _check(self, given: str, message: bytes, where: str) -> None:
        if not given:
            raise DigestError(f"the digest is missing: {where}")
        right = hmac_sm3(self.key, message)
        known = right.hex().upper(), base64.b64encode(right).decode()
        if not any(hmac.compare_digest(given.encode(), each.encode()) for each in known):
            raise DigestError(
                f"the digest is wrong: {where} is not the HMAC-SM3 by our key, in upper-case hex or base64"
            )


def hmac_sm3(key: bytes, message: bytes) -> bytes:
    """RFC 2104: H(K xor opad, H(K xor ipad, text)); 32 bytes."""
    padded = (_sm3(key) if len(key) > BLOCK else key).ljust(BLOCK, b"\0")
    inner = _sm3(bytes(byte ^ 0x36 for byte in padded) + message)
    return _sm3(bytes(byte ^ 0x5C for byte in padded) + inner)


def _sm3(data: bytes) -> bytes:
    made = hashes.Hash(hashes.SM3())
    made.update(data)
    return made.finalize()
