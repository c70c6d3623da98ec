"""The messages of the contract as msgspec structs: decoding one checks it; ``profiles/schemas`` is made from them.

Times are milliseconds since 1970-01-01 UTC; sizes are bytes; digests are those of `profiles.wire.codec.digest`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from profiles.wire.quality import GOOD
from profiles.wire.quality import PATTERN as QUALITY_PATTERN

END = r"$(?!\n)"
"""Ends a pattern: ``$`` alone also matches before a line end, in Python and so in msgspec; in JavaScript's regular
expressions, which JSON Schema has, this is the same as ``$``."""
LATEST_MS = 253402214399999
"""The last moment of 9999-12-30: a day is left, so that it can be written in any zone."""
Millis = Annotated[int, Meta(ge=0, le=LATEST_MS, description="ms since 1970-01-01 UTC, up to 9999-12-30")]
Minute = Annotated[int, Meta(ge=0, le=1440, description="minutes since midnight")]
Count = Annotated[int, Meta(ge=0, le=2**53)]
"""How many, or how many bytes: what a double, and SQLite, hold exactly."""
Seq = Annotated[int, Meta(ge=1, le=2**53, description="number within its stream, from 1, without gaps")]
Era = Annotated[int, Meta(ge=0, le=999_999, description="count of the agent's backward clock steps over 1 s")]
StreamId = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}" + END, description="UUID of one start of an agent, hex")]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}" + END, description="first 16 bytes of SHA-256 of the frame, hex")]
ManifestHash = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}" + END, description="SHA-256 of the manifest's frame, hex")]
Quality = Annotated[str, Meta(pattern=QUALITY_PATTERN.removesuffix("$") + END)]
Name = Annotated[str, Meta(min_length=1, max_length=128)]
Code = Annotated[str, Meta(max_length=256)]
"""An identifier of a specification or of a settings file; which characters it may have is the profile's matter."""
MAX_WORDS = 4096
Words = Annotated[str, Meta(max_length=MAX_WORDS)]
"""A text for people: a reason, a label, an address."""
Attributes = Annotated[dict[Code, Words], Meta(max_length=200)]
Origin = Annotated[str, Meta(pattern=r"^([a-z0-9-]+(/[a-z0-9-]+)*)?" + END, max_length=640)]
"""An agent by the collectors that its data passed: county-1/plant-1; empty: it sends them itself."""
Offset = Annotated[int, Meta(ge=-LATEST_MS, le=LATEST_MS)]
"""ms between two clocks."""
Age = Annotated[float, Meta(ge=0, le=LATEST_MS / 1000)]
"""s since something."""
Value = float | int | bool | str | None
"""Number, boolean, text or null; integers beyond 2^53 travel as text; null is never good."""
Facts = Annotated[dict[Code, float | int | bool | Words], Meta(max_length=200)]

Level = Literal["HH", "H", "L", "LL", "SIG", "RED", "ORANGE", "YELLOW", "BLUE", "INFO", "WARN", "FAULT"]
EventKind = Literal["limit", "link", "seal", "clock", "agent", "trend"]
"""trend: what a collector works out itself from its store."""
EventState = Literal["raised", "changed", "cleared", "noted"]
TagType = Literal["number", "text", "flag"]
PressureKind = Literal["gauge", "absolute"]
SNAPSHOT, REFERENCE = "snapshot", "reference"
"""Codes of events of kind agent whose evidence is a picture: one that was asked for, one of the scene as learnt."""
STANDARD_ATMOSPHERE = 101.325
"""kPa (ISO 2533)."""
ATMOSPHERES = 50.0, 110.0
"""kPa between which the atmosphere's pressure lies: at 5500 m of height, and in a mine below the sea."""


class Sample(Struct, frozen=True, array_like=True):
    """One row of a data envelope: ``[tag, ms after t0, value]`` or, when not good, with the quality behind."""

    tag: Name
    dt: int
    value: Value
    quality: Quality = GOOD


class Data(Struct, frozen=True, kw_only=True):
    """A numbered, frozen batch of samples (topic kind ``data``)."""

    v: Literal[1]
    stream: StreamId
    seq: Seq
    era: Era
    manifest: ManifestHash
    t0: Millis
    s: Annotated[list[Sample], Meta(min_length=1, max_length=100_000)]


class Evidence(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an evidence file is; its bytes travel as `EvidenceChunk`. Hashes are hex; `sm3` only where it is set.

    `role`: before, at or after of a picture by its moment, marked of a copy with boxes, film; an older agent says none.
    """

    id: Name
    type: Code
    size: Count
    sha256: Code
    captured: Millis
    sm3: Code = ""
    role: Code = ""


class Event(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A transition. `alarm` names the life it belongs to; its state is the fold of its events by (era, time, seq).

    `since` is the time at which that life was raised, so that a clearing names its beginning. State ``noted`` is a
    fact without an end (a loss, a restart, a passage). Exactly one of `tag`, `device`, `camera` is set, or none for the
    agent. Of kind ``seal``, `code` is the event of the camera's profile (belt_run), and `facts` what was found beside:
    persons, vehicles, plate, loaded, confidence (0 to 1), duration (s); with a `tag` it is of a contact of the seal
    (`ManifestTag.seal`, lock_open), and `value` its last one. Of kind ``agent`` and with a `tag`, `code`
    ``reset`` says that an accumulated value fell; with a `camera`, ``snapshot`` that somebody asked for the picture
    that is its evidence, ``reference`` that the scene in it was learnt, ``camera_says_…`` what the camera itself says.
    Of kind ``limit``, `code` ``feed`` says that a feeder does not follow its cut-off device, which is no limit of its
    own; ``line_broken``, ``station_lost``,
    ``in_calibration``, ``over_range``, ``near_upper`` and ``near_lower`` name a condition of the profile beside the
    limits (`profiles.textfile.abnormal`), with a level of its own; any other names the combined rules of the profile
    that made the level (", " between them), and `facts` the tags and values that they went by, in the profile's unit.
    `ended`: lighter limits than `level` that let go already, by a release of their own.
    """

    id: Name
    alarm: Name
    kind: EventKind
    level: Level
    state: EventState
    time: Millis
    since: Millis
    tag: Code | None = None
    device: Code | None = None
    camera: Code | None = None
    value: Value = None
    limit: float | None = None
    text: Words = ""
    code: Words = ""
    facts: Facts = field(default_factory=dict)
    evidence: Annotated[list[Evidence], Meta(max_length=100)] = field(default_factory=list)
    ended: Annotated[list[Level], Meta(max_length=10)] = field(default_factory=list)


class Events(Struct, frozen=True, kw_only=True):
    """A numbered, frozen batch of events (topic kind ``event``)."""

    v: Literal[1]
    stream: StreamId
    seq: Seq
    era: Era
    manifest: ManifestHash
    events: Annotated[list[Event], Meta(min_length=1, max_length=10_000)]


class EvidenceChunk(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The JSON line before at most 64 KiB of an evidence file's bytes (topic kind ``evidence``).

    `origin`: whose file it is, where a collector passes it on (as `Manifest`); ids are an agent's own.
    """

    v: Literal[1]
    stream: StreamId
    seq: Seq
    era: Era
    manifest: ManifestHash
    id: Name
    offset: Count
    total: Count
    origin: Origin = ""


class Period(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Times that a site states under a name: hours of each day, in minutes since midnight, and spans in ms UTC.

    A start is inside, an end is not. Hours whose end is before their start go over midnight.
    """

    daily: Annotated[list[tuple[Minute, Minute]], Meta(max_length=100)] = field(default_factory=list)
    dated: Annotated[list[tuple[Millis, Millis]], Meta(max_length=1000)] = field(default_factory=list)


class Site(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The site as the specification names it: codes are issued by the platform (spec notes 1.7).

    `credit_code`: the enterprise's unified social credit code (统一社会信用代码, GB 32100). `periods`: by the
    names under which combined rules of profiles ask for them, such as forbidden (禁产时段).
    """

    code: Code
    name: Words
    adcode: Annotated[str, Meta(pattern=r"^[0-9]{6}" + END, description="GB/T 2260 county code")]
    gateway: Code = ""
    credit_code: Code = ""
    lon: float | None = None
    lat: float | None = None
    industry: Code = ""
    facts: Attributes = field(default_factory=dict)
    periods: Annotated[dict[Code, Period], Meta(max_length=100)] = field(default_factory=dict)


class Asset(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One piece of equipment (设备) by its code: `kind` as the profile names it, `attributes` as the profile asks."""

    name: Words = ""
    kind: Code = ""
    attributes: Attributes = field(default_factory=dict)
    lon: float | None = None
    lat: float | None = None


class Point(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a tag is in a specification's own terms: profile, asset (设备), quantity (指标类型), code (指标编码)."""

    profile: Code
    asset: Code
    quantity: Code
    code: Code
    attributes: Attributes = field(default_factory=dict)


class Release(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """At which value a limit that was crossed lets go (解报, 复电), in the tag's unit: H and L at it, HH and LL, which
    cut the power off, only inside of it.
    """

    HH: float | None = None
    H: float | None = None
    L: float | None = None
    LL: float | None = None


class Limits(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The limits that the agent judges, in the tag's unit; hysteresis in the tag's unit, delay in seconds.

    A limit without a `release` lets go once the value is back inside by more than the hysteresis.
    """

    HH: float | None = None
    H: float | None = None
    L: float | None = None
    LL: float | None = None
    alarm_when: bool | None = None
    RED: float | None = None
    ORANGE: float | None = None
    YELLOW: float | None = None
    BLUE: float | None = None
    hysteresis: float | None = None
    delay: float | None = None
    release: Release = Release()


class Source(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a tag's value comes from, in the words of its driver: the number read × `scale` + `offset` is the value.

    `at` is the place (holding-register 100-101, a node), `coded` how a number stands there (float32 CDAB).
    """

    at: Words
    coded: Code = ""
    scale: float = 1.0
    offset: float = 0.0


class Strapping(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tank's strapping table (罐容表): level in the tag's unit → contents in `unit`, both rising, linear between.

    `density` (kg/m3) leads from a volume to a mass, where the profile wants one.
    """

    unit: Code
    pairs: Annotated[list[tuple[float, float]], Meta(max_length=10_000)]
    density: float | None = None


class TagConversion(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the collector needs beside the unit to convert a tag's values to the profile's unit.

    `pressure`: what the instrument measures against; `atmosphere` (kPa) lies between gauge and absolute pressure.
    """

    pressure: PressureKind | None = None
    atmosphere: float = STANDARD_ATMOSPHERE
    strapping: Strapping | None = None


class PersonTag(Struct, frozen=True, kw_only=True):
    """That a tag's texts are parts of encrypted files that tell of persons (`profiles.textfile.encrypted`).

    `profile` and `kind` say which files. A collector keeps them apart from its readings.
    """

    profile: Code
    kind: Code


class SealContact(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """That a tag is a contact of an electronic seal (电子封条): which event of the profile it tells, and where.

    `code` is that of the camera which shows it, or of the terminal. Without a `position` its events are the terminal's.
    """

    profile: Code
    event: Code
    code: Code
    position: Code = ""


class ManifestTag(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One tag: its unit (UCUM code), type, device, point and limits; `range` of the instrument (量程) in that unit.

    `max_silence` in seconds. The limits are those that the agent judges by, the profile's defaults among them; they are
    in the tag's unit, before `conversion`. A collector that passes the tag on has converted it: it leaves that out.
    `manual`: its readings are taken by hand, and never live.
    """

    type: TagType
    device: Code
    unit: Code = ""
    label: Words = ""
    point: Point | None = None
    range: tuple[float, float] | None = None
    limits: Limits | None = None
    max_silence: float | None = None
    source: Source | None = None
    conversion: TagConversion | None = None
    persons: PersonTag | None = None
    seal: SealContact | None = None
    manual: bool = False


class ManifestDevice(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One device: which driver reads it, and where, without credentials."""

    driver: Code
    address: Words = ""
    label: Words = ""


class Camera(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One camera (or the terminal that analyses, under its own code) as the profile of the seal names it.

    `position` is a position of the profile (P06), `attributes` what a platform asks for beside: station, direction.
    """

    code: Code
    profile: Code
    position: Code = ""
    label: Words = ""
    lon: float | None = None
    lat: float | None = None
    attributes: Attributes = field(default_factory=dict)


class Manifest(Struct, frozen=True, kw_only=True):
    """What an agent is and what each of its tags means (topic kind ``manifest``); named by the hash of its bytes.

    A collector that passes data on to a higher one sends the manifest with `origin`, who measured, and `via`, the
    collectors passed; an agent leaves both empty.
    """

    v: Literal[1]
    software: Code
    site: Site
    tags: Annotated[dict[Name, ManifestTag], Meta(max_length=100_000)]
    devices: dict[Code, ManifestDevice]
    assets: dict[Code, Asset] = field(default_factory=dict)
    cameras: dict[Code, Camera] = field(default_factory=dict)
    origin: Origin = ""
    via: Annotated[list[Code], Meta(max_length=100)] = field(default_factory=list)


class Ack(Struct, frozen=True, kw_only=True):
    """Collector to agent: these envelopes of one stream are durable (`acked`) or kept as dead letters (`rejected`)."""

    v: Literal[1]
    stream: StreamId
    acked: list[tuple[Seq, Digest]] = field(default_factory=list)
    rejected: list[tuple[Seq, Digest, str]] = field(default_factory=list)


class DroppedRange(Struct, frozen=True, kw_only=True):
    """Envelopes that the agent had to drop, and says so: numbers `first` to `last` of a stream, samples within."""

    first: Seq
    last: Seq
    samples: Count
    reason: Words


class StreamState(Struct, frozen=True, kw_only=True):
    """One stream as the agent knows it: its last number, and what was dropped of it."""

    last: Count
    dropped: list[DroppedRange] = field(default_factory=list)


class DeviceState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether a device answers, since when, its last error, and its clock's offset from the agent's in ms."""

    up: bool
    since: Millis
    error: Words = ""
    clock_offset_ms: Offset | None = None
    counters: dict[Code, Count] = field(default_factory=dict)


class Host(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The computer that an agent runs on; loads in %, null where they are not known.

    `cpu`: mean since the state before; `disk`: of the one that the agent writes to; `ip`: the address by which it is
    connected; `system` and `python`: versions. `clock_synchronised`: whether something keeps its clock right, and
    `clock_error_ms` how far off that something believes it may be (adjtimex(2)); null where that is not known.
    """

    name: Words = ""
    ip: Code = ""
    cpu: float | None = None
    memory: float | None = None
    disk: float | None = None
    gpu: float | None = None
    system: Code = ""
    python: Code = ""
    clock_synchronised: bool | None = None
    clock_error_ms: float | None = None


class State(Struct, frozen=True, kw_only=True):
    """What an agent says of itself (topic kind ``state``, retained; with ``online: false`` it is the last will).

    `time` is when it was said, by the agent's clock: what arrives at once tells by how much that is off; 0 of an older
    agent. `certificates`: until when each is valid, by what it is for: ``client`` and ``ca`` of the uplink, ``broker``
    as the broker showed it, or a device's name.
    """

    v: Literal[1]
    online: bool
    since: Millis
    version: Code
    time: Millis = 0
    manifest: Code = ""
    outbox_rows: Count = 0
    outbox_bytes: Count = 0
    oldest_age_s: Age | None = None
    quarantined: Count = 0
    streams: dict[Code, StreamState] = field(default_factory=dict)
    devices: dict[Code, DeviceState] = field(default_factory=dict)
    clock_suspect: bool = False
    counters: dict[Code, Count] = field(default_factory=dict)
    host: Host | None = None
    certificates: dict[Code, Millis] = field(default_factory=dict)


class Request(Struct, frozen=True, kw_only=True):
    """Collector to agent: never a write to an instrument. `manifest` asks for the manifests of the hashes in `args`,
    `evidence` for the file of the `id` in `args`, which comes (again) in chunks of its own, `snapshot` for a picture of
    the `camera` in `args` as it is now, which comes as evidence and is named in the answer, `raw` for what was read of
    the `tag` in `args`, as it was read, nearest to the `time` (ms UTC) in `args`; answered by `RawReadings`.
    """

    v: Literal[1]
    id: Name
    verb: Literal["manifest", "status", "read", "snapshot", "browse", "reload", "evidence", "raw"]
    args: dict[str, Any] = field(default_factory=dict)


class Response(Struct, frozen=True, kw_only=True):
    """The answer to the request of the same `id`."""

    v: Literal[1]
    id: Name
    ok: bool
    result: Any = None
    error: str = ""


class RawReading(Struct, frozen=True, kw_only=True):
    """A sample and what it was made of: `raw` as the driver read it, at `read`, in the driver's own words.

    `time`, `value` (in the tag's unit; of a long text the beginning) and `quality` are those that were sent.
    """

    time: Millis
    read: Millis
    raw: Words
    value: float | int | bool | Words | None
    quality: Quality


class RawReadings(Struct, frozen=True, kw_only=True):
    """The result of the request `raw`: an agent keeps these in memory, `since` its start and of each tag a few.

    `kept`: how many of this tag, the oldest of `oldest` (ms UTC).
    """

    since: Millis
    kept: Count
    oldest: Millis | None
    readings: Annotated[list[RawReading], Meta(max_length=100)]
