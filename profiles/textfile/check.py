"""What the parts of a profile's text files contradict each other in."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from config.load import Fault
from config.nodes import KeyPath
from profiles.textfile.abnormal import wrong
from profiles.textfile.model import Kind, TextFiles


def check(files: TextFiles, codes: Collection[str]) -> Iterator[Fault]:
    """Every such fault, with its place below the profile; `codes` are the profile's."""
    at: KeyPath = ("files",)
    yield from _known((*at, "header"), files.header, files.fields, "fields")
    for key in ("mine", "time"):
        for word in files.kinds:
            if getattr(files, key) not in files.header_of(word):
                yield Fault((*at, key), f"the header of {word} has no field {getattr(files, key)!r}")
    for name, rule in files.fields.items():
        if rule.code is not None:
            yield from _known((*at, "fields", name, "code"), [rule.code], codes, "codes")
    for name, kind in files.kinds.items():
        yield from _kind((*at, "kinds", name), kind, files)
    tables = {name: table.values for name, table in files.states.items()}
    yield from (Fault((*at, "abnormal", *place), text) for place, text in wrong(files.abnormal, tables))
    if files.persons is not None:
        for below, message in files.persons.wrong(files.kinds):
            yield Fault((*at, "persons", *below), message)


def _kind(at: KeyPath, kind: Kind, files: TextFiles) -> Iterator[Fault]:
    yield from _known((*at, "header"), kind.header or (), files.fields, "fields")
    yield from _known((*at, "fields"), kind.fields, files.fields, "fields")
    if len(set(kind.fields)) != len(kind.fields):
        yield Fault((*at, "fields"), "a field stands twice")
    yield from _known((*at, "key"), kind.key, kind.fields, "kind's fields")
    if kind.values is not None:
        this = kind.values
        wanted = [each for each in (this.value, this.time, this.state, this.unit) if each is not None]
        yield from _known((*at, "values"), wanted, kind.fields, "kind's fields")
        yield from _known(
            (*at, "values"), [this.point], (*kind.fields, *(kind.header or files.header)), "kind's fields"
        )
        if this.states is not None:
            yield from _known((*at, "values", "states"), [this.states], files.states, "states")
    if kind.definition is not None:
        that = kind.definition
        named = (that.point, that.name, that.sensor, that.asset, that.unit, that.high, that.low, *that.limits.values(),
                 *that.releases.values())  # fmt: skip
        yield from _known((*at, "definition"), [each for each in named if each], kind.fields, "kind's fields")
    yield from _alarm(at, kind)
    if kind.written is not None:
        own = [*kind.written.holds, *kind.written.beside]
        yield from _known((*at, "written"), own, kind.fields, "kind's fields")
        header = kind.header or files.header
        yield from _known((*at, "written", "constants"), kind.written.constants, header, "header's fields")
        if files.report is None:
            yield Fault((*at, "written"), "nothing is written without `files.report`")
        if kind.written.of == "values" and kind.values is None:
            yield Fault((*at, "written"), "a kind of values states under `values` which fields carry them")
        if kind.written.of in ("statistics", "changes", "readings", "stations", "actions") and kind.interval is None:
            yield Fault((*at, "written"), f"a kind of {kind.written.of} states under `interval` how often it is told")
        if kind.written.of == "persons" and (files.persons is None or at[-1] not in files.persons.kinds):
            yield Fault((*at, "written"), "is none of the kinds that travel (files: {persons: {kinds: …}})")
    yield from _counts(at, kind)


def _alarm(at: KeyPath, kind: Kind) -> Iterator[Fault]:
    if (told := kind.alarm) is not None:
        named = (told.point, told.start, told.end, told.graded, told.value, *told.news)
        yield from _known((*at, "alarm"), [each for each in named if each], kind.fields, "kind's fields")


def _counts(at: KeyPath, kind: Kind) -> Iterator[Fault]:
    if kind.counts and kind.count is None:
        yield Fault((*at, "counts"), "further counts need `count`")
    for below, count in ((("count",), kind.count), *((("counts", name), each) for name, each in kind.counts.items())):
        if count is not None:
            wanted = [*count.where, count.by, *filter(None, [count.since])]
            yield from _known((*at, *below), wanted, kind.fields, "kind's fields")


def _known(at: KeyPath, wanted: Collection[str], known: Collection[str], what: str) -> Iterator[Fault]:
    for name in wanted:
        if name not in known:
            yield Fault(at, f"{name!r} is none of the {what}")
