"""Files of few bytes from which much would be built, refused before it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge_agent.drivers.files.driver import source
from edge_agent.drivers.files.settings import FilesDevice
from edge_agent.drivers.files.source import UnusableError
from profiles.textfile.codec import MAX_VALUES
from tests.edge_agent.drivers.files.bench import now
from tests.profiles.textfile import examples

KEYS = {"time": "t", "time_format": "s", "point": "p", "value": "v"}
COLUMNS = ",".join(f"c{number}" for number in range(2000))
RECORDS = MAX_VALUES // 2000


def taken(folder: Path, form: dict[str, Any], name: str, data: bytes) -> int:
    device = FilesDevice.model_validate(
        {
            "name": "mine",
            "driver": "files",
            "folder": str(folder),
            "format": form,
            "tags": [{"name": "A", "code": "P1"}],
        }
    )
    return source(device).take(name, data, now=now(), quiet=True).records


@pytest.mark.parametrize("text", ["[" + "[]," * (MAX_VALUES // 2) + "0]", '{"r": [' + "0," * MAX_VALUES + "0]}"])
def test_a_document_of_more_values_than_a_file_may_have_is_not_built(tmp_path: Path, text: str) -> None:
    with pytest.raises(UnusableError, match="more than 2000000 values"):
        taken(tmp_path, {"type": "json", "name": "*.json", **KEYS}, "x.json", text.encode())


def test_lines_of_next_to_nothing_have_a_number(tmp_path: Path) -> None:
    with pytest.raises(UnusableError, match="more than 2000000 values"):
        taken(tmp_path, {"type": "json", "name": "*.json", "lines": True, **KEYS}, "x.json", b"0\n" * (MAX_VALUES + 1))


def test_only_a_line_end_ends_a_line(tmp_path: Path) -> None:
    lines = f'{{"t": {now() // 1000}, "p": "P1", "v": "a\u2028b\x85c"}}\r\n' * 2
    assert taken(tmp_path, {"type": "json", "name": "*.json", "lines": True, **KEYS}, "x.json", lines.encode()) == 2


def test_short_lines_of_a_table_with_many_columns_do_not_multiply(tmp_path: Path) -> None:
    form, head = {"type": "csv", "name": "*.csv", **KEYS}, f"t,p,v,{COLUMNS}\n"
    lines = f"{now() // 1000},P1,1\n"
    assert taken(tmp_path, form, "x.csv", (head + lines * (RECORDS - 3)).encode()) == RECORDS - 3
    with pytest.raises(UnusableError, match="more than 2000000 values"):
        taken(tmp_path, form, "x.csv", (head + lines * RECORDS).encode())


def test_a_text_file_of_nothing_but_marks_is_not_built(tmp_path: Path) -> None:
    name, data = f"{examples.MINE}_CDSS_20261124080010.txt", examples.CDSS.replace("||", "~" * MAX_VALUES + "||")
    with pytest.raises(UnusableError, match="more than 2000000 values"):
        taken(tmp_path, {"type": "text", "profile": "coal-safety"}, name, data.encode())
