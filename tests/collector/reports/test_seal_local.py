"""An event of a seal that is ours alone (`local`): the alarm book has it, and no platform is told of it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from collector.handled import Handled
from collector.platform.sealed import CODES
from collector.reports.encoders.base import Encoder
from collector.reports.encoders.cm6 import Cm6Encoder
from collector.reports.encoders.seal import SealEncoder
from collector.reports.encoders.seal_file import SealFileEncoder
from profiles.load import library
from profiles.seal import effect_of, level
from profiles.wire.messages import Evidence
from tests.collector.reports.test_seal_bodies import BELT, BELT_RUNS, SHA, alarm, gateway, ms

PROOF = Evidence(id=f"{BELT}/1.jpg", type="image/jpeg", size=9, sha256=SHA, captured=ms("2026-11-24 01:12:07"))


@pytest.mark.parametrize("encoder", [SealEncoder, SealFileEncoder, Cm6Encoder])
@pytest.mark.parametrize("state", ["raised", "changed", "cleared"])
@pytest.mark.parametrize("pictures", ["none", "url", "inline", "files"])
def test_no_platform_is_told_of_a_lamp(encoder: type[Encoder], state: str, pictures: Any) -> None:
    lit = alarm("lamp_on", "2026-11-24 01:12:07", "2026-11-24 01:12:17", state, evidence=[PROOF])
    assert encoder.alarms(dataclasses.replace(gateway(), pictures=pictures), [lit]) == []
    assert len(SealEncoder.alarms(gateway(), [lit, BELT_RUNS])) == 1


def test_nor_of_what_was_done_about_it() -> None:
    def handled(code: str) -> Handled:
        return Handled(
            agent="a", alarm="a-1", profile="electronic-seal", point=BELT, site="140199900001", region="140199",
            at=ms("2026-11-24 02:00:00"), by="li", finding="false_alarm", note="x", code=code,
        )  # fmt: skip

    assert SealEncoder.handled(gateway(), handled("lamp_on")) == []
    assert len(SealEncoder.handled(gateway(), handled("belt_run"))) == 1
    assert len(SealEncoder.handled(gateway(), handled(""))) == 1, "noted by an earlier version"


def test_a_lamp_is_a_notice_and_leaves_the_seal_as_it_is() -> None:
    seal = library()["electronic-seal"].seal
    assert seal is not None
    assert {level(seal, "lamp_on", state, permitted=False) for state in seal.states} == {3}
    assert effect_of(seal, "lamp_on") == (None, None)
    assert {code for code, event in seal.events.items() if not event.local} == CODES
