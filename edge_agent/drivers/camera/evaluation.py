"""A folder of labelled recordings, analysed and scored. ``labels.yaml`` in it says which film shows what, and when.

recordings:
  - film: night.mp4
    camera: {name: mouth, driver: camera, url: "rtsp://camera/2", code: "1401…", position: P01, lines: […]}
    events:
      - {event: person_in, start: 12.5s}
      - {event: q_covered, start: 30s, until: 55s}
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import AwareDatetime, Field

from config.load import Fault, load
from config.model import Duration, FilePath, Settings
from edge_agent.drivers.camera.analysis import Result
from edge_agent.drivers.camera.drawing import annotated
from edge_agent.drivers.camera.driver import profile_of
from edge_agent.drivers.camera.evidence import jpeg
from edge_agent.drivers.camera.report import Film, Shot
from edge_agent.drivers.camera.rerun import noon, rerun
from edge_agent.drivers.camera.score import Label, Score, seen_in
from edge_agent.drivers.camera.settings import CameraDevice
from profiles.seal import Seal
from profiles.textfile.values import zone

LABELS = "labels.yaml"
SHOTS = 12
"""Pictures of mistakes of a recording in the report at most; beside them stands the first right one of each event."""
SHOWN = 480, 60_000
"""Width in pixels, and bytes at most, of a picture in the report."""


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
    start: AwareDatetime | None = None
    """When it was taken, with its offset from UTC: 2026-11-24T01:10+08:00; left out: at noon. Day and night, and what a
    schedule asks for, follow from it."""
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
    taken = _Taken(recording.camera, sorted(each.start + seal.events[each.event].on for each in wanted))
    start = noon(zone(profile_of(recording.camera))) if recording.start is None else recording.start.timestamp() * 1000
    found = rerun(recording.film, recording.camera, seal, start=round(start), watch=taken.see)
    taken.end()
    seen = [each for each in seen_in(found.findings, seal) if each.event not in recording.camera.ignore]
    name = recording.film.name
    score.add(name, found.seconds, wanted, seen, seal)
    wrong: list[tuple[float, str]] = []
    right: dict[str, float] = {}
    for code, tally in score.tallies.items():
        on = seal.events[code].on
        wrong += [(at + on, f"missed {code} at {at:.1f} s") for film, at in tally.missed if film == name]
        false = {at for film, at in tally.false if film == name}
        wrong += [(at, f"false {code} at {at:.1f} s") for at in sorted(false)]
        hit = [each.at for each in seen if each.event == code and each.at not in false]
        right |= {code: hit[0]} if hit else {}
    chosen = [*sorted(wrong)[:SHOTS], *((at, f"true {code} at {at:.1f} s") for code, at in sorted(right.items()))]
    shots = [Shot(caption, taken.pictures[at]) for at, caption in chosen if at in taken.pictures]
    return Film(name, found.seconds, wanted, seen, shots)


class _Taken:
    """Pictures with what was seen in them: of all findings, and of the moments at which labels should have had one."""

    def __init__(self, device: CameraDevice, moments: Sequence[float]) -> None:
        self._device, self._moments = device, list(moments)
        self._last: Result | None = None
        self.pictures: dict[float, bytes] = {}
        """JPEG by second: the moment that was asked for, or a finding's own."""

    def see(self, result: Result) -> None:
        """Called with every picture that is looked at."""
        at = result.view.picture.at
        told = [f"{each.code} {each.state}" for each in result.findings if each.state != "cleared"]
        due = [each for each in self._moments if each <= at]
        self._moments = self._moments[len(due) :]
        self._last = result
        if due or told:
            shown = jpeg(annotated(result, self._device, told), *SHOWN)
            self.pictures |= dict.fromkeys((*due, at), shown)

    def end(self) -> None:
        """The film is over: what is still due gets its last picture."""
        if self._last is not None and self._moments:
            shown = jpeg(annotated(self._last, self._device, []), *SHOWN)
            self.pictures |= dict.fromkeys(self._moments, shown)


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
