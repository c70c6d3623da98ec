"""What is meant by ``SITE``, ``SITE.EQUIPMENT`` and ``SITE.TAG``, by the agents' manifests and by the records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from collector.directory import Directory, Place
from collector.duty.records import Record, Roster, Scope
from profiles.wire.messages import Manifest, ManifestTag


class UnknownScopeError(LookupError):
    """Nothing here has such a name, or several have; the text says which there are."""


def scope_of(site: str, owner: str, name: str, tag: ManifestTag) -> Scope:
    """A tag, as the stores name it: without a profile its equipment and its name are an agent's own."""
    point = tag.point
    return Scope(site, f"{owner}/{tag.device}", name) if point is None else Scope(site, point.asset, point.code)


def stops_of(places: Iterable[Place], roster: Roster, moment: int) -> dict[str, Record | None]:
    """By point code the stop (停用) that holds at a moment (ms UTC), the one entered last; None where one is over.

    What was never stopped is not among them. `roster`: all records, also those that are over.
    """
    found: dict[str, Record | None] = {}
    for place in places:
        scope = scope_of(place.site.code, place.agent, place.tag, place.spec)
        for record in roster.of(scope):
            if record.kind == "stop" and record.begin <= moment:
                holds = moment < record.span[1]
                found[place.point.code] = record if holds else found.get(place.point.code)
    return found


def find(directory: Directory, words: str, records: Iterable[Record] = ()) -> Scope:
    """What `words` name: a site by its code, name or agent; behind a point its equipment, a tag, or a point's code.

    `records`: what they are of can be named by its codes, also when no manifest has it any more. UnknownScopeError.
    """
    found = dict.fromkeys(scope for name, scope in _named(directory, records) if name == words)
    if len(found) == 1:
        return next(iter(found))
    if found:
        raise UnknownScopeError(f"{words!r} may be {' or '.join(map(str, found))}; name it by its code")
    sites = sorted({manifest.site.code for _owner, manifest in directory.manifests()})
    shown = ", ".join(sites[:10]) + (f" and {len(sites) - 10} more" if len(sites) > 10 else "")
    raise UnknownScopeError(
        f"no agent here has {words!r}; expected SITE, SITE.EQUIPMENT or SITE.TAG, of the sites {shown or '(none yet)'}"
    )


def _named(directory: Directory, records: Iterable[Record]) -> Iterator[tuple[str, Scope]]:
    for record in records:
        yield str(record.scope), record.scope
    for owner, manifest in directory.manifests():
        for place in {owner, manifest.site.code, manifest.site.name} - {""}:
            yield place, Scope(manifest.site.code)
            for name, scope in _parts(owner, manifest):
                yield f"{place}.{name}", scope


def _parts(owner: str, manifest: Manifest) -> Iterator[tuple[str, Scope]]:
    site = manifest.site.code
    for name, tag in manifest.tags.items():
        scope = scope_of(site, owner, name, tag)
        yield name, scope
        yield scope.point, scope
        yield scope.asset, Scope(site, scope.asset)
    for code in manifest.assets:
        yield code, Scope(site, code)
    for name, camera in manifest.cameras.items():
        for each in (name, camera.code):
            yield each, Scope(site, camera.code, camera.code)
