"""Which tag is meant: by the site's code or name, or its agent, and the tag's name or its point's code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from collector.directory import Directory
from collector.normalise.compile import NO_PROFILE
from profiles.wire.messages import Manifest, ManifestTag


class UnknownTagError(LookupError):
    """No agent here has such a tag, or several have; the text says which there are."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One tag as an agent's manifest has it."""

    owner: str
    """The agent, or behind lower collectors their ids and its own."""
    manifest: Manifest
    tag: str
    spec: ManifestTag

    @property
    def point(self) -> str:
        """Under which name the stores have it."""
        return self.spec.point.code if self.spec.point else self.tag

    @property
    def asset(self) -> str:
        """Of which equipment the stores have it; without a profile names are an agent's own."""
        return self.spec.point.asset if self.spec.point else f"{self.owner}/{self.spec.device}"

    @property
    def profile(self) -> str:
        """The name of its profile."""
        return self.spec.point.profile if self.spec.point else NO_PROFILE


def find(directory: Directory, words: str) -> Subject:
    """The tag that `words` name: ``SITE.TAG``, or a point's code alone; UnknownTagError."""
    found = list(_matching(directory, words))
    if len(found) == 1:
        return found[0]
    if found:
        which = ", ".join(f"{each.owner}.{each.tag}" for each in found)
        raise UnknownTagError(f"{words!r} may be {which}; name the agent")
    known = [f"{owner}.{tag}" for owner, manifest in directory.manifests() for tag in manifest.tags]
    shown = ", ".join(known[:10]) + (f" and {len(known) - 10} more" if len(known) > 10 else "")
    raise UnknownTagError(f"no agent here has a tag {words!r}; there is {shown or 'none'}")


def _matching(directory: Directory, words: str) -> Iterator[Subject]:
    for owner, manifest in directory.manifests():
        places = {owner, manifest.site.code, manifest.site.name}
        for name, spec in manifest.tags.items():
            code = spec.point.code if spec.point else name
            if words == code or any(words in (f"{place}.{name}", f"{place}.{code}") for place in places):
                yield Subject(owner, manifest, name, spec)
