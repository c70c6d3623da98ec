"""What does the risk score do while nothing is wrong? On the courses of benchmarks/trend.py, drawn and measured.

``python -m benchmarks.risk`` prints the table of docs/compliance.md. The limit is judged as the agent does; an alarm is
closed `CLOSED` after it cleared; all readings come and are valid. One limit, H: that of the drawn courses, and of what
was measured the value beyond which 5 % of it lies; hysteresis is 1 % of the span from the median to the limit.
"""

from __future__ import annotations

from statistics import fmean, median

from benchmarks.trend import DAY, HOUR, LIMIT, drawn, measured, within
from collector.trend.slope import Course
from edge_agent.limits import LimitWatch
from edge_agent.rules import LimitRule
from profiles.load import library
from profiles.model import Risk

CLOSED = 8 * HOUR


def scored(values: Course, risk: Risk, limit: float) -> tuple[list[float], int]:
    """The score at each value, and how often the alarm was raised."""
    usual = median(value for _at, value in values)
    watch = LimitWatch(LimitRule(H=limit, hysteresis=0.01 * (limit - usual)))
    cleared: list[int] = []
    scores, raised = [], 0
    for now, value in values:
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
    limits = {name: (values, LIMIT) for name, values in drawn().items()}
    limits |= {name: (values, within(values)[0].value) for name, values in measured().items()}
    for name, (values, limit) in limits.items():
        scores, raised = scored(values, risk, limit)
        beyond = sum(each >= risk.colours["BLUE"] for each in scores) / len(scores)
        days = (values[-1][0] - values[0][0]) / DAY
        print(f"| {name} | {raised / days:.2f} | {fmean(scores):.1f} | {max(scores):.0f} | {beyond:.1%} |")


if __name__ == "__main__":
    main()
