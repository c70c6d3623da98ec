"""What befalls single persons, mine by mine, in a folder that may hold the files of several.

What must survive a restart is kept by the mine of the files' headers, encrypted by the mines' key: a snapshot of one
mine ends nothing of another's, and no file of one tells of another's persons.
"""

from __future__ import annotations

import base64
import binascii
import logging
import zlib
from collections.abc import Iterator, Mapping
from typing import TypeVar

import msgspec
from cryptography.exceptions import InvalidTag

from edge_agent.drivers.files.person_events import MineWatch, Part, Standing, Told, Works
from edge_agent.drivers.files.settings import PersonSettings
from profiles.model import Profile
from profiles.textfile.codec import Record
from profiles.textfile.encrypted import PersonKey
from profiles.textfile.receive import Received
from profiles.textfile.values import text_files

log = logging.getLogger(__name__)
REMEMBERED = "persons/"
"""Before what is remembered; then the part (`Part`), a slash and the mine."""
T = TypeVar("T", bound=msgspec.Struct)


class PersonWatch:
    """Of one folder; see the module."""

    def __init__(self, profile: Profile, settings: PersonSettings, key: PersonKey, device: str) -> None:
        """ValueError for a profile without files that tell of persons."""
        files = text_files(profile)
        if files.persons is None:
            raise ValueError(f"profile {profile.profile} has no files that tell of persons")
        self._profile, self._persons, self._mine = profile, files.persons, files.mine
        self._settings, self._key, self._device = settings, key, device
        self._about = f"{device};{profile.profile}".encode()
        self._mines: dict[str, MineWatch] = {}

    # -- what survives a restart

    def restore(self, before: Mapping[str, str]) -> None:
        """Go on from what was remembered; whatever was learnt since is forgotten."""
        self._mines = {}
        for name, text in before.items():
            if not name.startswith(REMEMBERED):
                continue
            match name.split("/"):
                case [_, "theirs", mine]:
                    self._of(mine).theirs = set(text.split())
                case [_, "standing", mine]:
                    self._of(mine).standing = self._opened(name, text, Standing)
                case [_, "works", mine]:
                    self._of(mine).works = self._opened(name, text, Works)

    def settled(self) -> dict[str, str]:
        """See `Source.settled`."""
        changes: dict[str, str] = {}
        for mine, watch in sorted(self._mines.items()):
            for part in sorted(watch.altered):
                name = f"{REMEMBERED}{part}/{mine}"
                changes[name] = self._text(name, watch, part)
            watch.altered = set()
        return changes

    def _text(self, name: str, watch: MineWatch, part: Part) -> str:
        match part:
            case "theirs":
                return " ".join(sorted(watch.theirs))
            case "standing":
                return self._encrypted(name, watch.standing)
            case "works":
                return self._encrypted(name, watch.works)

    def _encrypted(self, name: str, state: msgspec.Struct) -> str:
        cipher = self._key.encrypt(zlib.compress(msgspec.json.encode(state)), name.encode() + b";" + self._about)
        return f"{self._key.id};{base64.b64encode(cipher).decode()}"

    def _opened(self, name: str, text: str, kind: type[T]) -> T:
        key, _, cipher = text.partition(";")
        try:
            plain = self._key.decrypt(base64.b64decode(cipher), name.encode() + b";" + self._about)
            return msgspec.json.decode(zlib.decompress(plain), type=kind)
        except (InvalidTag, ValueError, binascii.Error, zlib.error, msgspec.MsgspecError):
            log.warning("%s: what was remembered of persons is begun anew: it was encrypted by the key %s, and the key"
                        " %s does not open it", self._device, key, self._key.id)  # fmt: skip
            return kind()

    # -- by the mine of a file

    @property
    def looked_for(self) -> tuple[str, ...]:
        """The kinds whose newest file tells, before the first is taken, who writes what and who does which work."""
        events = self._persons.events
        if events is None:
            return ()
        return (*events.kinds, *((events.work.kind,) if self._settings.overtime else ()))

    @property
    def ours(self) -> dict[str, list[str]]:
        """By mine that is known so far the kinds that the gateway writes."""
        return {mine: watch.ours() for mine, watch in sorted(self._mines.items())}

    def note(self, kind: str, received: Received) -> bool:
        """See `MineWatch`."""
        return self._of(received.header[self._mine]).note(kind, received)

    def judge(self, kind: str, received: Received) -> Iterator[Told]:
        """See `MineWatch`."""
        return self._of(received.header[self._mine]).judge(kind, received)

    def longer(self, mine: str, record: Record) -> float | None:
        """See `MineWatch`."""
        return self._of(mine).longer(record)

    def _of(self, mine: str) -> MineWatch:
        if mine not in self._mines:
            self._mines[mine] = MineWatch(self._profile, self._persons, self._settings, self._device, mine)
        return self._mines[mine]
