"""YAML text to plain values, each with its position, by PyYAML's composed nodes; bounded, and without its surprises.

PyYAML constructs nothing here: it only parses to nodes (https://pyyaml.org/wiki/PyYAMLDocumentation, ``compose``). Of
YAML 1.1's guesses only true/false, null and plain decimal numbers are kept; ``on``, ``yes``, ``012``, ``1:30`` and
dates stay text, since in a register list they are meant as text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from config.errors import ConfigError, Problem

MAX_BYTES = 8 * 2**20
"""Largest file that is read."""
MAX_DEPTH = 40
"""Deepest nesting of lists and tables."""
MAX_NODES = 500_000
"""Values in all, aliases counted as often as they are used (a bound against alias bombs)."""

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_HEXADECIMAL = re.compile(r"0x[0-9A-Fa-f]+")
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)(\.[0-9]*)?([eE][-+]?[0-9]+)?|[-+]?\.[0-9]+")
_STANDARD = "tag:yaml.org,2002:"
_KNOWN = {
    _STANDARD + name for name in ("str", "int", "float", "bool", "null", "timestamp", "map", "seq", "merge", "value")
}
"""What PyYAML guesses for a word, a table or a list; the guess itself is not used."""

KeyPath = tuple[str | int, ...]
"""Keys and indices from the top of a document."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a value stands; line and column count from 1."""

    file: str
    line: int
    column: int


@dataclass(slots=True)
class Document:
    """A file's values with the place of each: `keys` of the keys, `values` of what they hold."""

    data: Any
    keys: dict[KeyPath, Mark]
    values: dict[KeyPath, Mark]
    written: dict[KeyPath, str]
    """Numbers as they were written."""

    def mark(self, path: KeyPath) -> Mark:
        """The place of a path, or of the nearest thing around it."""
        for length in range(len(path), -1, -1):
            if found := self.values.get(path[:length]):
                return found
        raise KeyError(path)


TagReader = Callable[["Reader", yaml.Node, KeyPath], Any]


class Reader:
    """One file on its way to a `Document`; custom tags are read by `tags`."""

    def __init__(
        self, file: Path, tags: dict[str, TagReader], *, depth: int = 0, budget: list[int] | None = None
    ) -> None:
        self.file = file
        self.tags = tags
        self.depth = depth
        """How many includes lead here."""
        self.problems: list[Problem] = []
        self.document = Document(None, {}, {}, {})
        self.budget = [MAX_NODES] if budget is None else budget

    def read(self) -> Document:
        """Read the file; problems are collected, not raised."""
        mark = Mark(str(self.file), 1, 1)
        self.document.values[()] = mark
        text = self._text()
        if text is None:
            return self.document
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as err:
            self._syntax(err, text)
        except yaml.YAMLError as err:
            self.problem(mark, f"not readable as YAML: {_first_line(err)}")
        except RecursionError:
            self.problem(mark, f"nested too deeply; at most {MAX_DEPTH} levels")
        else:
            if node is None:
                self.problem(mark, "the file is empty")
            else:
                self.document.data = self.value(node, ())
        return self.document

    def value(self, node: yaml.Node, path: KeyPath) -> Any:
        """The value of a node, with the places of all that is in it noted under `path`."""
        mark = self.place(node)
        self.document.values.setdefault(path, mark)
        self.budget[0] -= 1
        if self.budget[0] < 0 or len(path) > MAX_DEPTH:
            if self.budget[0] > -2:
                self.problem(mark, f"too much: at most {MAX_NODES} values, nested at most {MAX_DEPTH} deep")
                self.budget[0] = -10
            return None
        if node.tag in self.tags:
            return self.tags[node.tag](self, node, path)
        if node.tag not in _KNOWN:
            self.problem(mark, f"unknown tag {node.tag}; expected one of {', '.join(sorted(self.tags))}, or none")
            return None
        if isinstance(node, yaml.MappingNode):
            return self._table(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(child, (*path, index)) for index, child in enumerate(node.value)]
        return self._scalar(node, path)

    def place(self, node: yaml.Node) -> Mark:
        """Where a node begins."""
        return Mark(str(self.file), node.start_mark.line + 1, node.start_mark.column + 1)

    def problem(self, mark: Mark, message: str) -> None:
        """Note a mistake."""
        self.problems.append(Problem(mark.file, mark.line, mark.column, message))

    def _table(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        table: dict[str, Any] = {}
        for key_node, value_node in node.value:
            mark = self.place(key_node)
            if not isinstance(key_node, yaml.ScalarNode):
                self.problem(mark, "a key must be a word")
                continue
            key = str(key_node.value)
            if key == "<<" and key_node.tag == f"{_STANDARD}merge":
                self.problem(mark, "merge keys (<<) are not read; write the keys out, or use !include")
                continue
            if key in table:
                first = self.document.keys[(*path, key)]
                self.problem(mark, f"duplicate key {key!r}; it stands in line {first.line} already")
                continue
            self.document.keys[(*path, key)] = mark
            table[key] = self.value(value_node, (*path, key))
        return table

    def _scalar(self, node: yaml.Node, path: KeyPath) -> Any:
        text = str(node.value)
        if isinstance(node, yaml.ScalarNode) and node.style is None:
            value = plain(text)
            if isinstance(value, int | float) and not isinstance(value, bool):
                self.document.written[path] = text
            return value
        return text

    def _text(self) -> str | None:
        mark = Mark(str(self.file), 1, 1)
        try:
            size = self.file.stat().st_size
            if size > MAX_BYTES:
                self.problem(mark, f"{size} bytes; at most {MAX_BYTES} are read")
                return None
            return self.file.read_bytes().decode("utf-8-sig")
        except OSError as err:
            self.problem(mark, f"cannot be read: {err.strerror or err}")
        except ValueError as err:
            self.problem(mark, f"not UTF-8: {err}")
        return None

    def _syntax(self, err: yaml.MarkedYAMLError, text: str) -> None:
        at = err.problem_mark or err.context_mark
        line, column = (at.line, at.column) if at else (0, 0)
        lines = text.splitlines()
        message = f"not readable as YAML: {err.problem or err.context}"
        for number in (line, line - 1):
            if 0 <= number < len(lines) and "\t" in lines[number][: len(lines[number]) - len(lines[number].lstrip())]:
                line, column = number, lines[number].index("\t")
                message = "a tab; YAML is indented with blanks"
                break
        self.problem(Mark(str(self.file), line + 1, column + 1), message)


def plain(text: str) -> Any:
    """An unquoted word as a value: null, true, false, a plain number, or the text itself."""
    if text in ("", "~", "null"):
        return None
    if text in ("true", "false"):
        return text == "true"
    if _INTEGER.fullmatch(text):
        return int(text) if len(text) < 40 else text
    if _HEXADECIMAL.fullmatch(text):
        return int(text, 16) if len(text) < 40 else text
    if _DECIMAL.fullmatch(text):
        return float(text)
    return text


def raise_for(problems: list[Problem]) -> None:
    """ConfigError, if there is anything wrong."""
    if any(problem.severity == "error" for problem in problems):
        raise ConfigError(problems)


def _first_line(err: Exception) -> str:
    return str(err).splitlines()[0]
