"""An agent's certificates that expire: one alarm, raised anew, that outlives a restart and ends once all hold again."""

from __future__ import annotations

from pathlib import Path

from config.certificates import ExpiryWarning
from tests.edge_agent.test_recorder import NOW, bench

DAY = 86_400_000
SOON = ExpiryWarning("WARN", "certificate plant-1 expires in 29 days")
OVER = ExpiryWarning("FAULT", "certificate plant-1 has expired")


async def test_it_is_raised_anew_over_a_restart_and_ends_once_all_hold(tmp_path: Path) -> None:
    async with bench(tmp_path) as first:
        first.recorder.expiry([SOON])
    first.outbox.close()
    wall = [NOW + DAY]
    async with bench(tmp_path, wall=wall) as second:
        assert second.recorder.expiring is not None
        second.recorder.expiry([SOON, OVER])
        wall[0] += DAY
        second.recorder.expiry([])
        assert second.recorder.expiring is None
    told = [each for each in second.events() if each.kind == "agent"]  # that the clock stepped is told as well
    assert [(each.kind, each.code, each.state, each.level, each.time, each.since) for each in told] == [
        ("agent", "certificate", "raised", "WARN", NOW, NOW),
        ("agent", "certificate", "cleared", "WARN", NOW + DAY, NOW),
        ("agent", "certificate", "raised", "FAULT", NOW + DAY, NOW + DAY),
        ("agent", "certificate", "cleared", "WARN", NOW + 2 * DAY, NOW + DAY),
    ]  # fmt: skip
    assert [each.text for each in told] == [
        SOON.text, "", f"{SOON.text}; {OVER.text}", "all certificates and revocation lists hold again",
    ]  # fmt: skip
    assert [each.alarm for each in told] == [told[0].alarm] * 2 + [told[2].alarm] * 2
    assert len({each.id for each in told}) == 4
    second.outbox.close()
    async with bench(tmp_path, wall=wall) as third:
        assert third.recorder.expiring is None
