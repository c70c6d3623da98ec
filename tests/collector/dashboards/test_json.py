"""What is exported is what Grafana's documented schema asks for: the SDK itself checks little of it."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from grafana_foundation_sdk.models import units

from collector.cli.main import main
from collector.dashboards.boards import MODULES
from collector.dashboards.provisioning import Store, files
from profiles.load import library

COLUMNS = 24
FILES = files(library(), Store("1", "http://127.0.0.1:8086", "gateway"), Path("/etc/grafana/provisioning"))
BOARDS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(text) for path, text in FILES.items() if path.suffix == ".json"
}
UIDS = {
    "map": "edge-map", "hazchem": "edge-hazchem", "tank": "edge-tank", "tailings": "edge-tailings",
    "mines": "edge-mines", "seal": "edge-seal", "alarms": "edge-alarms", "compliance": "edge-compliance",
    "gateways": "edge-gateways",
}  # fmt: skip
"""As they were first exported: bookmarks and links hold them."""
UNITS = {value for name, value in vars(units).items() if name[0].isupper()}
"""Those that Grafana knows; any other is written behind the number."""
HAN = re.compile(r"[\u4e00-\u9fff]")
KINDS = {"stat", "timeseries", "table", "state-timeline", "geomap", "row"}


def panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The panels that ask for something."""
    return (panel for panel in board["panels"] if panel["type"] != "row")


def named(found: object, key: str) -> Iterator[Any]:
    """All values of a key, however deep."""
    if isinstance(found, dict):
        yield from (value for name, value in found.items() if name == key)
        for value in found.values():
            yield from named(value, key)
    elif isinstance(found, list):
        for value in found:
            yield from named(value, key)


def test_the_uids_never_change() -> None:
    assert {name: board["uid"] for name, board in BOARDS.items()} == UIDS
    assert set(MODULES) == set(UIDS)


@pytest.mark.parametrize("name", UIDS)
def test_every_panel_has_an_id_and_a_place_of_its_own_within_24_columns(name: str) -> None:
    found = BOARDS[name]["panels"]
    assert sorted(panel["id"] for panel in found) == list(range(1, len(found) + 1))
    taken: dict[tuple[int, int], int] = {}
    for panel in found:
        at = panel["gridPos"]
        assert at["x"] >= 0
        assert at["w"] > 0
        assert at["x"] + at["w"] <= COLUMNS
        for cell in itertools.product(range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])):
            assert cell not in taken, (panel["id"], taken[cell])
            taken[cell] = panel["id"]


@pytest.mark.parametrize("name", UIDS)
def test_every_panel_says_its_title_in_both_languages_its_unit_its_decimals_and_its_thresholds(name: str) -> None:
    for panel in panels(BOARDS[name]):
        title, defaults = panel["title"], panel["fieldConfig"]["defaults"]
        assert HAN.search(title), title
        assert re.search("[A-Za-z]{2}", title), title
        assert panel["type"] in KINDS
        assert panel["options"]
        assert is_unit(defaults["unit"]), (title, defaults["unit"])
        assert 0 <= defaults["decimals"] <= 6
        found = defaults["thresholds"]
        assert found["mode"] == "absolute"
        first, *others = (step["value"] for step in found["steps"])
        assert first is None
        assert others == sorted(others)
    for unit in [*named(BOARDS[name], "unit"), *overridden(BOARDS[name], "unit")]:
        assert is_unit(unit), unit
    for decimals in overridden(BOARDS[name], "decimals"):
        assert 0 <= decimals <= 6
    for found in overridden(BOARDS[name], "thresholds"):
        first, *others = (step["value"] for step in found["steps"])
        assert first is None
        assert others == sorted(others)


def is_unit(text: str) -> bool:
    return text in UNITS or re.fullmatch("suffix: .+", text) is not None


def overridden(board: dict[str, Any], setting: str) -> list[Any]:
    """What single columns have instead of their panel's."""
    properties = itertools.chain.from_iterable(named(board, "properties"))
    return [each["value"] for each in properties if each["id"] == setting]


@pytest.mark.parametrize("name", UIDS)
def test_every_query_has_a_name_of_its_own_and_asks_our_source_in_influxql(name: str) -> None:
    for panel in panels(BOARDS[name]):
        targets = panel["targets"]
        assert len({target["refId"] for target in targets}) == len(targets) > 0
        for target in targets:
            assert target["datasource"] == {"type": "influxdb", "uid": "edge-influxdb"}
            assert target["rawQuery"] is True
            assert target["query"].startswith("SELECT ")
            wanted = (
                "table"
                if panel["type"] in ("table", "geomap") or (target["refId"] == "B" and limits(panel))
                else "time_series"
            )
            assert target["resultFormat"] == wanted, panel["title"]
        assert panel["datasource"] == {"type": "influxdb", "uid": "edge-influxdb"}


def limits(panel: dict[str, Any]) -> list[dict[str, Any]]:
    """How limits that are asked for become thresholds."""
    found = [each["options"] for each in panel.get("transformations", []) if each["id"] == "configFromData"]
    return [mapping for each in found for mapping in each["mappings"]]


@pytest.mark.parametrize("name", ["hazchem", "tank", "tailings", "mines"])
def test_the_limits_of_points_are_drawn_rising_above_a_ground_that_is_no_limit(name: str) -> None:
    drawn = 0
    for panel in panels(BOARDS[name]):
        if not (mappings := limits(panel)):
            continue
        drawn += 1
        assert [each["handlerKey"] for each in mappings] == ["threshold1"] * len(mappings)
        columns = re.findall(r' AS "([^"]+)"', panel["targets"][1]["query"].partition(" FROM ")[0])
        assert [each["fieldName"] for each in mappings] == columns
        assert columns[0] == "base"
        assert panel["fieldConfig"]["defaults"]["custom"]["thresholdsStyle"] == {"mode": "dashed"}
        [options] = [each["options"] for each in panel["transformations"] if each["id"] == "configFromData"]
        assert (options["configRefId"], options["applyTo"]) == ("B", {"id": "byFrameRefID", "options": "A"})
    assert drawn > 3


@pytest.mark.parametrize("name", UIDS)
def test_every_link_leads_to_a_dashboard_that_is_there_with_variables_that_it_has(name: str) -> None:
    board = BOARDS[name]
    urls = [url for url in named(board, "url") if isinstance(url, str)]
    assert len(urls) > 1
    for url in urls:
        found = re.fullmatch(r"/d/(?P<uid>[a-z-]+)(\?(?P<rest>.*))?", url)
        assert found, url
        [target] = [each for each in BOARDS.values() if each["uid"] == found["uid"]]
        assert target is not board
        known = {each["name"] for each in target["templating"]["list"]}
        assert set(re.findall(r"var-(\w+)=", found["rest"] or "")) <= known, url
    assert {link["includeVars"] for link in board["links"]} == {True}


def test_one_comes_from_the_map_to_every_dashboard() -> None:
    by_uid = {board["uid"]: board for board in BOARDS.values()}
    reached, waiting = set(), ["edge-map"]
    while waiting:
        uid = waiting.pop()
        reached.add(uid)
        found = {link["url"].removeprefix("/d/") for link in by_uid[uid]["links"]}
        waiting += found - reached
    assert reached == set(UIDS.values())


@pytest.mark.parametrize("name", UIDS)
def test_variables_go_from_region_to_site_and_deeper_and_each_asks_within_those_before(name: str) -> None:
    listed = BOARDS[name]["templating"]["list"]
    names = [each["name"] for each in listed]
    assert names[:2] == ["region", "site"]
    for at, each in enumerate(listed):
        assert re.findall(r"\$\{(\w+):regex\}", each["query"]) == names[:at]
        assert HAN.search(each["label"])
        if each["includeAll"]:
            narrow = each["name"] == "site" and name in ("hazchem", "tank", "tailings", "mines", "seal")
            assert (each.get("allValue"), each["multi"]) == (None if narrow else ".*", True)
    used = set(re.findall(r"\$\{(\w+):regex\}", " ".join(named(BOARDS[name]["panels"], "query"))))
    assert used <= set(names)


@pytest.mark.parametrize("name", sorted(UIDS.keys() - {"compliance"}))
def test_alarms_and_link_losses_are_marked(name: str) -> None:
    marks = BOARDS[name]["annotations"]["list"]
    assert [HAN.search(each["name"]) is not None for each in marks] == [True, True]
    for each in marks:
        assert each["target"]["query"] == each["query"]
        assert (each["textColumn"], each["tagsColumn"]) == ("text", "level")
        assert each["datasource"]["uid"] == "edge-influxdb"


def test_the_columns_of_tables_that_are_named_are_asked_for() -> None:
    for board in BOARDS.values():
        for panel in panels(board):
            if panel["type"] != "table":
                continue
            [target] = panel["targets"]
            wanted = {each["matcher"]["options"] for each in panel["fieldConfig"]["overrides"]} - {"Time"}
            asked = set(re.findall(r'"([^"]+)"', target["query"]))
            assert wanted <= asked, (board["uid"], panel["title"], wanted - asked)


def test_rules_ask_reduce_and_compare_and_an_error_is_told() -> None:
    [group] = yaml.safe_load(FILES[Path("alerting/edge-gateway.yaml")])["groups"]
    assert len({rule["uid"] for rule in group["rules"]}) == len(group["rules"]) > 5
    for rule in group["rules"]:
        assert [each["refId"] for each in rule["data"]] == ["A", "B", "C"]
        assert rule["condition"] == "C"
        assert rule["execErrState"] == "Error"
        assert rule["annotations"]["dashboard"].removeprefix("/d/") in UIDS.values()
        assert HAN.search(rule["title"])
    for text in (FILES[Path("alerting/edge-gateway.yaml")], FILES[Path("dashboards/edge-gateway.yaml")]):
        assert "$" not in text, "Grafana fills variables of its environment in"


@pytest.mark.parametrize("version", ["1", "2", "3"])
def test_the_folder_is_written_and_no_secret_stands_in_it(tmp_path: Path, version: str) -> None:
    settings = tmp_path / "collector.yaml"
    (tmp_path / "secrets").mkdir()
    key = tmp_path / "secrets" / "t"
    key.write_text("c4n4ry")
    key.chmod(0o600)
    sink = {
        "1": "{type: influxdb, url: http://store:8086, api: v1, database: bureau}",
        "2": "{type: influxdb, url: http://store:8086, api: v2, org: o, bucket: b, database: bureau, token: !secret t}",
        "3": "{type: influxdb, url: http://store:8181, api: v2, org: o, bucket: bureau, token: !secret t}",
    }[version]
    settings.write_text(f"collector: c\nstate: state\nmqtt: {{host: 127.0.0.1}}\nsinks: [{sink}]\n")
    folder = tmp_path / "grafana"
    words = ["grafana", "export", str(folder), "--influx-version", version, "--settings", str(settings)]
    for _twice in range(2):
        result = CliRunner().invoke(main, words)
        assert result.exit_code == 0, result.output
    assert "9 dashboards" in result.output
    written = {path.relative_to(folder): path.read_text() for path in folder.rglob("*") if path.is_file()}
    assert written.keys() == FILES.keys()
    assert not any("c4n4ry" in text for text in written.values())
    [source] = yaml.safe_load(written[Path("datasources/edge-gateway.yaml")])["datasources"]
    assert (source["uid"], source["jsonData"]["dbName"], source["jsonData"]["version"]) == (
        "edge-influxdb", "bureau", "InfluxQL",
    )  # fmt: skip
    assert source["url"].startswith("http://store:")
    secret = source["secureJsonData"]
    assert secret == (
        {"password": "$EDGE_INFLUX_PASSWORD"} if version == "1" else {"httpHeaderValue1": "Token $EDGE_INFLUX_TOKEN"}
    )


def test_settings_without_an_influxdb_are_told_what_is_missing(tmp_path: Path) -> None:
    settings = tmp_path / "collector.yaml"
    settings.write_text("collector: c\nstate: s\nmqtt: {host: 127.0.0.1}\nsinks: [{type: sqlite, path: a.db}]\n")
    words = ["grafana", "export", str(tmp_path / "g"), "--influx-version", "1", "--settings", str(settings)]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 1
    assert "has no sink of type influxdb; say --url and --database" in result.output
    blocked = tmp_path / "file"
    blocked.write_text("")
    result = CliRunner().invoke(main, ["grafana", "export", str(blocked / "g"), "--influx-version", "1"])
    assert result.exit_code == 1
    assert "cannot be written" in result.output
