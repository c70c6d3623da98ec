"""What does the risk score do while nothing is wrong? On the recorded courses of benchmarks/trend.py, with one limit H.

``python -m benchmarks.risk`` prints the table of docs/compliance.md. The limit is judged as the agent does; an alarm is
closed `CLOSED` after it cleared; all readings come and are valid.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from benchmarks.trend import HOUR, LIMIT, MINUTES, recorded
from edge_agent.limits import LimitWatch
from edge_agent.rules import LimitRule
from profiles.load import library
from profiles.model import Risk

CLOSED = 8 * HOUR


def course(values: Sequence[float], risk: Risk) -> tuple[list[float], int]:
    """The score at each value, and how often the alarm was raised."""
    watch = LimitWatch(LimitRule(H=LIMIT, hysteresis=0.01 * LIMIT))
    cleared: list[int] = []
    scores, raised = [], 0
    for at, value in enumerate(values):
        now = at * MINUTES * 60_000
        for move in watch.judge(value, now, 0, now / 1000):
            raised += move.state == "raised"
            if move.state == "cleared":
                cleared.append(now)
        waiting = sum(now - each < CLOSED for each in cleared)
        scores.append(min(100.0, risk.levels["H"] * (len(watch.open) + risk.cleared * waiting)))
    return scores, raised


def main() -> None:
    """Print the table."""
    risk = library()["tailings"].risk
    assert risk is not None
    print("| course | alarms a day | score: mean | highest | time at blue or beyond |\n| --- | --- | --- | --- | --- |")
    for name, values in recorded().items():
        scores, raised = course(values, risk)
        beyond = sum(each >= risk.colours["BLUE"] for each in scores) / len(scores)
        days = len(values) * MINUTES / 1440
        print(f"| {name} | {raised / days:.2f} | {fmean(scores):.1f} | {max(scores):.0f} | {beyond:.1%} |")


if __name__ == "__main__":
    main()
