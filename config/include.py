"""``!include path``: another YAML file, or a tag list from CSV or XLSX as it comes from the site.

A table's first row names the keys; a dot nests (``limits.HH``, ``point.code``); empty cells are left out. CSV is read
as UTF-8 or, as Excel writes it in China, GB18030. Errors name the file, the row and the column.
"""

from __future__ import annotations

import codecs
import csv
import io
import os
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import yaml

from config.nodes import MAX_BYTES, KeyPath, Mark, Reader, plain

MAX_INCLUDES = 8
"""Includes within includes."""
MAX_ROWS = 50_000
MAX_UNPACKED = 128 * 2**20
"""Bytes that the parts of an XLSX file, which is a zip archive, unpack to at most (a bound against zip bombs)."""
EXACT = 10**15
"""Excel keeps 15 digits of a number: a code of more must be text."""


def read_include(reader: Reader, node: yaml.Node, path: KeyPath) -> Any:
    """The values of the included file, with their places in that file."""
    here = reader.place(node)
    name = str(node.value) if isinstance(node, yaml.ScalarNode) else ""
    file = reader.file.parent / name
    if not name or not os.path.isfile(file):  # unlike Path.is_file it raises nothing for a name that cannot be
        what = f"{file} is a folder; expected a file" if name and os.path.isdir(file) else f"there is no file {file}"
        reader.problem(here, f"!include {name!r}: {what}")
        return None
    if not os.access(file, os.R_OK):
        reader.problem(here, f"!include {name!r}: {file} may not be read by this user")
        return None
    if reader.depth >= MAX_INCLUDES:
        reader.problem(here, f"!include {name!r}: more than {MAX_INCLUDES} includes within each other, or in a circle")
        return None
    match file.suffix.lower():
        case ".yaml" | ".yml":
            return _yaml(reader, file, path)
        case ".csv":
            return _table(reader, here, file, path, _csv_rows(reader, here, file))
        case ".xlsx":
            return _table(reader, here, file, path, _xlsx_rows(reader, here, file))
    reader.problem(here, f"!include {name!r}: expected a file that ends with .yaml, .csv or .xlsx")
    return None


def _yaml(reader: Reader, file: Path, path: KeyPath) -> Any:
    inner = Reader(file, reader.tags, depth=reader.depth + 1, budget=reader.budget)
    document = inner.read()
    reader.problems += inner.problems
    reader.document.keys |= {path + inside: mark for inside, mark in document.keys.items()}
    reader.document.values |= {path + inside: mark for inside, mark in document.values.items()}
    reader.document.written |= {path + inside: text for inside, text in document.written.items()}
    return document.data


def _csv_rows(reader: Reader, here: Mark, file: Path) -> list[list[str]]:
    if file.stat().st_size > MAX_BYTES:
        reader.problem(here, f"{file}: larger than {MAX_BYTES} bytes")
        return []
    raw = file.read_bytes()
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        reader.problem(Mark(str(file), 1, 1), 'is UTF-16 ("Unicode text" in Excel); expected "CSV UTF-8" or CSV')
        return []
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            rows = list(csv.reader(io.StringIO(raw.decode(encoding), newline=""), strict=True))
        except UnicodeDecodeError:
            continue
        except csv.Error as err:
            reader.problem(Mark(str(file), 1, 1), f"not readable as CSV: {err}")
            return []
        if rows and len(rows[0]) == 1 and (other := next((mark for mark in ";\t" if mark in rows[0][0]), None)):
            reader.problem(Mark(str(file), 1, 1), f"columns are divided by {other!r}; expected commas")
            return []
        return rows
    reader.problem(Mark(str(file), 1, 1), "neither UTF-8 nor GB18030")
    return []


def _xlsx_rows(reader: Reader, here: Mark, file: Path) -> list[list[str]]:
    try:
        from openpyxl import load_workbook  # an extra: most sites need no Excel
        from openpyxl.utils.exceptions import InvalidFileException
    except ImportError:
        reader.problem(
            Mark(str(file), 1, 1), "reading XLSX needs the package openpyxl: pip install openpyxl, or save it as CSV"
        )
        return []
    damaged = (
        InvalidFileException, zipfile.BadZipFile, zlib.error, ParseError, EOFError, OSError, RuntimeError, LookupError,
        ValueError, TypeError, AttributeError, OverflowError,
    )  # fmt: skip  # what openpyxl meets in a file whose parts are not what they should be
    try:
        if too_large := _too_large(file):
            reader.problem(Mark(str(file), 1, 1), too_large)
            return []
        book = load_workbook(file, read_only=True, data_only=True)
        try:
            rows = book.worksheets[0].iter_rows(max_row=MAX_ROWS + 2, max_col=200, values_only=True)
            return [_cells(reader, file, number, row) for number, row in enumerate(rows, 1)]
        finally:
            book.close()
    except damaged as err:
        said = str(err).partition("\n")[0] or type(err).__name__
        reader.problem(Mark(str(file), 1, 1), f"not readable as XLSX: {said}")
        return []


def _too_large(file: Path) -> str:
    """What is too large about a workbook, by what its archive states; zipfile unpacks no more of a part than that."""
    if (size := file.stat().st_size) > MAX_BYTES:
        return f"{size} bytes; at most {MAX_BYTES} are read"
    with zipfile.ZipFile(file) as archive:
        unpacked = sum(part.file_size for part in archive.infolist())
    return f"unpacks to {unpacked} bytes; at most {MAX_UNPACKED} are read" if unpacked > MAX_UNPACKED else ""


def _cells(reader: Reader, file: Path, number: int, row: Sequence[object]) -> list[str]:
    texts = []
    for column, value in enumerate(row, 1):
        if isinstance(value, int | float) and abs(value) >= EXACT:
            reader.problem(
                Mark(str(file), number, column),
                f"{value:g} has more digits than Excel keeps of a number; format the cell as text and enter it anew",
            )
            value = None
        texts.append(_cell(value))
    return texts


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer():
            return str(int(value))  # Excel keeps every number as a double
        case datetime():
            return value.isoformat()
    return str(value)


def _table(reader: Reader, here: Mark, file: Path, path: KeyPath, rows: Sequence[Sequence[str]]) -> Any:
    if not rows:
        if not reader.problems or reader.problems[-1].file != str(file):
            reader.problem(here, f"{file}: the table is empty; its first row names the keys")
        return []
    if len(rows) > MAX_ROWS + 1:
        reader.problem(here, f"{file}: more than {MAX_ROWS} rows")
        return []
    heads = [head.strip() for head in rows[0]]
    for column, head in enumerate(heads):
        if head and head in heads[:column]:
            reader.problem(Mark(str(file), 1, column + 1), f"duplicate column {head!r}")
        outer = next((other for other in heads if other and head.startswith(f"{other}.")), None)
        if outer is not None:
            reader.problem(
                Mark(str(file), 1, column + 1), f"column {head!r} is a part of column {outer!r}; expected one of them"
            )
            return []
    for number, row in enumerate(rows[1:], 2):
        if any(cell.strip() for cell in row[len(heads) :]):
            reader.problem(Mark(str(file), number, len(heads) + 1), "a cell beyond the last heading")
    reader.document.values[path] = Mark(str(file), 1, 1)
    return [
        _row(reader, file, (*path, index), number, zip(heads, row, strict=False))
        for index, (number, row) in enumerate(
            (n, r) for n, r in enumerate(rows[1:], 2) if any(cell.strip() for cell in r)
        )
    ]


def _row(reader: Reader, file: Path, path: KeyPath, number: int, cells: Iterable[tuple[str, str]]) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    reader.document.values[path] = Mark(str(file), number, 1)
    for column, (head, cell) in enumerate(cells, 1):
        text = cell.strip()
        if not head or not text:
            continue
        mark = Mark(str(file), number, column)
        table, inside = entry, path
        *around, last = head.split(".")
        for word in around:
            inside = (*inside, word)
            reader.document.keys.setdefault(inside, mark)
            reader.document.values.setdefault(inside, mark)
            table = table.setdefault(word, {})
        inside = (*inside, last)
        reader.document.keys[inside] = reader.document.values[inside] = mark
        table[last] = value = plain(text)
        if isinstance(value, int | float) and not isinstance(value, bool):
            reader.document.written[inside] = text
    return entry
