"""pydantic's errors as a site engineer reads them: the place in the file, what is wrong, what was expected."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from config.errors import Problem
from config.nodes import Document, KeyPath, Mark

_EXPECTED = {
    "string_type": "expected text",
    "int_type": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_from_float": "expected a whole number",
    "float_type": "expected a number",
    "float_parsing": "expected a number",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "list_type": "expected a list",
    "tuple_type": "expected a list",
    "dict_type": "expected a table of keys and values",
    "model_type": "expected a table of keys and values",
    "model_attributes_type": "expected a table of keys and values",
    "path_type": "expected a path",
    "too_short": "expected at least one entry",
    "none_required": "expected nothing",
}


def problems_of(errors: Iterable[ErrorDetails], document: Document, model: type[BaseModel]) -> list[Problem]:
    """All of pydantic's errors as problems; of a choice between shapes only those of the shape that was meant.

    Where none of the shapes was, the first one's.
    """
    told: dict[KeyPath, list[Problem]] = {}
    others: dict[KeyPath, Problem] = {}
    for error in errors:
        path, meant = follow(document.data, error["loc"])
        if meant and not counted_what_failed(error):
            told.setdefault(path, []).append(_problem(error, path, document, model))
        elif not meant:
            others.setdefault(path, _problem(error, path, document, model))
    silent = [problem for path, problem in others.items() if not any(each[: len(path)] == path for each in told)]
    return sorted({*silent, *(problem for found in told.values() for problem in found)})


def follow(data: Any, loc: Sequence[str | int]) -> tuple[KeyPath, bool]:
    """pydantic's location as a path of the document, without the labels of unions.

    The second value is False for an error of a union's branch that the value's own shape rules out.
    """
    path: list[str | int] = []
    here, meant = data, True
    for position, step in enumerate(loc):
        if _holds(here, step):
            here = here[step]
            path.append(step)
        elif position == len(loc) - 1 and isinstance(here, dict) and not _is_label(step):
            path.append(step)  # a key that is missing
        elif isinstance(step, str):
            scalar = step.startswith(("literal[", "str", "bool", "int", "float", "none"))
            meant = meant and scalar != isinstance(here, dict)
    return tuple(path), meant


def counted_what_failed(error: ErrorDetails) -> bool:
    """pydantic calls a list too short whose entries all have faults; those are told one by one."""
    given = error["input"]
    return error["type"] == "too_short" and isinstance(given, list) and len(given) >= error["ctx"]["min_length"]


def _holds(here: Any, step: str | int) -> bool:
    if isinstance(here, dict):
        return step in here
    return isinstance(here, list) and isinstance(step, int) and step < len(here)


def _is_label(step: str | int) -> bool:
    return isinstance(step, str) and ("[" in step or step[:1].isupper())


def _problem(error: ErrorDetails, path: KeyPath, document: Document, model: type[BaseModel]) -> Problem:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        key = str(path[-1])
        mark = document.keys.get(path) or document.mark(path)
        known = _keys(model, document.data, path[:-1])
        return _at(mark, f"unknown key {key!r}; {did_you_mean(key, known)}")
    if kind == "missing":
        return _at(document.mark(path[:-1]), f"key {str(path[-1])!r} is missing")
    mark, given = document.mark(path), _given(error["input"])
    name = _name(path)
    if kind in ("literal_error", "enum"):
        words = [word.strip(" '") for part in str(context["expected"]).split(",") for word in part.split(" or ")]
        return _at(mark, f"{name}{given} is not known; {did_you_mean(str(error['input']), words)}")
    if kind == "union_tag_invalid":
        words = [word.strip(" '") for word in str(context["expected_tags"]).split(",")]
        key = str(context["discriminator"]).strip("'")
        place = document.values.get((*path, key), mark)
        return _at(place, f"{key}: '{context['tag']}' is not known; {did_you_mean(str(context['tag']), words)}")
    if kind == "union_tag_not_found":
        return _at(mark, f"key {context['discriminator']} is missing; it says what this is")
    if kind in _EXPECTED:
        return _at(mark, f"{name}{_EXPECTED[kind]}, not {given}")
    return _at(mark, f"{name}{_sentence(error['msg'])}{'' if isinstance(error['input'], dict) else f', not {given}'}")


def _name(path: KeyPath) -> str:
    """The keys that lead to a value from the entry of a list that it stands in, such as limits.H."""
    keys: list[str] = []
    for step in path:
        keys = [*keys, step] if isinstance(step, str) else []
    return f"{'.'.join(keys)}: " if keys else ""


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """The nearest known word, and the known ones where they are few."""
    near = difflib.get_close_matches(word.lower(), [each.lower() for each in known], 1, 0.6)
    hint = next((f"did you mean {each!r}? " for each in known if near and each.lower() == near[0]), "")
    if hint and len(known) > 12:
        return hint.strip()
    return f"{hint}expected one of: {', '.join(sorted(known))}"


def _sentence(text: str) -> str:
    text = text.removeprefix("Value error, ").replace("Input should be ", "expected a value ")
    return text[:1].lower() + text[1:]


def _given(value: object) -> str:
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    return "nothing" if value is None else repr(value)[:80]


def _at(mark: Mark, message: str) -> Problem:
    return Problem(mark.file, mark.line, mark.column, message)


def _keys(annotation: Any, data: Any, path: KeyPath) -> list[str]:
    """The keys that the model at `path` knows."""
    for kind in _kinds(annotation):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            if not _fits(kind, data):
                continue
            if not path:
                return [field.alias or name for name, field in kind.model_fields.items()]
            field = kind.model_fields.get(str(path[0]))
            inner = data[path[0]] if _holds(data, path[0]) else None
            if field is not None and (found := _keys(field.annotation, inner, path[1:])):
                return found
        elif get_origin(kind) in (list, tuple, dict) and path:
            inner = data[path[0]] if _holds(data, path[0]) else None
            if found := _keys(get_args(kind)[-1 if get_origin(kind) is dict else 0], inner, path[1:]):
                return found
    return []


def _fits(kind: type[BaseModel], data: Any) -> bool:
    """Whether the words that tell a union's branches apart (``driver: modbus``) are this model's."""
    if not isinstance(data, dict):
        return True
    for name, field in kind.model_fields.items():
        if get_origin(field.annotation) is Literal and name in data and len(get_args(field.annotation)) == 1:
            return data[name] in get_args(field.annotation)
    return True


def _kinds(annotation: Any) -> list[Any]:
    """The alternatives of an annotation, without Annotated and Union around them."""
    if get_origin(annotation) is Annotated:
        return _kinds(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [kind for each in get_args(annotation) for kind in _kinds(each)]
    return [annotation]
