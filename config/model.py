"""What every settings model is made of: the base class and the types that people write (``5s``, ``512MiB``)."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, PydanticCustomError
from pydantic_core.core_schema import no_info_after_validator_function

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|KiB|MiB|GiB)")


class Written:
    """How a text must be written: a pattern for machines (JSON Schema), and the same in words for people."""

    def __init__(self, pattern: str, words: str) -> None:
        self._pattern, self._words = pattern, words

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """See https://docs.pydantic.dev/latest/concepts/types/#custom-types."""
        return no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The pattern, for editors."""
        return {**handler(schema), "pattern": self._pattern}

    def _check(self, text: str) -> str:
        if not re.search(self._pattern, text):
            raise PydanticCustomError("written", "expected {words}", {"words": self._words})
        return text


class Settings(BaseModel):
    """A settings model: unknown keys are errors, values never change, each field's docstring is its description."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, validate_default=True)

    def writes(self) -> tuple[Path, ...]:
        """Folders outside the program's state in which something is written, moved or deleted because of it."""
        return ()


def seconds(text: object) -> object:
    """``250ms``, ``5s``, ``10m``, ``1h``, ``30d`` to seconds; a float (a default in code) is seconds already."""
    if isinstance(text, float):
        return text
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise PydanticCustomError("duration", "expected a duration with its unit, such as 250ms, 5s, 10m, 1h or 30d")
    return float(match[1]) * _SECONDS[match[2]]


def size(text: object) -> object:
    """``512MiB`` and the like to bytes; an int (a default in code) is bytes already."""
    if isinstance(text, int) and not isinstance(text, bool):
        return text
    match = _SIZE.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise PydanticCustomError("size", "expected a size with its unit, such as 64KiB, 512MiB or 2GiB")
    return int(float(match[1]) * _BYTES[match[2]])


def shown_seconds(value: float) -> str:
    """Seconds as people write them: 250ms, 5s, 10m, 1h, 30d."""
    for unit in ("d", "h", "m", "s"):
        if value >= _SECONDS[unit] and value % _SECONDS[unit] == 0:
            return f"{value / _SECONDS[unit]:g}{unit}"
    return f"{value * 1000:g}ms" if value else "0s"


def durations(model: type[BaseModel]) -> frozenset[str]:
    """The fields of a model that are seconds."""
    return frozenset(
        name
        for name, info in model.model_fields.items()
        if any(
            isinstance(each, BeforeValidator) and each.func is seconds
            for each in (*info.metadata, *(part for arg in get_args(info.annotation) for part in get_args(arg)))
        )
    )


_LONGEST_NAME, _LONGEST_PATH = 255, 4095
"""Bytes of the name of a file or folder, and of a whole path, as Linux has them (NAME_MAX, PATH_MAX less its end)."""


def _beside(path: Path, info: ValidationInfo) -> Path:
    """What no file can be called is told here, since looking for it would end in an OSError or ValueError."""
    folder = (info.context or {}).get("folder")
    try:
        found = path if folder is None else folder / path.expanduser()
        whole, longest = len(os.fsencode(found)), max(len(os.fsencode(part)) for part in ("", *found.parts))
    except UnicodeEncodeError as err:
        raise PydanticCustomError("path", "expected a path of characters; one has half of one") from err
    except RuntimeError as err:  # of expanduser: the home of nobody
        raise PydanticCustomError("path", "{why}", {"why": str(err)}) from err
    if "\0" in str(found) or longest > _LONGEST_NAME or whole > _LONGEST_PATH:
        expected = f"of no more than {_LONGEST_PATH} bytes, {_LONGEST_NAME} a name, without the control code 0"
        raise PydanticCustomError("path", "expected a path {expected}", {"expected": expected})
    return found


def _text_schema(pattern: re.Pattern[str], example: str) -> Any:
    return WithJsonSchema({"type": "string", "pattern": f"^{pattern.pattern}$", "examples": [example]})


Duration = Annotated[float, BeforeValidator(seconds), _text_schema(_DURATION, "5s")]
"""Seconds; written with a unit."""
Size = Annotated[int, BeforeValidator(size), _text_schema(_SIZE, "512MiB")]
"""Bytes; written with a unit."""
FilePath = Annotated[Path, AfterValidator(_beside)]
"""A file or folder; relative ones are relative to the settings file's folder (`config.load` says which)."""


def one_of(models: Sequence[type[BaseModel]], key: str) -> Any:
    """The union of models that are told apart by the word under `key`; of one model, that model."""
    return Annotated[reduce(or_, models), Field(discriminator=key)] if len(models) > 1 else models[0]
