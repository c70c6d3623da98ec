from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from collector.cli.compliance import command
from profiles.wire.codec import decode, decoder, encode, manifest_hash
from profiles.wire.messages import Manifest, Point
from tests.collector.alarms.make import life
from tests.collector.compliance.bureau import END, HOUR, MINUTE, START, bureau, minutes, settings_file
from tests.collector.field import HAZARD, manifest

SITE = HAZARD[:9]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    with bureau(tmp_path) as town:
        town.enrol("G0001", "G0002")
        town.write("G0001", minutes(START, END + HOUR))
        town.write("G0002", minutes(START, END - 12 * HOUR))
        town.book.write([], life("A1", START, START + HOUR, site=SITE))
        town.book.act(1, "acknowledge", "li")
    return settings_file(tmp_path)


def call(file: Path, *words: str) -> Result:
    return CliRunner().invoke(command, [str(file), *words])


def test_each_row_is_a_day_a_region_a_site_and_a_profile(file: Path) -> None:
    answer = call(file, "--from", "2026-11-24", "--json")
    assert answer.exit_code == 0
    [row] = json.loads(answer.output)
    assert (row["day"], row["region"], row["site"], row["profile"]) == ("2026-11-24", "110110", SITE, "hazchem-storage")
    assert row["online_rate"] == pytest.approx((1440 + 722) / 2880)
    assert (row["valid_rate"], row["timely_rate"], row["clear_minutes"], row["alarms_open"]) == (1.0, None, 60.0, 1)


def test_rows_are_summed_by_what_is_asked_for(file: Path) -> None:
    answer = call(file, "--from", "2026-11-23", "--to", "2026-11-24", "--by", "region", "--csv")
    [row] = csv.DictReader(io.StringIO(answer.output))
    assert list(row)[:3] == ["region", "region_name", "online_rate"]
    assert (row["region"], row["points"], row["readings"], row["timely_rate"]) == ("110110", "4", "2160", "")
    assert call(file, "--from", "2026-11-20", "--csv", "--by", "site").output.count("\n") == 2, "silence counts"


def test_cities_and_provinces_sum_up_their_counties_and_have_names(file: Path) -> None:
    with bureau(file.parent) as town:
        for agent, code, region in (("b", "110108001", "110108"), ("c", "130102001", "130102")):
            made = decode(manifest("G0001"), decoder(Manifest))
            point = Point(profile="hazchem-storage", asset=code, quantity="YW", code=f"{code}YW001")
            site = replace(made.site, code=code, adcode=region)
            frame = encode(replace(made, site=site, tags={"G0001": replace(made.tags["G0001"], point=point)}))
            town.registry.put_manifest(agent, manifest_hash(frame), frame)
        town.measurer.note_due(0)
    names = "[{code: '110108', name: 海淀区}, {code: '130100', name: 石家庄市}]"
    file = settings_file(file.parent, regions=names)

    def rows(*axes: str) -> list[tuple[object, ...]]:
        words = [word for axis in axes for word in ("--by", axis)]
        found = json.loads(call(file, "--from", "2026-11-24", "--json", *words).output)
        keys = [key for axis in axes for key in (axis, f"{axis}_name")]
        return [tuple(row[key] for key in [*keys, "points"]) for row in found]

    assert rows("province") == [("110000", "北京市", 3), ("130000", "河北省", 1)]
    assert rows("city") == [("110100", "", 3), ("130100", "石家庄市", 1)]
    assert rows("region") == [("110108", "海淀区", 1), ("110110", "", 2), ("130102", "", 1)]
    assert rows("province", "region")[0] == ("110000", "北京市", "110108", "海淀区", 1)
    assert "石家庄市" in call(file, "--from", "2026-11-24", "--by", "city").output
    default = call(file, "--from", "2026-11-24", "--csv").output.splitlines()[0].split(",")
    assert default[:5] == ["day", "region", "region_name", "site", "profile"]


def test_industry_is_what_the_site_states_and_else_the_profile(file: Path) -> None:
    with bureau(file.parent) as town:
        for agent, code, industry in (("b", "110110002", "C26"), ("c", "110110003", "C26"), ("d", "110110004", "")):
            made = decode(manifest("G0001"), decoder(Manifest))
            point = Point(profile="hazchem-storage", asset=code, quantity="YW", code=f"{code}YW001")
            site = replace(made.site, code=code, industry=industry)
            frame = encode(replace(made, site=site, tags={"G0001": replace(made.tags["G0001"], point=point)}))
            town.registry.put_manifest(agent, manifest_hash(frame), frame)
        town.measurer.note_due(0)
    found = json.loads(call(file, "--from", "2026-11-24", "--by", "industry", "--json").output)
    assert [(row["industry"], row["points"]) for row in found] == [("C26", 2), ("hazchem-storage", 3)]


def test_gateways_that_were_off_line_are_shown_in_every_form(file: Path) -> None:
    """Heard until 8:00 and from 8:30 on, while the collector listened until 20:00: 25 min, and 4 h nobody knows of."""
    with bureau(file.parent) as town:
        for at in minutes(START, END - 4 * HOUR + MINUTE):
            town.registry.arrivals.gateways.heard("other", at)
            if not START + 8 * HOUR < at < START + 8 * HOUR + 30 * MINUTE:
                town.registry.arrivals.gateways.heard("plant-a", at)
    words = ("--from", "2026-11-24", "--by", "region")
    [row] = json.loads(call(file, *words, "--json").output)
    assert (row["gateways"], row["gateway_minutes"], row["unheard_minutes"]) == (1, 1200.0, 240.0)
    assert (row["gateway_offline_minutes"], row["gateway_offline_count"]) == (25.0, 1)
    [line] = csv.DictReader(io.StringIO(call(file, *words, "--csv").output))
    assert (line["gateway_offline_minutes"], line["gateway_offline_count"], line["late"]) == ("25.0", "1", "0")
    assert "gateway_offline min" in call(file, *words).output


def test_people_see_per_cent_that_are_not_rounded_up(file: Path) -> None:
    answer = call(file, "--from", "2026-11-24", "--by", "site")
    assert answer.output.splitlines()[1].split()[:6] == [SITE, "75.06", "%", "75.00", "%", "100.00"]


def test_wrong_days_and_a_collector_that_never_ran_are_said(file: Path, tmp_path: Path) -> None:
    assert "lies before" in call(file, "--from", "2026-11-24", "--to", "2026-11-23").output
    assert call(file, "--from", "yesterday").exit_code == 2
    assert call(file, "--csv", "--json").exit_code == 2
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "no collector has run" in call(settings_file(empty)).output
