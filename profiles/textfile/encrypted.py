"""Files that tell of persons as they travel and are kept: encrypted by a key of the mine's, in parts that are texts.

The cipher is AES-256-SIV (RFC 5297), over zlib-compressed JSON of the header and the records. It is deterministic: the
same file gives the same text, so that one taken twice (after a kill, say) is the same sample and the same row (design
I3), and there is no nonce whose repeat would break it. What stands in clear (mine, profile, kind, time) is
authenticated with it, so that no file passes for another's (docs/decisions/0011-persons.md).
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import AfterValidator, SecretStr
from pydantic_core import PydanticCustomError

from profiles.textfile.codec import Record

FORM = "persons1"
"""Begins every text; another number is another form."""
KEY_BYTES = 32
PART = 9_000
"""Bytes of cipher text in a part: 12 000 characters. A batch of 500 such samples is still a message that a collector
unpacks (`profiles.wire.codec.MAX_MESSAGE`)."""
LONGEST = 12_500
"""Characters of a part at most, with what stands before it."""
MOST = 64 * 2**20
"""Bytes of a file's JSON at most; the files that are read have 20 MiB."""
LATEST = 253_402_214_400_000
"""ms since 1970 UTC: the last day of 9999, which leaves room for the offset of any zone."""
_HEAD = re.compile(r"[0-9a-f]{8};[0-9A-Za-z]{1,32};[a-z0-9-]{1,64};[A-Z]{1,32};[0-9]{1,15};[0-9a-f]{32}")
"""What may stand in clear: it becomes a part of file names, and of what is logged."""


class EncryptedFileError(ValueError):
    """A text that is no part of an encrypted file, or a file that cannot be opened; the message holds nothing of it."""


class _Plain(msgspec.Struct):
    """What is encrypted: texts by field, and the records' texts in the order of `fields`."""

    header: dict[str, str]
    fields: list[str]
    rows: list[list[str]]


_PLAIN = msgspec.json.Decoder(_Plain)


class PersonKey:
    """A mine's key; `id` names it and tells nothing of it."""

    def __init__(self, secret: bytes) -> None:
        """ValueError when it has not 32 bytes."""
        if len(secret) != KEY_BYTES:
            raise ValueError(f"expected {KEY_BYTES} bytes, not {len(secret)}")
        self._cipher = AESSIV(_derived(secret, b"edge-gateway persons cipher", 64))
        self._digest = _derived(secret, b"edge-gateway persons digest", 32)
        self.id = _derived(secret, b"edge-gateway persons id", 4).hex()

    def encrypt(self, text: bytes, about: bytes) -> bytes:
        """Cipher text, which begins with a digest of the text (its synthetic vector)."""
        return self._cipher.encrypt(text, [about])

    def decrypt(self, cipher: bytes, about: bytes) -> bytes:
        """The text; InvalidTag when the key is another one, or something was altered."""
        return self._cipher.decrypt(cipher, [about])

    def digest(self, text: str) -> str:
        """A short name of a text by which only who has the key knows it again, such as a card in the audit log."""
        made = HMAC(self._digest, SHA256())
        made.update(text.encode())
        return made.finalize().hex()[:16]


def _derived(secret: bytes, purpose: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt=None, info=purpose).derive(secret)


def parse_key(text: str) -> PersonKey:
    """A key as 64 hex digits or as base64; ValueError says what was expected, and nothing of the text."""
    text = text.strip()
    try:
        secret = bytes.fromhex(text) if len(text) == 2 * KEY_BYTES else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        secret = b""
    if len(secret) != KEY_BYTES:
        words = f"expected a key of {KEY_BYTES} bytes as 64 hex digits or as base64"
        raise ValueError(f"{words}, such as `openssl rand -base64 32` prints")
    return PersonKey(secret)


def _is_key(text: SecretStr) -> SecretStr:
    try:
        parse_key(text.get_secret_value())
    except ValueError as err:
        raise PydanticCustomError("key", "{why}", {"why": str(err)}) from None
    return text


KeyText = Annotated[SecretStr, AfterValidator(_is_key)]
"""32 bytes as 64 hex digits or as base64: !secret NAME."""


class FileHead(NamedTuple):
    """What stands in clear of an encrypted file. `id` is the digest of its content (by the key); `time` is its
    header's, in ms UTC."""

    key: str
    mine: str
    profile: str
    kind: str
    time: int
    id: str

    def about(self) -> bytes:
        """What is authenticated with the content."""
        return ";".join((FORM, self.key, self.mine, self.profile, self.kind, str(self.time))).encode()


@dataclass(frozen=True, slots=True)
class Part:
    """One of the `of` parts of a file, by its number from 1."""

    head: FileHead
    number: int
    of: int
    cipher: bytes

    def text(self) -> str:
        """As it travels."""
        head = self.head
        clear = (FORM, head.key, head.mine, head.profile, head.kind, head.time, head.id, self.number, self.of)
        return ";".join([*map(str, clear), base64.b64encode(self.cipher).decode()])


def parse_part(text: str) -> Part:
    """A part from its text; EncryptedFileError when it is none."""
    fields = text.split(";")
    if len(fields) != 10 or fields[0] != FORM:
        raise EncryptedFileError(f"expected a part of an encrypted file of the form {FORM}, of 10 fields")
    try:
        time, number, of = int(fields[5]), int(fields[7]), int(fields[8])
        cipher = base64.b64decode(fields[9], validate=True)
    except (ValueError, binascii.Error):
        raise EncryptedFileError("a part of an encrypted file whose numbers or base64 are none") from None
    if not (_HEAD.fullmatch(";".join(fields[1:7])) and time < LATEST and 1 <= number <= of and cipher):
        raise EncryptedFileError("a part of an encrypted file whose head, number or content is none")
    return Part(FileHead(fields[1], fields[2], fields[3], fields[4], time, fields[6]), number, of, cipher)


@dataclass(frozen=True, slots=True)
class Opened:
    """A file in clear: never to be stored or logged."""

    head: FileHead
    header: Record
    records: list[Record]


def encrypt(
    key: PersonKey, mine: str, profile: str, kind: str, time: int, header: Mapping[str, str],
    fields: Sequence[str], records: Iterable[Mapping[str, str]],
) -> list[Part]:  # fmt: skip
    """A file as its parts; the same file gives the same parts."""
    head = FileHead(key.id, mine, profile, kind, time, "")
    plain = _Plain(dict(header), list(fields), [[record[field] for field in fields] for record in records])
    cipher = key.encrypt(zlib.compress(msgspec.json.encode(plain)), head.about())
    head = head._replace(id=cipher[:16].hex())
    pieces = [cipher[start : start + PART] for start in range(0, len(cipher), PART)]
    return [Part(head, number, len(pieces), piece) for number, piece in enumerate(pieces, 1)]


def decrypt(key: PersonKey, head: FileHead, cipher: bytes) -> Opened:
    """A file from all its cipher text; EncryptedFileError when the key is another one or something was altered."""
    if head.key != key.id:
        raise EncryptedFileError(f"encrypted by the key {head.key}, not by {key.id}")
    try:
        plain = _PLAIN.decode(_unpacked(key.decrypt(cipher, head.about())))
    except (InvalidTag, ValueError, zlib.error, msgspec.MsgspecError):
        raise EncryptedFileError(f"the key {key.id} does not open it: it was altered, or is another file") from None
    return Opened(head, plain.header, [dict(zip(plain.fields, row, strict=True)) for row in plain.rows])


def _unpacked(packed: bytes) -> bytes:
    inflater: Any = zlib.decompressobj()
    text: bytes = inflater.decompress(packed, MOST)
    if inflater.unconsumed_tail or not inflater.eof:
        raise ValueError("longer than a file can be, or cut short")
    return text
