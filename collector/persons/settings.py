"""Settings of files that tell of persons, and the keys that open them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema

from config.model import Duration, Settings, Size
from profiles.textfile.encrypted import KeyText, PersonKey, parse_key

ALL = "*"
"""Stands for every site."""


def _several(raw: object) -> object:
    return raw if isinstance(raw, list | tuple) else (raw,)


SiteKeys = Annotated[
    tuple[KeyText, ...],
    Field(min_length=1),
    BeforeValidator(_several),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
]
SiteCode = Annotated[str, StringConstraints(min_length=1)]


class PersonsSettings(Settings):
    """Files that tell of persons underground (井下人员), which agents send encrypted."""

    keys: dict[SiteCode, SiteKeys] = Field(default_factory=dict)
    """By site code, or "*" for all: the key that its agent has (!secret NAME), or a list of the new one and old ones.
    Without a key the files are kept and passed on, and can be neither shown nor reported."""
    keep: Duration | None = None
    """How long they are kept; left out: as the profile says (90 days)."""
    size: Size = 8 * 2**30
    """Bytes kept of all sites; beyond, the oldest files go first (it is counted and said)."""


class Keyring:
    """The keys of all sites."""

    def __init__(self, settings: PersonsSettings) -> None:
        self._keys = {
            site: [parse_key(text.get_secret_value()) for text in texts] for site, texts in settings.keys.items()
        }

    def find(self, site: str, key: str) -> PersonKey | None:
        """The site's key of that id, if it is known here."""
        return next((each for each in self.of(site) if each.id == key), None)

    def of(self, site: str) -> list[PersonKey]:
        """Every key by which a file of the site may be encrypted, the newest first."""
        return [*self._keys.get(site, ()), *self._keys.get(ALL, ())]

    def why_not(self, site: str, key: str) -> str:
        """Why a file of the site that was encrypted by the key of that id cannot be opened."""
        known = ", ".join(each.id for each in self.of(site)) or "none"
        return (
            f"the persons of site {site} are encrypted by the key {key}, and persons.keys has {known} for it:"
            f" put the key of its agent there"
        )

    def each(self) -> Iterator[tuple[str, PersonKey]]:
        """Every key, with the site that it is of (ALL: of all)."""
        for site, keys in self._keys.items():
            for key in keys:
                yield site, key
