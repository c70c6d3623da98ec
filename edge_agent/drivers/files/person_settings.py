"""What is wrong with the settings of files that tell of persons, by the profile that describes them."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from edge_agent.drivers.files.settings import PersonSettings, cards
from profiles.model import Profile
from profiles.textfile.values import text_files

Fault = tuple[tuple[str | int, ...], str]


def person_faults(settings: PersonSettings, profile: Profile, mine: str, others: Collection[str]) -> Iterator[Fault]:
    """Each with its place below `persons`; `mine` as the format states it, `others`: profiles that know of persons."""
    persons = text_files(profile).persons
    if persons is None:
        if _alarms_of_persons(profile) and settings.model_fields_set == {"key"}:
            return  # what is encrypted is who dealt with an alarm
        yield (), f"profile {profile.profile} has no files that tell of persons; expected one of {', '.join(others)}"
        return
    known = persons.events.kinds if persons.events else {}
    yield from _events(settings, known)
    counts = text_files(profile).kinds[persons.snapshot].counts.values()
    if settings.overtime and not (persons.events and any(count.longer for count in counts)):
        yield ("overtime",), f"profile {profile.profile} does not say what overtime is of, or where the work stands"
    if settings.restricted and not any(event.restricted for event in known.values()):
        yield ("restricted",), f"profile {profile.profile} has no file of restricted areas"
        return
    for area, allowed in settings.restricted.items():
        at = ("restricted", area)
        if wrong := _wrong(profile, persons.fields.area, area):
            yield at, f"area {area!r} {wrong}"
        elif mine and not area.startswith(mine):
            yield at, f"area {area!r} does not begin with the mine's code {mine}"
        faults = [wrong for card in sorted(cards(allowed)) if (wrong := _wrong(profile, persons.fields.card, card))]
        if faults:
            yield at, f"of its cards {len(faults)} are none: the first {faults[0]}"  # and never which


def _events(settings: PersonSettings, known: Collection[str]) -> Iterator[Fault]:
    for number, kind in enumerate(settings.events or ()):
        if kind not in known:
            expected = f"expected one of {', '.join(known)}" if known else "the profile knows none"
            yield ("events", number), f"{kind!r} is no kind of event that the gateway writes; {expected}"


def _alarms_of_persons(profile: Profile) -> bool:
    """Whether alarms that the files tell have fields that tell of persons."""
    files = text_files(profile)
    told = (kind for kind in files.kinds.values() if kind.alarm)
    return any(files.fields[field].personal for kind in told for field in kind.fields)


def _wrong(profile: Profile, field: str, text: str) -> str:
    """What is wrong with a code that stands in a field, without the code; "" if nothing is."""
    rule = text_files(profile).fields[field].code
    code = next((code for name, code in profile.codes.items() if name == rule), None)
    if code is None or (code.shortest or code.length) <= len(text) <= code.length:
        return ""
    expected = f"{code.shortest} to {code.length}" if code.shortest else str(code.length)
    return f"has {len(text)} characters; expected {expected}"
