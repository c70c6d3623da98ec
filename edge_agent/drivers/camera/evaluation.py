"""A folder of labelled recordings, analysed and scored. ``labels.yaml`` in it says which film shows what, and when.

recordings:
  - film: night.mp4
    camera: {name: mouth, driver: camera, url: "rtsp://camera/2", code: "1401…", position: P01, lines: […]}
    events:
      - {event: person_in, start: 12.5s}
      - {event: q_covered, start: 30s, until: 55s}
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field

from config.load import Fault, load
from config.model import Duration, FilePath, Settings
from edge_agent.drivers.camera.capture.recording import pictures
from edge_agent.drivers.camera.driver import profile_of
from edge_agent.drivers.camera.evidence import jpeg
from edge_agent.drivers.camera.report import Film, Shot
from edge_agent.drivers.camera.rerun import rerun
from edge_agent.drivers.camera.score import Label, Score, seen_in
from edge_agent.drivers.camera.settings import CameraDevice
from profiles.seal import Seal

LABELS = "labels.yaml"
SHOTS = 12
"""Pictures of a recording in the report at most."""


class LabelSettings(Settings):
    """What somebody saw."""

    event: str
    """As the profile's `seal.events` has it."""
    start: Duration
    """From the film's beginning."""
    until: Duration | None = None
    """When it ended; left out of passages."""


class RecordingSettings(Settings):
    """One film."""

    film: FilePath
    """The file, beside labels.yaml."""
    camera: CameraDevice
    """As in agent.yaml; its address is not asked."""
    events: tuple[LabelSettings, ...] = ()
    """All that is to be seen in it; none: whatever is found is a false alarm."""


class LabelsFile(Settings):
    """``labels.yaml``."""

    recordings: Annotated[tuple[RecordingSettings, ...], Field(min_length=1)]
    """The films."""


def load_labels(folder: Path) -> LabelsFile:
    """ConfigError with every mistake and its line."""
    return load(folder / LABELS, LabelsFile, [_faults]).settings


def evaluate(labels: LabelsFile, told: Callable[[RecordingSettings], None]) -> tuple[Score, list[Film]]:
    """Analyse and score all recordings; `told` hears which is next. OSError, ValueError: a film cannot be read."""
    score, films = Score(), []
    for recording in labels.recordings:
        told(recording)
        film = _film(recording, score)
        films.append(film)
    return score, films


def _film(recording: RecordingSettings, score: Score) -> Film:
    seal = _seal(recording.camera)
    wanted = [Label(each.event, each.start, each.until) for each in recording.events]
    found = rerun(recording.film, recording.camera, seal)
    seen = [each for each in seen_in(found.findings, seal) if each.event not in recording.camera.ignore]
    name = recording.film.name
    score.add(name, found.seconds, wanted, seen, seal)
    wrong: dict[float, str] = {}
    for code, tally in score.tallies.items():
        for word, places in (("missed", tally.missed), ("false", tally.false)):
            wrong |= {at: f"{word} {code} at {at:.1f} s" for film, at in places if film == name}
    shots = list(_shots(recording, dict(sorted(wrong.items())[:SHOTS])))
    return Film(name, found.seconds, wanted, seen, shots)


def _shots(recording: RecordingSettings, wanted: dict[float, str]) -> Iterator[Shot]:
    """The pictures nearest after the moments, as they are."""
    left = sorted(wanted)
    if not left:
        return
    for picture in pictures(recording.film, start=0, due=lambda at: bool(left) and at >= left[0]):
        while left and picture.at >= left[0]:
            yield Shot(wanted[left.pop(0)], jpeg(picture.image, 480, 60_000))
        if not left:
            return


def _seal(device: CameraDevice) -> Seal:
    seal = profile_of(device).seal
    if seal is None:
        raise ValueError(f"profile {device.profile} describes no seal")
    return seal


def _faults(labels: LabelsFile) -> Iterator[Fault]:
    for number, recording in enumerate(labels.recordings):
        at = ("recordings", number)
        if not recording.film.is_file():
            yield Fault((*at, "film"), f"{recording.film} is not there")
        try:
            events = _seal(recording.camera).events
        except (KeyError, ValueError):
            yield Fault((*at, "camera", "profile"), f"{recording.camera.profile!r} describes no electronic seal")
            continue
        for index, label in enumerate(recording.events):
            if label.event not in events:
                yield Fault((*at, "events", index, "event"), f"{label.event!r} is none of the profile's events")
            if label.until is not None and label.until <= label.start:
                yield Fault((*at, "events", index, "until"), "until must be after start")
