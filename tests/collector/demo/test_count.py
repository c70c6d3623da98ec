"""The account says exactly what is missing and what is there twice; it cannot be made to agree by accident."""

from __future__ import annotations

from collector.demo.count import by_tag, compare


def test_the_same_values_agree_in_any_order() -> None:
    account = compare([("a", 1.5), ("b", True), ("a", 2)], [("a", 2.0), ("b", True), ("a", 1.5)])
    assert account.proven
    assert (account.produced, account.stored, account.missing, account.duplicates) == (3, 3, 0, 0)


def test_a_repeat_does_not_make_up_for_a_missing_value() -> None:
    account = compare([("a", 1.0), ("a", 2.0)], [("a", 1.0), ("a", 1.0)])
    assert (account.missing, account.duplicates) == (1, 1)
    assert not account.proven
    assert account.examples == ("a = 2.0: served and not stored (1×)", "a = 1.0: stored and not served (1×)")


def test_an_altered_value_is_seen() -> None:
    assert not compare([("a", 12.345)], [("a", 12.346)]).proven


def test_another_tags_value_is_seen() -> None:
    assert not compare([("a", 1.0)], [("b", 1.0)]).proven


def test_nothing_served_proves_nothing() -> None:
    assert not compare([], []).proven


def test_a_null_is_no_reading() -> None:
    rows: list[dict[str, object]] = [{"point": "P1", "value": None}, {"point": "P1", "value": 3.0}]
    assert list(by_tag(rows, {"P1": "a"})) == [("a", 3.0)]
