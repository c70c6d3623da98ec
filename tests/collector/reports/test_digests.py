"""HMAC-SM3 of what is sent: a setting of a target, and the platform's own check of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from pydantic import ValidationError

from collector.platform.digests import Check, hmac_sm3
from collector.platform.ledger import Ledger
from collector.platform.platform import Platform, Secret, plan
from collector.platform.ports import serve_http, serve_tcp
from collector.reports.digests import HmacSm3, digest, headers
from collector.reports.frames import framed
from collector.reports.settings import target_faults, target_model
from collector.reports.transports.base import Answer, Outgoing, transports
from profiles.load import library
from tests.collector.platform.examples import S
from tests.servers import LOCAL

KEY = "issued-by-the-platform"
BODY = json.dumps(S).encode()
FRAME = {"type": "app", "app_id": "a" * 32, "service_id": "20001"}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(tmp_path / "ledger.db")
    yield made
    made.close()


def target(**rest: Any) -> Any:
    made: dict[str, Any] = {
        "name": "city", "profiles": ["hazchem-storage"], "frame": FRAME,
        "transport": {"type": "http", "url": "http://127.0.0.1:1/"}, "digest": {"type": "hmac-sm3", "key": KEY},
    }  # fmt: skip
    return target_model().model_validate(made | rest)


async def delivered(ledger: Ledger, made: Any, *, by: Check, way: str) -> Answer:
    """What a platform that asks for `by` says to the packet of a target, over a real port."""
    platform = Platform(ledger, Secret(), plan("success"), digest=by)
    serve = serve_http if way == "http" else serve_tcp
    async with await serve(platform, LOCAL, 0) as server:
        port = server.sockets[0].getsockname()[1]
        its = {"http": {"url": f"http://{LOCAL}:{port}/report"}, "tcp": {"host": LOCAL, "port": port}}[way]
        kind = transports()[way]
        transport = kind(kind.settings_model.model_validate({"type": way, **its}))
        body = framed(BODY, made.frame, made.cipher, made.digest, identity=S["dataId"])
        try:
            return await transport.send(Outgoing(S["dataId"], body, headers=headers(body, made.digest)))
        finally:
            await transport.close()
            await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))
            await asyncio.sleep(0)  # the platform's end of the connection closes


def test_both_sides_compute_the_digest_of_the_definition() -> None:
    """SM3 by GB/T 32905-2016, appendix A.1; two implementations of the HMAC of it, keys beyond a block among them."""
    made = hashes.Hash(hashes.SM3())
    made.update(b"abc")
    assert made.finalize().hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    for key in ("k", "k" * 64, "k" * 65, "密钥"):
        ours = digest(b"message", HmacSm3(type="hmac-sm3", key=key))
        assert ours == hmac_sm3(key.encode(), b"message").hex().upper()


@pytest.mark.parametrize("encoding", ["hex", "base64"])
@pytest.mark.parametrize(("way", "field"), [("http", ""), ("http", "digest"), ("tcp", "digest")])
async def test_a_packet_with_its_digest_is_taken(ledger: Ledger, way: str, field: str, encoding: str) -> None:
    made = target(digest={"type": "hmac-sm3", "key": KEY, "field": field, "encoding": encoding})
    answer = await delivered(ledger, made, by=Check(KEY.encode(), field=field), way=way)
    assert (answer.verdict, ledger.refusals(), len(ledger.values("S"))) == ("accepted", [], 3)


@pytest.mark.parametrize(("way", "field"), [("http", ""), ("tcp", "digest")])
@pytest.mark.parametrize(
    ("its", "words"), [({"type": "none"}, "missing"), ({"type": "hmac-sm3", "key": "another"}, "wrong")]
)
async def test_a_wrong_or_missing_digest_stops_the_target_and_nothing_is_taken(
    ledger: Ledger, way: str, field: str, its: dict[str, str], words: str
) -> None:
    made = target(digest=its | ({"field": field} if its["type"] != "none" else {}))
    answer = await delivered(ledger, made, by=Check(KEY.encode(), field=field), way=way)
    assert (answer.verdict, ledger.packets()) == ("unauthorised", {})
    [(path, reason)] = ledger.refusals()
    assert path == "digest"
    assert words in reason


async def test_what_is_altered_on_its_way_is_refused(ledger: Ledger) -> None:
    platform = Platform(ledger, Secret(), plan("success"), digest=Check(KEY.encode()))
    beside = {"x-hmac-sm3": headers(BODY, target().digest)["X-HMAC-SM3"]}
    altered = BODY.replace(b"26.5", b"16.5")
    assert altered != BODY
    assert (await asyncio.to_thread(platform.take, altered, beside)).status == 401
    assert (await asyncio.to_thread(platform.take, BODY, beside)).status == 200


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        ({"transport": {"type": "tcp", "host": LOCAL, "port": 1}}, "transport tcp has no headers"),
        (
            {"transport": {"type": "mqtt", "host": LOCAL, "topic": "r", "tls": "disabled", "version": "3.1.1"}},
            "version",
        ),
        ({"frame": {"type": "none"}, "digest": {"type": "hmac-sm3", "key": KEY, "field": "digest"}}, "frame that has"),
        ({"digest": {"type": "hmac-sm3", "key": KEY, "field": "data"}}, "data is the frame's own"),
        ({"digest": {"type": "hmac-sm3", "key": KEY, "header": ""}}, "expected a header's name"),
    ],
)
def test_a_digest_without_a_place_to_travel_in_is_a_mistake_in_the_settings(rest: dict[str, Any], words: str) -> None:
    [fault] = target_faults((target(**rest),), library())
    assert words in fault.message
    assert fault.path[:3] == ("reports", 0, "digest")


def test_a_header_that_cannot_be_is_a_mistake_in_the_settings() -> None:
    with pytest.raises(ValidationError, match="expected letters, digits"):
        HmacSm3(type="hmac-sm3", key=KEY, header="two words")
