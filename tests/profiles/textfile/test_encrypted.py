"""Files that tell of persons, encrypted: the same file the same text, whole or not at all, and only by its own key."""

from __future__ import annotations

import base64
import os
from typing import Any

import pytest

from profiles.textfile.encrypted import (
    LONGEST,
    EncryptedFileError,
    Part,
    PersonKey,
    decrypt,
    encrypt,
    parse_key,
    parse_part,
)
from tests.profiles.textfile.examples import AT, MINE

KEY = PersonKey(bytes(range(32)))
HEADER = {"mine": MINE, "mine_name": "示例煤矿", "upload_time": "2026-11-24 08:00:30"}
FIELDS = ["card", "person_name"]


def persons(number: int = 2) -> list[dict[str, str]]:
    """Names that do not compress."""
    return [{"card": f"{MINE}{at:05}", "person_name": os.urandom(24).hex()} for at in range(number)]


def parts(records: list[dict[str, str]], key: PersonKey = KEY, **other: Any) -> list[Part]:
    about: dict[str, Any] = {"mine": MINE, "profile": "coal-personnel", "kind": "RYSS", "time": AT} | other
    return encrypt(key, header=HEADER, fields=FIELDS, records=records, **about)


def whole(found: list[Part]) -> bytes:
    return b"".join(part.cipher for part in found)


@pytest.mark.parametrize("number", [0, 1, 2000])
def test_a_file_of_any_length_comes_back_from_the_texts_of_its_parts(number: int) -> None:
    records = persons(number)
    texts = [part.text() for part in parts(records)]
    assert max(map(len, texts)) <= LONGEST
    assert (len(texts) > 1) == (number > 1000)
    found = [parse_part(text) for text in texts]
    opened = decrypt(KEY, found[0].head, whole(found))
    assert (opened.header, opened.records) == (HEADER, records)
    assert (opened.head.mine, opened.head.kind, opened.head.time) == (MINE, "RYSS", AT)


def test_the_same_file_gives_the_same_texts_and_any_other_shares_nothing_with_it() -> None:
    records = persons()
    assert parts(records) == parts(records)
    others = [
        parts(records, time=AT + 1000), parts(records, kind="RYXX"), parts(records[:1]),
        parts(records, PersonKey(bytes(32))),
    ]  # fmt: skip
    [mine] = parts(records)
    for [other] in others:
        assert other.head.id != mine.head.id
        assert other.cipher[:64] != mine.cipher[:64]


def test_another_key_opens_nothing_and_is_named() -> None:
    [part] = parts(persons())
    other = PersonKey(bytes(32))
    with pytest.raises(EncryptedFileError, match=f"encrypted by the key {KEY.id}, not by {other.id}"):
        decrypt(other, part.head, part.cipher)
    with pytest.raises(EncryptedFileError, match="does not open it"):
        decrypt(other, part.head._replace(key=other.id), part.cipher)


@pytest.mark.parametrize(
    "change", [{"mine": "140199900002"}, {"kind": "RYXX"}, {"time": AT + 1000}, {"profile": "mine-underground"}]
)
def test_a_file_cannot_be_passed_off_as_another_one(change: dict[str, Any]) -> None:
    [part] = parts(persons())
    with pytest.raises(EncryptedFileError, match="altered"):
        decrypt(KEY, part.head._replace(**change), part.cipher)


def test_parts_that_are_missing_altered_or_in_another_order_open_nothing() -> None:
    found = parts(persons(1500))
    assert len(found) > 2
    for wrong in (found[:-1], [found[1], found[0], *found[2:]]):
        with pytest.raises(EncryptedFileError, match="altered"):
            decrypt(KEY, found[0].head, whole(wrong))
    with pytest.raises(EncryptedFileError, match="altered"):
        decrypt(KEY, found[0].head, whole(found)[:-1] + b"\0")


@pytest.mark.parametrize("encoded", [bytes(32).hex(), base64.b64encode(bytes(32)).decode(), bytes(32).hex().upper()])
def test_a_key_is_hex_or_base64_and_its_id_tells_nothing_of_it(encoded: str) -> None:
    key = parse_key(f" {encoded}\n")
    assert key.id == PersonKey(bytes(32)).id
    assert key.id not in encoded
    assert key.digest(f"{MINE}00001") == PersonKey(bytes(32)).digest(f"{MINE}00001") != KEY.digest(f"{MINE}00001")


@pytest.mark.parametrize("text", ["", "secret", bytes(31).hex(), base64.b64encode(bytes(33)).decode(), "测试" * 20])
def test_what_is_no_key_is_told_without_telling_what_stood_there(text: str) -> None:
    with pytest.raises(ValueError, match="expected a key of 32 bytes as 64 hex digits or as base64") as caught:
        parse_key(text)
    assert not text or text not in str(caught.value)


@pytest.mark.parametrize("part", ["form", "number", "id", "base64", "fields", "empty", "key", "mine", "kind", "time"])
def test_a_text_that_is_no_part_is_told_without_telling_what_stood_there(part: str) -> None:
    text = parts(persons())[0].text()
    fields = text.split(";")
    wrong = {
        "form": text.replace("persons1", "persons9"), "number": text.replace(";1;1;", ";2;1;"),
        "id": text.replace(fields[6], "x" * 32), "base64": f"{text}!", "fields": f"{text};1",
        "empty": ";".join([*fields[:-1], ""]), "key": text.replace(fields[1], "\x1b[2J8888"),
        "mine": text.replace(MINE, "../../etc"), "kind": text.replace(";RYSS;", ";ry/ss;"),
        "time": text.replace(f";{AT};", ";-1;"),
    }[part]  # fmt: skip
    with pytest.raises(EncryptedFileError, match=r"expected a part|a part of an encrypted file") as caught:
        parse_part(wrong)
    assert fields[-1][:20] not in str(caught.value)


def test_a_time_beyond_every_calendar_is_none() -> None:
    fields = parts(persons())[0].text().split(";")
    fields[5] = "999999999999999"
    with pytest.raises(EncryptedFileError, match="head, number or content is none"):
        parse_part(";".join(fields))
