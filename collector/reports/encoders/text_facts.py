"""What of ours is told of a reading, a span and an abnormal event, as texts by the profile's words for it (`holds`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from collector.directory import Place
from collector.reports.crossings import Crossing
from collector.reports.encoders.base import Abnormal, Action, Alarm, Due, Gateway, Statistic, written
from collector.reports.encoders.facts import number, place_facts
from profiles.report import TextFileReport
from profiles.textfile.abnormal import STATES
from profiles.textfile.values import text_files
from profiles.textfile.written import interval
from profiles.wire import quality as q


def report_of(gateway: Gateway) -> TextFileReport:
    """How its profile writes text files."""
    report = text_files(gateway.profile).report
    assert report is not None  # noqa: S101  # its family chose this encoder
    return report


def point_facts(gateway: Gateway, place: Place) -> dict[str, str]:
    """What is known of a point, whatever its value."""
    return place_facts(gateway, place, report_of(gateway).unit_names)


def reading_facts(gateway: Gateway, due: Due) -> dict[str, str]:
    """Of a reading whose value counts."""
    value = "" if due.value is None else number(due.value, due.quantity(gateway.profile).decimals)
    time = written(gateway.profile.time, due.time)
    event = f"{due.place.point.code}{''.join(filter(str.isdigit, time))}{due.time % 1000:03d}"
    return point_facts(gateway, due.place) | {"value": value, "time": time, "event": event}


def action_facts(gateway: Gateway, action: Action) -> dict[str, str]:
    """Of the action of a cut-off device."""
    facts = reading_facts(gateway, action.due) | {"action_mode": "auto" if action.automatic else ""}
    if action.trigger is not None:
        facts["trigger"] = action.trigger.point.code
        if action.value is not None:
            decimals = gateway.profile.quantities[action.trigger.point.quantity].decimals
            facts["trigger_value"] = number(action.value, decimals)
    if action.feed is not None:
        facts["feed_state"] = number(action.feed, 0)
    return facts


def statistic_facts(gateway: Gateway, kind: str, end: int, each: Statistic) -> dict[str, str]:
    """Of a span of a kind's length that ended at `end` (ms UTC)."""
    length = round(interval(text_files(gateway.profile), kind) * 1000)
    time = gateway.profile.time
    ends = {"start": written(time, end - length), "end": written(time, end), "time": written(time, end)}
    return point_facts(gateway, each.place) | ends | _extremes(gateway, each)


def event_facts(gateway: Gateway, alarm: Alarm, crossing: Crossing) -> dict[str, str]:
    """Of an abnormal event at its beginning or its end.

    The reading at the beginning is the whole of an event that has just begun; of one that ended the extremes are told
    once its readings are here (`again_facts`), and are left empty up to then.
    """
    time, quantity = gateway.profile.time, gateway.profile.quantities[alarm.place.point.quantity]
    moment, text = written(time, alarm.event.time), ""
    if alarm.value is not None and quantity.type == "number" and crossing.level not in STATES:
        text = number(alarm.value, quantity.decimals)
    if crossing.end is not None:
        rest = {"recovery": text, "recovery_time": moment}
    else:
        rest = dict.fromkeys(("peak", "maximum", "minimum", "mean"), text)
        rest |= dict.fromkeys(("peak_time", "maximum_time", "minimum_time"), text and moment)
    return point_facts(gateway, alarm.place) | _crossed(gateway, alarm.place, crossing) | rest | {"time": moment}


def again_facts(gateway: Gateway, now: int, event: Abnormal) -> dict[str, str]:
    """Of an abnormal event that is told again at `now` (ms UTC), with what is known of it by then."""
    time, rest = gateway.profile.time, {"time": written(gateway.profile.time, now)}
    if (figures := event.figures) is not None:
        rest |= _extremes(gateway, figures)
        side = "minimum" if _is_low(gateway, event) else "maximum"
        rest |= {"peak": rest[side], "peak_time": rest[f"{side}_time"]}
        if event.crossing.end is not None:
            decimals = gateway.profile.quantities[event.place.point.quantity].decimals
            rest |= {
                "recovery": number(figures.last, decimals), "recovery_time": written(time, event.crossing.end),
            }  # fmt: skip
    if (note := event.handling) is not None:
        rest |= {"cause": note.cause, "measures": note.measures, "handled_at": written(time, note.at),
                 "handled_by": note.by}  # fmt: skip
    return point_facts(gateway, event.place) | _crossed(gateway, event.place, event.crossing) | rest


def station_facts(gateway: Gateway, end: int, due: Sequence[Due]) -> dict[str, str]:
    """Of a station at `end` (ms UTC), by the newest readings of its points: it runs while some point of it answers."""
    quantities = report_of(gateway).station_quantities

    def told(what: Literal["state", "supply"]) -> str:
        values = [each.value for each in due if each.place.point.quantity == quantities.get(what) and each.valid]
        return "" if not values or values[0] is None else number(values[0], 0)

    lost = all(each.quality in (q.BAD_LINK, q.BAD_STALE) for each in due)
    return point_facts(gateway, due[0].place) | {
        "station_state": "lost" if lost else "fault" if told("state") == "0" else "running",
        "station_supply": told("supply"), "time": written(gateway.profile.time, end),
    }  # fmt: skip


def _crossed(gateway: Gateway, place: Place, crossing: Crossing) -> dict[str, str]:
    report, time = report_of(gateway), gateway.profile.time
    types = report.alarm_types | report.quantity_alarm_types.get(place.point.quantity, {})
    return {
        "alarm_type": types.get(crossing.level, ""),
        "alarm_level": report.alarm_levels.get(crossing.level, ""),
        "alarm_state": report.alarm_states.get("open" if crossing.end is None else "closed", ""),
        "start": written(time, crossing.start),
        "end": "" if crossing.end is None else written(time, crossing.end),
    }


def _is_low(gateway: Gateway, event: Abnormal) -> bool:
    """Whether the gravest value of an event is its lowest."""
    if event.crossing.level in ("L", "LL", "NEAR_LOWER"):
        return True
    colour = event.crossing.level in ("BLUE", "YELLOW", "ORANGE", "RED")
    return colour and gateway.profile.quantities[event.place.point.quantity].bad_side == "low"


def _extremes(gateway: Gateway, each: Statistic) -> dict[str, str]:
    decimals = gateway.profile.quantities[each.place.point.quantity].decimals
    return {
        "maximum": number(each.highest, decimals), "maximum_time": written(gateway.profile.time, each.highest_at),
        "minimum": number(each.lowest, decimals), "minimum_time": written(gateway.profile.time, each.lowest_at),
        "mean": number(each.mean, decimals),
    }  # fmt: skip
