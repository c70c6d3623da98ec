"""What of ours stands in each field of a text file, by the profile's word for it (`holds`)."""

from __future__ import annotations

from collector.directory import Place
from collector.reports.encoders.facts import Facts
from profiles.textfile.codec import Record
from profiles.textfile.model import Kind, TextFiles


def record(files: TextFiles, kind: str, facts: Facts, place: Place, *, header: bool = False) -> Record:
    """The texts of a record's fields (or the header's); what nobody knows is empty, and so is what tells of persons
    and is nothing of ours."""
    its = files.kinds[kind]
    constants = its.written.constants if its.written else {}
    beside = its.written.beside if its.written else {}
    own = _own(its)
    stated = _stated(place)
    made: Record = {}
    for field in files.header_of(kind) if header else its.fields:
        rule = files.fields[field]
        holds = own.get(field, rule.holds)
        if rule.personal and holds is None:
            text = ""
        elif field in beside:
            text = facts.get(field, "")
        elif rule.part is not None:
            text = place.point.code[rule.part[0] - 1 : rule.part[1]]
        elif holds is not None:
            text = facts.get(holds, "")
        else:
            text = stated.get(rule.attribute or field, "")
        made[field] = constants.get(field, rule.words.get(text, text)) if header else rule.words.get(text, text)
    return made


def _own(kind: Kind) -> dict[str, str]:
    """What the fields of this kind hold other than elsewhere: what it says of present values and definitions too."""
    own: list[tuple[str | None, str]] = []
    if (its := kind.values) is not None and its.live:
        own += [(its.unit, "unit"), (its.state, "state")]
        own += [(its.point, "point"), (its.value, "value"), (its.time, "time")]
    if (that := kind.definition) is not None:
        own += [(that.asset, "asset"), (that.unit, "unit"), (that.high, "range_high"), (that.low, "range_low")]
        own += [(that.point, "point"), (that.name, "label"), (that.sensor, "sensor_type")]
        own += [(field, name) for name, field in that.limits.items()]
        own += [(field, f"{name}_release") for name, field in that.releases.items()]
    if kind.written is not None:
        own += kind.written.holds.items()
    return {field: holds for field, holds in own if field in kind.fields}


def _stated(place: Place) -> Facts:
    """Attributes of the point over those of its equipment over those of the site."""
    site = place.manifest.assets.get(place.site.code)
    return (site.attributes if site else {}) | place.attributes
