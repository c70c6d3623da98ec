"""A POST whose answer is read as far as anybody needs it, so that an endless one fills no memory."""

from __future__ import annotations

from typing import Any

import urllib3

MAX_ANSWER = 64 * 2**10
"""Bytes of an answer that are read."""


def sendable(text: str) -> bool:
    """Whether a header can hold a text."""
    return text.isascii() and text.isprintable()


def ask(pool: urllib3.PoolManager, url: str, **request: Any) -> tuple[int, bytes]:
    """POST; the status and the beginning of the answer. urllib3's HTTPError when nobody answers."""
    answer = pool.request("POST", url, redirect=False, preload_content=False, **request)
    try:
        raw = answer.read(MAX_ANSWER + 1, decode_content=True)
        if len(raw) > MAX_ANSWER:
            answer.close()  # what is left of it is not waited for
        return answer.status, raw[:MAX_ANSWER]
    finally:
        answer.release_conn()
