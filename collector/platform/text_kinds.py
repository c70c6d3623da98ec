"""The kinds of text files that a mine sends, with their fields in order (notes on mines, 1.3, 1.5, 2.1, 2.5, 3)."""

from __future__ import annotations

from typing import NamedTuple

from collector.platform import person_files
from collector.platform.fields import Check, moment, one_of, text

TIME = "%Y-%m-%d %H:%M:%S"
_COUNT = text(r"(-?\d+)?", "a whole number or nothing")
_NUMBER = text(r"(-?\d+(\.\d+)?)?", "a number or nothing")


def _time_or_none(value: object) -> str:
    return "" if value == "" else moment(TIME)(value)


SHORT = "mine mine_name file_time"
LONG = "mine mine_name system_model system_name maker mark_until file_time"
PERSONS = "mine mine_name approved system_model system_name maker mark_until file_time"
EQUIPMENT = "mine mine_name system_code system_name file_time"
PRESSURE = "mine mine_name system_name system_model date file_time"
SEAL = "mine mine_name mine_kind mine_state terminal file_time"
_LIMITS = "high low alarm_high release_high alarm_low release_low"
_CUTS = "cut_high restore_high cut_low restore_low on off"
_TRIP = "person underground time_in time_out"
_ALARM = "card person time_in start end work_area entered_area at_station entered_station"
_EVENT = "start end max max_time min min_time mean cause measures entry_time entered_by data_time"


class Kind(NamedTuple):
    """One kind: names of the header's and the records' fields in order; `key`: fields that tell records apart."""

    fields: str
    header: str = SHORT
    key: str = "point"
    every: float | None = None
    """Seconds between two files."""
    full: bool = False
    """Whether every file names every point."""
    non_coal: bool = False
    persons: bool = False
    """Whether it tells of persons."""


KINDS: dict[str, Kind] = {
    "CDDY": Kind(f"point system station type value_type unit {_LIMITS} {_CUTS} place x y z relations data_time", LONG),
    "FZDY": Kind("station place x y z data_time", key="station"),
    "FZSS": Kind("station run power data_time", key="station", every=60, full=True),
    "CDSS": Kind("point type_name place value unit state data_time", every=10, full=True),
    "TJSJ": Kind("point type_name place unit start end max max_time min min_time mean data_time", key="point start",
                 every=300),
    "KZLD": Kind("point action trigger trigger_value feed data_time mode", key="point data_time"),
    "WFSJ": Kind("point mean max max_time min min_time", "mine file_time count", every=300),
    "KGBH": Kind("point value data_time", key="point data_time"),
    "YCBJ": Kind(f"point type_name place unit abnormal {_EVENT}", key="point abnormal start"),
    "RYQY": Kind("area_type area approved area_name", key="area"),
    "RYCY": Kind("crowd approved present area area_name start end cards", key="crowd area start"),
    "RYXX": Kind("card person work post team birth schooling leader special", PERSONS, key="card", persons=True),
    "RYJZ": Kind("station name x y z remark", key="station"),
    "RYSS": Kind(f"card {_TRIP} work_area entered_area at_station entered_station labour distance help leader special"
                 " track", key="card", every=30, persons=True),
    "JZSS": Kind("station run power data_time", key="station", every=60),
    **dict.fromkeys(("RYCS", "RYXZ", "RYQJ"), Kind(_ALARM, key="card start", persons=True)),
    "NRYQY": Kind("area_kind area_code approved unknown area_name", key="area_code", non_coal=True),
    "NRYJZ": Kind("station area_kind x y z place", "mine mine_name approved system_model maker unknown file_time",
                  key="station", non_coal=True),
    "NRYXX": Kind("card_number person identity work post team birth schooling leader special telephone n1 n2 class item"
                  " valid_from valid_to", key="card_number", non_coal=True, persons=True),
    "NRYSS": Kind(f"card_number {_TRIP} area_kind entered_area station entered_station labour n1 distance n2 x y z"
                  " leader special n3 n4 n5", key="card_number", every=30, non_coal=True, persons=True),
    "NRYCY": Kind("crowd approved present area_code area_name start end cards", key="crowd area_code start",
                  non_coal=True, persons=True),
    "CGKCDDY": Kind("point type place layer thickness depth hole_depth bore x y z date"),
    "CGKCDSS": Kind("point eight value second data_time", every=300, full=True),
    "CGKCDYC": Kind("point type place n1 words start n2 cause by end data_time", key="point start"),
    "DBCXCDSS": Kind("point area_name id eight dx dy value data_time", every=1800, full=True),
    "YSLCDDY": Kind("point place area_name type unit x y z date"),
    "PSLCDDY": Kind("point place served x y z room pump efficiency flow model date"),
    "JSLCDDY": Kind("point device place made maker date x y z"),
    **dict.fromkeys(
        ("YSLCDSS", "PSLCDSS", "DBSCDSS"), Kind("point eight value data_time", every=300, full=True)
    ),
    "JSLCDSS": Kind("point eight value data_time", every=3600, full=True),
    "DBLC": Kind("point area_name type road name date x y z limit1 limit2", PRESSURE),
    "MGYL": Kind("point area_name type name date x y z limit1", PRESSURE),
    "ZJZL": Kind("point area_name type station code name x y z n1 n2 n3 n4 n5 n6 n7 date", PRESSURE),
    **dict.fromkeys(("ZKSS", "MGSS", "ZJSS"), Kind("point type name value state data_time", every=300, full=True)),
    "LCSS": Kind("point type name value state data_time", every=1800, full=True),
    "WYSS": Kind("point type name value state data_time x y z", every=1800, full=True),
    "DYSS": Kind("event_id type value point data_time", key="event_id"),
    "WZSJ": Kind("event_id data_time x y z value magnitude stations place", key="event_id"),
    "LCYC": Kind("point type name alarm start end max max_time min min_time mean data_time", key="point start"),
    "JBSJ": Kind("station name model category made of_system installed place maker number mark explosion volts amps"
                 " kilowatts", "mine mine_name all_systems all_names file_time", key="station"),
    **dict.fromkeys(
        ("TFJC", "PSJC", "LJJC", "XJJC", "KYJC", "JCJC"),
        Kind("point type type_name machine place unit high low alarm_high alarm_low relations data_time", EQUIPMENT),
    ),
    **dict.fromkeys(
        ("TFSS", "PSSS", "LJSS", "XJSS", "KYSS", "JCSS"),
        Kind("point type type_name machine value unit state data_time", EQUIPMENT, every=10, full=True),
    ),
    **dict.fromkeys(
        ("TFYC", "PSYC", "LJYC", "XJYC", "KYYC", "JCYC"),
        Kind("point type type_name machine alarm start end level recovery_time recovery peak_time peak data_time",
             EQUIPMENT, key="point start"),
    ),
    "NCDDY": Kind(f"point system station type value_type unit {_LIMITS} place x y z relations data_time", LONG,
                  non_coal=True),
    "NCDSS": Kind("point type place value unit state data_time", every=20, full=True, non_coal=True),
    "NCDYCBJ": Kind(f"point type place unit abnormal {_EVENT}", key="point abnormal start", non_coal=True),
    "NFZDY": Kind("station place x y z", key="station", non_coal=True),
    "SPBJ": Kind("event event_code phase grade camera position place start end persons vehicles plate loaded confidence"
                 " duration forbidden pictures films", SEAL, key="event phase"),
    "SPTJ": Kind("hour cameras in out below cards difference belt_run belt_load hoist_run trucks_out trucks_in"
                 " online alarms", SEAL, key="hour"),
    "SPZT": Kind("camera camera_state since cause", SEAL, key="camera"),
    "SPXX": Kind("camera position place analysis data_time station_code", SEAL, key="camera analysis"),
}  # fmt: skip
SYSTEMS = {"TF": "30", "PS": "31", "LJ": "32", "XJ": "33", "KY": "34", "JC": "35"}
"""System code of important equipment, by the beginning of the kind (notes on mines, 3)."""
CHECKS: dict[str, Check] = {
    **person_files.CHECKS,
    "mine": text(r"[0-9A-Z]{12,20}", "a mine code of 12 to 20 characters"),
    "mine_name": text(r".{1,100}", "the mine's name"),
    "file_time": moment(TIME),
    "mark_until": text(r"(\d{4}-\d\d-\d\d)?", "a date yyyy-MM-dd or nothing"),
    "point": text(r"[0-9A-Z]{12}\d{2}(MN|KG|LJ|DT)(\d{4}|RY)[0-9A-Za-z]{1,12}", "a point code (notes, 1.2)"),
    "system": text(r"\d{2}", "a system of 2 digits"),
    "value_type": one_of("MN", "KG", "LJ", "DT"),
    "type": text(r"\d{4}", "a sensor type of 4 digits"),
    "type_name": text(r"\D.{0,50}", "the name of a sensor type"),
    "area": text(r"[0-9A-Z]{12}([0-9A-Z]{4})?", "an area code of 16 characters, or the mine's"),
    "crowd": one_of("1", "2"),
    "state": text(r"\d{1,3}", "a sum of state bits"),
    "eight": text(r"[01]{8}", "eight characters 0 or 1"),
    "abnormal": text(r"0(0[1-9]|10)", "an abnormal type 001 to 010"),
    "alarm": one_of("0", "1"),
    "mine_kind": one_of("MK", "DXK", "LTK"),
    "mine_state": one_of("producing", "building", "stopped", "stopped_building", "closing", "closed"),
    "terminal": text(r"\d{14}", "a terminal of 14 digits"),
    "event": text(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "a UUID"),
    "event_code": text(r"[a-z_]{3,20}", "an event code"),
    "phase": one_of("raise", "update", "clear"),
    "grade": one_of("1", "2", "3"),
    "camera": text(r"\d{14}|\d{20}", "a camera code of 20 digits, or a terminal"),
    "position": text(r"(P\d\d)?", "P01 and so on, or nothing"),
    "loaded": one_of("", "0", "1"),
    "forbidden": one_of("0", "1"),
    "camera_state": one_of("0", "1"),
    "since": moment(TIME),
    "hour": moment("%Y-%m-%d %H"),
    "cameras": text(r"(\d{20}&\d*&\d*(,\d{20}&\d*&\d*)*)?", "camera&in&out, joined by commas"),
    "alarms": text(r"(\d+,\d+,\d+)?", "three numbers or nothing"),
    "analysis": one_of("01", "02", "03"),
    **dict.fromkeys(
        ("in", "out", "below", "difference", "belt_run", "belt_load", "hoist_run", "trucks_out",
         "trucks_in", "online", "persons", "vehicles"), _COUNT,
    ),
    **dict.fromkeys(("confidence", "duration"), _NUMBER),
    "action": one_of("0", "1"),
    "feed": one_of("0", "1", ""),
    "mode": one_of("auto", "manual", ""),
    "trigger": text(r"([0-9A-Z]{12}\d{2}(MN|KG|LJ|DT)\d{4}[0-9A-Za-z]{1,12})?", "a point code or nothing"),
    "count": text(r"\d{1,6}", "a number of records"),
    "run": one_of("0", "1", "2", "9"),
    "power": one_of("0", "1", "2", "9"),
    "data_time": moment(TIME),
    "start": moment(TIME),
    "end": _time_or_none,
    **dict.fromkeys(("max_time", "min_time", "entry_time", "recovery_time", "peak_time"), _time_or_none),
    **dict.fromkeys(
        ("value", "high", "low", "alarm_high", "release_high", "alarm_low", "release_low", "cut_high", "restore_high",
         "cut_low", "restore_low", "x", "y", "z", "max", "min", "mean", "peak", "recovery", "approved", "present",
         "trigger_value"),
        _NUMBER,
    ),
}  # fmt: skip
"""Fields that must look like something; of the others any text is taken."""
