"""``edge-agent camera``: look at a camera, set it up, analyse and evaluate recordings. Cameras are only watched."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click
from pydantic import ValidationError
from rich.console import Console
from rich.progress import Progress

from config.cli import settings_errors
from config.keys import refuse_readable
from config.printable import plain
from edge_agent.drivers.camera.driver import INSTALL, CameraDriver, missing_packages, profile_of
from edge_agent.drivers.camera.settings import BY_REGION, CameraDevice
from edge_agent.settings import load_agent
from profiles.seal import Seal
from profiles.textfile.values import zone

P = ParamSpec("P")
T = TypeVar("T")
TRY = {"name": "camera", "driver": "camera", "code": "0" * 20, "position": "P10"}
"""A camera of which only the address is known."""
ONVIF = "onvif://"
LOOK = 10.0
"""Seconds of pictures that ``probe`` shows the detectors."""


@click.group("camera")
def command() -> None:
    """Look at cameras and recordings of an electronic seal (电子封条)."""
    if missing := missing_packages():
        raise click.ClickException(f"{', '.join(missing)} is missing: {INSTALL}")


@contextmanager
def _told(what: str) -> Iterator[None]:
    """What a camera or film cannot do, as a sentence."""
    try:
        yield
    except (OSError, ValueError) as err:
        raise click.ClickException(f"{what}: {err}") from err


def _camera(file: Path, name: str) -> CameraDevice:
    cameras = [each for each in load_agent(file).settings.devices if isinstance(each, CameraDevice)]
    found = next((each for each in cameras if each.name == name), None)
    if found is None:
        known = ", ".join(each.name for each in cameras) or "none"
        raise click.ClickException(f"{file} has no camera {name!r}; it has {known}")
    return found


def _seal(device: CameraDevice) -> Seal:
    seal = profile_of(device).seal
    if seal is None:
        raise click.ClickException(f"profile {device.profile} describes no electronic seal")
    return seal


@command.command("probe")
@click.argument("url")
@click.option("--user", default="", help="User name at the camera.")
@click.option("--password-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Its first line.")
@click.option("--udp", is_flag=True, help="RTSP over UDP instead of TCP.")
@click.option("--snapshot", is_flag=True, help="The HTTP address gives single pictures.")
@click.option("--picture", type=click.Path(dir_okay=False, path_type=Path), default="camera.png", show_default=True,
              help="Write one picture here.")  # fmt: skip
@settings_errors
def probe(url: str, user: str, password_file: Path | None, udp: bool, snapshot: bool, picture: Path) -> None:
    """Say what the camera at URL sends, what the detectors see for some seconds, and write one picture.

    onvif://HOST asks the camera for its streams, addresses and clock first.
    """
    from edge_agent.drivers.camera.capture.probe import asked, look  # the extra; see `command`
    from edge_agent.drivers.camera.capture.probe import probe as stream

    password = _password(password_file) if password_file else None
    where = {"onvif": url.removeprefix(ONVIF).rstrip("/")} if url.startswith(ONVIF) else {"url": url}
    try:
        device = CameraDevice.model_validate(
            TRY | where | {"user": user, "password": password, "snapshot": snapshot,
                           "capture": {"transport": "udp" if udp else "tcp"}}
        )  # fmt: skip
    except ValidationError as err:
        raise click.ClickException("; ".join(each["msg"] for each in err.errors())) from err
    with _told(device.address()):
        for line in asked(device):
            click.echo(plain(line))
        click.echo(stream(device))
        seen = look(device, _seal(device), LOOK)
    for line in seen.lines:
        click.echo(line)
    _write(picture, seen.picture)


def _password(file: Path) -> str:
    try:
        refuse_readable(file)
    except PermissionError as err:
        raise click.ClickException(str(err)) from err
    return (file.read_text(encoding="utf-8").splitlines() or [""])[0]


@command.command("setup")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("name")
@click.option("--picture", type=click.Path(dir_okay=False, path_type=Path), help="Where to; left out: NAME.png.")
@click.option("--film", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A recording instead.")
@click.option("--learn", is_flag=True, help="Have the running agent learn the scene as it is now, too.")
@settings_errors
def setup(file: Path, name: str, picture: Path | None, film: Path | None, learn: bool) -> None:
    """Write a picture of camera NAME of FILE (agent.yaml) with a grid and with what the settings draw into it.

    What is drawn is checked against the picture.
    """
    from edge_agent.drivers.camera.capture.probe import one_picture
    from edge_agent.drivers.camera.drawing import setup_picture
    from edge_agent.drivers.camera.fit import remarks

    device = _camera(file, name)
    with _told(name):
        image = one_picture(device, film)
    target = picture or Path(f"{name}.png")
    _write(target, setup_picture(image, device))
    for path, fault in CameraDriver.check([device]):
        click.echo(f"{'.'.join(str(each) for each in path[1:])}: {fault}")
    for line in (*remarks(image, device), *_remarks(device)):
        click.echo(line)
    if learn:
        _have_learnt(file, name)


def _remarks(device: CameraDevice) -> Iterator[str]:
    """What an engineer should know of what is looked for here."""
    contacts = {code for code, event in _seal(device).events.items() if event.contact}
    drawn = {code for region in device.regions for code in region.events}
    unseen = {code for code in BY_REGION if code in wanted(device) and code not in drawn}
    yield f"looked for: {', '.join(sorted(wanted(device) - unseen - contacts))}"
    if unseen:
        yield f"NOT looked for, since no region names it: {', '.join(sorted(unseen))}"
    for code in sorted((wanted(device) - unseen) & _UNCERTAIN.keys()):
        yield f"{code}: {_UNCERTAIN[code]}"
    yield "the scene is learnt in the first half minute by day and by night; after a change: edge-agent camera relearn"


_VEHICLE = "the built-in detector takes any large wide thing that moves for a vehicle"
_UNCERTAIN = {
    "post_sleep": "told only of somebody whom the detector finds; without a trained network that is often nobody",
    "post_empty": "somebody who sits still is often not found without a trained network",
    "belt_load": "judged by how rough the belt looks against the empty belt as it was learnt",
    "vehicle_in": f"{_VEHICLE}; plates are not read, and whether it is loaded is not told",
    "vehicle_out": f"{_VEHICLE}; plates are not read, and whether it is loaded is not told",
    "lamp_on": "told of any bright spot that stays; it must be out while the scene is learnt; no platform is told",
    "machine_run": f"{_VEHICLE}, and so for a machine",
    "board_vehicle": _VEHICLE,
}
"""Events that cannot be judged honestly, or not without a trained network (docs/cameras.md)."""


def wanted(device: CameraDevice) -> frozenset[str]:
    """The events that are looked for at a camera, but for the quality of its pictures."""
    from edge_agent.drivers.camera.equipment import wanted as looked_for

    return looked_for(device, _seal(device))


def _moment(text: str) -> int:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise click.UsageError(f"--start {text!r}: expected a time with its offset, such as 2026-11-24T01:10+08:00")
    return round(found.timestamp() * 1000)


@command.command("relearn")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("name")
@settings_errors
def relearn(file: Path, name: str) -> None:
    """Have the running agent of FILE learn the scene of camera NAME anew: it is rightly another one now."""
    _camera(file, name)
    _have_learnt(file, name)


def _have_learnt(file: Path, name: str) -> None:
    from edge_agent.drivers.camera.watched import relearn_mark

    mark = relearn_mark(load_agent(file).settings.state / "evidence", name)
    with _told(str(mark)):
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
    click.echo(f"{name} learns its scene anew as soon as the agent looks, within seconds; if it runs")


@command.command("snapshot")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("name")
@click.argument("picture", type=click.Path(dir_okay=False, path_type=Path))
@settings_errors
def snapshot(file: Path, name: str, picture: Path) -> None:
    """Write one picture of camera NAME of FILE (agent.yaml) as it is now to PICTURE (.png or .jpg)."""
    from edge_agent.drivers.camera.capture.probe import one_picture

    device = _camera(file, name)
    with _told(name):
        _write(picture, one_picture(device, None))


@command.command("analyse")
@click.argument("film", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--settings", "file", type=click.Path(path_type=Path), help="agent.yaml that has the camera.")
@click.option("--camera", "name", help="Which of its cameras the film is of.")
@click.option("--position", default="P10", show_default=True, help="Without settings: what the film watches.")
@click.option("--start", help="When it was taken, such as 2026-11-24T01:10+08:00; left out: at noon.")
@click.option("--annotate", type=click.Path(dir_okay=False, path_type=Path), help="Write a film with what was seen.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of text.")
@settings_errors
def analyse(
    film: Path, file: Path | None, name: str | None, position: str, start: str | None, annotate: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Analyse a recording as if its camera had sent it, and list what it shows."""
    from edge_agent.drivers.camera.drawing import AnnotatedFilm
    from edge_agent.drivers.camera.rerun import noon, rerun

    if (file is None) != (name is None):
        raise click.UsageError("--settings and --camera go together")
    if file is not None and name is not None:
        device = _camera(file, name)
    else:
        device = CameraDevice.model_validate(TRY | {"url": "rtsp://recording/", "position": position})
    seal = _seal(device)
    if device.position not in seal.positions:
        raise click.ClickException(f"{device.position!r} is no position; expected one of {', '.join(seal.positions)}")
    begun = noon(zone(profile_of(device))) if start is None else _moment(start)
    out = AnnotatedFilm(annotate, device) if annotate else None
    with _told(str(film)), _progress(film, as_json) as advance:

        def watch(result: Any) -> None:
            advance(result.view.picture.at)
            if out is not None:
                out.add(result)

        found = rerun(film, device, seal, start=begun, watch=watch)
    if out is not None:
        out.close()
    rows: list[dict[str, Any]] = [
        {"second": round(at, 2), "event": each.code, "state": each.state, "facts": each.facts}
        for at, each in found.findings
    ]
    figures = {
        "seconds": round(found.seconds, 1), "pictures": found.pictures, "crossed": dict(found.crossed),
        "open": list(found.open), "ms_a_picture": round(1000 * found.spent / max(1, found.pictures), 1),
    }  # fmt: skip
    if as_json:
        click.echo(json.dumps({"film": str(film), **figures, "findings": rows}, ensure_ascii=False))
        return
    for row in rows:
        facts = ", ".join(f"{key} {value}" for key, value in row["facts"].items())
        click.echo(f"{row['second']:>9.2f} s  {row['event']:<18} {row['state']:<8} {facts}")
    crossed, standing = dict(found.crossed) or "nobody", ", ".join(found.open) or "nothing"
    click.echo(f"{found.pictures} pictures of {found.seconds:.1f} s, {figures['ms_a_picture']} ms each")
    click.echo(f"crossed: {crossed}; stands at the end: {standing}")


@command.command("evaluate")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page with pictures, too.")
@click.option("--pictures", type=click.Path(file_okay=False, path_type=Path), help="Write the pictures into a folder.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of text.")
@settings_errors
def evaluate(folder: Path, html: Path | None, pictures: Path | None, as_json: bool) -> None:
    """Analyse the labelled recordings of FOLDER (labels.yaml): precision, recall, delay, what was taken for what."""
    from edge_agent.drivers.camera import evaluation
    from edge_agent.drivers.camera.report import page, write_shots

    labels = evaluation.load_labels(folder)
    begun = time.monotonic()
    with _told(str(folder)):
        score, films = evaluation.evaluate(labels, lambda each: click.echo(f"{each.film.name} …", err=True))
    rows = [
        {
            "event": code, "labelled": tally.hits + len(tally.missed), "hit": tally.hits, "missed": len(tally.missed),
            "false": len(tally.false), "precision": tally.precision, "recall": tally.recall, "delay_s": tally.delay,
            "false_a_day": round(score.false_per_day(code), 2),
        }
        for code, tally in sorted(score.tallies.items())
    ]  # fmt: skip
    if html is not None:
        with _told(str(html)):
            html.write_text(page(score, films, "as installed"), encoding="utf-8")
    if pictures is not None:
        with _told(str(pictures)):
            write_shots(pictures, films)
    if as_json:
        confused = [{"labelled": one, "found": other, "times": times} for (one, other), times in score.confused.items()]
        click.echo(json.dumps({"seconds": score.seconds, "events": rows, "confused": confused}, ensure_ascii=False))
        return
    heads = ("labelled", 8), ("hit", 5), ("missed", 6), ("false", 5), ("precision", 9), ("recall", 7), ("delay s", 8)
    click.echo(" ".join([f"{'event':<18}", *(f"{head:>{wide}}" for head, wide in heads)]))
    for row in rows:
        click.echo(
            f"{row['event']:<18} {row['labelled']:>8} {row['hit']:>5} {row['missed']:>6} {row['false']:>5}"
            f" {_figure(row['precision']):>9} {_figure(row['recall']):>7} {_figure(row['delay_s']):>8}"
        )
    spent = time.monotonic() - begun
    click.echo(f"{len(films)} recordings, {score.seconds / 60:.1f} minutes, analysed in {spent:.0f} s")


def _figure(value: object) -> str:
    return "–" if value is None else f"{value:.2f}"


def _write(path: Path, image: Any) -> None:
    import cv2

    with _told(str(path)):
        if not cv2.haveImageWriter(f"x{path.suffix or '.png'}"):
            raise ValueError("expected a name that ends in .png or .jpg")
        _made, body = cv2.imencode(path.suffix or ".png", image)
        path.write_bytes(body.tobytes())
    click.echo(f"picture: {path}")


@contextmanager
def _progress(film: Path, quiet: bool) -> Iterator[Callable[[float], None]]:
    """A bar on the error channel, by seconds of film."""
    from edge_agent.drivers.camera.capture.recording import length

    if quiet:
        yield lambda _second: None
        return
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(film.name, total=length(film))
        yield lambda second: progress.update(task, completed=second, description=f"{film.name} {second:.0f} s")
