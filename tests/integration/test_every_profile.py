"""Every reported profile from register to report: a real Modbus unit, agent, broker, collector, and the platform.

One of them is made up here, by YAML alone: a specification that no code knows.
"""

from __future__ import annotations

import itertools
import struct
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collector.platform.ledger import Ledger as PlatformLedger
from profiles.wire.messages import ManifestTag, Value
from tests.integration.site_to_platform import REPORTED, Way, compare, explained, fast
from tests.profiles.made import plant

DUST = """
profile: dust-explosion
version: 0.1.0-wd
extends: family-s
spec: {zh: 粉尘涉爆企业感知数据接入规范（虚构）, en: Made up for this test, status: working-definition}
assets:
  C9: {zh: 除尘器, en: dust collector, required: [FC, YC], optional: [HX], status: working-definition}
quantities:
  FC: {zh: 粉尘浓度, en: dust, unit: mg/m3, range: [0, 10000], decimals: 1, limits: [H, HH], status: working-definition}
  YC: {zh: 压差, en: pressure difference, unit: kPa, range: [0, 50], decimals: 3, status: working-definition}
  HX: {zh: 火星探测, en: spark detector, type: flag, decimals: 0, limits: [SIG], status: working-definition}
"""


def sampler(tag: ManifestTag, low: float, step: float) -> Any:
    """Values of which no two in a row are alike, in the tag's range, as the wire carries them."""
    steps = itertools.count(1)

    def sample() -> tuple[Value, bytes]:
        number = next(steps)
        if tag.type == "flag":
            return bool(number % 2), bytes([number % 2])
        raw = struct.pack(">f", low + step * (number % 50))
        return struct.unpack(">f", raw)[0], raw

    return sample


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", [*REPORTED, "dust-explosion"])
async def test_what_an_instrument_served_is_what_the_platform_has(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.reports.packer.PATIENCE", 500)
    own = tmp_path / "profiles"
    own.mkdir()
    (own / "dust-explosion.yaml").write_text(DUST, encoding="utf-8")
    profiles = fast(name, own)
    made = plant(profiles["fast"])
    tags = {name: msgspec.structs.replace(tag, limits=None) for name, tag in made.tags.items()}  # none alarms
    way = Way(tmp_path, profiles, msgspec.structs.replace(made, tags=tags))
    codes = {
        tag.point.code
        for tag in tags.values()
        if tag.point is not None and profiles["fast"].quantities[tag.point.quantity].reported
    }

    def enough(book: PlatformLedger) -> bool:
        told = book.values(way.family)
        return {each.code for each in told} == codes and len({each.time for each in told}) >= 3

    book = await way.go(sampler, enough, "all points in three periods")
    assert (book.refusals(), book.findings()) == ([], [])
    compare(tmp_path, book, tags, profiles, way.family, codes)
    book.close()
    for tag in sorted(tags, key=lambda tag: tags[tag].type != "number")[:1]:
        explained(tmp_path, way.made.site.code, tag, tags[tag], codes)
