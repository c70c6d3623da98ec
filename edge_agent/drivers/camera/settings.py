"""Settings of cameras: where the pictures come from, what is looked for in them, and where."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from config.hosts import HostInUrl, HostPort
from config.model import Duration, FilePath, Settings, Written
from edge_agent.drivers.camera.address import masked, states_password
from edge_agent.drivers.camera.makers import SINGLE, Maker, path_of
from edge_agent.tags import DeviceSettings, TagSettings
from profiles.wire.messages import Camera, Source

BY_REGION = ("hoist_run", "wall_open", "lamp_on")
"""Events that are looked for only where a region names them: of the whole picture they would be a guess."""
Share = Annotated[float, Field(ge=0, le=1)]
PointAt = tuple[Share, Share]
"""[from the left, from the top], each as a share of the picture: 0 to 1."""
Polygon = Annotated[tuple[PointAt, ...], Field(min_length=3, max_length=64)]
Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]

Measure = Literal[
    "persons_in", "persons_out", "vehicles_in", "vehicles_out", "belt_run", "belt_load", "hoist_run",
    "persons_below", "online_minutes", "online",
]  # fmt: skip


_URL = r"^(rtsps?|https?)://[^@\s]+$|^file:[^@]+$"
_URL_WORDS = "rtsp://…, http://… or file:…; user and password are keys of their own"
ONVIF_MISSING = 'onvif-zeep-async is missing: pip install "edge-gateway[cameras,onvif]"'


class CameraTag(TagSettings):
    """One figure that is counted at a camera."""

    measure: Measure
    """Counts of the hour that ended (persons_in, …, in whole numbers), minutes of that hour in which the belt or hoist
    ran or the camera was on line, or whether it is on line now (online). `persons_below`: how many went in and did not
    come out since 00:00, at all cameras of this agent that count people."""
    max_silence: Duration = 3600.0
    """Time after which an unchanged value is sent all the same."""


class RegionSettings(Settings):
    """A part of the picture."""

    name: str
    """What people call it."""
    points: Polygon
    """Its corners, in order."""
    events: tuple[str, ...] = ()
    """The events that are looked for in it; left out: those of the camera's position that need a region."""
    dwell: Duration = 0.0
    """How long somebody must stay in it before it counts as an intrusion: people may pass, and not linger."""


class LineSettings(Settings):
    """A line on the ground; who crosses it is counted."""

    name: str
    """What people call it."""
    start: PointAt
    """One end."""
    end: PointAt
    """The other."""
    inside: PointAt
    """A point on the side that is "in": crossing towards it is in, away from it out."""
    counts: Literal["gate", "bypass", "entry_gate", "exit_gate"] = "gate"
    """gate: in and out are counted; bypass: a way round the gate; entry_gate, exit_gate: one direction is wrong."""
    of: tuple[Literal["person", "vehicle"], ...] = ("person",)
    """Whose crossing counts."""

    @model_validator(mode="after")
    def _is_a_line(self) -> LineSettings:
        (x, y), (x0, y0), (x1, y1) = self.inside, self.start, self.end
        if self.start == self.end:
            raise PydanticCustomError("line", "start and end are the same point")
        if abs((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)) < 1e-6:  # on the line
            raise PydanticCustomError("line", "inside lies on the line; expected a point beside it")
        return self


class HeightAt(Settings):
    """How high the smallest person that counts appears where his feet are at this height of the picture."""

    y: Share
    """Where the feet are, from the top."""
    height: Annotated[float, Field(gt=0, le=1)]
    """The person's height, as a share of the picture's height."""


class BeltSettings(Settings):
    """The belt (皮带) in the picture, turned so that it runs along it."""

    corners: tuple[PointAt, PointAt, PointAt, PointAt]
    """Tail left, head left, head right, tail right, seen along the running direction."""


class DetectorSettings(Settings):
    """A trained network of your own in ONNX format; left out: the package's model where it was fetched, else none."""

    model: FilePath
    """The network."""
    layout: Literal["centernet", "yolox", "yolov5", "yolov8", "ssd"]
    """How its output is laid out; checked at the start with a test picture."""
    classes: FilePath | None = None
    """A class name a line, in the network's order; left out: the 80 of COCO."""
    score: Annotated[float, Field(gt=0, lt=1)] = 0.35
    """Below this a box is not believed."""
    size: tuple[Annotated[int, Field(ge=32, le=2048)], Annotated[int, Field(ge=32, le=2048)]] | None = None
    """Width and height in pixels of the picture that the network takes; left out: as its layout usually has it."""


class ScheduleSettings(Settings):
    """A daily span of local time; over midnight where `until` is before `start`."""

    start: Clock
    until: Clock


class CaptureSettings(Settings):
    """How the pictures are fetched."""

    transport: Literal["tcp", "udp"] = "tcp"
    """Of RTSP."""
    timeout: Annotated[Duration, Field(ge=0.5, le=60)] = 5.0
    """A camera that sends nothing for so long is taken for lost, and asked again."""
    rate: Annotated[float, Field(ge=0.25, le=30)] | None = None
    """Pictures a second that are looked at, at most; left out: as the tasks ask (1 to 10). A gap of more than five
    seconds says nothing of the time between, so that a slower camera would never have an event that must last."""
    snapshot_every: Annotated[Duration, Field(ge=0.2, le=4)] = 1.0
    """How often a snapshot address (HTTP) is asked; four seconds at most, as above."""


class MakerSettings(Settings):
    """A camera or recorder whose maker's paths are known (`edge_agent.drivers.camera.makers`)."""

    name: Maker
    """海康威视, 大华, 宇视."""
    host: HostPort
    """Where it is; a port, of RTSP or with `snapshot` of HTTP, only if it is not the usual one."""
    channel: Annotated[int, Field(ge=1, le=512)] = 1
    """Of a recorder."""
    main: bool = False
    """Whether the main stream is read instead of the sub-stream."""


class CameraDevice(DeviceSettings):
    """One camera. Its pictures come from `url`, `maker` or `onvif`; beside the others `onvif` tells its clock."""

    driver: Literal["camera"]
    url: Annotated[str, Written(_URL, _URL_WORDS), HostInUrl] | None = None
    """Where its pictures come from: an RTSP stream (the sub-stream is enough), MJPEG or a snapshot over HTTP, or
    `file:` with a film or folder, which is read as fast as a camera would send it. Where a maker wants user and
    password in the path, `{user}` and `{password}` are their places."""
    maker: MakerSettings | None = None
    """Instead of `url`: maker and host, whose address is made of them."""
    onvif: HostPort | None = None
    """Where it answers ONVIF, port 80 unless it is said; it is asked for its clock and, without `url` and `maker`, for
    its stream or snapshot address. Needs the extra `onvif`."""
    onvif_profile: str = ""
    """Name or token of the ONVIF profile whose stream is read; left out: the smallest that is large enough."""
    onvif_events: bool = False
    """Whether it is listened to what the camera itself says over `onvif` (tampering, motion, inputs); that makes a
    subscription in the camera, and sets nothing."""
    user: str = ""
    """User name at the camera: one that may only watch."""
    password: SecretStr | None = None
    """As `!secret name`."""
    snapshot: bool = False
    """Whether single pictures are asked for and no stream: an HTTP address gives them, or the one that `maker` or
    `onvif` has for them."""
    capture: CaptureSettings = CaptureSettings()
    """How they are fetched."""
    profile: str = "electronic-seal"
    """The profile that names positions and events."""
    profiles: tuple[FilePath, ...] = ()
    """Folders with profiles of your own, as at the top of the settings."""
    code: str
    """Code of the camera (摄像机编码), as the platform issued it."""
    position: str
    """What it watches, as the profile has it, such as P01 for the main mouth (主井口)."""
    mine_state: str = ""
    """State of the mine as its supervisor ordered it; left out: it is judged as sealed."""
    group: str = ""
    """Cameras of one group share a worker process; left out: four by four."""
    lon: Annotated[float, Field(ge=-180, le=180)] | None = None
    """Longitude, degrees east (WGS 84)."""
    lat: Annotated[float, Field(ge=-90, le=90)] | None = None
    """Latitude, degrees north (WGS 84)."""
    attributes: dict[str, str] = Field(default_factory=dict)
    """What a platform asks for beside: direction, psStationCode, positionCode."""
    regions: tuple[RegionSettings, ...] = ()
    """Parts of the picture that are watched by themselves."""
    lines: tuple[LineSettings, ...] = ()
    """Lines whose crossing is counted."""
    masks: tuple[Polygon, ...] = ()
    """Parts in which nothing is looked at and which are blackened in what leaves the site: neighbours' windows."""
    clock: Polygon | None = None
    """Where the camera writes its clock into the picture; it is left out of comparisons, and watched by itself."""
    heights: tuple[HeightAt, ...] = ()
    """How high the smallest person appears, at one or two heights of the picture; left out: a twelfth of it."""
    belt: BeltSettings | None = None
    """The belt, where one is watched."""
    detector: DetectorSettings | None = None
    """A trained network of your own."""
    schedule: tuple[ScheduleSettings, ...] = ()
    """When its events are looked for, in local time; left out: always. The quality of the picture is judged always."""
    ignore: tuple[str, ...] = ()
    """Events of its position that are not looked for here."""
    blur_faces: bool = False
    """Whether faces are blurred in the copy with boxes; the original is kept as it is."""
    sm3: bool = False
    """Whether the SM3 (GB/T 32905) of each picture and film is stated beside its SHA-256."""
    evidence: bool = True
    """Whether pictures and films are kept of its events."""
    tags: tuple[CameraTag, ...] = ()
    """What is counted."""

    @property
    def counts_people(self) -> bool:
        """Whether a line of it counts people."""
        return any("person" in line.of for line in self.lines)

    def tag_type(self, tag: TagSettings) -> Literal["number", "text", "flag"]:
        """A flag for `online`, a number for everything counted."""
        return "flag" if isinstance(tag, CameraTag) and tag.measure == "online" else "number"

    def tag_source(self, tag: TagSettings) -> Source | None:
        """No registers stand behind a count."""
        return None

    @model_validator(mode="after")
    def _names_differ(self) -> CameraDevice:
        drawn = {"region": [each.name for each in self.regions], "line": [each.name for each in self.lines]}
        for what, names in drawn.items():
            if twice := next((name for name in names if names.count(name) > 1), None):
                raise PydanticCustomError(
                    "names",
                    "two of its {what}s are called {name}; expected a name each",
                    {"what": what, "name": twice},
                )
        return self

    @model_validator(mode="after")
    def _has_pictures(self) -> CameraDevice:
        if self.url is not None and states_password(self.url):
            place = "a password is part of url; expected {password} in its place, and password: !secret …"
            raise PydanticCustomError("pictures", place)
        if self.url is not None and self.maker is not None:
            raise PydanticCustomError("pictures", "url and maker both say where the pictures come from; leave one out")
        if self.url is None and self.maker is None and self.onvif is None:
            raise PydanticCustomError("pictures", "expected url, maker or onvif: where do its pictures come from?")
        if self.maker is not None and self.snapshot and self.maker.name not in SINGLE:
            known = "of {name} no address of single pictures is known; state it as url"
            raise PydanticCustomError("pictures", known, {"name": self.maker.name})
        if self.onvif_profile and (self.onvif is None or self.url is not None or self.maker is not None):
            raise PydanticCustomError("pictures", "onvif_profile goes with onvif alone, which then names the stream")
        if self.onvif_events and self.onvif is None:
            raise PydanticCustomError("pictures", "onvif_events goes with onvif, the address where it is asked")
        return self

    def pictures(self) -> str | None:
        """The address of its pictures as the settings have it; None where ONVIF is to be asked for it."""
        if (maker := self.maker) is None:
            return self.url
        return path_of(maker.name, maker.host, maker.channel, main=maker.main, snapshot=self.snapshot)

    def secret(self) -> str:
        """The password; "" where there is none."""
        return self.password.get_secret_value() if self.password is not None else ""

    def address(self) -> str:
        """The address without user, password and query, which may hold a token."""
        return masked(self.pictures() or f"onvif://{self.onvif}").partition("?")[0]

    def all_tags(self) -> tuple[CameraTag, ...]:
        """The counted figures."""
        return self.tags

    def camera(self) -> Camera:
        """As the manifest names it."""
        return Camera(
            code=self.code, profile=self.profile, position=self.position, label=self.label, lon=self.lon, lat=self.lat,
            attributes=self.attributes,
        )  # fmt: skip
