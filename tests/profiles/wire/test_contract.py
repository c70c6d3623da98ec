"""The contract: frames, digests, values, topics, and the JSON Schemas that describe them."""

from __future__ import annotations

import json
import math
import zlib
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles.wire import codec, quality, schemas
from profiles.wire.messages import Ack, Data, Event, Events, EvidenceChunk, Manifest, Request, Response, Site, State
from profiles.wire.topics import Topic, subscription

STREAM, HASH = "a" * 32, "b" * 64
EVENT = Event(
    id="e", alarm="a", kind="limit", level="H", state="raised", time=2, since=1, tag="t", value=5.0, limit=4.0
)  # fmt: skip
ACK = Ack(v=1, stream=STREAM, acked=[(1, "c" * 32)], rejected=[(2, "d" * 32, "why")])
ROWS = [("t", 5, 1.5, "good"), ("u", 6, None, "bad:link")]
LATER = {"v": 2, "stream": STREAM, "seq": 1, "era": 0, "manifest": HASH, "t0": 0, "s": [["t", 0, 1]]}
SITE = Site(code="110110001", name="plant", adcode="110110")


def test_the_committed_schemas_are_what_the_models_say() -> None:
    assert schemas.stale() == []


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("manifest", codec.unpack(codec.encode(Manifest(v=1, software="x", site=SITE, tags={}, devices={})))),
        ("data", codec.unpack(codec.freeze_data(STREAM, 1, 0, HASH, ROWS))),
        ("event", codec.unpack(codec.freeze_events(STREAM, 2, 1, HASH, [EVENT]))),
        ("state", codec.unpack(codec.encode(State(v=1, online=True, since=1, version="x")))),
        ("ack", codec.unpack(codec.encode(ACK))),
        ("request", codec.unpack(codec.encode(Request(v=1, id="r", verb="status")))),
        ("response", codec.unpack(codec.encode(Response(v=1, id="r", ok=True)))),
    ],
)  # fmt: skip
def test_what_is_sent_is_what_the_schema_says(kind: str, text: bytes) -> None:
    schema = json.loads((schemas.FOLDER / f"{kind}.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(json.loads(text))


def test_the_state_of_an_agent_that_tells_less_is_understood_and_valid() -> None:
    text = b'{"v":1,"online":true,"since":1,"version":"0.1.0","host":{"name":"pc","cpu":3.5}}'
    state = codec.decode(text, codec.decoder(State))
    assert (state.time, state.certificates) == (0, {})
    assert state.host is not None
    assert (state.host.cpu, state.host.clock_synchronised) == (3.5, None)
    schema = json.loads((schemas.FOLDER / "state.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(json.loads(text))


VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20))


@given(
    rows=st.lists(st.tuples(st.text(min_size=1, max_size=20), st.integers(0, 10**12), VALUES), min_size=1, max_size=50)
)
def test_every_value_arrives_as_it_was_sent_or_says_why_not(rows: list[tuple[str, int, Any]]) -> None:
    frame = codec.freeze_data(STREAM, 7, 3, HASH, [(*row, "good") for row in rows])
    data = codec.decode(frame, codec.decoder(Data))
    assert (data.stream, data.seq, data.era, data.manifest) == (STREAM, 7, 3, HASH)
    for (tag, time, value), sample in zip(rows, data.s, strict=True):
        assert (sample.tag, data.t0 + sample.dt) == (tag, time)
        if value is None:
            assert (sample.value, sample.quality) == (None, "bad:not_a_number")
        elif isinstance(value, float) and not math.isfinite(value):
            assert (sample.value, sample.quality) == (None, "bad:not_finite")
        elif isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**53:
            assert (sample.value, sample.quality) == (str(value), "good")
        else:
            assert (sample.value, sample.quality) == (value, "good")


def test_every_repeat_is_identical_and_its_digest_names_the_bytes() -> None:
    first, again = (codec.freeze_data(STREAM, 1, 0, HASH, [("t", 5, 1.5, "good")]) for _ in range(2))
    other = codec.freeze_data(STREAM, 1, 0, HASH, [("t", 5, 1.6, "good")])
    assert first == again
    assert codec.digest(first) == codec.digest(again) != codec.digest(other)


def test_payloads_over_1_kib_travel_compressed_and_the_first_byte_tells() -> None:
    small = codec.freeze_data(STREAM, 1, 0, HASH, [("t", 5, 1.5, "good")])
    large = codec.freeze_data(STREAM, 1, 0, HASH, [(f"tag-{n}", n, float(n), "good") for n in range(200)])
    assert small[:1] == b"{"
    assert large[:1] == b"\x78"
    assert codec.unpack(large)[:1] == b"{"


@pytest.mark.parametrize(
    "frame",
    [
        b"", b"\x00", b"{", b"[]", b'{"v":1}', zlib.compress(b'{"v":1}' * 500)[:-3], zlib.compress(b"{}") + b"x",
        b"{" + b" " * (codec.MAX_MESSAGE + 1), zlib.compress(b" " * (codec.MAX_MESSAGE + 1)), b"\x78\x9c\xff\xff",
        json.dumps(LATER).encode(),
    ],
)  # fmt: skip
def test_what_is_no_frame_is_a_frame_error(frame: bytes) -> None:
    with pytest.raises(codec.FrameError):
        codec.decode(frame, codec.decoder(Data))


def test_a_frame_is_compressed_once_at_most() -> None:
    text = codec.unpack(codec.freeze_data(STREAM, 1, 0, HASH, ROWS))
    assert codec.decode(zlib.compress(text), codec.decoder(Data)).seq == 1
    with pytest.raises(codec.FrameError):
        codec.decode(zlib.compress(zlib.compress(text)), codec.decoder(Data))


def test_what_an_agent_takes_is_smaller_than_what_a_collector_takes() -> None:
    large = codec.encode(Ack(v=1, stream=STREAM, acked=[(1, "c" * 32)] * 40_000))
    assert codec.decode(large, codec.decoder(Ack)).acked
    with pytest.raises(codec.FrameError, match="unpacks to more than 1048576 bytes"):
        codec.decode(large, codec.decoder(Ack), codec.MAX_TO_AGENT)


DATA = {"v": 1, "stream": STREAM, "seq": 1, "era": 0, "manifest": HASH, "t0": 0, "s": [["t", 0, 1, "bad:link"]]}
EVENTS = {"v": 1, "stream": STREAM, "seq": 1, "era": 0, "manifest": HASH}
TOLD = {"v": 1, "online": True, "since": 1, "version": "1"}


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Data, DATA | {"stream": STREAM + "\n"}),
        (Data, DATA | {"manifest": HASH + "\n"}),
        (Data, DATA | {"s": [["t", 0, 1, "good\n"]]}),
        (Data, DATA | {"s": [["t" * 129, 0, 1]]}),
        (Data, DATA | {"t0": 253402300799999}),
        (Data, DATA | {"s": [["t", 0, 1]] * 100_001}),
        (Events, EVENTS | {"events": [msgspec.to_builtins(EVENT) | {"text": "x" * 4097}]}),
        (Events, EVENTS | {"events": [msgspec.to_builtins(EVENT) | {"tag": "x" * 257}]}),
        (Events, EVENTS | {"events": [msgspec.to_builtins(EVENT) | {"facts": {str(n): n for n in range(201)}}]}),
        (State, TOLD | {"outbox_rows": 2**53 + 1}),
        (State, TOLD | {"streams": {STREAM: {"last": -1}}}),
        (State, TOLD | {"counters": {"x": 10**30}}),
        (State, TOLD | {"oldest_age_s": 1.5e306}),  # in ms beyond what a float holds
        (State, TOLD | {"oldest_age_s": -1.0}),
        (Site, {"code": "1" * 257, "name": "x", "adcode": "110110"}),
        (Site, {"code": "1", "name": "x", "adcode": "110110\n"}),
    ],
)
def test_what_is_longer_than_the_contract_has_it_is_a_frame_error(kind: type[msgspec.Struct], message: object) -> None:
    with pytest.raises(codec.FrameError, match="Expected"):
        codec.decode(json.dumps(message).encode(), codec.decoder(kind))


def test_an_events_text_that_is_too_long_is_cut_by_who_sends_it() -> None:
    [told] = codec.decode(
        codec.freeze_events(STREAM, 1, 0, HASH, [msgspec.structs.replace(EVENT, text="x" * 5000)]),
        codec.decoder(Events),
    ).events
    assert told.text == "x" * 4095 + "…"


@pytest.mark.fuzz
@given(junk=st.binary(max_size=300))
def test_no_bytes_end_in_anything_but_a_frame_error(junk: bytes) -> None:
    for kind in schemas.KINDS.values():
        try:
            codec.decode(junk, codec.decoder(kind))
        except codec.FrameError as err:
            said = str(err)
        else:
            said = "a message after all"
        assert said


def test_evidence_is_a_line_and_then_the_bytes() -> None:
    head = EvidenceChunk(v=1, stream=STREAM, seq=1, era=0, manifest=HASH, id="e", offset=0, total=4)
    frame = codec.freeze_evidence(head, b"\x00\n\xff{")
    assert codec.split_evidence(frame, codec.decoder(EvidenceChunk)) == (head, b"\x00\n\xff{")


def test_an_event_without_what_it_leaves_out_decodes_to_the_same() -> None:
    frame = codec.freeze_events(STREAM, 1, 0, HASH, [EVENT])
    assert b"evidence" not in frame
    assert codec.decode(frame, codec.decoder(Events)).events == [EVENT]


def test_unknown_fields_of_a_later_version_do_no_harm() -> None:
    ack = codec.encode(Ack(v=1, stream=STREAM)).replace(b"}", b',"more":1}')
    assert codec.decode(ack, codec.decoder(Ack)).stream == STREAM


@pytest.mark.parametrize(
    "text", ["gw/v1/c/a/nonsense", "gw/v2/c/a/data", "gw/v1/C/a/data", "gw/v1/c/a/data/x", "x", "gw/v1/c//data"]
)
def test_a_topic_that_is_not_of_the_contract_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="topic"):
        Topic.parse(text)


def test_topics_there_and_back() -> None:
    assert str(Topic.parse("gw/v1/county-1/tank-farm/data")) == "gw/v1/county-1/tank-farm/data"
    assert subscription("county-1", "data") == "gw/v1/county-1/+/data"


def test_of_two_qualities_the_graver_counts() -> None:
    assert quality.worst("good", "uncertain:clock") == "uncertain:clock"
    assert quality.worst("bad:link", "uncertain:clock") == "bad:link"
    assert quality.worst("uncertain:jump", "uncertain:clock") == "uncertain:jump"
    assert msgspec.convert("uncertain:clock", type=str) == "uncertain:clock"
