"""The result of an evaluation as one HTML page: figures, a time line of each film, pictures of what went wrong."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edge_agent.drivers.camera.score import EARLY, LATE, Label, Score, Seen

GOALS = "goals: false alarms at most 5 %, misses at most 10 %, delay at most 2 s (notes on mines, 5.8)"
GOAL_DELAY = 2.0
WIDE, LANE = 900, 22
"""Pixels of a time line, and of one event's lane in it."""
_STYLE = """body{font:14px/1.5 sans-serif;margin:2em auto;max-width:960px;color:#222}table{border-collapse:collapse}
td,th{padding:.25em .8em;border-bottom:1px solid #ddd;text-align:right}td:first-child,th:first-child{text-align:left}
figure{display:inline-block;margin:.4em;width:300px;vertical-align:top}img{width:100%}figcaption{font-size:12px}
svg text{font-size:11px}.bad{color:#b00}"""


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture of a hit, a miss or a false alarm."""

    caption: str
    jpeg: bytes


@dataclass(slots=True)
class Film:
    """One recording with what was labelled, what was found, and pictures."""

    name: str
    seconds: float
    labels: Sequence[Label]
    seen: Sequence[Seen]
    shots: list[Shot] = field(default_factory=list)


def write_shots(folder: Path, films: Sequence[Film]) -> None:
    """Each picture as a file that is named by its film and caption; OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for film in films:
        for shot in film.shots:
            name = f"{Path(film.name).stem} {shot.caption}".replace(" ", "-")
            (folder / f"{name}.jpg").write_bytes(shot.jpeg)


def page(score: Score, films: Sequence[Film], detector: str) -> str:
    """The whole page; every text in it is escaped."""
    parts = [
        "<!DOCTYPE html><html lang='en'><meta charset='utf-8'><title>Camera evaluation</title>",
        f"<style>{_STYLE}</style><h1>Camera evaluation</h1>",
        f"<p>{len(films)} recordings, {score.seconds / 60:.1f} minutes; detector: {html.escape(detector)};",
        f"{GOALS}.</p>",
        *_table(score),
        *_delays(score),
        *_confusion(score),
    ]
    for film in films:
        parts.append(f"<h2>{html.escape(film.name)}</h2>")
        parts += _timeline(film)
        parts += (_figure(shot) for shot in film.shots)
    return "\n".join(parts) + "</html>\n"


def _table(score: Score) -> Iterator[str]:
    heads = ("event", "labelled", "hit", "missed", "false", "precision", "recall", "delay, median s", "false a day")
    yield f"<table><tr>{''.join(f'<th>{head}</th>' for head in heads)}</tr>"
    for code, tally in sorted(score.tallies.items()):
        cells = [
            code, str(tally.hits + len(tally.missed)), str(tally.hits), str(len(tally.missed)), str(len(tally.false)),
            _share(tally.precision, 0.95), _share(tally.recall, 0.90), _number(tally.delay, GOAL_DELAY),
            f"{score.false_per_day(code):.1f}",
        ]  # fmt: skip
        yield f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
    yield "</table>"


def _delays(score: Score) -> Iterator[str]:
    """Each hit by how late it was told, a lane for each event; the goal is a line."""
    lanes = {code: tally.delays for code, tally in sorted(score.tallies.items()) if tally.delays}
    if not lanes:
        return
    late = max(LATE, *(max(delays) for delays in lanes.values()))
    scale = (WIDE - 160) / (late + EARLY)
    goal = 140 + (EARLY + GOAL_DELAY) * scale
    yield f"<h3>Delays</h3><svg width='{WIDE}' height='{LANE * len(lanes) + 20}' xmlns='http://www.w3.org/2000/svg'>"
    yield f"<line x1='{goal:.1f}' x2='{goal:.1f}' y1='0' y2='{LANE * len(lanes)}' stroke='#2a2'/>"
    for lane, (code, delays) in enumerate(lanes.items()):
        y = LANE * lane + 11
        yield f"<text x='0' y='{y + 4}'>{html.escape(code)}</text>"
        yield f"<line x1='140' x2='{WIDE - 10}' y1='{y}' y2='{y}' stroke='#ddd'/>"
        for delay in delays:
            x, colour = 140 + (EARLY + delay) * scale, "#36c" if delay <= GOAL_DELAY else "#b00"
            yield f"<circle cx='{x:.1f}' cy='{y}' r='4' fill='{colour}' fill-opacity='.6'/>"
    y = LANE * len(lanes) + 14
    yield f"<text x='140' y='{y}'>−{EARLY:.0f} s</text><text x='{goal:.1f}' y='{y}'>goal: {GOAL_DELAY:.0f} s</text>"
    yield f"<text x='{WIDE - 60}' y='{y}'>{late:.0f} s</text></svg>"
    yield "<p>A hit each: seconds from its label (and the time that the event must last) until it was told.</p>"


def _share(value: float | None, goal: float) -> str:
    if value is None:
        return "–"
    shown = f"{value:.2f}"
    return shown if value >= goal else f"<span class='bad'>{shown}</span>"


def _number(value: float | None, most: float) -> str:
    if value is None:
        return "–"
    shown = f"{value:.1f}"
    return shown if value <= most else f"<span class='bad'>{shown}</span>"


def _confusion(score: Score) -> Iterator[str]:
    if score.confused:
        yield "<h3>Taken for another</h3><table><tr><th>labelled</th><th>found</th><th>times</th></tr>"
        for (wanted, found), times in sorted(score.confused.items()):
            yield f"<tr><td>{wanted}</td><td>{found}</td><td>{times}</td></tr>"
        yield "</table>"


def _timeline(film: Film) -> Iterator[str]:
    codes = sorted({label.event for label in film.labels} | {each.event for each in film.seen})
    if not codes:
        yield "<p>Nothing labelled, nothing found.</p>"
        return
    scale = (WIDE - 150) / max(film.seconds, 1.0)
    yield f"<svg width='{WIDE}' height='{LANE * len(codes) + 20}' xmlns='http://www.w3.org/2000/svg'>"
    for lane, code in enumerate(codes):
        y = LANE * lane
        yield f"<text x='0' y='{y + 15}'>{html.escape(code)}</text>"
        yield f"<line x1='140' x2='{WIDE - 10}' y1='{y + 11}' y2='{y + 11}' stroke='#ddd'/>"
        for label in (each for each in film.labels if each.event == code):
            end = label.start + 0.5 if label.until is None else label.until
            wide = max(2.0, (end - label.start) * scale)
            yield (
                f"<rect x='{140 + label.start * scale:.1f}' y='{y + 4}' width='{wide:.1f}' height='14'"
                " fill='#9c9' opacity='.7'/>"
            )
        for each in (each for each in film.seen if each.event == code):
            x = 140 + each.at * scale
            yield f"<line x1='{x:.1f}' x2='{x:.1f}' y1='{y + 2}' y2='{y + 20}' stroke='#b00' stroke-width='2'/>"
    yield f"<text x='140' y='{LANE * len(codes) + 14}'>0 s</text>"
    yield f"<text x='{WIDE - 60}' y='{LANE * len(codes) + 14}'>{film.seconds:.0f} s</text></svg>"
    yield "<p>Green: labelled. Red: found.</p>"


def _figure(shot: Shot) -> str:
    data, caption = base64.b64encode(shot.jpeg).decode(), html.escape(shot.caption)
    shown = f"<img alt='{caption}' src='data:image/jpeg;base64,{data}'>"
    return f"<figure>{shown}<figcaption>{caption}</figcaption></figure>"
