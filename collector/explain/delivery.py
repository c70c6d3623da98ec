"""What was promised of a value and kept: the agent's outbox, what went missing, and the higher collectors."""

from __future__ import annotations

from collector.explain.story import Section
from collector.explain.subject import Subject
from collector.moments import utc
from collector.registry import AgentRow, Registry
from collector.settings import CollectorSettings
from edge_agent.outbox.inspect import status
from edge_agent.outbox.rows import OutboxMisplacedError, OutboxUnavailable


def delivered(
    settings: CollectorSettings, registry: Registry, subject: Subject, moment: int, *, held: bool | None
) -> Section:
    """`moment` in ms UTC; `held`: every store of this collector has the record; None: there is none to speak of.

    An envelope is acknowledged when every store, the report queue and the outbox to each higher collector hold what is
    in it, and an agent deletes nothing else (invariant I2): what is held was acknowledged, or will be when it comes
    again. Which envelope carried it is not kept here.
    """
    told = Section("Delivered")
    if held is not None:
        told.say(
            "acknowledged", "yes: every store has it" if held else "no: not every store has it, so that it comes again"
        )
    for row in registry.agents():
        if row.agent == subject.owner.partition("/")[0]:
            _agent(told, row)
    for higher in settings.cascade:
        told.say(f"to {higher.collector}", _upward(settings, higher.collector, moment))
    return told


def _agent(told: Section, row: AgentRow) -> None:
    told.say("agent", f"last heard {utc(row.seen)}; {row.samples} samples, {row.duplicates} envelopes came again")
    told.say("missing", f"{row.gaps} envelopes of this agent, for good")
    if row.state is None:
        return
    age = row.state.oldest_age_s
    waits = "nothing" if age is None else f"{row.state.outbox_rows} envelopes, the oldest {age:.0f} s old"
    told.say("its outbox", f"held {waits} when it last told")
    for stream, state in row.state.streams.items():
        for gone in state.dropped:
            numbers = f"envelopes {gone.first} to {gone.last} of stream {stream[:8]}"
            told.say("dropped", f"{numbers}, {gone.samples} samples: {gone.reason}")


def _upward(settings: CollectorSettings, collector: str, moment: int) -> str:
    try:
        lane = status(settings.state / f"cascade-{collector}" / "outbox.db")["lanes"]["data"]
    except (OutboxMisplacedError, OutboxUnavailable) as err:
        return str(err)
    if not lane["envelopes"]:
        return "nothing waits: all that was chosen for it is acknowledged"
    beside = moment < lane["first"] or moment > lane["last"]
    waits = f"{lane['envelopes']} envelopes wait, from {utc(lane['first'])} to {utc(lane['last'])}"
    return f"{waits}: {'none of that time' if beside else 'it may be among them'}"
