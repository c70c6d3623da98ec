"""What a camera itself says makes nothing of the seal: it is an alarm of its own, and no more."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from edge_agent.drivers.camera.hints import HINTS
from tests.collector.seal.made import BELT, GATE, bureau, event


@pytest.mark.parametrize("code", [code for code, hint in HINTS.items() if hint.lasts])
async def test_a_hint_of_a_camera_is_a_life_and_leaves_the_seal_as_it_is(tmp_path: Path, code: str) -> None:
    with bureau(tmp_path) as made:
        await made.look(0)
        told = event(1, code, "gate", "raised", 1)
        made.take(msgspec.structs.replace(told, kind="agent", level=HINTS[code].level))
        await made.look(2)
        assert made.states(2) == {GATE: "sealed", BELT: "sealed"}
        (life,) = made.book.lives()
        assert (life.place.kind, life.place.side, life.condition) == ("agent", code, "raised")
        made.take(event(2, "q_covered", "gate", "raised", 3))
        assert made.states(4)[GATE] == "blind", "our own judgement counts as before"
