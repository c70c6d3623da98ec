"""Settings files: what YAML may hold, what is kept as it was written, and that nothing ever ends in a traceback."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from config.errors import ConfigError
from config.load import load
from config.model import Duration, FilePath, Settings, Size
from tests.private import write_private


class Row(Settings):
    name: str
    address: int = 0
    scale: float = 1.0
    word: str = ""
    flag: bool = False
    inner: dict[str, str] = Field(default_factory=dict)


class Sample(Settings):
    text: str = ""
    code: str = ""
    flag: bool = False
    number: Annotated[float, Field(ge=0)] = 0.0
    wait: Duration = 1.0
    size: Size = 1
    path: FilePath = Path()
    secret: str | None = None
    rows: list[Row] = Field(default_factory=list)


def read(folder: Path, text: str | bytes) -> Sample:
    path = folder / "s.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(path, Sample).settings


def faults(folder: Path, text: str | bytes) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(folder, text)
    return [str(problem).replace(f"{folder}/", "") for problem in caught.value.problems]


@pytest.mark.parametrize("word", ["on", "off", "yes", "no", "012", "1:30", "2026-01-01", "0o7", "1_000", "1e", "~x"])
def test_words_that_yaml_would_guess_at_stay_text(tmp_path: Path, word: str) -> None:
    assert read(tmp_path, f"text: {word}").text == word


def test_a_code_keeps_its_digits_as_they_were_written(tmp_path: Path) -> None:
    assert read(tmp_path, "code: 110110001").code == "110110001"
    assert read(tmp_path, "code: 0110").code == "0110"
    assert read(tmp_path, "code: 1.50").code == "1.50"
    assert read(tmp_path, "rows: [{name: 007}, {name: 1e3}]").rows[1].name == "1e3"


def test_durations_and_sizes_carry_a_unit(tmp_path: Path) -> None:
    done = read(tmp_path, "wait: 250ms\nsize: 512MiB")
    assert (done.wait, done.size) == (0.25, 512 * 2**20)
    assert "s.yaml:1:7: wait: expected a duration with its unit" in faults(tmp_path, "wait: 5")[0]


def test_relative_paths_are_relative_to_the_settings_file(tmp_path: Path) -> None:
    assert read(tmp_path, "path: certs/ca.crt").path == tmp_path / "certs/ca.crt"
    assert read(tmp_path, "path: /etc/ca.crt").path == Path("/etc/ca.crt")


@pytest.mark.parametrize(
    "path", ["9" * 256, "a/" * 2048 + "a", "a/" + "浸" * 86 + "/b", r'"a\0b"', r'"a\ud800b"', "~nobody-of-that-name/a"]
)
def test_what_no_file_can_be_called_is_told(tmp_path: Path, path: str) -> None:
    [told] = faults(tmp_path, f"path: {path}")
    assert told.startswith("s.yaml:1:7: path: ")
    assert read(tmp_path, f"path: {'浸' * 85}").path == tmp_path / ("浸" * 85)


def test_a_key_that_stands_twice_is_an_error(tmp_path: Path) -> None:
    assert faults(tmp_path, "text: a\ntext: b") == ["s.yaml:2:1: duplicate key 'text'; it stands in line 1 already"]


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    found = faults(tmp_path, "texd: a\nnumber: -1\nflag: maybe\nrows: [{addres: 1}]")
    assert [each.split(": ")[0] for each in found] == [
        "s.yaml:1:1",
        "s.yaml:2:9",
        "s.yaml:3:7",
        "s.yaml:4:8",
        "s.yaml:4:9",
    ]
    assert "did you mean 'text'?" in found[0]
    assert "expected true or false, not 'maybe'" in found[2]
    assert "key 'name' is missing" in found[3]


LETTERS = "abcdefghij"
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in itertools.pairwise(LETTERS)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("text: !!python/object:os.system x", "unknown tag"),
        ("text: !exec x", "unknown tag"),
        ("<<: {text: a}", "merge keys"),
        ("? [a]\n: b", "a key must be a word"),
        ("", "the file is empty"),
        ("- a", "expected a table"),
        ("text: 'a", "not readable as YAML"),
        ("text: a\n\tflag: true", "a tab"),
        (b"text: \xff\xfe", "not UTF-8"),
        (BOMB, "too much"),
        ("text: " + "[" * 200 + "]" * 200, "too much"),
        ("text: " + "[" * 5000, "nested too deeply"),
    ],
)  # fmt: skip
def test_what_is_not_safe_or_not_sound_is_told(tmp_path: Path, text: str | bytes, said: str) -> None:
    assert any(said in each for each in faults(tmp_path, text))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load(tmp_path / "none.yaml", Sample)


def test_secrets_are_read_from_files_and_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.setenv("EDGE_SECRET_MQTT_PASSWORD", "of the environment")
    assert read(tmp_path, "secret: !secret mqtt-password").secret == "of the environment"
    write_private(tmp_path / "secrets/mqtt-password", "beside\n")
    assert read(tmp_path, "secret: !secret mqtt-password").secret == "beside"
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials/mqtt-password").write_text("of systemd")
    (tmp_path / "credentials/mqtt-password").chmod(0o440)  # as its access list shows
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    assert read(tmp_path, "secret: !secret mqtt-password").secret == "of systemd"
    assert "expected !secret and a name" in faults(tmp_path, "secret: !secret ../../etc/passwd")[0]


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_secret_that_others_may_read_is_refused_with_what_to_do(tmp_path: Path, mode: int) -> None:
    file = write_private(tmp_path / "secrets/mqtt-password", "hunter2")
    file.chmod(mode)
    [fault] = faults(tmp_path, "secret: !secret mqtt-password")
    assert f"others may read it (mode {mode:04o})" in fault
    assert fault.endswith("expected 0600: chmod 600 secrets/mqtt-password")
    file.chmod(0o400)
    assert read(tmp_path, "secret: !secret mqtt-password").secret == "hunter2"


def test_a_secret_that_is_no_text_is_told_without_a_byte_of_it(tmp_path: Path) -> None:
    write_private(tmp_path / "secrets/mqtt-password", "").write_bytes(b"\xffhunter2")
    [fault] = faults(tmp_path, "secret: !secret mqtt-password")
    assert fault.endswith("is not UTF-8")


@pytest.mark.parametrize("key", ["number", "flag", "wait", "size", "rows", "code: x\nnumber"])
def test_a_secret_that_will_not_do_is_told_without_what_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("EDGE_SECRET_PASSWORD", "hunter2")
    [fault] = faults(tmp_path, f"{key}: !secret password")
    assert "not what the secret holds" in fault
    assert "hunter2" not in fault


def test_an_included_file_is_a_part_with_places_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "rows.yaml").write_text("- name: a\n- {name: b, addres: 1}\n")
    assert faults(tmp_path, "rows: !include rows.yaml")[0].startswith("rows.yaml:2:13: unknown key 'addres'")


def test_files_that_include_each_other_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("!include b.yaml")
    (tmp_path / "b.yaml").write_text("!include a.yaml")
    assert "in a circle" in faults(tmp_path, "rows: !include a.yaml")[0]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_tag_list_comes_from_a_table(tmp_path: Path, encoding: str) -> None:
    table = "name,address,inner.标签,flag\r\n储罐液位,7,一号,true\r\n,,,\r\nb,2,,\r\n"
    (tmp_path / "t.csv").write_bytes(table.encode(encoding))
    rows = read(tmp_path, "rows: !include t.csv").rows
    assert rows == [Row(name="储罐液位", address=7, inner={"标签": "一号"}, flag=True), Row(name="b", address=2)]


def test_a_tag_list_comes_from_excel(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (["name", "address", "scale"], ["储罐液位", 40001, 0.001], [12345, 40003.0, None], ["c", "x", 1]):
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    found = faults(tmp_path, "rows: !include t.xlsx")
    assert found == ["t.xlsx:4:2: address: expected a whole number, not 'x'"]
    book.active.cell(4, 1).value, book.active.cell(4, 2).value = 110110001001000122222, 1
    book.save(tmp_path / "t.xlsx")
    [told] = [each for each in faults(tmp_path, "rows: !include t.xlsx") if each.startswith("t.xlsx:4:1")]
    assert "format the cell as text" in told
    book.active.delete_rows(4)
    book.save(tmp_path / "t.xlsx")
    rows = read(tmp_path, "rows: !include t.xlsx").rows
    assert rows == [Row(name="储罐液位", address=40001, scale=0.001), Row(name="12345", address=40003)]


def test_a_folder_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "t.csv").mkdir()
    assert any("t.csv is a folder" in each for each in faults(tmp_path, "rows: !include t.csv"))


@pytest.mark.parametrize(
    ("name", "raw", "said"),
    [
        ("t.xlsx", b"no zip", "not readable as XLSX"),
        ("t.csv", b'name\n"a', "not readable as CSV"),
        ("t.csv", b"", "the table is empty"),
        ("t.csv", b"name,name\na,b", "duplicate column 'name'"),
        ("t.csv", b"\xff\xff\xff", "neither UTF-8 nor GB18030"),
        ("t.csv", "name\ta\n".encode("utf-16"), "t.csv:1:1: is UTF-16"),
        ("t.csv", b"name;address\na;1\nb;2", "t.csv:1:1: columns are divided by ';'; expected commas"),
        ("t.csv", b"name\taddress\na\t1", "expected commas"),
        ("t.csv", b"name,limits,limits.HH\na,1,2", "column 'limits.HH' is a part of column 'limits'"),
        ("t.csv", b"name,address\na,1,stray", "t.csv:2:3: a cell beyond the last heading"),
        ("t.txt", b"name\na", "expected a file that ends with"),
    ],
)
def test_a_table_that_is_not_sound_is_told(tmp_path: Path, name: str, raw: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(raw)
    assert any(said in each for each in faults(tmp_path, f"rows: !include {name}"))


JUNK = st.one_of(
    st.binary(max_size=200),
    st.text(alphabet="abc:[]{}&*!?|>-'\"%@#\n\t ,0123456789\\", max_size=200).map(str.encode),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(["rows", "text", "wait", "name"]), inner)
        ),
        max_leaves=10,
    ).map(lambda data: repr(data).encode()),
)  # fmt: skip


@pytest.mark.fuzz
@given(raw=JUNK)
def test_no_input_ends_in_a_traceback(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "junk.yaml"
    path.write_bytes(raw)
    try:
        load(path, Sample)
    except ConfigError as err:
        problems = err.problems
    else:
        problems = []
    assert all(problem.line >= 1 and problem.column >= 1 for problem in problems)
