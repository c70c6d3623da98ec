"""Regions at the collector: what its settings choose, and what agents' manifests say of their sites."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from collector.manifests import Manifests
from collector.registry import Registry
from collector.reports.selection import Selection
from collector.settings import load_collector
from profiles.load import library
from profiles.regions import city_of, province_of, region_name
from profiles.wire.codec import manifest_hash
from tests.collector.field import manifest

SETTINGS = """
collector: county-1
mqtt: {host: h, tls: disabled}
sinks: [{type: sqlite, name: trial, path: store.db}]
regions: !include counties.csv
cascade:
  - {collector: city-1, mqtt: {host: h, tls: disabled}, regions: ["1101", "1191", "99"]}
notify:
  receivers: [{type: webhook, name: duty, template: dingtalk, url: "https://robot.example/x"}]
  rules: [{to: [duty], regions: ["110108", "110109"]}]
"""


def test_a_higher_level_at_the_same_broker_by_the_same_client_id_is_a_warning_with_its_line(tmp_path: Path) -> None:
    def said(text: str) -> list[int]:
        (tmp_path / "collector.yaml").write_text(text, encoding="utf-8")
        return [
            each.line for each in load_collector(tmp_path / "collector.yaml").warnings if "client_id" in each.message
        ]

    plain = SETTINGS.replace("regions: !include counties.csv\n", "")
    assert said(plain) == [6]
    assert (
        said(plain.replace("{host: h, tls: disabled}, regions", "{host: h, tls: disabled, client_id: up}, regions"))
        == []
    )
    assert said(plain.replace("city-1, mqtt: {host: h", "city-1, mqtt: {host: other")) == []


def test_regions_that_are_chosen_and_not_known_are_warnings_with_their_line(tmp_path: Path) -> None:
    (tmp_path / "counties.csv").write_text("code,name\n110108,海淀区\n", encoding="gb18030")
    (tmp_path / "collector.yaml").write_text(SETTINGS, encoding="utf-8")
    loaded = load_collector(tmp_path / "collector.yaml")
    assert loaded.settings.regions[0].name == "海淀区"
    found = [(each.line, each.message) for each in loaded.warnings if "region" in each.message]
    assert [(line, message[:55]) for line, message in found] == [
        (7, "region '1191': characters 3–4 '91': no city of the regi"),
        (7, "region '99': characters 1–2 '99': no province of GB/T 2"),
        (10, "region '110109': characters 5–6 '09': no county of the "),
    ]


def test_a_site_in_a_region_that_is_not_listed_is_told_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    frame = manifest("G0001")  # in 110110
    with closing(Registry(tmp_path)) as registry:
        manifests = Manifests(library(), registry, Counter(), counties={"110108": "海淀区"})
        manifests.take("plant-a", frame)
        compiled = manifests.compiled("plant-a", manifest_hash(frame))
    assert compiled is not None
    assert compiled.faults == {}
    assert "agent plant-a, site.adcode: 行政区划代码 '110110': characters 5–6 '10': no county" in caplog.text


def test_a_county_rolls_up_to_its_city_and_its_province_with_their_names() -> None:
    assert (city_of("110108"), province_of("110108")) == ("110100", "110000")
    assert (city_of("130100"), city_of("130000"), province_of("130000")) == ("130100", "130000", "130000")
    assert (city_of(""), province_of("")) == ("", "")
    listed = {"110108": "海淀区", "130000": "河北"}
    assert [region_name(code, listed) for code in ("110108", "110100", "110000", "130000")] == [
        "海淀区", "", "北京市", "河北",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("regions", "wanted"),
    [
        ((), True), (("11",), True), (("1101",), True), (("110108",), True), (("31", "1101"), True),
        (("12",), False), (("1102",), False), (("110101",), False), (("01",), False),
    ],
)  # fmt: skip
def test_a_county_belongs_to_its_city_and_its_province(regions: tuple[str, ...], wanted: bool) -> None:
    target = Selection("city", {"hazchem-storage": 60_000}, regions=regions)
    assert target.wants_point("hazchem-storage", "YW", "110108", "110110001") is wanted
