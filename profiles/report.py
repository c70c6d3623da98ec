"""The shape of what a profile reports upward (specification notes, 1.4 to 1.10, 4.2; notes on mines, 1 to 5)."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from config.model import Duration, Size
from profiles.stated import AbnormalName, Stated
from profiles.static_tables import StaticTable

AlarmName = Literal["HH", "H", "L", "LL", "SIG", "NORMAL"]


MineFlag = Literal["fault", "calibration", "over_range", "under_range", "alarm", "link", "power", "stale"]


class ReportCommon(Stated):
    """What all families have."""

    period: Annotated[Duration, Field(ge=1)] = 60.0
    """Readings of one gateway whose event times fall in the same period travel together, with the period's end."""
    settle: Duration | None = None
    """How long after a period's end its packet is made; left out: as soon as its last readings have come."""
    late_after: Annotated[Duration, Field(ge=1)] = 120.0
    """A packet that is not delivered so long after its period's end travels as a resumed one (断点续传)."""
    source_down: Annotated[Duration, Field(ge=1)] = 60.0
    """How often a gateway whose devices do not answer says so."""
    statics: Duration = 86_400.0
    """How often static data (静态数据) is sent beside every change."""
    heartbeat: Annotated[Duration, Field(ge=1)] | None = None
    """How often a connected gateway says that it runs (心跳), of families that have such a message; left out: never."""


class ChemicalReport(ReportCommon):
    """Family S: hazardous chemicals and fireworks (notes, 1.4 and 1.5); frames B and C carry the same body."""

    family: Literal["S"]
    alarm_names: dict[AlarmName, str]
    """How the specification calls HH, H, L, LL, a switch alarm, and the return to normal."""
    data_type: str = ""
    """Value of `dataType`; left out: the field is not sent."""
    max_values: Annotated[int, Field(ge=1)] = 200
    """Indicators in a packet at most."""
    max_bytes: Size = 8 * 2**10
    """Bytes of cipher text in a frame at most."""
    unit_names: dict[str, str] = Field(default_factory=dict)
    """How static tables print units that are not printed as their UCUM code."""
    tables: dict[str, StaticTable] = Field(default_factory=dict)
    """Static tables (静态数据) by their name; a target says which of them its platform takes."""


LoadName = Literal["cpu", "memory"]


class LoadLimits(Stated):
    """From which load (%) on a computer is told of, once a level; left again when it fell `back` % below."""

    warning: Annotated[float, Field(gt=0, le=100)]
    grave: Annotated[float, Field(gt=0, le=100)]
    back: Annotated[float, Field(ge=0, le=50)] = 5.0


class Energy(Stated):
    """What meters (电表) counted, told by the day of the profile's times (notes on mines, 4.1: 01 electricity)."""

    quantity: str
    """The total that a meter counts, in kWh."""
    code: str
    """The attribute of the meter under which its site states the platform's code of it (`codes: {power: …}`)."""
    date: str
    """How the day is written, as strftime has it."""
    edge: Annotated[Duration, Field(ge=60, le=86_400)]
    """How old a reading may be at the day's two ends; a day with an older one, or without any, is not told."""


MineKind = Literal[
    "value", "abnormal", "warning", "station", "statistic", "load", "load_alarm", "energy",
    "position", "overtime", "crowding", "restricted", "help",
]  # fmt: skip
OF_PERSONS: tuple[MineKind, ...] = ("position", "overtime", "crowding", "restricted", "help")


class MineReport(ReportCommon):
    """Family M: mines and tailings ponds (notes, 4.2 and 4.3)."""

    family: Literal["M"]
    enterprise_type: str
    """Value of `enterpriseType`."""
    data_types: dict[MineKind, str]
    """Value of `dataType` of readings, of crossed limits, of colours, of run states, of statistics, of the load of
    hosts (with each heartbeat) and its alarms, and of what meters counted; of persons (to targets that are to have
    them) where each is, overtime, overcrowding, restricted areas, calls for help. What has none is not told."""
    abnormal_types: dict[Literal["HH", "H", "L", "LL"], str]
    """Value of `abnormalType` of each limit."""
    level_numbers: dict[Literal["BLUE", "YELLOW", "ORANGE", "RED"], int]
    """Value of `alarmLevel` of each colour."""
    level_names: dict[Literal["BLUE", "YELLOW", "ORANGE", "RED"], str]
    """What a warning's text calls each colour."""
    warning_codes: dict[Literal["BLUE", "YELLOW", "ORANGE", "RED"], str]
    """What follows the indicator in a warning's code."""
    warning_type: int = 1
    """Value of `alarmType` of a warning by colour."""
    unit_names: dict[str, str] = Field(default_factory=dict)
    """How units are printed that are not printed as their UCUM code."""
    status_flags: Annotated[tuple[MineFlag, ...], Field(min_length=8, max_length=8)]
    """What each character of `pointStatus` says, from the left."""
    stations: Literal["gateway", "asset"] = "gateway"
    """What a run state (分站运行状态) is of: the gateway as a whole, or each piece of equipment that points name."""
    run_states: dict[Literal["running", "lost"], str] = Field(default_factory=dict)
    """Value of `runStatus` of a station of which some device answers, and of one of which none does."""
    statistic_types: dict[Literal["hour"], str] = Field(default_factory=dict)
    """Value of `statType` of statistics (测点统计) by the span that they are of; left out: none are told."""
    load_types: dict[LoadName, int] = Field(default_factory=dict)
    """Value of `alarmType` of an alarm of a host's load."""
    load_levels: dict[Literal["warning", "grave"], int] = Field(default_factory=dict)
    """Value of its `alarmLevel`."""
    load_limits: dict[LoadName, LoadLimits] = Field(default_factory=dict)
    """From which load on there is one."""
    energy: Energy | None = None
    """Left out: what meters counted is not told by the day."""
    max_values: Annotated[int, Field(ge=1)] = 100
    """Records in a packet at most."""
    max_bytes: Size = 8 * 2**10
    """Bytes of cipher text in a frame at most (notes, 1.8: a working definition)."""

    def tells_persons(self) -> bool:
        """Whether it has a kind that tells of persons."""
        return not self.data_types.keys().isdisjoint(OF_PERSONS)

    @model_validator(mode="after")
    def _has_its_kinds(self) -> Self:
        if self.statistic_types and "statistic" not in self.data_types:
            raise PydanticCustomError("statistic", "statistics need data_types: {statistic: …}")
        if self.energy is not None and "energy" not in self.data_types:
            raise PydanticCustomError("energy", "what meters counted needs data_types: {energy: …}")
        named = len(self.load_levels) == 2 and self.load_limits.keys() <= self.load_types.keys()
        if self.load_limits and not ("load_alarm" in self.data_types and named):
            raise PydanticCustomError(
                "load", "alarms of a host's load need data_types: {load_alarm: …}, load_types and both load_levels"
            )
        if self.heartbeat is not None and not ("station" in self.data_types and len(self.run_states) == 2):
            raise PydanticCustomError(
                "heartbeat", "the heartbeat is a run state: it needs data_types: {station: …} and both run_states"
            )
        return self


class TextFileReport(ReportCommon):
    """Text files (notes on mines, 1.1 to 1.5, 2.5, 3); which kinds are written stands at each kind (`written`)."""

    family: Literal["text-file"] = "text-file"
    period: Annotated[Duration, Field(ge=1)] = 60.0
    """How often points travel whose kind states no `interval`."""
    alarm_types: dict[AbnormalName, str] = Field(default_factory=dict)
    """What an abnormal event is called by what it is of, such as the limit that was crossed (异常类型); others are not
    written."""
    quantity_alarm_types: dict[str, dict[AbnormalName, str]] = Field(default_factory=dict)
    """What it is called otherwise at points of some quantities, by these."""
    alarm_levels: dict[AbnormalName, str] = Field(default_factory=dict)
    """Its level (报警级别) by that limit, where a kind has one."""
    alarm_states: dict[Literal["open", "closed"], str] = Field(default_factory=dict)
    """How it is told whether an abnormal event still stands, where a kind has a field for it."""
    station_quantities: dict[Literal["state", "supply"], str] = Field(default_factory=dict)
    """Which quantities, where a station has points of them, tell that it is at fault (0) and how it is supplied."""
    unit_names: dict[str, str] = Field(default_factory=dict)
    """How units are printed that are not printed as their UCUM code."""
