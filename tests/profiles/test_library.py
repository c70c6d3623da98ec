"""The profiles: units, codes, and the judgement of a manifest tag by tag."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from config.errors import ConfigError
from profiles.judge import agent_parameters, judge, judge_site, lacking
from profiles.limits import effective
from profiles.load import LIBRARY, Library, Shelf, library
from profiles.stated import Stated
from profiles.units import UnitError, conversion, unit_fault
from profiles.wire.messages import Asset, Limits, Manifest, ManifestTag, Point, Site

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
    return [(name, ".".join(map(str, each.field)), each.severity) for name, some in found.items() for each in some]


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


def test_an_equipment_type_that_is_not_known_is_told_with_its_characters() -> None:
    asset = "110110001001Y9001"
    site = Site(code="110110001", name="x", adcode="110110")
    point = Point(profile="hazchem-storage", asset=asset, quantity="WD", code=f"{asset}WD001")
    tags = {"t": ManifestTag(type="number", device="d", unit="Cel", point=point)}
    [fault] = judge(Manifest(v=1, software="x", site=site, tags=tags, devices={}), library())["t"]
    assert fault.severity == "warning"
    assert f"{asset!r}: characters 13–14 'Y9': no equipment type known here; known are G0" in fault.message


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
    shelf = Shelf(())
    assert set(shelf.files) == {path.stem for path in LIBRARY.rglob("*.yaml")}
    for name in shelf.files:
        profile = shelf.loaded(name).settings
        assert profile.profile == name
        assert profile.spec.status == "seen" or profile.version.endswith("-wd")
        # that each entry has a status, and a source where it was seen, is the model's matter: see Stated
    with pytest.raises(ValidationError, match="what was seen names its source"):
        Stated(status="seen")
    with pytest.raises(ValidationError, match="expected seen: LABEL"):
        Stated(status="seen", source="x", stated={"status": "guessed"})


def test_a_sites_own_profile_takes_the_packages_place_and_is_judged_as_settings_are(tmp_path: Path) -> None:
    text = (LIBRARY / "hazchem/hazchem-storage.yaml").read_text(encoding="utf-8")
    (tmp_path / "own.yaml").write_text(text.replace("version: 1.0.0-wd", "version: 1.1.0"), encoding="utf-8")
    assert library([tmp_path])["hazchem-storage"].version == "1.1.0"
    (tmp_path / "own.yaml").write_text(f"{text}quantities: {{YL: {{unit: MPA}}}}", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"own.yaml:\d+:\d+: unit 'MPA' is not known; did you mean MPa"):
        library([tmp_path, tmp_path / "."])


OWN = """
profile: own
version: 0.1.0-wd
extends: hazchem-base
spec: {zh: 自定, en: own, status: working-definition}
codes: {hazard: null, asset: {within: enterprise}}
assets: {G0: {zh: 储罐, en: tank, required: [YW], status: working-definition}}
quantities: {WD: {range: [-50, 100], decimals: 2}, ZS: null}
"""


def test_a_profile_extends_another_key_by_key_and_null_removes(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(OWN, encoding="utf-8")
    own = library([tmp_path])["own"]
    base = STORAGE.quantities
    assert "hazard" not in own.codes
    assert own.codes["point"] == STORAGE.codes["point"]
    assert (own.quantities["WD"].range, own.quantities["WD"].decimals, own.quantities["WD"].zh) == (
        (-50, 100),
        2,
        "温度",
    )
    assert list(own.quantities) == [name for name in base if name != "ZS"]
    assert (own.abstract, own.version, "hazchem-base" in library([tmp_path])) == (False, "0.1.0-wd", False)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("range: [-50, 100]", "range: [100, -50]"), r"own.yaml:8:26: the lower end must be below the upper"),
        (("extends: hazchem-base", "extends: hazchem-bass"), r"own.yaml:4:10: there is no profile 'hazchem-bass'"),
        (
            ("extends: hazchem-base", "extends: own"),
            r"own.yaml:4:10: profiles extend each other in a circle: own → own",
        ),
        (("ZS: null", "ZS: {unit: rpm}"), r"own.yaml:8:\d+: unit 'rpm' is not known; did you mean r/min"),
        (("required: [YW]", "required: [ZS]"), r"own.yaml:7:44: 'ZS' is none of the profile's quantities"),
    ],
)
def test_a_mistake_is_told_in_the_file_where_it_stands(tmp_path: Path, change: tuple[str, str], expected: str) -> None:
    (tmp_path / "own.yaml").write_text(OWN.replace(*change), encoding="utf-8")
    with pytest.raises(ConfigError, match=expected):
        library([tmp_path])


def test_a_field_that_is_otherwise_known_than_its_entry_says_so() -> None:
    times = STORAGE.time
    assert times is not None
    assert (times.known_from("format"), times.known_from("zone")) == (("seen", "nova"), ("working-definition", ""))


LIMITED = """
profile: limited
version: 0.1.0-wd
extends: hazchem-base
spec: {zh: 自定, en: own, status: working-definition}
assets:
  C0: {zh: 仓库, en: store, optional: [WD, CL], attributes: [licensed_t], status: working-definition,
       defaults: {CL: {H: {attribute: licensed_t, times: 0.9}, HH: {attribute: licensed_t}}, WD: {H: 35, HH: 40}}}
classes:
  goods:
    zh: 品名
    en: goods
    assets: [C0]
    values:
      nitrate:
        {zh: 硝酸铵, en: ammonium nitrate, required: [CL], defaults: {WD: {H: 32, HH: 37}}, status: working-definition}
quantities: {YL: {defaults: {L: {of: H, times: 0.5}}}}
"""
STORE = "110110001001C0001"


@pytest.fixture
def limited(tmp_path: Path) -> Library:
    (tmp_path / "limited.yaml").write_text(LIMITED, encoding="utf-8")
    return library([tmp_path])


def hold(limited: Library, quantity: str, unit: str, stated: Limits | None = None, **facts: str) -> Limits | None:
    point = Point(profile="limited", asset=STORE, quantity=quantity, code="x", attributes=facts)
    converted = conversion(unit, limited["limited"].quantities[quantity].unit)
    return effective(stated, point, limited["limited"], {}, converted)


def test_a_profiles_limits_hold_where_the_site_states_none_the_particular_before_the_general(limited: Library) -> None:
    assert hold(limited, "WD", "Cel") == Limits(H=35.0, HH=40.0)
    assert hold(limited, "WD", "Cel", goods="nitrate") == Limits(H=32.0, HH=37.0)
    assert hold(limited, "WD", "[degF]") == Limits(H=95.0, HH=104.0)
    assert hold(limited, "WD", "Cel", Limits(H=20.0)) == Limits(H=20.0)
    assert hold(limited, "CL", "kg", licensed_t="50") == Limits(H=45_000.0, HH=50_000.0)
    assert hold(limited, "CL", "t") is None
    assert hold(limited, "YL", "kPa", Limits(H=800.0)) == Limits(H=800.0, L=400.0)


def test_what_equipment_lacks_or_does_not_state_is_a_warning(limited: Library) -> None:
    point = Point(profile="limited", asset=STORE, quantity="WD", code=f"{STORE}WD001", attributes={"licensed_t": "5"})
    tags = {"t": ManifestTag(type="number", device="d", unit="Cel", point=point)}
    site = Site(code="110110001", name="x", adcode="110110")
    manifest = Manifest(v=1, software="x", site=site, tags=tags, devices={})
    assert [each.message for each in judge(manifest, limited)["t"]] == [
        f"store (仓库) {STORE!r} should state its goods (品名): assets: {{CODE: {{attributes: {{goods: …}}}}}}"
    ]
    assets = {STORE: Asset(attributes={"goods": "nitrate"})}
    manifest = Manifest(v=1, software="x", site=site, tags=tags, devices={}, assets=assets)
    assert judge(manifest, limited) == {}
    [fault] = lacking(manifest, limited)[STORE]
    assert "lacks CL" in fault.message
    assets = {STORE: Asset(attributes={"goods": "sugar"})}
    [fault] = judge(Manifest(v=1, software="x", site=site, tags=tags, devices={}, assets=assets), limited)["t"]
    assert (fault.severity, fault.message) == ("error", "goods 'sugar' is not known; expected one of nitrate (硝酸铵)")


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("assets: [T0], columns: {A: {required: true}}", r"own.yaml:9:\d+: 'T0' is none of the profile's assets"),
        ("quantities: [WX], columns: {A: {required: true}}", r"own.yaml:9:\d+: 'WX' is none of the profile's quantit"),
        ("columns: {A: {holds: site}}", r"own.yaml:9:\d+: no column is required"),
        ("columns: {A: {holds: sites}}", r"own.yaml:9:\d+: .*'site'"),
        ("columns: {}", r"own.yaml:9:\d+: .*expected at least one entry"),
    ],
)
def test_what_is_wrong_with_a_static_table_is_told_at_its_line(tmp_path: Path, table: str, expected: str) -> None:
    made = table.replace("A: {", "A: {zh: 甲, en: a, status: working-definition, ")
    text = f"""profile: own
version: 1.0.0-wd
extends: family-s
spec: {{zh: 自, en: own, status: working-definition}}
assets: {{G0: {{zh: 罐, en: tank, status: working-definition}}}}
quantities: {{}}
report:
  tables:
    mine: {{zh: 表, en: table, of: asset, status: working-definition, {made}}}
"""
    (tmp_path / "own.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=expected):
        library([tmp_path])


def test_the_accumulated_values_of_mines_never_fall() -> None:
    falls = {
        (name, word) for name in ("coal-safety", "mine-underground")
        for word, quantity in library()[name].quantities.items() if quantity.accumulates
    }  # fmt: skip
    assert falls == {("coal-safety", f"300{at}") for at in range(1, 6)} | {
        ("mine-underground", "PS3003"), ("mine-underground", "DN"),
    }  # fmt: skip
    point = Point(profile="coal-safety", asset="x", quantity="3002", code="x")
    tag = ManifestTag(type="number", device="d", unit="m3", point=point)
    assert agent_parameters(tag, library()).accumulates
