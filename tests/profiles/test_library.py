"""The profiles: units, codes, and the judgement of a manifest tag by tag."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.errors import ConfigError
from profiles.judge import agent_parameters, judge, judge_site
from profiles.load import LIBRARY, library
from profiles.units import UnitError, conversion, unit_fault
from profiles.wire.messages import Limits, Manifest, ManifestTag, Point, Site

ASSET = "110110001001G0001"
STORAGE = library()["hazchem-storage"]


def tag(quantity: str = "YW", unit: str = "m", kind: str = "number", **rest: object) -> ManifestTag:
    point = {"profile": "hazchem-storage", "asset": ASSET, "quantity": quantity, "code": f"{ASSET}{quantity}001"}
    point |= {key: value for key, value in rest.items() if key in (*point, "attributes")}  # type: ignore[misc]
    limits = rest.get("limits", Limits(H=5.0, HH=6.0) if kind == "number" else None)
    return ManifestTag(type=kind, device="d", unit=unit, point=Point(**point), limits=limits)  # type: ignore[arg-type]


def faults(*tags: ManifestTag) -> list[tuple[str, str, str]]:
    site = Site(code="110110001", name="x", adcode="110110", gateway="11011000101")
    manifest = Manifest(v=1, software="x", site=site, tags={f"t{n}": each for n, each in enumerate(tags)}, devices={})
    assert judge_site(manifest, library()) == []
    found = judge(manifest, library())
    return [(name, ".".join(each.field), each.severity) for name, some in found.items() for each in some]


def test_a_tag_as_it_should_be_has_no_fault() -> None:
    assert faults(tag(), tag("WD", "Cel"), tag("YL", "kPa"), tag("KG", "", "flag")) == []


@pytest.mark.parametrize(
    ("wrong", "field", "severity"),
    [
        (tag(profile="hazchem-storag"), "point.profile", "error"),
        (tag(code=f"{ASSET}YW01"), "point.code", "error"),
        (tag(code=f"{ASSET}yw001"), "point.code", "error"),
        (tag(code=f"{ASSET}WD001"), "point.code", "warning"),
        (tag(code="210110001001G0001YW001"), "point.code", "warning"),
        (tag(asset="110110001001G001"), "point.asset", "error"),
        (tag(asset="11011000100110001"), "point.asset", "warning"),
        (tag("XX"), "point.quantity", "error"),
        (tag(unit="Cel"), "unit", "error"),
        (tag(kind="flag"), "type", "error"),
        (tag("YD", "mg/m3"), "point", "error"),
        (tag("YD", "ppm", attributes={"cas": "1-1-1"}), "unit", "error"),
        (tag(limits=None), "limits", "warning"),
    ],
)
def test_what_is_wrong_with_a_tag_is_told_at_its_field(wrong: ManifestTag, field: str, severity: str) -> None:
    assert ("t0", field, severity) in faults(wrong)


def test_a_code_that_stands_twice_is_the_second_tags_fault() -> None:
    assert faults(tag(), tag()) == [("t1", "point.code", "error")]


def test_a_site_code_of_the_wrong_length_is_told() -> None:
    site = Site(code="11011000", name="x", adcode="110110", gateway="21011000101")
    manifest = Manifest(v=1, software="x", site=site, tags={"t": tag()}, devices={})
    found = judge_site(manifest, library())
    assert [(each.field, each.severity) for each in found] == [(("code",), "error"), (("gateway",), "warning")]


def test_the_agents_parameters_are_in_the_tags_own_unit() -> None:
    found = agent_parameters(tag("YL", "kPa", limits=Limits(H=1000.0, HH=1200.0)), library())
    assert (found.low, found.high) == pytest.approx((-100, 40_000))
    assert found.jump == pytest.approx(0.5 * 40_100)
    assert (found.delay, found.frozen) == (5.0, 86_400.0)
    assert found.hysteresis == pytest.approx(12)
    gas = agent_parameters(tag("KR", "%LEL", limits=Limits(H=25.0, HH=50.0)), library())
    assert (gas.delay, gas.hysteresis, gas.jump) == (0.0, 2.5, None)


@pytest.mark.parametrize(
    ("given", "wanted", "value", "result"),
    [
        ("kPa", "MPa", 250.0, 0.25),
        ("K", "Cel", 300.0, 26.85),
        ("[degF]", "Cel", 212.0, 100.0),
        ("mm", "m", 1234.0, 1.234),
        ("bar", "MPa", 10.0, 1.0),
        ("L/min", "m3/h", 100.0, 6.0),
        ("kg", "t", 1500.0, 1.5),
        ("[psi]", "MPa", 145.0377, 1.0),
    ],
)
def test_units_convert(given: str, wanted: str, value: float, result: float) -> None:
    factor, offset = conversion(given, wanted)
    assert value * factor + offset == pytest.approx(result, rel=1e-6)


def test_ppm_needs_the_gas() -> None:
    factor, offset = conversion("ppm", "mg/m3", molar_mass=STORAGE.gases["7783-06-4"].molar_mass)
    assert 10 * factor == pytest.approx(13.94, rel=1e-3)
    assert offset == 0
    with pytest.raises(UnitError, match="cas"):
        conversion("ppm", "mg/m3")


def test_a_unit_that_is_not_known_is_told_with_what_was_meant() -> None:
    assert unit_fault("m") == unit_fault("") == ""
    assert "did you mean Cel?" in unit_fault("℃")
    assert "did you mean m3/h?" in unit_fault("m³/h")


def test_every_fact_says_whether_it_was_seen_or_is_ours() -> None:
    for path in LIBRARY.rglob("*.yaml"):
        assert path.stem in library()
    facts = [*STORAGE.codes.values(), *STORAGE.assets.values(), *STORAGE.quantities.values(), *STORAGE.gases.values()]
    assert all(fact.status == "working-definition" or fact.source for fact in facts)
    assert STORAGE.spec.status == "working-definition"
    assert STORAGE.version.endswith("-wd")


def test_a_sites_own_profile_takes_the_packages_place_and_is_judged_as_settings_are(tmp_path: Path) -> None:
    text = (LIBRARY / "hazchem/hazchem-storage.yaml").read_text(encoding="utf-8")
    (tmp_path / "own.yaml").write_text(text.replace("version: 1.0.0-wd", "version: 1.1.0"), encoding="utf-8")
    assert library([tmp_path])["hazchem-storage"].version == "1.1.0"
    (tmp_path / "own.yaml").write_text(text.replace("unit: MPa", "unit: MPA"), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"own.yaml:\d+:\d+: unit 'MPA' is not known; did you mean MPa"):
        library([tmp_path, tmp_path / "."])
