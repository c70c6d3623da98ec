"""How many persons cages, chair lifts and vehicles carried, as a video platform takes it (notes on mines, 5.6)."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from collector.directory import Place
from collector.reports.encoders.base import Due
from collector.reports.encoders.cm6 import Cm6Encoder
from profiles.load import library
from profiles.seal_check import check
from profiles.wire.messages import Camera
from tests.collector.reports.test_seal_bodies import BELT, GATE, MINE, gateway, ms, place

CAGE, OTHER = "14010000001320000011", "14010000001320000012"
CODE = "14019990000107"
CAMERAS = {
    name: Camera(code=code, profile="electronic-seal", position="P02", label=label, attributes=attributes)
    for name, code, label, attributes in (
        ("cage", CAGE, "副井罐笼", {"position_code": CODE}), ("other", OTHER, "副井罐笼背面", {"position_code": CODE}),
        ("gate", GATE, "副井口", {}),
    )
}  # fmt: skip
END = ms("2026-11-24 02:00:00")


def counted(camera: str, quantity: str, value: float | None, quality: str = "good") -> Due:
    spot = place(camera, quantity)
    manifest = msgspec.structs.replace(spot.manifest, cameras=CAMERAS)
    its = Place(spot.agent, spot.tag, spot.spec, spot.point, spot.asset, spot.site, manifest, {})
    return Due(its, END - 1000, value, None, quality)


def rows(*due: Due, resumed: bool = False) -> list[dict[str, Any]]:
    drafts = Cm6Encoder.readings(gateway(), END, due, resumed=resumed)
    assert {draft.path for draft in drafts} <= {"/mine/ai/importPersonCount"}
    return [row for draft in drafts for row in json.loads(draft.body)]


def test_there_is_a_row_a_position_and_direction_with_the_keys_of_the_notes() -> None:
    found = rows(counted(CAGE, "RY-IN", 7.0), counted(CAGE, "RY-OUT", 0.0), counted(OTHER, "RY-IN", 2.0))
    base = {"positionName": "副井罐笼", "positionCode": CODE, "cameraCode": CAGE}
    assert found == [
        {**base, "direction": "01", "personCount": 9, "mineCode": MINE},
        {**base, "direction": "02", "personCount": 0, "mineCode": MINE},
    ]  # fmt: skip
    assert [*found[0]] == ["positionName", "positionCode", "cameraCode", "direction", "personCount", "mineCode"]


@pytest.mark.parametrize(
    "due",
    [
        counted(GATE, "RY-IN", 3.0), counted(BELT, "RY-IN", 3.0), counted(CAGE, "RY-IN", None, "bad:link"),
        counted(CAGE, "CL-IN", 3.0),
    ],
    ids=["a camera without a position code", "no camera", "not analysed", "no persons"],
)  # fmt: skip
def test_what_is_no_count_of_carried_persons_has_no_row(due: Due) -> None:
    assert rows(due) == []


def test_a_count_that_is_late_replaces_no_newer_one() -> None:
    assert rows(counted(CAGE, "RY-IN", 7.0), resumed=True) == []


def test_an_analysis_that_no_event_has_is_a_mistake_of_the_profile() -> None:
    seal = library()["electronic-seal"].seal
    assert seal is not None
    assert seal.cm6 is not None
    odd = seal.model_copy(update={"cm6": seal.cm6.model_copy(update={"counted": ("04", "99")})})
    assert [(fault.path, fault.message) for fault in check(odd)] == [
        (("seal", "cm6", "counted", 1), "'99' is the analysis of none of the seal's events")
    ]  # fmt: skip
