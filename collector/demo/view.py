"""The demo's live view: values, rate, backlog, alarms, latency, and what to try next."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from collector.demo.mine import Seal, Sight

ALARMS = 6
"""Alarms shown at most; a third as many where the terminal has less than `LOW` lines."""
SIGHTS = 4
"""Events of the sealed mine shown at most; one where the terminal has less than `LOW` lines."""
LOW = 36
_COLOURS = {"broken": "red", "blind": "magenta", "suspicious": "yellow"}
"""Of states of a seal; the others are green."""


@dataclass(slots=True)
class Look:
    """What the view shows, taken once a second."""

    stored: int = 0
    backlog: int | None = None
    latency: tuple[float, float] = (0.0, 0.0)
    latest: list[dict[str, Any]] = field(default_factory=list)
    alarms: list[dict[str, Any]] = field(default_factory=list)
    agent_up: bool = True
    seal: Seal | None = None
    """None where the sealed mine is left out."""


class View:
    """Renders looks; keeps what it needs for the rate."""

    def __init__(
        self,
        tags: Mapping[str, str],
        labels: Mapping[str, str],
        units: Mapping[str, str],
        hints: Callable[[], Sequence[str]],
    ) -> None:
        self._tags, self._labels, self._units, self._hints = tags, labels, units, hints
        self._before: tuple[float, int] | None = None
        self._rate = 0.0

    def render(self, look: Look, console: Console) -> RenderableType:
        """One frame: alarms and what to try next in full, and as many values as the rest of the terminal holds."""
        now = time.monotonic()
        if self._before is not None and now > self._before[0]:
            rate = (look.stored - self._before[1]) / (now - self._before[0])
            self._rate = rate if self._rate == 0 else 0.7 * self._rate + 0.3 * rate
        self._before = now, look.stored
        low = console.is_terminal and console.height < LOW
        above = [self._head(look), self._alarm_table(look, ALARMS // 3 if low else ALARMS)]
        if look.seal is not None:
            above.append(_mine(look.seal, 1 if low else SIGHTS))
        below = self._next()
        rows: int | None = None  # a pipe has no height
        if console.is_terminal:
            rows = console.height - len(console.render_lines(Group(*above, below), pad=False))
        return Group(*above, self._values(look, rows), below)

    def _head(self, look: Look) -> RenderableType:
        backlog = "…" if look.backlog is None else str(look.backlog)
        agent = "[green]running[/]" if look.agent_up else "[red]killed; starts again[/]"
        parts = (
            f"agent {agent}", f"stored [bold]{look.stored}[/]", f"[bold]{self._rate:.0f}[/]/s",
            f"backlog [bold]{backlog}[/] envelopes",
            f"latency p50 [bold]{look.latency[0]:.0f}[/] ms, p99 [bold]{look.latency[1]:.0f}[/] ms",
        )  # fmt: skip
        return Panel("   ".join(parts), title="edge-gateway demo", title_align="left")

    def _values(self, look: Look, lines: int | None) -> RenderableType:
        """In so many lines: the two of the head, and one that says how many are left out."""
        found = sorted(look.latest, key=lambda row: self._tags.get(row["point"], row["point"]))
        shown = found if lines is None or len(found) + 2 <= lines else found[: max(0, lines - 3)]
        rest = Text(f"… and {len(found) - len(shown)} more" if len(shown) < len(found) else "", style="dim")
        if not shown:
            return rest
        table = Table(expand=True, show_edge=False, pad_edge=False)
        for head in ("tag", "", "value", "unit", "quality", "quantity", "age"):
            table.add_column(head, no_wrap=True, justify="right" if head in ("value", "age") else "left")
        now = time.time() * 1000
        for row in shown:
            tag = self._tags.get(row["point"], row["point"])
            quality = row["quality"] if row["quality"] == "good" else f"[yellow]{row['quality']}[/]"
            age = f"{max(0.0, now - row['time']) / 1000:.1f} s"
            table.add_row(
                tag, self._labels.get(tag, ""), _short(row["value"]), self._units.get(tag, ""), quality,
                row["quantity"], age,
            )  # fmt: skip
        return Group(table, rest) if rest else table

    def _alarm_table(self, look: Look, most: int) -> RenderableType:
        if not look.alarms:
            return Panel("none yet", title="alarms", title_align="left")
        table = Table.grid(padding=(0, 2))
        for _ in range(5):
            table.add_column(no_wrap=True)
        for alarm in sorted(look.alarms, key=lambda alarm: alarm["state"] == "cleared")[:most]:
            colour = "red" if alarm["state"] != "cleared" else "green"
            since = time.strftime("%H:%M:%S", time.localtime(alarm["since"] / 1000))
            text = alarm["text"] or f"at {_short(alarm['value'])} {self._units.get(alarm['source'], '')}"
            table.add_row(f"[{colour}]{alarm['state']}[/]", since, alarm["level"], alarm["source"], text)
        return Panel(table, title=f"alarms ({len(look.alarms)})", title_align="left")

    def _next(self) -> RenderableType:
        return Panel(
            Text("\n".join(self._hints())),  # as it is: a folder's name may look like markup
            title="try next, in another terminal",
            title_align="left",
            subtitle="Ctrl-C ends everything in order and counts",
            subtitle_align="left",
        )


def _mine(seal: Seal, most: int) -> RenderableType:
    """The state of the seal, and the newest events with the picture that shows each."""
    table = Table.grid(padding=(0, 2))
    for _ in range(5):
        table.add_column(no_wrap=True)
    for sight in seal.sights[:most]:
        table.add_row(*_sight(sight))
    named, whole = seal.files
    passed = f"people in {seal.passed('in')}, out {seal.passed('out')}"
    positions = "  ".join(f"{position} {_coloured(state)}" for position, state in seal.positions.items())
    return Panel(
        table if seal.sights else "nothing yet: the cameras learn what stands still",
        title=f"sealed mine: {_coloured(seal.state)}  {positions}",
        title_align="left",
        subtitle=f"{passed}   pictures and films here: {whole} of {named}",
        subtitle_align="left",
    )


def _sight(sight: Sight) -> tuple[RenderableType, ...]:
    colour = "red" if sight.standing else "green"
    picture = Text("its picture is on its way", style="dim")
    if sight.picture is not None:
        picture = Text(f"{sight.picture.parent.name}/{sight.picture.name}", style=f"link {sight.picture.as_uri()}")
    return (
        Text("stands" if sight.standing else "over", style=colour),
        time.strftime("%H:%M:%S", time.localtime(sight.time / 1000)), sight.camera,
        f"{sight.text} ({sight.persons})" if sight.persons > 1 else sight.text, picture,
    )  # fmt: skip


def _coloured(state: str) -> str:
    return f"[{_COLOURS.get(state, 'green')}]{state or '…'}[/]"


def _short(value: object) -> str:
    """Six digits are enough for a look."""
    return "—" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
