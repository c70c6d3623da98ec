"""What a profile says of files that tell of persons: which travel, for how long they are kept, what their fields are.

Source: specification notes on mines, 2.1, 2.3 and 2.4.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import Field

from config.model import Duration, Settings
from config.nodes import KeyPath
from profiles.stated import Stated


class PersonFields(Settings):
    """Which fields of the snapshot hold what of a person."""

    card: str
    name: str
    since: str
    """When the person went down."""
    until: str
    """When the person came out; empty underground."""
    area: str
    station: str
    seen: str
    """Since when the person is at that station."""
    help: str


class NameTable(Settings):
    """In which kind the names of areas (or stations) stand beside their codes."""

    kind: str
    code: str
    name: str


class PersonFiles(Stated):
    """Files that tell of persons; an agent sends them on only encrypted, and only with a key (mines, 2.4)."""

    kinds: tuple[str, ...]
    """Kinds that travel so."""
    keep: Duration
    """How long a collector keeps them."""
    snapshot: str
    """The kind that names everybody who is underground (its `count` says which records): who is not in it is not."""
    fields: PersonFields
    calls: tuple[str, ...] = ()
    """Texts of the field `help` by which a person calls for help; none: not known."""
    names: dict[Literal["area", "station"], NameTable] = Field(default_factory=dict)

    def wrong(self, kinds: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
        """What contradicts the profile's kinds, with its place below this."""
        for word in self.kinds:
            if word not in kinds:
                yield ("kinds",), f"{word!r} is none of the kinds"
        if self.snapshot in kinds and kinds[self.snapshot].count is None:
            yield ("snapshot",), f"{self.snapshot} has no `count` that tells who is underground"
        yield from _lacking(("snapshot",), kinds, self.snapshot, list(self.fields.model_dump().values()))
        for word, table in self.names.items():
            yield from _lacking(("names", word), kinds, table.kind, [table.code, table.name])


def _lacking(at: KeyPath, kinds: Mapping[str, Any], kind: str, fields: Sequence[str]) -> Iterator[tuple[KeyPath, str]]:
    if kind not in kinds:
        yield at, f"{kind!r} is none of the kinds"
        return
    for field in fields:
        if field not in kinds[kind].fields:
            yield at, f"{field!r} is none of the fields of {kind}"
