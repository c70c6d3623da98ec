"""Release values and conditions that contradict their profile are mistakes of it, with their place."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from config.errors import ConfigError
from profiles.load import library

PLACE = "classes: {place: {values: {T1: {releases: %s}}}}"


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (PLACE % '{"0001": {HH: 1.6}}', "1.6 lies beyond HH (1.5)"),
        (PLACE % '{"0001": {LL: 0.1}}', "its `defaults` have no LL that could be released"),
        (PLACE % '{"9999": {HH: 1.0}}', "'9999' is none of the profile's quantities"),
        ('files: {abnormal: {LINE_BROKEN: {state: "3"}}}', "'3' is none of 1, 2, 4, 8, 16, 32, 64, 128"),
        ("files: {abnormal: {LINE_BROKEN: {states: nowhere}}}", "'nowhere' is none of the states"),
        ("files: {abnormal: {NEAR_UPPER: {after: 5s}}}", "expected either states, state (and after), or way and to"),
        ("files: {abnormal: {NEAR_UPPER: {way: null, to: null, states: point, state: '1'}}}",
         "NEAR_UPPER is told by the way to a limit"),
        ("files: {report: {quantity_alarm_types: {'9999': {L: '005'}}}}", "'9999' is none of the profile's quantities"),
    ],
)  # fmt: skip
def test_what_contradicts_its_profile_is_a_mistake_of_it(tmp_path: Path, part: str, said: str) -> None:
    own = {
        "profile": "own", "version": "0.0.1-wd", "extends": "coal-safety",
        "spec": {"zh": "自", "en": "own", "status": "working-definition"}, **yaml.safe_load(part),
    }  # fmt: skip
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(own, allow_unicode=True), encoding="utf-8")
    with pytest.raises(ConfigError) as found:
        library([tmp_path])["own"]
    assert said in str(found.value)
