"""What others wrote, shown to people: it moves no terminal, begins no line of its own, and no spreadsheet runs it."""

from __future__ import annotations

import csv
import io
import logging
import re
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from config.logs import LONGEST, LogSettings, configure
from config.printable import cell, lines, plain

HOSTILE = "a\r\n2026-01-01T00:00:00.000Z INFO    forged\x1b[2J\x9b31m\u202e\u2028\x00"
TEXTS = st.one_of(st.text(), st.text(alphabet="=+-@\t\r\n\"',;\x00\x1b\x9b\u202e a1"))


@given(text=TEXTS)
@example(text=HOSTILE)
def test_a_plain_text_is_one_printable_line_and_printable_texts_stay_as_they_are(text: str) -> None:
    assert plain(text).isprintable()
    assert text != plain(text) or text.isprintable()
    assert lines(text).count("\n") == text.count("\n")
    assert all(line.isprintable() for line in lines(text).split("\n"))


@given(texts=st.lists(TEXTS, min_size=1, max_size=5))
def test_no_cell_of_a_csv_file_is_a_formula_and_each_row_is_one_line(texts: list[str]) -> None:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow([cell(text) for text in texts])
    assert out.getvalue().count("\n") == 1
    [row] = csv.reader(io.StringIO(out.getvalue()))
    assert not any(each.startswith(("=", "+", "-", "@", "\t", "\r")) for each in row)


def test_numbers_of_a_csv_file_stay_numbers() -> None:
    assert [cell(value) for value in (-1, -0.5, None, True)] == [-1, -0.5, None, True]


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_record_of_the_log_is_one_line_whatever_an_agent_put_into_it(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    handlers, level = logging.root.handlers[:], logging.root.level
    try:
        configure(LogSettings.model_validate({"format": form}))
        logging.getLogger("x").warning("agent %s", HOSTILE)
        logging.getLogger("x").warning("a file of one column: %s, and its end", "c" * 2_000_000)
        try:
            raise ValueError(HOSTILE)
        except ValueError:
            logging.getLogger("x").exception("a defect")
        sys.stderr.flush()
        told = capsys.readouterr().err
    finally:
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)
    first, long, *rest = told.removesuffix("\n").split("\n")
    assert len(long) < LONGEST + 200
    assert re.search(r"a file of one column: c+ … 19\d{5} characters … c+, and its end", long)
    assert "forged" in first
    assert "forged" in rest[-1]
    if form == "text":
        assert all(line.isprintable() for line in (first, long, *rest))
        assert all(line.startswith("    ") for line in rest[1:]), "a traceback passes for no record of its own"
    else:
        assert len(rest) == 1
        assert not {"\x1b", "\x00"} & set(told)
