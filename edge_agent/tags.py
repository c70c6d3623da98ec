"""Settings that all drivers' tags and devices share; a driver adds what its own protocol needs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from config.model import Duration, Settings, Written
from profiles.strapping import MAX_PAIRS
from profiles.wire.messages import ATMOSPHERES, Camera, PersonTag, PressureKind, Source

NAME_PATTERN = r"^[^\s/+#][^/+#]{0,126}[^\s/+#]$|^[^\s/+#]$"
"""Names of tags and devices."""
NAME_WORDS = "1 to 128 characters of any script, without / + # and without a blank at either end"


class PointSettings(Settings):
    """What a tag is in a specification's own terms (profiles/library)."""

    profile: str
    """Name of the profile, such as hazchem-storage."""
    asset: str
    """Equipment code (设备编码) as the platform issued it."""
    quantity: str
    """Indicator type (指标类型) of the profile, such as YW for level (液位)."""
    code: str
    """Indicator code (指标编码) as the platform issued it; one tag a code."""
    attributes: dict[str, str] = Field(default_factory=dict)
    """What the profile asks for beside, such as cas: 7664-41-7 of a toxic gas."""


class ContactSettings(Settings):
    """A contact of an electronic seal (电子封条): a lock, a cabinet, the mains; its times are the profile's."""

    event: str
    """The event of the profile that it tells: lock_open (电子锁开启), box_open (箱门开启), power_lost (市电中断)."""
    when: bool
    """The state of the tag that is the event: true of a contact that closes with it, false of one that opens."""
    position: str = ""
    """Where it is, as the profile has it, such as P07 for the hoist (提升绞车); left out: at the terminal, so that its
    event is of every position that this agent watches."""
    camera: str = ""
    """Code of the camera (摄像机编码) that shows it; left out: the platform is told the terminal (site: gateway)."""
    profile: str = "electronic-seal"
    """The profile that names positions and events."""
    mine_state: str = ""
    """State of the mine as its supervisor ordered it; left out: it is judged as sealed."""


class ReleaseSettings(Settings):
    """At which value a limit lets go, in the tag's unit; H and L at it, HH and LL (cut-off) inside of it."""

    HH: float | None = None
    """Of HH (断电): below it power is restored (复电)."""
    H: float | None = None
    """Of H (报警): at or below it the alarm ends (解报)."""
    L: float | None = None
    """Of L: at or above it the alarm ends."""
    LL: float | None = None
    """Of LL: above it power is restored."""


class LimitSettings(Settings):
    """Limits judged at the agent: raised at or beyond the limit for `delay`, cleared at their `release`, or beyond the
    `hysteresis` where none is stated."""

    HH: float | None = None
    """High-high limit (高高报), in the tag's unit."""
    H: float | None = None
    """High limit (高报), in the tag's unit."""
    L: float | None = None
    """Low limit (低报), in the tag's unit."""
    LL: float | None = None
    """Low-low limit (低低报), in the tag's unit."""
    alarm_when: bool | None = None
    """Switches (开关量): the state that is the alarm."""
    RED: float | None = None
    """Red threshold of the four colours (红色预警), in the tag's unit, where the profile counts colours."""
    ORANGE: float | None = None
    """Orange threshold (橙色预警)."""
    YELLOW: float | None = None
    """Yellow threshold (黄色预警)."""
    BLUE: float | None = None
    """Blue threshold (蓝色预警)."""
    hysteresis: Annotated[float, Field(ge=0)] | None = None
    """How far back inside the limit the value must come to clear, in the tag's unit; left out: the profile's rule."""
    delay: Duration | None = None
    """How long the value must stay beyond the limit; left out: the profile's rule (gas 0 s, others 5 s)."""
    release: ReleaseSettings = ReleaseSettings()
    """At which value each limit lets go; left out: the profile's value for the place, else by `hysteresis`."""


class Deadband(Settings):
    """How far a value must move to be sent: absolute (in the tag's unit) or percent of the last value sent."""

    size: Annotated[float, Field(ge=0)]
    percent: bool = False


_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")


def _deadband(raw: object) -> object:
    if raw is None or isinstance(raw, Deadband):
        return raw
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        return Deadband(size=raw)
    match = _PERCENT.fullmatch(raw) if isinstance(raw, str) else None
    if match is None:
        raise PydanticCustomError("deadband", "expected a number in the tag's unit, or a percentage such as 0.5%")
    return Deadband(size=float(match[1]), percent=True)


_DEADBAND_SCHEMA = WithJsonSchema(
    {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": f"^{_PERCENT.pattern}$"}]}
)


def _pair(raw: object) -> object:
    """A row of a table from CSV or XLSX (columns level, volume) as the pair that it is."""
    if isinstance(raw, dict) and raw.keys() == {"level", "volume"}:
        return raw["level"], raw["volume"]
    return raw


class StrappingSettings(Settings):
    """A tank's strapping table (罐容表): the tag reads the level, the profile wants the contents."""

    table: Annotated[
        tuple[Annotated[tuple[float, float], BeforeValidator(_pair)], ...],
        Field(min_length=2, max_length=MAX_PAIRS),
    ]
    """[level, volume] pairs, or `!include tank.csv` with the columns level and volume; both must rise."""
    level_unit: str = ""
    """Unit of the table's levels; left out: the tag's."""
    volume_unit: str
    """Unit of the table's volumes (m3, L); a table of masses has t or kg."""
    density: Annotated[float, Field(gt=0, le=25_000)] | None = None
    """Density of the contents in kg/m3, where the profile wants a mass and the table has volumes."""


class TagSettings(Settings):
    """What every tag has, whatever driver reads it."""

    name: Annotated[str, Written(NAME_PATTERN, NAME_WORDS)]
    """Name of the tag, unique within the agent; the instrument's tag number (位号) is a good one."""
    label: str = ""
    """What people call it."""
    unit: str = ""
    """Unit of the value after scale and offset, as a UCUM code (m, Cel, kPa, %LEL)."""
    interval: Annotated[Duration, Field(gt=0)] | None = None
    """How often the tag is read; left out: the device's interval."""
    deadband: Annotated[Deadband, BeforeValidator(_deadband), _DEADBAND_SCHEMA] | None = None
    """Change below which a value is not sent; left out: every reading is sent."""
    max_silence: Duration = 60.0
    """Time after which an unchanged value is sent all the same."""
    range: tuple[float, float] | None = None
    """Measuring range of the instrument (量程), in the tag's unit: [low, high]."""
    signal: Literal["4-20mA"] | None = None
    """The driver reads the current of a loop in mA (after scale and offset): 4 mA is the lower end of `range`, 20 mA
    the upper; currents by which the instrument tells a fault (NAMUR NE 43) are bad:instrument."""
    pressure: PressureKind | None = None
    """What a pressure is measured against: gauge (表压) or absolute (绝压); left out: as the profile has it."""
    atmosphere: Annotated[float, Field(ge=ATMOSPHERES[0], le=ATMOSPHERES[1])] | None = None
    """Pressure of the atmosphere in kPa that lies between the two; left out: the site's."""
    strapping: StrappingSettings | None = None
    """The tank's table by which the collector makes the contents of the level; the tag's unit is the level's."""
    manual: bool = False
    """Its readings are taken by hand (人工观测), and come as they are entered: reported as resumed ones, with their own
    times, and asked for by nobody's on-line rate."""
    limits: LimitSettings | None = None
    """Alarm limits, judged at the agent."""
    seal: ContactSettings | None = None
    """What a flag tells as a contact of an electronic seal."""
    point: PointSettings | None = None
    """What the tag is in a specification; left out: stored under its name alone, reported to nobody."""


class DeviceSettings(Settings):
    """What every device has, whatever driver reads it; the driver's model narrows `driver` and `tags`."""

    name: Annotated[str, Written(NAME_PATTERN, NAME_WORDS)]
    """Name of the device, unique within the agent."""
    driver: str
    """Which driver reads it."""
    label: str = ""
    """What people call it."""
    interval: Annotated[Duration, Field(gt=0)] = 5.0
    """How often its tags are read, unless a tag says otherwise."""

    def tag_type(self, tag: TagSettings) -> Literal["number", "text", "flag"]:
        """The type under which `tag`'s values are stored for ever; drivers say it from their own settings."""
        raise TypeError(f"driver {self.driver} must say the type of {tag.name}")

    def tag_source(self, tag: TagSettings) -> Source | None:
        """Where `tag` stands in the device, for the manifest; None where the driver has no words for it."""
        return None

    def tag_persons(self, tag: TagSettings) -> PersonTag | None:
        """Which files that tell of persons `tag` carries, encrypted; None for every other tag."""
        return None

    def address(self) -> str:
        """Where the device is, for the manifest: no credentials."""
        return ""

    def camera(self) -> Camera | None:
        """The camera that it is, for the manifest; None of an instrument."""
        return None

    def quiet_for(self) -> float:
        """The longest time, s, for which its driver says nothing at all of it while it works, whatever happens."""
        return max([self.interval, *(tag.interval or 0.0 for tag in self.all_tags())])

    def serial_port(self) -> str:
        """The device file that it is reached by (/dev/ttyUSB0); empty for all that is reached otherwise."""
        return ""

    def certificate(self) -> Path | None:
        """The file of the certificate by which the agent is known to it."""
        return None

    def by_exception(self) -> bool:
        """Whether it reports only changes (an OPC UA subscription), so that silence means an unchanged value."""
        return False

    def tells_alarms(self, tag: TagSettings) -> bool:
        """Whether the device tells alarms of its own at `tag`, in colours."""
        return False

    def all_tags(self) -> tuple[TagSettings, ...]:
        """The device's tags, in the order of the settings."""
        raise TypeError(f"driver {self.driver} must list its tags")
