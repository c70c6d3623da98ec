"""One look at a camera, for people: what it sends, what the detectors see in it. Nothing is stored or told."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge_agent.drivers.camera.address import masked
from edge_agent.drivers.camera.analysis import Analysis
from edge_agent.drivers.camera.capture.choose import onvif, source
from edge_agent.drivers.camera.capture.decoder import Decoder
from edge_agent.drivers.camera.capture.onvif import chosen
from edge_agent.drivers.camera.capture.recording import pictures
from edge_agent.drivers.camera.capture.source import LostError
from edge_agent.drivers.camera.picture import Image, Picture
from edge_agent.drivers.camera.settings import CameraDevice
from edge_agent.drivers.camera.tasks import tasks
from profiles.seal import Seal

LOOK = 2.0
"""Seconds over which pictures are counted once one could be decoded."""
PATIENCE = 15.0
"""Seconds for the first that can be."""


def probe(device: CameraDevice) -> str:
    """Codec, size, rate and key frames of its stream; OSError when no picture comes. Blocks: run it in a thread."""
    from_camera, decoder = source(device), Decoder()
    begun, count, octets, keys = time.monotonic(), 0, 0, 0
    size, first = (0, 0), 0.0
    try:
        from_camera.open()
        for packet in from_camera.packets():
            found = decoder.newest([packet])
            if found is not None and not first:
                first, size = packet.arrived, (found[0].shape[1], found[0].shape[0])
            count, octets, keys = count + 1, octets + packet.size, keys + packet.key
            if (first and packet.arrived - first >= LOOK) or packet.arrived - begun >= PATIENCE:
                break
    except LostError as err:
        if not first:
            raise OSError(str(err)) from None
    finally:
        from_camera.close()
    if not first:
        raise OSError(f"none of {count} packets could be decoded")
    return (
        f"{decoder.codec} {size[0]}×{size[1]}, first picture after {first - begun:.1f} s,"
        f" {count} pictures ({keys} key frames, {octets / 1024:.0f} KiB) in {time.monotonic() - begun:.1f} s"
    )


def asked(device: CameraDevice) -> list[str]:
    """What it tells of itself over ONVIF, in lines; none where it is not to be asked. OSError as `probe`."""
    if device.onvif is None:
        return []
    try:
        about = onvif(device, device.onvif).about()
        taken = chosen([stream for stream, _url, _single in about.streams], device.onvif_profile)
    except LostError as err:
        raise OSError(str(err)) from None
    clock = about.clock
    ahead = "does not tell its time in UTC" if clock is None else f"clock {clock.offset:+.1f} s (± {clock.doubt:.1f})"
    lines = [f"{about.what or 'maker and model are not told'}, {ahead}"]
    for stream, url, single in about.streams:
        mark = "*" if stream is taken else " "
        lines.append(f"{mark} {stream.name} ({stream.token}) {stream.width}×{stream.height} {stream.codec}")
        lines += [f"    {word} {_shown(where)}" for word, where in (("stream", url), ("picture", single))]
    return lines


def _shown(url: str) -> str:
    """Without what may hold a token."""
    address, asks, _query = masked(url).partition("?")
    return f"{address}?…" if asks else address or "–"


@dataclass(frozen=True, slots=True)
class Seen:
    """What the detectors saw, in words, and the last picture."""

    lines: list[str]
    picture: Image


def look(device: CameraDevice, seal: Seal, seconds: float) -> Seen:
    """What the analysis sees in some seconds of pictures; OSError when none comes."""
    analysis = Analysis(seal, tasks(device, seal))
    found: Counter[str] = Counter()
    notes: dict[str, float] = {}
    most: Counter[str] = Counter()
    image: Image | None = None
    for picture in _pictures(device, seconds):
        if not analysis.due(picture.at):
            continue
        result = analysis.look(picture)
        image = picture.image
        notes |= result.view.notes
        found.update(each.code for each in result.findings if each.state == "raised")
        most |= Counter(track.box.label for track in result.view.tracks)
    if image is None:
        raise OSError("no picture could be decoded")
    lines = [f"at one time: {', '.join(f'{count} × {label}' for label, count in most.items()) or 'nobody, no vehicle'}"]
    lines += [f"{name}: {value:.3g}" for name, value in sorted(notes.items())]
    lines += [f"raised: {code}" for code in found]
    return Seen(lines, image)


def one_picture(device: CameraDevice, film: Path | None) -> Image:
    """The first picture of a camera, or of a recording; OSError, ValueError when there is none."""
    found = _pictures(device, 0.0) if film is None else pictures(film, start=0)
    for picture in found:
        return picture.image
    raise OSError("no picture could be decoded")


def _pictures(device: CameraDevice, seconds: float) -> Iterator[Picture]:
    """Pictures from the first that can be decoded, for so long; OSError when the camera cannot be reached."""
    from_camera, decoder = source(device), Decoder()
    begun, first = time.monotonic(), 0.0
    try:
        from_camera.open()
        for packet in from_camera.packets():
            if (found := decoder.newest([packet])) is not None:
                first = first or packet.arrived
                yield Picture(found[0], time=time.time_ns() // 1_000_000, at=packet.arrived, key=found[1])
            if (first and packet.arrived - first >= seconds) or packet.arrived - begun >= PATIENCE + seconds:
                return
    except LostError as err:
        if not first:
            raise OSError(str(err)) from None
    finally:
        from_camera.close()
