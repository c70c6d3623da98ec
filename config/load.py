"""A settings file to its model, or to everything that is wrong with it at once, each with file, line and column."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from config.errors import ConfigError, Problem, Severity
from config.explain import follow, problems_of
from config.include import read_include
from config.nodes import Document, KeyPath, Reader
from config.secrets import read_secret

M = TypeVar("M", bound=BaseModel)
TAGS = {"!secret": read_secret, "!include": read_include}


@dataclass(frozen=True, slots=True)
class Fault:
    """What a check beyond the model finds: the path in the settings, and the message."""

    path: KeyPath
    message: str
    severity: Severity = "error"
    first: KeyPath | None = None
    """Where the other of two things that contradict each other stands; its line is added to the message."""


@dataclass(frozen=True, slots=True)
class Loaded(Generic[M]):
    """Settings that hold, and what is worth a second look in them."""

    settings: M
    warnings: list[Problem]


Check = Callable[[M], Iterable[Fault]]


def load(path: Path, model: type[M], checks: Sequence[Check[M]] = ()) -> Loaded[M]:
    """Read `path` into `model` and run `checks` on it; relative paths in it are relative to the file's folder.

    Raises ConfigError with all problems.
    """
    reader = Reader(path, dict(TAGS))
    document = reader.read()
    problems = list(reader.problems)
    if problems and document.data is None:
        raise ConfigError(problems)
    try:
        settings = _validate(document, model, path.parent)
    except ValidationError as err:
        told = {(each.file, each.line) for each in problems}
        found = problems_of(err.errors(include_url=False), document, model)
        problems += [each for each in found if (each.file, each.line) not in told]
        raise ConfigError(problems) from None
    if not problems:
        problems = [_problem(fault, document) for check in checks for fault in check(settings)]
    if any(each.severity == "error" for each in problems):
        raise ConfigError(problems)
    return Loaded(settings, sorted(problems))


def _validate(document: Document, model: type[M], folder: Path) -> M:
    """Validate; where text is wanted and a number stands (a code such as 110110001), take the digits as written."""
    context = {"folder": folder}
    try:
        return model.model_validate(document.data, context=context)
    except ValidationError as err:
        changed = False
        for error in err.errors(include_url=False):
            path, _meant = follow(document.data, error["loc"])
            if error["type"] == "string_type" and path in document.written:
                _put(document.data, path, document.written[path])
                changed = True
        if not changed:
            raise
    return model.model_validate(document.data, context=context)


def _put(data: Any, path: KeyPath, value: str) -> None:
    for step in path[:-1]:
        data = data[step]
    data[path[-1]] = value


def _problem(fault: Fault, document: Document) -> Problem:
    mark = document.mark(fault.path)
    message = fault.message
    if fault.first is not None:
        message += f" (line {document.mark(fault.first).line})"
    return Problem(mark.file, mark.line, mark.column, message, fault.severity)
