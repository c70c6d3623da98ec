"""What a constant bit rate leaves of the difference between a picture that stands and one that lives, and short loops.

``python -m benchmarks.camera_live`` prints the tables of docs/cameras-accuracy.md, *Short loops* and *Constant bit
rate*. Real pictures of Debian's opencv-doc, coded by x264 at a constant bit rate with filler, 10 pictures a second, a
key frame each two seconds, and looked at once a second, as the agent does.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import av
import cv2
import numpy as np

from edge_agent.drivers.camera.integrity import measures, replay
from edge_agent.drivers.camera.picture import SMALL, Image

FOLDER = Path("/usr/share/doc/opencv-doc/examples/data")
RATE = 10
LIVES, STANDS, SETTLES = 100, 140, 20
"""Seconds; those before a picture that stands is measured. One that lives is measured from the 40th on."""
WATCHED = 500
"""Seconds of a loop."""
GRAINS = [np.random.default_rng(seed).normal(0, 1, (480, 640, 3)).astype(np.float32) for seed in range(17)]


def coded(images: Iterable[Image], size: tuple[int, int], bits: int) -> Iterator[Image]:
    """Grey pictures, one a second, as they come out of the decoder."""
    buffer, rate = io.BytesIO(), str(bits)
    bound = {"nal-hrd": "cbr", "maxrate": rate, "minrate": rate, "bufsize": rate}
    with av.open(buffer, "w", format="matroska") as out:
        stream = out.add_stream("libx264", rate=RATE, options={"preset": "veryfast", "g": "20", "bf": "0", **bound})
        stream.bit_rate, stream.pix_fmt = bits, "yuv420p"
        stream.width, stream.height = size
        for image in images:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24")))
        out.mux(stream.encode())
    buffer.seek(0)
    with av.open(buffer, "r") as back:
        for number, frame in enumerate(back.decode(video=0)):
            if number % RATE == 0:
                grey = cv2.cvtColor(frame.to_ndarray(format="bgr24"), cv2.COLOR_BGR2GRAY)
                yield np.asarray(cv2.resize(grey, SMALL, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def standing(name: str, sigma: float, bits: int) -> str:
    """Mean difference of successive looks while it lives, and while the very same picture is coded again and again."""
    still = cv2.resize(_read(name), (640, 480), interpolation=cv2.INTER_AREA)

    def at(number: int) -> Image:
        grain = GRAINS[min(number, LIVES * RATE) % len(GRAINS)] * np.float32(sigma)
        return np.asarray(cv2.add(still, grain, dtype=cv2.CV_8U), dtype=np.uint8)

    seen = list(coded(map(at, range((LIVES + STANDS) * RATE)), (640, 480), bits))
    steps = [float(cv2.absdiff(one, other).mean()) for one, other in itertools.pairwise(seen)]
    return f"{_spread(steps[40 : LIVES - 2])} | {_spread(steps[LIVES + SETTLES :])}"


def traced(images: Iterable[Image]) -> str:
    """Patterns of motion in the last window, likeness at the best lag, and what is usual around it (`q_replay`)."""
    traces, before = replay.Traces(), None
    for number, small in enumerate(images):
        now = measures.coarse(small)
        traces.keep(number, 0 if before is None else measures.motion(now, before, replay.MOVES))
        before = now
    patterns, likeness = traces.patterns, traces.likeness(patterns=0)
    lag = int(np.argmax(likeness[replay.SLOW :])) + replay.SLOW
    around = [likeness[at] for step in replay.AROUND for at in (lag - step, lag + step) if 0 < at < len(likeness)]
    return f"{patterns} | {likeness[lag]:.2f} | {float(np.median(around)):.2f}"


def beacon(period: float, width: float) -> Callable[[int], Image]:
    """A lamp that turns: its beam sweeps over the picture."""
    still = cv2.resize(_read("home.jpg"), (320, 240), interpolation=cv2.INTER_AREA)
    across = np.arange(320) / 320

    def at(number: int) -> Image:
        off = np.abs(across - number / RATE / period % 1)
        light = 0.4 + 0.8 * np.exp(-((np.minimum(off, 1 - off) / width) ** 2))
        return np.asarray(np.clip(still * light[None, :, None], 0, 255), dtype=np.uint8)

    return at


def _read(name: str) -> Image:
    return np.asarray(cv2.imread(str(FOLDER / name)), dtype=np.uint8)


def _spread(values: list[float]) -> str:
    return f"{np.median(values):.2f} [{min(values):.2f}..{max(values):.2f}]"


def _film() -> list[Image]:
    reader, found = cv2.VideoCapture(str(FOLDER / "vtest.avi")), []
    while (read := reader.read())[0]:
        found.append(np.asarray(cv2.resize(read[1], (320, 240), interpolation=cv2.INTER_AREA), dtype=np.uint8))
    return found


def main() -> None:
    """Print both."""
    print("| shown | kbit/s | patterns | likeness | around |\n| --- | --- | --- | --- | --- |")
    film = _film()
    for bits in (100_000, 300_000):
        for seconds in (6, 10, 15, 20, 25, 30):
            looped = (film[400 + number % (seconds * RATE)] for number in range(WATCHED * RATE))
            print(f"| loop of {seconds} s | {bits // 1000} | {traced(coded(looped, (320, 240), bits))} |", flush=True)
    for period in (1.05, 1.3, 7.3, 20.0):
        shown = coded(map(beacon(period, 0.05), range(WATCHED * RATE)), (320, 240), 300_000)
        print(f"| lamp that turns in {period} s | 300 | {traced(shown)} |", flush=True)
    print("\n| picture, noise of its sensor | kbit/s | lives | stands |\n| --- | --- | --- | --- |")
    for name, sigma in (("home.jpg", 1), ("home.jpg", 2), ("home.jpg", 4), ("building.jpg", 2)):
        for bits in (200_000, 500_000, 1_500_000):
            print(f"| {name}, sigma {sigma} | {bits // 1000} | {standing(name, sigma, bits)} |", flush=True)


if __name__ == "__main__":
    main()
