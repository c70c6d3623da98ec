"""What people read of a value: a float32's own digits; a double's where it is one."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from collector.cli.main import main
from collector.figures import figure
from collector.notify.message import message
from tests.collector.alarms.make import NOW, book, life

READ = 19.600000381469727


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (READ, "19.6"), (-READ, "-19.6"), (0.10000000149011612, "0.1"), (19.6, "19.6"), (0.5, "0.5"), (20.0, "20.0"),
        (1 / 3, "0.3333333333333333"), (123456792.0, "123456792.0"), (1e300, "1e+300"), (float("nan"), "nan"),
        (float("inf"), "inf"), (7, "7"), (True, "True"), ("19.600000381469727", "19.600000381469727"),
    ],
)  # fmt: skip
def test_a_float32_is_shown_by_its_own_digits(value: object, shown: str) -> None:
    assert figure(value) == shown


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_what_is_shown_is_the_same_float32(value: float) -> None:
    assert struct.pack("<f", float(figure(value))) == struct.pack("<f", value)


@given(st.floats(allow_nan=False))
def test_no_double_is_changed_beyond_its_float32(value: float) -> None:
    assert float(figure(value)) == value or struct.unpack("<f", struct.pack("<f", value))[0] == value


def test_alarms_and_messages_show_it_and_json_and_the_book_hold_the_value(tmp_path: Path) -> None:
    settings = tmp_path / "collector.yaml"
    settings.write_text(
        "collector: bureau\nstate: state\nmqtt: {host: 127.0.0.1, tls: disabled}\n"
        "sinks: [{type: sqlite, name: store, path: store.db}]\n"
    )
    with book(tmp_path / "state") as opened:
        opened.write([], life("A1", NOW, value=READ, limit=0.10000000149011612))
        kept = opened.get(1)
        shown = CliRunner().invoke(main, ["alarms", "list", str(settings)]).output
        plain = CliRunner().invoke(main, ["alarms", "list", str(settings), "--json"]).output
    assert kept.last.value == READ
    assert "value 数值 19.6, limit 限值 0.1\n" in message("bureau", kept, "raised", "+08:00").text
    assert " 19.6 " in shown
    assert str(READ) not in shown
    assert str(READ) in plain
