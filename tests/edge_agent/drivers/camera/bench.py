"""Cameras that are not there, and what the driver says of them: GStreamer's RTSP server, films, a proxy, a listener."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from edge_agent.drivers.base import CameraEvent, Reading, SystemAlarm
from edge_agent.drivers.camera.driver import CameraDriver
from edge_agent.drivers.camera.runner import CameraRunner
from edge_agent.drivers.camera.settings import CameraDevice
from profiles.wire.messages import Evidence, Level
from tests.edge_agent.drivers.camera.films import film
from tests.servers import find_server

SERVER = Path(__file__).with_name("gst_server.py")
PYTHON = "/usr/bin/python3"
"""Debian's own, which has gi."""


def encoded(
    folder: Path, *, codec: str = "libx264", size: str = "320:240", seconds: int = 20, raw: bool = False
) -> Path:
    """A film of real people as a camera codes it: 10 pictures a second, a key frame every second, no B frames."""
    path = folder / f"{codec}-{size.replace(':', 'x')}-{seconds}.{'h264' if raw else 'mp4'}"
    if not path.exists():
        options = ["-x265-params", "keyint=10:bframes=0:log-level=none"] if codec == "libx265" else ["-bf", "0"]
        command = [
            find_server("ffmpeg"), "-v", "error", "-t", str(seconds), "-i", str(film("vtest.avi")),
            "-vf", f"scale={size}", "-c:v", codec, "-preset", "ultrafast", "-g", "10", "-pix_fmt", "yuv420p",
            *options, str(path),
        ]  # fmt: skip
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path


def joined(folder: Path, *parts: Path) -> Path:
    """One film after the other as one transport stream, each as it was coded, also where their sizes differ."""
    path = folder / f"{'+'.join(part.stem for part in parts)}.ts"
    if not path.exists():
        copy = [find_server("ffmpeg"), "-v", "error", "-y"]
        streams = [part.with_suffix(".ts") for part in parts]  # as such each key frame has its own parameter sets
        for part, stream in zip(parts, streams, strict=True):
            subprocess.run([*copy, "-i", str(part), "-c", "copy", str(stream)], check=True, stdin=subprocess.DEVNULL)
        listed = path.with_suffix(".txt")
        listed.write_text("".join(f"file '{stream}'\n" for stream in streams))
        command = [*copy, "-f", "concat", "-safe", "0", "-i", str(listed), "-c", "copy", str(path)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path


class Camera:
    """An RTSP server of GStreamer's in a process of its own."""

    def __init__(self, film_: Path, form: str = "h264", login: str = "") -> None:
        self._arguments = [str(film_), form, login]
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/cam"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, film_: Path | None = None) -> Camera:
        """Start it, after `stop` on the same port; `film_`: with another film."""
        if film_ is not None:
            self._arguments[0] = str(film_)
        self._process = subprocess.Popen(
            [PYTHON, str(SERVER), *self._arguments, str(self.port)], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        return self

    def pause(self) -> None:
        """It hangs: the connection stays, and nothing comes."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None


@contextmanager
def camera(film_: Path, form: str = "h264", login: str = "") -> Iterator[Camera]:
    """One that is on for the length of a block."""
    if subprocess.run([PYTHON, "-c", "import gi; gi.require_version('GstRtspServer', '1.0')"], check=False,
                      capture_output=True).returncode:  # fmt: skip
        find_server("gst-rtsp-server")  # skips, or fails where it is required
    this = Camera(film_, form, login).start()
    try:
        yield this
    finally:
        this.stop()


PEOPLE = (
    "person_in", "person_out", "bypass_in", "bypass_out", "gate_reverse_in", "gate_reverse_out", "board_vehicle",
)  # fmt: skip
"""The films are full of people who cross the line: tests of the way to the pictures do not look for them."""


def device(url: str | None, name: str = "gate", **more: Any) -> CameraDevice:
    """A camera at a main mouth with a counting line, at which nobody is an event."""
    base: dict[str, Any] = {
        "name": name, "driver": "camera", "url": url, "code": f"1401000000132000000{len(name)}", "position": "P01",
        "lines": [{"name": "mouth", "start": [0.1, 0.6], "end": [0.9, 0.6], "inside": [0.5, 0.1]}],
        "capture": {"timeout": "2s"}, "evidence": False, "ignore": PEOPLE,
    }  # fmt: skip
    return CameraDevice.model_validate(base | more)


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where films are made, once a session."""
    return tmp_path_factory.mktemp("films")


class Heard:
    """What the driver hands over, in its order."""

    def __init__(self, remembered: dict[str, dict[str, str]] | None = None, folder: Path | None = None) -> None:
        self.folder = folder
        self.events: list[CameraEvent] = []
        self.got: list[Reading] = []
        self.links: list[tuple[str, str]] = []
        self._before: dict[str, str] = {}
        self.notes: list[tuple[Level, str]] = []
        self.counters: dict[str, dict[str, int]] = {}
        self.clocks: dict[str, int] = {}
        self.shots: list[tuple[str, str, Evidence]] = []
        self.memory = remembered if remembered is not None else {}

    def readings(self, device: str, readings: Sequence[Reading]) -> None:
        self.got += readings

    def device_up(self, device: str) -> None:
        self._link(device, "up")

    def device_down(self, device: str, reason: str) -> None:
        self._link(device, f"down: {reason}")

    def device_clock(self, device: str, offset_ms: int) -> None:
        self.clocks[device] = offset_ms

    def device_counters(self, device: str, counters: dict[str, int]) -> None:
        self.counters[device] = counters

    def note(self, level: Level, text: str) -> None:
        self.notes.append((level, text))

    def camera_event(self, event: CameraEvent) -> None:
        self.events.append(event)

    def pictured(self, camera: str, file: Evidence, code: str) -> None:
        self.shots.append((camera, code, file))

    async def committed(self) -> bool:
        return True

    @property
    def evidence_folder(self) -> Path:
        return self.folder or Path("nowhere")

    def alarm(self, device: str, tag: str, level: Level | None, time: int, text: str) -> None:
        raise AssertionError("a camera tells events, and no alarms of tags")

    def system_alarm(self, tag: str, told: SystemAlarm) -> None:
        raise AssertionError("a camera tells events, and no alarms of tags")

    def remember(self, device: str, entries: Mapping[str, str]) -> None:
        self.memory.setdefault(device, {}).update(entries)

    def remembered(self, device: str) -> dict[str, str]:
        return dict(self.memory.get(device, {}))

    def _link(self, device: str, text: str) -> None:
        before = (self._before | dict(self.links)).get(device, "")
        if before.partition(":")[0] != text.partition(":")[0]:
            self.links.append((device, text))

    def forget(self) -> None:
        """From here on; what was said last is still known."""
        self.events, self.got = [], []
        self._before = dict(self.links)
        self.links = []

    def pictures(self, device: str) -> int:
        return self.counters.get(device, {}).get("pictures", 0)

    def told(self, code: str) -> list[str]:
        """The transitions of one event."""
        return [each.state for each in self.events if each.code == code]


async def until(condition: Callable[[], object], what: str, seconds: float = 60.0) -> float:
    """Return once `condition` is true, and after how many seconds; the bound is for hangs."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds, f"waited in vain for {what}"
        await asyncio.sleep(0.02)
    return time.monotonic() - begun


@asynccontextmanager
async def running(*devices: CameraDevice, heard: Heard) -> AsyncIterator[list[CameraRunner]]:
    """The driver's runners with their workers; they must end when told to."""
    stop = asyncio.Event()
    runners = [each for each in CameraDriver.runners(devices, heard) if isinstance(each, CameraRunner)]
    tasks = [asyncio.create_task(each.run(stop)) for each in runners]
    try:
        yield runners
    finally:
        stop.set()
        await asyncio.wait_for(asyncio.gather(*tasks), 60)


def quick(folder: Path) -> Path:
    """A folder with the profile of the seal under the name `quick`, whose waits are short."""
    text = (Path("profiles/library/mines/electronic-seal.yaml")).read_text()
    for old, new in (
        ("profile: electronic-seal", "profile: quick"),
        ("camera_lost: 30s, camera_back: 10s", "camera_lost: 3s, camera_back: 2s"),
        ("en: no picture, group: quality, sealed: 2, producing: 2, on: 10s, off: 5s",
         "en: no picture, group: quality, sealed: 2, producing: 2, on: 1s, off: 1s"),
        ("on: 90s, off: 90s, triggers: {offset: 2}", "on: 1s, off: 1s, triggers: {offset: 2}"),
    ):  # fmt: skip
        assert old in text
        text = text.replace(old, new)
    folder.mkdir(exist_ok=True)
    (folder / "quick.yaml").write_text(text)
    return folder
