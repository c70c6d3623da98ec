"""A settings file to its model, or to everything that is wrong with it at once, each with file, line and column."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from config.errors import ConfigError, Problem, Severity
from config.explain import counted_what_failed, follow, problems_of
from config.include import read_include
from config.nodes import Document, KeyPath, Reader
from config.secrets import read_secret
from config.without import Without

M = TypeVar("M", bound=BaseModel)
TAGS = {"!secret": read_secret, "!include": read_include}


@dataclass(frozen=True, slots=True)
class Sought:
    """A name that no entry of a list has, and the path of that list."""

    among: KeyPath
    name: str


@dataclass(frozen=True, slots=True)
class Fault:
    """What a check beyond the model finds: the path in the settings, and the message."""

    path: KeyPath
    message: str
    severity: Severity = "error"
    first: KeyPath | None = None
    """Where the other of two things that contradict each other stands; its line is added to the message."""
    sought: Sought | None = None
    """What is missing; where it stands with a fault of its own, that alone is told."""


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
    return validate(*read(path), model, path.parent, checks)


def read(path: Path) -> tuple[Document, list[Problem]]:
    """A file's values with their places, and what was wrong on the way; ConfigError when nothing could be read."""
    reader = Reader(path, dict(TAGS))
    document = reader.read()
    if reader.problems and document.data is None:
        raise ConfigError(reader.problems)
    return document, list(reader.problems)


def validate(
    document: Document, problems: list[Problem], model: type[M], folder: Path, checks: Sequence[Check[M]] = ()
) -> Loaded[M]:
    """What `read` gave as a model, `checks` run on it; ConfigError with all problems, those of the reading included."""
    try:
        settings = _validate(document, model, folder)
    except ValidationError as err:
        told = {(each.file, each.line) for each in problems}
        found = problems_of(err.errors(include_url=False), document, model)
        problems += [each for each in found if (each.file, each.line) not in told]
        problems += _of_the_rest(document, model, folder, err, checks)
        raise ConfigError(problems) from None
    if not problems:
        problems = [_problem(fault, document) for check in checks for fault in check(settings)]
    if any(each.severity == "error" for each in problems):
        raise ConfigError(problems)
    return Loaded(settings, sorted(problems))


def _of_the_rest(
    document: Document, model: type[M], folder: Path, err: ValidationError, checks: Sequence[Check[M]]
) -> list[Problem]:
    """What the checks find in the entries that the model has nothing against, so that all is told at once."""
    errors = [each for each in err.errors(include_url=False) if not counted_what_failed(each)]
    rest = Without(document.data, [follow(document.data, each["loc"])[0] for each in errors])
    if rest.data is None:
        return []
    try:
        settings = model.model_validate(rest.data, context={"folder": folder})
    except ValidationError:
        return []  # too little is left; it is checked once these are mended
    try:
        faults = [fault for check in checks for fault in check(settings)]
        # what is worth a second look is told once the whole is there: half of it may look odd for that reason alone
        told = [fault for fault in faults if fault.severity == "error" and not _stands(fault.sought, rest)]
        return [_problem(fault, document, rest) for fault in told]
    except ConfigError as broken:  # a file that the settings name, such as a profile
        return broken.problems


def _stands(sought: Sought | None, rest: Without) -> bool:
    """Whether what a check misses was left out of `rest`."""
    return sought is not None and rest.has_lost(sought.among, sought.name)


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


def _problem(fault: Fault, document: Document, rest: Without | None = None) -> Problem:
    path, first = fault.path, fault.first
    if rest is not None:
        path, first = rest.original(path), None if first is None else rest.original(first)
    mark = document.mark(path)
    message = fault.message
    if first is not None:
        message += f" (line {document.mark(first).line})"
    return Problem(mark.file, mark.line, mark.column, message, fault.severity)
