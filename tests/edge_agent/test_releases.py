"""Release values: 001 ends at its own, 002 inside of its own; what profile, place and site say of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from config.errors import ConfigError
from edge_agent.limits import LimitWatch, OpenAlarm
from edge_agent.manifest import build_manifest
from edge_agent.rules import LimitRule, build_rules
from edge_agent.settings import load_agent
from profiles.load import library
from profiles.wire.codec import decode, decoder, encode
from profiles.wire.messages import Limits, Release
from tests.profiles.textfile.examples import MINE

T1 = LimitRule(H=1.0, HH=1.5, release=Release(H=1.0, HH=1.0))
FAN = LimitRule(H=1.5, HH=1.5, release=Release(H=1.5, HH=0.5))
LOW = LimitRule(L=20.0, LL=18.0, release=Release(L=20.5, LL=21.0))


@pytest.mark.parametrize(
    ("rule", "values", "found"),
    [
        (T1, [0.3, 1.62, 1.2, 1.0, 0.99],
         [("raised", "HH", 1.62, ()), ("cleared", "HH", 0.99, ())]),
        (T1, [1.0, 0.9, 1.49, 1.5, 1.0],
         [("raised", "H", 1.0, ()), ("cleared", "H", 0.9, ()), ("raised", "H", 1.49, ()), ("changed", "HH", 1.5, ())]),
        (FAN, [1.6, 1.5, 1.4, 0.5, 0.49],
         [("raised", "HH", 1.6, ()), ("changed", "HH", 1.4, ("H",)), ("cleared", "HH", 0.49, ())]),
        (FAN, [1.6, 1.4, 1.6, 0.4],
         [("raised", "HH", 1.6, ()), ("changed", "HH", 1.4, ("H",)), ("changed", "HH", 1.6, ()),
          ("cleared", "HH", 0.4, ())]),
        (LOW, [17.0, 20.49, 20.5, 21.0, 21.01],
         [("raised", "LL", 17.0, ()), ("changed", "LL", 20.5, ("L",)), ("cleared", "LL", 21.01, ())]),
        (LimitRule(H=1.0, HH=1.5, hysteresis=0.04, release=Release(H=0.8)), [1.5, 1.47, 1.45, 0.81, 0.8],
         [("raised", "HH", 1.5, ()), ("changed", "H", 1.45, ()), ("cleared", "H", 0.8, ())]),
    ],
    ids=["face", "at the limit", "series-ventilated", "crossed again", "low side", "hysteresis beside a release"],
)  # fmt: skip
def test_each_limit_lets_go_at_its_own_release(
    rule: LimitRule, values: list[float], found: list[tuple[object, ...]]
) -> None:
    watch = LimitWatch(rule)
    moves = [
        move for second, value in enumerate(values) for move in watch.judge(value, second * 1000, 0, float(second))
    ]
    assert [(each.state, each.level, each.value, each.ended) for each in moves] == found
    assert len({each.time for each in moves}) == len(moves)


def test_what_had_let_go_before_a_restart_is_not_taken_up_by_a_value_between_release_and_limit() -> None:
    watch = LimitWatch(FAN, {"high": OpenAlarm("HH", 500, 0, ended=("H",))})
    assert watch.judge(1.2, 1000, 0, 0.0) == []
    [over] = watch.judge(0.4, 2000, 0, 1.0)
    assert (over.state, over.level, over.ended) == ("cleared", "HH", ())


def agent(folder: Path, place: str = "", limits: dict[str, Any] | None = None, **attributes: str) -> Path:
    """A mine with one methane sensor."""
    code = f"{MINE}01MN0001A0012"
    if place:
        attributes["place"] = place
    point = {"profile": "coal-safety", "asset": f"{MINE}01DT40010007", "quantity": "0001", "code": code}
    tag = {"name": "CH4", "code": code, "unit": "%CH4", "range": [0, 4], "point": point | {"attributes": attributes}}
    (folder / "in").mkdir(exist_ok=True)
    made = {
        "agent": "mine", "collector": "county", "mqtt": {"host": "127.0.0.1", "port": 1, "tls": "disabled"},
        "site": {"code": MINE, "name": "示例煤矿", "adcode": "140199"}, "state": "state",
        "devices": [
            {"name": "kj", "driver": "files", "folder": "in", "format": {"type": "text", "profile": "coal-safety"},
             "tags": [tag | ({"limits": limits} if limits else {})]},
        ],
    }  # fmt: skip
    (folder / "agent.yaml").write_text(yaml.safe_dump(made, allow_unicode=True), encoding="utf-8")
    return folder / "agent.yaml"


FACE = {"H": 1.0, "HH": 1.5}


@pytest.mark.parametrize(
    ("place", "limits", "attributes", "release"),
    [
        ("T1", None, {}, Release(H=1.0, HH=1.0)),
        ("T2", None, {}, Release(H=1.0, HH=1.0)),
        ("T3", None, {}, Release(H=0.5, HH=0.5)),
        ("before_fan", None, {}, Release(H=1.5, HH=0.5)),
        ("T7", None, {}, Release(H=2.5, HH=2.5)),
        ("T1", FACE, {}, Release(H=1.0, HH=1.0)),
        ("T1", {"H": 0.8, "HH": 0.9}, {}, Release()),
        ("T1", FACE | {"hysteresis": 0.1}, {}, Release()),
        ("T1", FACE | {"release": {"HH": 0.7}}, {}, Release(H=1.0, HH=0.7)),
        ("T1", FACE | {"release": {"HH": 0.7}}, {"upper_restore": "0.9"}, Release(H=1.0, HH=0.7)),
        ("T1", None, {"upper_release": "0.95", "upper_restore": "0.90"}, Release(H=0.95, HH=0.9)),
        ("", FACE, {"upper_restore": "0.90"}, Release(HH=0.9)),
        ("", FACE, {"upper_restore": "1.60", "upper_release": "–"}, Release()),
        ("", FACE, {}, Release()),
    ],
)
def test_a_release_is_the_tags_the_attributes_or_the_places(
    tmp_path: Path, place: str, limits: dict[str, Any] | None, attributes: dict[str, str], release: Release
) -> None:
    loaded = load_agent(agent(tmp_path, place, limits, **attributes))
    manifest = build_manifest(loaded.settings, library())
    found = manifest.tags["CH4"].limits
    assert found is not None
    assert found.release == release
    assert build_rules(loaded.settings.devices, manifest, library())["CH4"].limits.release == release  # type: ignore[union-attr]
    told = [warning for warning in loaded.warnings if "inner side" in str(warning)]
    assert len(told) == (2 if "–" in attributes.values() else 0)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (FACE | {"release": {"HH": 1.6}}, "HH is released below itself (1.5), or at it; 1.6 lies beyond"),
        (FACE | {"release": {"LL": 1.6}}, "there is no limit LL that could be released"),
    ],
)
def test_a_release_that_releases_nothing_is_a_mistake_of_the_settings(
    tmp_path: Path, limits: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match="release") as found:
        load_agent(agent(tmp_path, "", limits))
    assert said in str(found.value)


def test_limits_without_releases_travel_as_before() -> None:
    assert encode(Limits(H=1.0)) == b'{"H":1.0}'
    assert decode(b'{"H":1.0}', decoder(Limits)).release == Release()
    full = Limits(H=1.0, release=Release(H=0.5))
    assert decode(encode(full), decoder(Limits)) == full
