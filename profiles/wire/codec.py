"""Frames: a message as the bytes that travel. ``{`` begins plain JSON, anything else is a zlib stream (RFC 1950).

Payloads over 1 KiB travel compressed, so that nothing hangs on a property of MQTT 5. A frame is made once, committed
as bytes, and every repeat is identical; that is why data is encoded here and not by whoever sends it.
"""

from __future__ import annotations

import hashlib
import math
import zlib
from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec

from profiles.wire.messages import MAX_WORDS, Event, EvidenceChunk, Value
from profiles.wire.quality import BAD_NOT_A_NUMBER, BAD_NOT_FINITE, GOOD

COMPRESS_ABOVE = 1024
"""Bytes of JSON above which a frame is compressed."""
MAX_MESSAGE = 8 * 1024 * 1024
"""Bytes of JSON that a receiver unpacks at most; a larger message is refused (a bound against zip bombs)."""
MAX_TO_AGENT = 2**20
"""Bytes of JSON of a request or acknowledgement at most: an agent may be a small machine."""
MAX_EXACT_INTEGER = 2**53
"""Integers beyond travel as text, since JSON readers keep numbers as doubles (RFC 8259, 6)."""

_ENCODER = msgspec.json.Encoder()
T = TypeVar("T")


class FrameError(ValueError):
    """Bytes that are no frame of the contract; the text says what was expected."""


def digest(frame: bytes) -> str:
    """Name a frame in acknowledgements: the first 16 bytes of its SHA-256, in hex."""
    return hashlib.sha256(frame).hexdigest()[:32]


def manifest_hash(frame: bytes) -> str:
    """Name a manifest: SHA-256 of the bytes sent, in hex."""
    return hashlib.sha256(frame).hexdigest()


def pack(text: bytes) -> bytes:
    """JSON text to the frame that travels."""
    return zlib.compress(text, 1) if len(text) > COMPRESS_ABOVE else text


def unpack(frame: bytes, most: int = MAX_MESSAGE) -> bytes:
    """The JSON text of a frame, `most` bytes; FrameError for damaged or oversized ones."""
    if len(frame) > most:
        raise FrameError(f"a message of {len(frame)} bytes; expected at most {most}")
    if frame[:1] == b"{":
        return frame
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(frame, most)
    except zlib.error as err:
        raise FrameError(f"neither JSON nor a zlib stream: {err}") from err
    if inflater.unconsumed_tail:
        raise FrameError(f"a message that unpacks to more than {most} bytes")
    if not inflater.eof or inflater.unused_data:
        raise FrameError("a zlib stream that is cut short or has bytes behind it")
    return text


def encode(message: msgspec.Struct) -> bytes:
    """A message to the frame that travels."""
    return pack(_ENCODER.encode(message))


def decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    """A decoder of one message kind, to be made once and kept."""
    return msgspec.json.Decoder(kind)


def decode(frame: bytes, reader: msgspec.json.Decoder[T], most: int = MAX_MESSAGE) -> T:
    """A frame to its message, `most` bytes of JSON; FrameError says where it departs from the contract."""
    return parse(unpack(frame, most), reader)


def parse(text: bytes, reader: msgspec.json.Decoder[T]) -> T:
    """The JSON text of a frame to its message; FrameError says where it departs from the contract."""
    try:
        return reader.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise FrameError(str(err)) from err


def wire_value(value: Value, quality: str) -> tuple[Value, str]:
    """A value and its quality as they may travel: finite, exact, and null never good."""
    if value is None:
        return None, (BAD_NOT_A_NUMBER if quality == GOOD else quality)
    if isinstance(value, float) and not math.isfinite(value):
        return None, (quality if quality.startswith("bad:") else BAD_NOT_FINITE)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > MAX_EXACT_INTEGER:
        return str(value), quality
    return value, quality


def freeze_data(stream: str, seq: int, era: int, manifest: str, rows: Sequence[tuple[str, int, Value, str]]) -> bytes:
    """Samples ``(tag, time in ms, value, quality)`` to the frame of a data envelope; good is left out."""
    t0 = min(row[1] for row in rows)
    samples: list[tuple[object, ...]] = []
    for tag, time, raw, stated in rows:
        value, quality = wire_value(raw, stated)
        samples.append((tag, time - t0, value) if quality == GOOD else (tag, time - t0, value, quality))
    head = {"v": 1, "stream": stream, "seq": seq, "era": era, "manifest": manifest, "t0": t0, "s": samples}
    return pack(_ENCODER.encode(head))


def freeze_events(stream: str, seq: int, era: int, manifest: str, events: Iterable[Event]) -> bytes:
    """Events to the frame of an event envelope; a text that is too long for the contract is cut."""
    told = [each if len(each.text) <= MAX_WORDS else _cut(each) for each in events]
    head = {"v": 1, "stream": stream, "seq": seq, "era": era, "manifest": manifest, "events": told}
    return pack(_ENCODER.encode(head))


def _cut(event: Event) -> Event:
    return msgspec.structs.replace(event, text=event.text[: MAX_WORDS - 1] + "…")


def freeze_evidence(head: EvidenceChunk, body: bytes) -> bytes:
    """An evidence chunk: its JSON line, then the bytes; never compressed, since pictures are."""
    return _ENCODER.encode(head) + b"\n" + body


def split_evidence(frame: bytes, reader: msgspec.json.Decoder[EvidenceChunk]) -> tuple[EvidenceChunk, bytes]:
    """The head and the bytes of an evidence chunk; FrameError when there is no head line."""
    line, mark, body = frame.partition(b"\n")
    if not mark:
        raise FrameError("an evidence chunk without a JSON line before its bytes")
    return parse(line, reader), body


def event_id(*parts: object) -> str:
    """An id derived from content, so that repeats coincide: 20 hex digits of SHA-256 over the parts."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:20]


__all__ = [
    "COMPRESS_ABOVE",
    "MAX_EXACT_INTEGER",
    "MAX_MESSAGE",
    "FrameError",
    "decode",
    "decoder",
    "digest",
    "encode",
    "event_id",
    "freeze_data",
    "freeze_events",
    "freeze_evidence",
    "manifest_hash",
    "pack",
    "split_evidence",
    "unpack",
    "wire_value",
]
