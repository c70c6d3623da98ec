"""The pages of docs/profiles are what the profiles say."""

from __future__ import annotations

from profiles import pages
from profiles.load import library


def test_the_committed_pages_are_what_the_profiles_say() -> None:
    assert pages.stale() == []


def test_a_page_says_of_each_entry_where_it_is_known_from_in_both_languages() -> None:
    profile = library()["hazchem-storage"]
    english, chinese = pages.page(profile, "en"), pages.page(profile, "zh")
    assert (
        "| G0 | 储罐 | storage tank | YW, WD |  | YL, FL, CL, KG | working definition; zh: seen: test110 |" in english
    )
    assert (
        "| 630-08-0 | 一氧化碳 | carbon monoxide | 28.01 | 20 | 40 | 12.5 | seen: gb50493;"
        " molar_mass: common knowledge; lel: seen: lel-matheson |" in english
    )
    assert "| 格式 | %Y%m%d%H%M%S | 有据: nova |" in chinese
    assert "| 中文名 | 危险化学品" in chinese
    assert "| MPa 兆帕 | kPa 千帕, Pa 帕, hPa 百帕, bar 巴, mbar 毫巴, [psi] 磅每平方英寸 |" in chinese
    assert "| `%LEL` | 爆炸下限百分比 | percent of the lower explosive limit |" in pages.units_page()
    for name in profile.quantities:
        assert f"\n| {name} | " in english
        assert f"\n| {name} | " in chinese


def test_every_table_of_every_profile_says_where_it_is_known_from() -> None:
    for profile in library().values():
        for table in pages.tables(profile):
            if table.path:  # the first one names the profile
                assert table.columns[-1] == "known from", table.path
                assert all(row[-1] for row in table.rows), table.path


def test_of_a_quantity_that_is_not_reported_the_page_says_that_it_is_only_stored() -> None:
    tailings = library()["tailings"]
    for page, words in (
        (pages.page(tailings, "en"), "no: only stored"), (pages.page(tailings, "zh"), "否：仅存储"),
    ):  # fmt: skip
        [row] = [line for line in page.splitlines() if line.startswith("| SP |")]
        assert f"| {words} |" in row
