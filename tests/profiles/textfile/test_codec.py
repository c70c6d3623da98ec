"""The text-file codec: the notes' examples byte for byte both ways, every grammar and every kind of every profile."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles.load import Shelf
from profiles.textfile.codec import CodecError, IncompleteFileError, Record, decode, encode
from profiles.textfile.model import Encoding, TextFiles
from tests.profiles.textfile.examples import CDSS, EXAMPLES, NCDSS

SHELF = Shelf(())
FILES: dict[str, TextFiles] = {name: files for name in SHELF if (files := SHELF[name].files) is not None}
KINDS = [(profile, kind) for profile, files in FILES.items() for kind in files.kinds]
SAFETY = FILES["coal-safety"]


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
@pytest.mark.parametrize(("profile", "kind", "text"), EXAMPLES)
def test_the_notes_examples_round_trip_byte_for_byte(profile: str, kind: str, text: str, encoding: Encoding) -> None:
    data = text.encode(encoding)
    read = decode(FILES[profile], kind, data, encoding=encoding)
    assert read.faults == ()
    assert encode(FILES[profile], kind, read.header, read.records.values(), encoding=encoding) == data


def test_empty_fields_keep_their_places() -> None:
    first, second, third = decode(SAFETY, "CDSS", CDSS.encode()).records.values()
    assert (first["value"], first["state"]) == ("1.62", "3")
    assert (second["unit"], second["state"]) == ("", "0")
    assert (third["value"], third["unit"], third["state"]) == ("", "ppm", "128")


@pytest.mark.parametrize(
    ("profile", "kind", "fields"),
    [
        ("coal-safety", "CDSS", (3, 7)), ("coal-safety", "CDDY", (7, 24)), ("coal-safety", "FZDY", (3, 6)),
        ("coal-safety", "TJSJ", (3, 12)), ("coal-safety", "WFSJ", (3, 6)), ("coal-safety", "YCBJ", (3, 17)),
        ("coal-safety", "KGBH", (3, 3)), ("coal-safety", "KZLD", (3, 7)), ("coal-safety", "FZSS", (3, 4)),
        ("coal-personnel", "RYXX", (8, 9)), ("coal-personnel", "RYQY", (3, 4)), ("coal-personnel", "RYJZ", (3, 6)),
        ("coal-personnel", "RYSS", (3, 15)), ("coal-personnel", "JZSS", (3, 4)), ("coal-personnel", "RYCS", (3, 9)),
        ("coal-personnel", "RYCY", (3, 8)), ("coal-equipment", "JBSJ", (5, 15)), ("coal-equipment", "TFJC", (5, 12)),
        ("coal-equipment", "PSSS", (5, 8)), ("coal-equipment", "JCYC", (5, 13)), ("coal-water", "CGKCDDY", (3, 12)),
        ("coal-water", "CGKCDSS", (3, 5)), ("coal-water", "CGKCDYC", (3, 11)), ("coal-water", "YSLCDDY", (3, 9)),
        ("coal-water", "YSLCDSS", (3, 4)), ("coal-water", "PSLCDDY", (3, 12)), ("coal-water", "JSLCDDY", (3, 9)),
        ("coal-water", "DBCXCDSS", (3, 8)), ("coal-pressure", "DBLC", (6, 11)), ("coal-pressure", "MGYL", (6, 9)),
        ("coal-pressure", "ZJZL", (6, 17)), ("coal-pressure", "ZKSS", (3, 6)), ("coal-pressure", "WYSS", (3, 9)),
        ("coal-pressure", "LCYC", (3, 12)), ("coal-pressure", "DYSS", (3, 5)), ("coal-pressure", "WZSJ", (3, 9)),
        ("mine-underground", "NCDDY", (7, 18)), ("mine-underground", "NCDSS", (3, 7)),
        ("mine-underground", "NCDYCBJ", (3, 17)), ("mine-underground", "NFZDY", (3, 5)),
        ("mine-underground", "NRYQY", (3, 5)), ("mine-underground", "NRYJZ", (7, 6)),
        ("mine-underground", "NRYXX", (3, 17)), ("mine-underground", "NRYSS", (3, 21)),
        ("mine-underground", "NRYCY", (3, 8)),
    ],
)  # fmt: skip
def test_headers_and_records_have_the_fields_that_the_notes_count(
    profile: str, kind: str, fields: tuple[int, int]
) -> None:
    files = FILES[profile]
    assert (len(files.header_of(kind)), len(files.kinds[kind].fields)) == fields
    mark = files.grammar
    too_many = (mark.field * fields[0] + mark.record + mark.end).encode()
    with pytest.raises(CodecError, match=f"has {fields[0] + 1} fields; expected {fields[0]}"):
        decode(files, kind, too_many)


@pytest.mark.parametrize(
    "text",
    [
        CDSS.replace("~", "~\r\n"), CDSS.replace("~", "~\n"), "\ufeff" + CDSS, CDSS + "\r\n", CDSS + " \n\n",
        "\ufeff" + CDSS.replace("~", "~\r\n") + "\r\n",
    ],
)  # fmt: skip
def test_line_breaks_and_a_byte_order_mark_are_accepted(text: str) -> None:
    assert decode(SAFETY, "CDSS", text.encode()) == decode(SAFETY, "CDSS", CDSS.encode())


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_a_file_is_incomplete_at_every_byte_before_its_end_and_never_taken_for_damaged(encoding: Encoding) -> None:
    data = CDSS.encode(encoding)
    for length in range(len(data)):
        with pytest.raises(IncompleteFileError, match=r"does not end with \|\|"):
            decode(SAFETY, "CDSS", data[:length], encoding=encoding)


def test_marks_within_gb18030_characters_are_none() -> None:
    """The second byte of 鄚 is that of | and that of 眫 that of ~."""
    place = next(char for char in map(chr, range(0x4E00, 0x9FFF)) if char.encode("gb18030")[1:] == b"|")
    tilde = next(char for char in map(chr, range(0x4E00, 0x9FFF)) if char.encode("gb18030")[1:] == b"~")
    record = {"point": "p", "place": place + tilde}
    data = encode(SAFETY, "CDSS", {"mine": "m"}, [record], encoding="gb18030")
    assert decode(SAFETY, "CDSS", data, encoding="gb18030").records[1]["place"] == place + tilde
    with pytest.raises(IncompleteFileError):
        decode(SAFETY, "CDSS", ("a;b;c~" + place + place).encode("gb18030"), encoding="gb18030")


def test_bytes_of_another_encoding_are_told_with_the_likely_one() -> None:
    with pytest.raises(CodecError, match="is not utf-8; are the files written in gb18030"):
        decode(SAFETY, "CDSS", CDSS.encode("gb18030"))


def test_a_header_alone_is_a_valid_empty_file() -> None:
    data = encode(SAFETY, "CDSS", {"mine": "140199900001", "mine_name": "示例煤矿"}, [])
    assert data.decode() == "140199900001;示例煤矿;~||"
    assert decode(SAFETY, "CDSS", data).records == {}


def test_marks_in_a_text_do_not_break_a_record() -> None:
    record = {"point": "p", "place": "a;b~c|d^e；f\r\ng", "value": "1"}
    for profile, kind in (("coal-safety", "CDSS"), ("mine-underground", "NCDSS")):
        read = decode(FILES[profile], kind, encode(FILES[profile], kind, {}, [record, record]))
        assert [each["place"] for each in read.records.values()] == ["a b c d e f  g"] * 2


def test_a_full_width_semicolon_is_a_fault_of_its_record_alone_and_never_repaired() -> None:
    read = decode(SAFETY, "CDSS", CDSS.replace(";1301工作面T1;", "；1301工作面T1;").encode())
    assert list(read.records) == [2, 3]
    [fault] = read.faults
    assert (fault.record, fault.skipped) == (1, True)
    assert "character ；" in fault.message


def test_a_wrong_number_of_fields_is_a_fault_of_its_record_alone() -> None:
    read = decode(SAFETY, "CDSS", CDSS.replace("局部通风机;1301", "局部通风机;;1301").encode())
    assert list(read.records) == [1, 3]
    assert [fault.message for fault in read.faults] == ["has 8 fields; expected 7"]


def test_a_last_record_without_its_mark_is_taken_and_told() -> None:
    read = decode(SAFETY, "CDSS", CDSS.replace("~||", "||").encode())
    assert list(read.records) == [1, 2, 3]
    assert [(fault.record, fault.skipped) for fault in read.faults] == [(3, False)]


def test_the_older_header_end_is_a_mark_as_any_other() -> None:
    grammar = SAFETY.grammar.model_copy(update={"header_end": "|"})
    files = SAFETY.model_copy(update={"grammar": grammar})
    text = CDSS.replace("08:00:10~", "08:00:10|")
    read = decode(files, "CDSS", text.encode())
    assert read.records == decode(SAFETY, "CDSS", CDSS.encode()).records
    assert encode(files, "CDSS", read.header, read.records.values()).decode() == text


def test_a_missing_number_is_minus_9999_in_the_equipment_files_and_empty_here() -> None:
    files = FILES["coal-equipment"]
    record = {"point": "p", "type_name": "-9999", "value": "", "unit": ""}
    data = encode(files, "TFSS", {}, [record])
    assert data.decode().endswith("~p;;-9999;;-9999;;;~||")
    read = decode(files, "TFSS", data).records[1]
    assert (read["value"], read["type_name"]) == ("", "-9999"), "a text stays as it is"


def test_a_field_that_the_kind_lacks_is_told() -> None:
    with pytest.raises(CodecError, match="no field plaec; expected point, type_name"):
        encode(SAFETY, "CDSS", {}, [{"plaec": "x"}])


def test_what_cannot_be_written_in_the_encoding_is_told() -> None:
    with pytest.raises(CodecError, match="cannot be written in utf-8"):
        encode(SAFETY, "CDSS", {}, [{"place": "\ud800"}])


def test_non_coal_files_differ_in_their_marks_alone() -> None:
    with pytest.raises(IncompleteFileError):
        decode(FILES["mine-underground"], "NCDSS", NCDSS.replace("]]]", "||").encode())


# What round-trips is any text without the marks; a byte order mark at the start of a file is none of its text.
TEXT = st.text(st.characters(codec="utf-8", exclude_characters=";~|^；\r\n\ufeff"), max_size=8)


@given(st.data(), st.sampled_from(KINDS), st.sampled_from(["utf-8", "gb18030"]))
def test_whatever_is_written_is_read_again(data: st.DataObject, which: tuple[str, str], encoding: Encoding) -> None:
    profile, kind = which
    files = FILES[profile]

    def record(names: tuple[str, ...]) -> Record:
        return {name: text for name in names if (text := data.draw(TEXT)) or True}

    header = record(files.header_of(kind))
    records = [record(files.kinds[kind].fields) for _ in range(data.draw(st.integers(0, 3)))]
    numbers = {name for name, rule in files.fields.items() if rule.type == "number"}
    for each in (header, *records):
        each.update({name: "" for name in numbers & each.keys() if each[name] == files.grammar.missing})
    written = encode(files, kind, header, records, encoding=encoding)
    read = decode(files, kind, written, encoding=encoding)
    assert (read.header, list(read.records.values()), read.faults) == (header, records, ())
    assert encode(files, kind, read.header, read.records.values(), encoding=encoding) == written


@given(st.binary(max_size=200), st.sampled_from(KINDS))
def test_no_bytes_do_worse_than_a_told_fault(data: bytes, which: tuple[str, str]) -> None:
    files = FILES[which[0]]
    for bytes_ in (data, data + files.grammar.end.encode()):
        with contextlib.suppress(CodecError):
            decode(files, which[1], bytes_)
