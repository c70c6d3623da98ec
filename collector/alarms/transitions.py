"""What people may do to a life, as a table: open → acknowledged → handled → closed, each step by somebody, in order.

A life is closed when it was handled *and* its condition has cleared. Source: issue 报警闭环; specification notes, mines
5.7 (acknowledge, check, close by the supervisor's side with a handling record) and 6.2 (a recorded handling note).
"""

from __future__ import annotations

from typing import Literal

import msgspec

from collector.alarms.lives import Deed, Life, State

Act = Literal["acknowledge", "handle", "close"]
ALLOWED: dict[tuple[State, Act], State] = {
    ("open", "acknowledge"): "acknowledged",
    ("acknowledged", "handle"): "handled",
    ("handled", "handle"): "handled",  # a further note
    ("handled", "close"): "closed",
}
"""Everything else is refused with what is missing. A graver level makes an acknowledged or handled life open again, a
new raise a handled one acknowledged: see `collector.alarms.lives.Life.state`."""
NOTED: tuple[Act, ...] = ("handle",)
"""Acts that need a note: the record of handling (处置记录)."""
PAST: dict[Act, str] = {"acknowledge": "acknowledged", "handle": "handled", "close": "closed"}


class NotAllowedError(Exception):
    """What was asked is not allowed now; the text names the alarm, and says what is missing."""


def apply(life: Life, act: Act, deed: Deed, *, anyway: bool = False) -> Life:
    """The life after an act; NotAllowedError says why there is none.

    `anyway` closes though the condition is not known to have cleared: the agent is gone, or its clearing was lost.
    """
    if why := refusal(life, act, deed.note, finding=deed.finding, anyway=anyway):
        raise NotAllowedError(f"alarm {life.id} is not {PAST[act]}: {why}")
    field = {"acknowledge": "acknowledged", "handle": "handled", "close": "closed"}[act]
    return msgspec.structs.replace(life, **{field: deed})


def refusal(life: Life, act: Act, note: str, *, finding: str = "", anyway: bool = False) -> str:
    """Why an act is not allowed; empty when it is."""
    state = life.state
    if state == "joined":
        return f"it turned out to be a part of alarm {life.joined}; act on that one"
    if state == "closed":
        return _done("it was closed already", life.closed)
    if (state, act) not in ALLOWED:
        return _out_of_order(life, act, anyway)
    if act in NOTED and not note.strip():
        return "say with --note what was found and done"
    if act == "handle" and (life.place.kind == "seal") != bool(finding):
        return "only an alarm of a seal has a finding" if finding else "say with --finding what the check on site found"
    if act == "close" and life.condition == "raised" and not anyway:
        return _missing(life, anyway)
    if anyway and not note.strip():
        return "closing it anyway needs a --note that says why"
    return ""


def _out_of_order(life: Life, act: Act, anyway: bool) -> str:
    if act == "acknowledge":
        return _done("it was acknowledged already", life.acknowledged)
    if act == "handle":
        return f"it has to be acknowledged first{_anew(life)}"
    return _missing(life, anyway)


def _missing(life: Life, anyway: bool) -> str:
    missing = []
    if life.state == "open":
        missing.append(f"it has to be acknowledged{_anew(life)}")
    if life.state in ("open", "acknowledged"):
        again = ", anew since it was raised again" if life.handled is not None else ""
        missing.append(f"handled with a note{again}")
    if life.condition == "raised" and not anyway:
        missing.append("cleared: its condition still stands (--anyway closes it if its clearing was lost)")
    return ", ".join(missing)


def _anew(life: Life) -> str:
    return ", anew since it became graver" if life.acknowledged is not None else ""


def _done(what: str, deed: Deed | None) -> str:
    return what if deed is None else f"{what}, by {deed.by}"
