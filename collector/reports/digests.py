"""Keyed digests of what is sent: HMAC-SM3 (GB/T 32905, RFC 2104), so that a platform can tell that nobody altered it.

The specification notes (1.8) name no place for one. Where it travels is a working definition: as a header of the
request (HTTP), as a user property of the message (MQTT 5), or as a field of the outer frame.
"""

from __future__ import annotations

import base64
import re
from typing import Annotated, Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, hmac
from pydantic import Field, SecretStr, field_validator
from pydantic_core import PydanticCustomError

from collector.reports.ciphers import CipherError
from config.model import Settings

_NAME = re.compile(r"[A-Za-z0-9_-]+")


class NoDigest(Settings):
    """No digest."""

    type: Literal["none"] = "none"


class HmacSm3(Settings):
    """HMAC-SM3: as a header of the bytes that are sent, or as a field of the frame, of the text that it carries."""

    type: Literal["hmac-sm3"]
    key: Annotated[SecretStr, Field(min_length=1)]
    """Key issued by the platform, used as its UTF-8 bytes: !secret NAME."""
    header: str = "X-HMAC-SM3"
    """Name of the header (HTTP) or user property (MQTT 5) that holds the digest of all bytes of the body as sent."""
    field: str = ""
    """Name of a field of the frame that holds it instead: of the text in `data` (or `report`) as it stands there."""
    encoding: Literal["hex", "base64"] = "hex"
    """How it is written; hex is upper case."""

    @field_validator("header", "field")
    @classmethod
    def _name(cls, text: str) -> str:
        if text and not _NAME.fullmatch(text):
            raise PydanticCustomError("name", "expected letters, digits, - and _, not {text}", {"text": repr(text)})
        return text


NONE = NoDigest()
DigestSettings = Annotated[NoDigest | HmacSm3, Field(discriminator="type")]


def digest(message: bytes, settings: HmacSm3) -> str:
    """The digest as it is written; CipherError when SM3 is not to be had here."""
    try:
        made = hmac.HMAC(settings.key.get_secret_value().encode(), hashes.SM3())
        made.update(message)
        raw = made.finalize()
    except UnsupportedAlgorithm as err:
        raise CipherError(f"{settings.type} is not in this machine's OpenSSL: {err}") from err
    return raw.hex().upper() if settings.encoding == "hex" else base64.b64encode(raw).decode()


def headers(body: bytes, settings: NoDigest | HmacSm3) -> dict[str, str]:
    """What goes beside a body as it is sent: nothing, where the digest is in the frame."""
    if isinstance(settings, NoDigest) or settings.field:
        return {}
    return {settings.header: digest(body, settings)}
