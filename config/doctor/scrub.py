"""Takes secrets and people's names out of what leaves the house: settings by what is known harmless, texts by words.

Of the settings only numbers, switches, words that the program itself knows, files and named harmless fields stay. What
is left out is remembered, so that it is taken out of status, findings and log lines as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr

Keeps = Callable[[BaseModel, str], bool]
"""Whether the text in this field of a model names neither a person nor a secret."""
SECRET, TEXT, GONE = "(secret)", "(text)", "(removed)"
MOST = 500
"""Entries of a list that are shown; a longer one (regions) is only counted."""
_SHORTEST = 2
"""Letters of a text that is looked for elsewhere: of Chinese names; of others a word more, since "on" is none."""
_ALWAYS = (
    (re.compile(r"(?<=://)[^/\s@]+@"), f"{GONE}@"),  # user and password of an address
    (re.compile(r"\?[^\s\"']*=[^\s\"']*"), f"?{GONE}"),  # what is asked for in an address: tokens
    (re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+"), GONE),  # mail
    (re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)"), GONE),  # mobile numbers in China: 1, 3 to 9, nine digits
    (re.compile(r"(?<!\d)\d{17}[\dXx](?!\d)"), GONE),  # identity numbers (GB 11643)
    (re.compile(r"(/home/|/Users/)[^/\s'\"]+"), r"\1_"),
)


class Cleaned:
    """Settings without secrets and names; `secrets` and `words` are what was left out."""

    def __init__(self, settings: BaseModel, keeps: Keeps) -> None:
        self._keeps = keeps
        self.secrets: set[str] = set()
        self.words: set[str] = set()
        self.shown = self._model(settings)

    def _model(self, model: BaseModel) -> dict[str, Any]:
        shown = {}
        for name, info in type(model).model_fields.items():
            keeps = self._keeps(model, name)
            shown[name] = self._value(getattr(model, name), keeps, frozenset(_literals(info.annotation)))
        return shown

    def _value(self, value: Any, keeps: bool, known: frozenset[str]) -> Any:
        match value:
            case None | bool() | int() | float():
                return value
            case SecretStr():
                self.secrets.add(value.get_secret_value())
                return SECRET
            case BaseModel():
                return self._model(value)
            case Path():
                return str(value)
            case str():
                return value if keeps or value in known or not value else self._left_out(value)
            case Mapping():
                return {str(key): self._value(each, keeps, known) for key, each in value.items()}
            case tuple() | list() | set() | frozenset() if len(value) > MOST:
                return f"({len(value)} entries)"
            case tuple() | list() | set() | frozenset():
                return [self._value(each, keeps, known) for each in value]
            case _:
                return self._left_out(str(value))

    def _left_out(self, text: str) -> str:
        self.words.add(text)
        return TEXT


class Scrub:
    """Takes some secrets and words out of texts, the longest first."""

    def __init__(self, secrets: Iterable[str], words: Iterable[str]) -> None:
        names = {word for word in words if len(word) >= _SHORTEST + word.isascii()}
        found = {each for each in {*secrets, *names} if each.strip()}
        ordered = sorted(found, key=lambda each: (-len(each), each))
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def text(self, text: str) -> str:
        """A text without them, and without what looks like an address of mail, a telephone or an identity number."""
        if self._pattern is not None:
            text = self._pattern.sub(GONE, text)
        for pattern, instead in _ALWAYS:
            text = pattern.sub(instead, text)
        return text

    def whole(self, value: Any) -> Any:
        """The same for what JSON has; names of fields, too."""
        match value:
            case str():
                return self.text(value)
            case Mapping():
                return {self.text(str(key)): self.whole(each) for key, each in value.items()}
            case list() | tuple():
                return [self.whole(each) for each in value]
            case _:
                return value


def _literals(annotation: Any) -> Iterator[str]:
    if get_origin(annotation) is Literal:
        yield from (each for each in get_args(annotation) if isinstance(each, str))
        return
    for part in get_args(annotation):
        yield from _literals(part)
