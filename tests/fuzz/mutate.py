"""One mutator for all: a JSON document is changed in its structure, anything else in its bytes.

A coverage-guided fuzzer sees little here, since the decoders are written in C and Rust; what finds faults is input that
is right but for one thing.
"""

from __future__ import annotations

import copy
import json
import zlib
from random import Random
from typing import Any

HOSTILE: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 2**64, 10**30, 10**400, 1e308,
    -1e308, 5e-324, 0.1, "", " ", "0", "-0", "\n", "a\nb", "a\r\nb,c=d e=1 2", "\x00", "\x1b[2J", "\u2028", "\u202e",
    "\ud83d\ude00", "=1+1", "@SUM(A1)", "../../x", "a/b", "%s%n", "'; DROP TABLE letter; --", '"', "\\", "\\n",
    "<script>", "x" * 70_000, "1e5", "NaN", "nan", "inf", "1_000", "٣", "9" * 5000, "9999-12-31 23:59:59",
    "0001-01-01 00:00:00", [], {}, [[]], {"": {}}, ["x"] * 300,
)  # fmt: skip
"""Values that have broken decoders, here and elsewhere."""
PIECES = (
    b"", b"\x00", b"\xff\xfe", b"\n", b"\r", b"\t", b'"', b"'", b",", b";", b"~", b"||", b"{", b"}", b"[", b"]", b": ",
    b"- ", b"&a ", b"*a", b"!secret ", b"!include ", b"<<: ", b"? ", b"| ", b"\xe4\xb8\xad", b"\x1b[31m", b"9" * 400,
    b"-1", b"1e999", b"nan", b"\xef\xbb\xbf", b"[" * 500, b"{" * 500, b"\x80", b"\xff\xd8", b"\xff\xd9", b"=",
    b"*" * 50,
)  # fmt: skip
MOST = 1 << 16
"""Bytes of an input at most."""


def mutated(data: bytes, others: list[bytes], chance: Random) -> bytes:
    """`data` with one to four things changed; `others` are what a piece may be taken from."""
    document: Any = None
    if data[:1] in (b"{", b"[") and chance.random() < 0.8:
        try:
            document = json.loads(data)
        except (ValueError, RecursionError):
            document = None
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        if document is not None:
            try:
                document = _changed(document, chance)
            except RecursionError:  # it is nested as deep as it needs to be
                break
        else:
            data = _bytes_changed(data, others, chance)
    return data if document is None else _text(document)[:MOST]


def _text(document: Any) -> bytes:
    try:
        return json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError):
        return b"{}"


def _changed(document: Any, chance: Random) -> Any:
    """A copy with one value replaced, removed, doubled, renamed or wrapped."""
    document = copy.deepcopy(document)
    places = list(_places(document))
    if not places:
        return chance.choice(HOSTILE)
    holder, key = chance.choice(places)
    match chance.randrange(8):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            word = chance.choice([each for each in HOSTILE if isinstance(each, str)])
            holder[word] = holder.pop(key)
        case 1 | 2 if isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
        case 3:
            other, place = chance.choice(places)
            holder[key] = copy.deepcopy(other[place])
        case 4:
            for _ in range(chance.choice((1, 5, 200))):
                holder[key] = [holder[key]] if chance.random() < 0.5 else {"a": holder[key]}
        case 5 if isinstance(holder[key], int) and not isinstance(holder[key], bool):
            holder[key] += chance.choice((-1, 1, 1000, 10**6, 10**12))
        case _:
            holder[key] = copy.deepcopy(chance.choice(HOSTILE))
    return document


def _places(document: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    waiting = [document]
    while waiting and len(found) < 2000:
        value = waiting.pop()
        keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
        for key in keys:
            found.append((value, key))
            waiting.append(value[key])
    return found


def _bytes_changed(data: bytes, others: list[bytes], chance: Random) -> bytes:
    at = chance.randint(0, len(data))
    end = min(len(data), at + chance.choice((0, 1, 1, 2, 4, 16, 64)))
    match chance.randrange(6):
        case 0:
            return data[:at] + data[end:]
        case 1:
            return data[:at] + bytes([chance.randrange(256)]) + data[end:]
        case 2 if others:
            other = chance.choice(others)
            start = chance.randint(0, len(other))
            return (data[:at] + other[start : start + chance.choice((1, 8, 64, 1000))] + data[end:])[:MOST]
        case 3:
            return (data[:at] + data[at:end] * chance.choice((2, 3, 50)) + data[end:])[:MOST]
        case 4:
            return zlib.compress(data)
        case _:
            return (data[:at] + chance.choice(PIECES) + data[end:])[:MOST]
