"""Pictures within messages, as a platform should judge them: base64, size, kind by magic number, hash (notes, 5.4)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

MAGIC = {
    "jpg": re.compile(rb"\xff\xd8\xff"), "png": re.compile(rb"\x89PNG\r\n\x1a\n"), "gif": re.compile(rb"GIF8[79]a"),
    "webp": re.compile(rb"RIFF....WEBP", re.DOTALL), "bmp": re.compile(rb"BM"),
    "tiff": re.compile(rb"II\*\x00|MM\x00\*"),
}  # fmt: skip


def fault_of(text: object, kinds: tuple[str, ...], most: int, sha256: object = None) -> tuple[str, str]:
    """What is wrong with a picture in base64, or nothing, and its SHA-256; `most`: bytes, `sha256`: as it is stated."""
    if not isinstance(text, str):
        return "expected base64", ""
    try:
        body = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return "is no base64", ""
    if len(body) > most:
        return f"a picture of {len(body)} bytes; expected at most {most}", ""
    if not any(MAGIC[kind].match(body) for kind in kinds):
        return f"expected a picture ({', '.join(kinds)})", ""
    found = hashlib.sha256(body).hexdigest()
    return ("is not the SHA-256 of the picture" if sha256 not in (None, found) else ""), found
