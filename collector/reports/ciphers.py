"""Ciphers of report bodies: AES-128-CBC and SM4-CBC with PKCS#7 padding (specification notes, 1.8).

Through https://cryptography.io: ``hazmat.primitives.ciphers`` (SM4 is among its algorithms).
"""

from __future__ import annotations

import base64
from typing import Annotated, Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from pydantic import AfterValidator, Field, SecretStr
from pydantic_core import PydanticCustomError

from config.model import Settings

BLOCK = 128
"""Bits of a block of either cipher."""


class CipherError(ValueError):
    """A body that cannot be encrypted or decrypted; the text says why."""


def _sixteen(text: SecretStr) -> SecretStr:
    count = len(text.get_secret_value().encode())
    if count != BLOCK // 8:
        raise PydanticCustomError("key", "expected 16 characters (bytes as UTF-8), not {count}", {"count": count})
    return text


Key = Annotated[SecretStr, AfterValidator(_sixteen)]
"""16 characters, used as their UTF-8 bytes."""


class Plain(Settings):
    """No cipher."""

    type: Literal["none"] = "none"


class _Keyed(Settings):
    key: Key
    """Key issued by the platform, 16 characters: !secret NAME."""
    iv: Key
    """Initialisation vector issued by the platform, 16 characters: !secret NAME."""


class Aes(_Keyed):
    """AES-128-CBC."""

    type: Literal["aes-128-cbc"]
    encoding: Literal["base64", "hex"] = "base64"
    """How the cipher text is written; hex is upper case."""


class Sm4(_Keyed):
    """SM4-CBC (GB/T 32907)."""

    type: Literal["sm4-cbc"]
    encoding: Literal["base64", "hex"] = "hex"
    """How the cipher text is written; hex is upper case."""


CipherSettings = Annotated[Plain | Aes | Sm4, Field(discriminator="type")]


def encrypt(body: bytes, settings: Plain | Aes | Sm4) -> str:
    """A body as the text that travels; CipherError when the cipher is not to be had here."""
    if isinstance(settings, Plain):
        return body.decode()
    padder = padding.PKCS7(BLOCK).padder()
    padded = padder.update(body) + padder.finalize()
    try:
        encryptor = _cipher(settings).encryptor()
        text = encryptor.update(padded) + encryptor.finalize()
    except UnsupportedAlgorithm as err:
        raise CipherError(f"{settings.type} is not in this machine's OpenSSL: {err}") from err
    return base64.b64encode(text).decode() if settings.encoding == "base64" else text.hex().upper()


def _cipher(settings: Aes | Sm4) -> Cipher[modes.CBC]:
    algorithm = algorithms.AES128 if isinstance(settings, Aes) else algorithms.SM4
    key, iv = (text.get_secret_value().encode() for text in (settings.key, settings.iv))
    return Cipher(algorithm(key), modes.CBC(iv))
