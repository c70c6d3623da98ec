"""A camera that is set to another size while it sends: in the same session, with nothing but other parameter sets."""

from __future__ import annotations

import io
import itertools
from contextlib import suppress
from pathlib import Path

import av
import pytest

from edge_agent.drivers.camera.analysis import Analysis
from edge_agent.drivers.camera.capture.ring import Ring
from edge_agent.drivers.camera.capture.source import LostError
from edge_agent.drivers.camera.capture.stream import StreamSource
from edge_agent.drivers.camera.integrity.reference import Scene
from edge_agent.drivers.camera.integrity.resolution import Resolution
from tests.edge_agent.drivers.camera.bench import camera, device, encoded, films, joined
from tests.edge_agent.drivers.camera.capture.test_feed import pictures, watched
from tests.edge_agent.drivers.camera.rig import seal

__all__ = ["films"]

LARGE, SMALL = (320, 240), (176, 144)


def changed(folder: Path, codec: str = "libx264") -> Path:
    """Two seconds at one size, and then at another."""
    sizes = ("320:240", "176:144")
    return joined(folder, *(encoded(folder, codec=codec, size=size, seconds=2) for size in sizes))


def shown(clip: bytes) -> list[tuple[int, int]]:
    """The sizes of a clip's pictures, each once, in their order, as its header alone lets them be decoded."""
    with av.open(io.BytesIO(clip), "r") as film:
        return [size for size, _run in itertools.groupby((each.width, each.height) for each in film.decode(video=0))]


def test_another_size_in_mid_stream_is_seen_at_once_told_and_no_loss(films: Path) -> None:
    analysis = Analysis(seal(), [Resolution(seal(), Scene(seal()))])
    with camera(changed(films), "changing") as there, watched(device(there.url)) as feed:
        found = pictures(feed, 30)
        assert feed.reconnects == feed.damaged == 0
        assert feed.ring is not None
        clip = feed.ring.clip(found[0].at, found[-1].at)
    told = [each for picture in found for each in analysis.look(picture).findings]
    (size, before), (other, after) = [(s, list(run)) for s, run in itertools.groupby(found, key=lambda each: each.size)]
    assert (size, other) == (LARGE, SMALL)
    assert after[0].at - before[-1].at < 1.5, "a key frame, not a new connection, brings it"
    assert [(each.code, each.state) for each in told] == [("q_resolution", "raised")]
    assert 0 <= told[0].time - after[0].time <= 1200, "with the next look, one a second"
    assert shown(clip) == [SMALL], "a film has one header: it holds what came after"


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_a_clip_of_either_size_has_that_size_in_its_header(films: Path, codec: str) -> None:
    source, ring = StreamSource(str(changed(films, codec)), timeout=5), Ring(30, 2**24)
    source.open()
    with suppress(LostError):  # the end of the film
        for number, packet in enumerate(source.packets()):
            ring.add(packet.form, number / 10, packet.coded)
    source.close()
    for start, end, size in ((0.0, 1.9, LARGE), (2.0, 3.9, SMALL)):
        clip = ring.clip(start, end)
        assert shown(clip) == [size]
        width, height = (value.to_bytes(2) for value in size)
        assert width + height in clip[: clip.index(b"moof")], "in the sample entry (ISO/IEC 14496-12, 12.1.3.2)"
