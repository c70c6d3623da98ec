"""Static tables of family S: what the manifest and the site state, row by row, and nothing that nobody stated."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from collector.directory import Place
from collector.duty.records import Record
from collector.platform import static_tables as platform
from collector.reports.ciphers import Plain
from collector.reports.encoders.base import Draft, Gateway
from collector.reports.encoders.chemical import ChemicalEncoder
from collector.reports.encoders.static_tables import lacking
from collector.reports.frames import FrameA, framed
from collector.reports.settings import target_faults, target_model
from profiles.limits import attributes
from profiles.load import library
from profiles.wire.messages import Asset, Limits, Manifest, ManifestTag, Point, Site
from tests.profiles.made import manifest

HAZARD = "110110001001"
SITE = Site(
    code="110110001", name="示例化工", adcode="110110", gateway="11011000101", credit_code="91350100M000100Y43",
    lon=116.6123, lat=39.9012, facts={"ADDRESS": "化工路1号", "GATEWAY_MODEL": "EG-1"},
)  # fmt: skip
ASSETS = {
    HAZARD: Asset(name="罐区", attributes={"HAZARD_RANK": "2"}, lon=116.6, lat=39.9),
    f"{HAZARD}G0001": Asset(
        name="1#罐", attributes={"EQUIP_NO": "V-101", "MEDIUM": "液氨", "cas": "7664-41-7"}, lon=116.5, lat=39.8
    ),
    f"{HAZARD}Q0004": Asset(name="氨检测仪", attributes={"PRODCELL_TYPE": "HEV01"}),
}  # fmt: skip
GATEWAY = Gateway(library()["hazchem-storage"], SITE.code, SITE.gateway, SITE.name)
NOW = 1_795_438_740_000


def tag(asset: str, quantity: str, unit: str, **more: Any) -> ManifestTag:
    code = f"{HAZARD}{asset}{quantity}001"
    facts = more.pop("attributes", {})
    point = Point(
        profile="hazchem-storage", asset=HAZARD + asset, quantity=quantity, code=code, attributes=facts
    )  # fmt: skip
    return ManifestTag(type="number", device="d", unit=unit, point=point, **more)


def places(tags: dict[str, ManifestTag], site: Site = SITE, assets: dict[str, Asset] = ASSETS) -> list[Place]:
    made = Manifest(v=1, software="x", site=site, tags=tags, devices={}, assets=assets)
    found = []
    for name, spec in tags.items():
        assert spec.point is not None
        asset = assets.get(spec.point.asset, Asset())
        found.append(Place("a", name, spec, spec.point, asset, site, made, attributes(spec.point, assets)))
    return found


LEVEL = tag("G0001", "YW", "mm", label="1#罐液位", range=(0.0, 12000.0), limits=Limits(HH=11500.0, H=10000.0, L=1000.0))
GAS = tag("Q0004", "YD", "mg/m3", label="氨浓度", attributes={"cas": "7664-41-7"}, limits=Limits(H=20.0, HH=40.0))


def tables(found: list[Place], gateway: Gateway = GATEWAY) -> dict[str, list[dict[str, str]]]:
    """The rows by table; each body is one that the platform takes."""
    made: dict[str, list[dict[str, str]]] = {}
    for draft in ChemicalEncoder.definitions(gateway, NOW, found):
        body = json.loads(draft.body)
        assert list(platform.faults(draft.path, body)) == []
        made.setdefault(draft.path, []).extend(body)
    return made


def test_a_sensor_has_its_columns_as_they_were_seen_in_the_profiles_unit() -> None:
    assert tables(places({"T101.LEVEL": LEVEL}))["WC_ENT_CGQ"] == [
        {"TARGET_CODE": f"{HAZARD}G0001YW001", "TARGET_NAME": "1#罐液位", "EQUIP_CODE": f"{HAZARD}G0001",
         "PRODCELL_TYPE": "HEV01", "EQUIP_NAME": "1#罐", "EQUIP_NO": "V-101", "EQUIP_TYPE": "G0",
         "GATEWAY_CODE": "11011000101", "UNIT": "m", "LOW_VALUE_02": "1.000", "TOP_VALUE_01": "10.000",
         "TOP_VALUE_02": "11.500", "LOW_VALUE": "0", "TOP_VALUE": "12", "BIT_NO": "T101.LEVEL",
         "LONGITUDE": "116.500000", "LATITUDE": "39.800000", "IS_ACTIVE": "1"}
    ]  # fmt: skip


STOP = Record(id=1, kind="stop", site=SITE.code, asset=f"{HAZARD}Q0004", point="", begin=0, end=None,
              reason="探头送检", by="李工", noted=NOW)  # fmt: skip


def test_a_point_that_the_bureau_has_as_stopped_says_so_with_why_who_and_when_whatever_the_site_says() -> None:
    stated = tag("Q0004", "YD", "mg/m3", label="氨浓度", attributes={"cas": "7664-41-7", "IS_USE": "0"})
    stopped = replace(GATEWAY, stops={f"{HAZARD}Q0004YD001": STOP})
    made = tables(places({"gas": stated}), stopped)
    [gas], [sensor] = made["WC_ENT_LEAKPOINT"], made["WC_ENT_CGQ"]
    assert (gas["IS_USE"], sensor["IS_USE"]) == ("1", "1")
    told = (gas["STOP_REMARK"], gas["STOP_PSN"], gas["STOP_TIME"])
    assert told == ("探头送检", "李工", "2026-11-23 20:59:00"), "in the profile's zone"
    assert "STOP_REMARK" not in sensor, "that table has no such column"


def test_a_site_may_say_itself_that_a_point_is_stopped_where_the_bureau_has_no_record() -> None:
    own = {"IS_USE": "1", "STOP_REMARK": "x", "STOP_PSN": "y", "STOP_TIME": "2026-11-23 20:00:00"}
    stated = tag("Q0004", "YD", "mg/m3", label="氨浓度", attributes={"cas": "7664-41-7"} | own)
    [gas] = tables(places({"gas": stated}))["WC_ENT_LEAKPOINT"]
    assert own.items() <= gas.items()
    [gas] = tables(places({"gas": GAS}))["WC_ENT_LEAKPOINT"]
    assert not {"IS_USE", "STOP_REMARK", "STOP_PSN", "STOP_TIME"} & gas.keys()


def test_a_point_that_was_stopped_and_is_no_more_says_that_it_is_in_use() -> None:
    resumed = replace(GATEWAY, stops={f"{HAZARD}Q0004YD001": None})
    [gas] = tables(places({"gas": GAS}), resumed)["WC_ENT_LEAKPOINT"]
    assert gas["IS_USE"] == "0"
    assert not {"STOP_REMARK", "STOP_PSN", "STOP_TIME"} & gas.keys()


def test_each_table_has_a_row_for_each_of_its_subjects_from_site_manifest_and_facts() -> None:
    made = tables(places({"level": LEVEL, "more": tag("G0001", "WD", "Cel"), "gas": GAS}))
    assert {name: len(rows) for name, rows in made.items()} == {
        "enterprise": 1, "gateway": 1, "hazard": 1, "equipment": 2, "WC_ENT_CGQ": 3, "WC_ENT_LEAKPOINT": 1,
        "WC_ENT_SBJZ": 1,
    }  # fmt: skip
    assert made["enterprise"] == [
        {"COMPANY_CODE": "110110001", "COMPANY_NAME": "示例化工", "CREDIT_CODE": "91350100M000100Y43",
         "AREA_CODE": "110110", "ADDRESS": "化工路1号", "LONGITUDE": "116.612300", "LATITUDE": "39.901200"}
    ]  # fmt: skip
    assert made["gateway"] == [
        {"GATEWAY_CODE": "11011000101", "GATEWAY_MODEL": "EG-1", "COMPANY_CODE": "110110001"}
    ]  # fmt: skip
    assert made["hazard"] == [
        {"HAZARD_CODE": HAZARD, "COMPANY_CODE": "110110001", "HAZARD_NAME": "罐区", "HAZARD_RANK": "2",
         "AREA_CODE": "110110", "GATEWAY_CODE": "11011000101", "LONGITUDE": "116.600000", "LATITUDE": "39.900000"}
    ]  # fmt: skip
    assert [row["PRODCELL_TYPE"] for row in made["equipment"]] == ["HEV01", "HEV01"]  # by its kind; as it is stated
    [gas] = made["WC_ENT_LEAKPOINT"]
    assert (gas["MONITOR_TYPE"], gas["MONITOR_CASCODE"], gas["HAZARD_CODE"]) == ("有毒气体", "7664-41-7", HAZARD)
    [medium] = made["WC_ENT_SBJZ"]  # of tanks and stores alone
    assert (medium["EQUIP_CODE"], medium["MEDIUM"], medium["CAS"]) == (f"{HAZARD}G0001", "液氨", "7664-41-7")


def test_a_row_that_lacks_what_is_required_is_not_sent_and_what_to_state_is_said() -> None:
    bare = msgspec.structs.replace(SITE, credit_code="", gateway="")
    found = places({"level": LEVEL, "gas": tag("Q0004", "KR", "%LEL")}, bare, {})
    assert tables(found) == {}
    told = "\n".join(lacking(GATEWAY, found))
    for sentence in (
        "static table enterprise has no row for 110110001: CREDIT_CODE not known; state in the settings of agent a"
        " site: {credit_code: …}",
        f'hazard has no row for {HAZARD}: HAZARD_NAME, HAZARD_RANK, GATEWAY_CODE not known; state in the settings of'
        f' agent a assets: {{"{HAZARD}": {{name: …}}}}; assets: {{"{HAZARD}": {{attributes: {{HAZARD_RANK: …}}}}}};'
        " site: {gateway: …}",
        f'WC_ENT_CGQ has no row for {HAZARD}G0001YW001: EQUIP_NAME, GATEWAY_CODE not known; state in the settings of'
        f' agent a assets: {{"{HAZARD}G0001": {{name: …}}}}; site: {{gateway: …}}',
        f"WC_ENT_LEAKPOINT has no row for {HAZARD}Q0004KR001: MONITOR_CASCODE not known; state in the settings of"
        " agent a attributes: {cas: …} of the point",
    ):  # fmt: skip
        assert sentence in told


def test_one_row_that_lacks_something_keeps_back_no_other() -> None:
    nameless = tag("G0002", "YW", "m")
    found = places({"level": LEVEL, "other": nameless})
    assert [row["BIT_NO"] for row in tables(found)["WC_ENT_CGQ"]] == ["level"]
    about = [text.partition(":")[0] for text in lacking(GATEWAY, found)]
    assert f"static table WC_ENT_CGQ has no row for {HAZARD}G0002YW001" in about


def test_only_tables_that_the_platform_takes_are_made_and_asked_for() -> None:
    gateway = replace(GATEWAY, tables=frozenset({"WC_ENT_CGQ"}))
    found = places({"level": LEVEL, "gas": tag("Q0004", "KR", "%LEL")})
    assert set(tables(found, gateway)) == {"WC_ENT_CGQ"}
    assert list(lacking(gateway, found)) == []
    assert ChemicalEncoder.definitions(replace(GATEWAY, tables=frozenset()), NOW, found) == []


def drafts(now: int, count: int = 1) -> list[Draft]:
    assets = {f"{HAZARD}G{number:04}": Asset(name=f"{number}#罐") for number in range(count)}
    found = places({f"t{number}": tag(f"G{number:04}", "YW", "m") for number in range(count)}, assets=assets)
    return ChemicalEncoder.definitions(replace(GATEWAY, tables=frozenset({"WC_ENT_CGQ"})), now, found)


def test_the_same_said_at_another_moment_is_another_packet_with_the_same_bytes() -> None:
    [first], [again], [later] = drafts(NOW), drafts(NOW), drafts(NOW + 86_400_000)
    assert first == again
    assert (first.body, first.kind) == (later.body, "static")
    assert first.id != later.id


def test_a_long_table_comes_in_frames_that_are_not_too_large() -> None:
    made = drafts(NOW, 100)
    assert sum(len(json.loads(draft.body)) for draft in made) == 100
    assert all(len(draft.body) * 2 <= 8 * 2**10 for draft in made)
    assert len({draft.id for draft in made}) == len(made)


def test_the_frame_names_the_tables_own_interface_and_the_packet() -> None:
    frame = FrameA(type="app", app_id="a", service_id="live", static_ids={"WC_ENT_CGQ": "20011"})
    [draft] = drafts(NOW)
    outer = json.loads(framed(draft.body, frame, Plain(), identity=draft.id, table=draft.path))
    assert (outer["serviceId"], outer["dataId"]) == ("20011", draft.id)
    assert json.loads(outer["data"]) == json.loads(draft.body)


def test_a_table_that_no_profile_of_the_target_has_is_a_fault_at_its_place() -> None:
    chosen = {
        "name": "city", "profiles": ["fireworks"], "transport": {"type": "tcp", "host": "x", "port": 1},
        "frame": {"type": "app", "app_id": "a", "service_id": "s",
                  "static_ids": {"WC_ENT_SBJZ": "1", "WC_ENT_CGQ": "2"}},
    }  # fmt: skip
    [fault] = target_faults((target_model().model_validate(chosen),), library())
    assert fault.path == ("reports", 0, "frame", "static_ids", "WC_ENT_SBJZ")
    assert "known: enterprise, gateway, equipment, WC_ENT_CGQ" in fault.message


SHELF = [(name, kind) for name in library() if "S" in library()[name].families() for kind in library()[name].assets]


@pytest.mark.parametrize(("name", "kind"), SHELF)
def test_what_every_profile_of_the_family_makes_of_a_site_the_platform_takes(name: str, kind: str) -> None:
    made = manifest(library()[name], kind)
    site = msgspec.structs.replace(SITE, code=made.site.code, gateway=made.site.gateway)
    facts = {"MEDIUM": "液氨", "cas": "7664-41-7"}
    assets = {
        code: msgspec.structs.replace(asset, name="设备", attributes=asset.attributes | facts)
        for code, asset in made.assets.items()
    }
    [asset] = assets
    assets[asset[:12]] = Asset(name="区", attributes={"HAZARD_RANK": "4"})
    gateway = Gateway(library()[name], site.code, site.gateway, site.name)
    tags = {each: msgspec.structs.replace(spec, limits=None) for each, spec in made.tags.items()}
    found = places(tags, site, assets)
    taken = tables(found, gateway)
    assert list(lacking(gateway, found)) == []
    assert len(taken["WC_ENT_CGQ"]) == len(made.tags)
    assert set(taken) <= set(platform.TABLES)
