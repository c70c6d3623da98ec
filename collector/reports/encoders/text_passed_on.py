"""Another system's own alarm as a record: what it said, as it said it; what it left empty is filled as in ours."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable

from collector.reports.encoders.base import Alarm, Gateway
from collector.reports.encoders.text_facts import point_facts
from collector.reports.encoders.text_fields import record
from profiles.textfile.codec import Record
from profiles.textfile.encrypted import FORM
from profiles.textfile.values import text_files

ENCRYPTED = "encrypted"
"""The fact with the fields that tell of persons, as an agent encrypted them."""
_MARK = re.compile(FORM.encode() + rb"!([0-9A-Za-z+/=]+)!([a-z_]+)!")
"""What stands in a packet for a field of a person: encrypted, until it is delivered."""


def passed_on(gateway: Gateway, kind: str, alarm: Alarm) -> Record:
    """The record of such an alarm; who dealt with it stands in it encrypted, and only for targets that have persons."""
    files, facts = text_files(gateway.profile), alarm.event.facts
    made = record(files, kind, point_facts(gateway, alarm.place), alarm.place)
    cipher = str(facts.get(ENCRYPTED, "")) if gateway.persons else ""
    for field in made:
        if files.fields[field].personal:
            made[field] = f"{FORM}!{base64.b64encode(cipher.encode()).decode()}!{field}!" if cipher else ""
        elif field in facts:
            made[field] = str(facts[field])
    return made


def holds_persons(body: bytes) -> bool:
    """Whether a field of a person is to be put in."""
    return _MARK.search(body) is not None


def with_persons(body: bytes, opened: Callable[[str, str], bytes]) -> bytes:
    """The body with what `opened` gives for the part of an encrypted file and its field."""
    return _MARK.sub(lambda found: opened(base64.b64decode(found[1]).decode(), found[2].decode()), body)
