"""Static tables (静态数据) of family S: which there are, and where each column comes from (notes, 1.2, 1.3 and 2.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field

from config.load import Fault
from config.nodes import KeyPath
from profiles.stated import Names, Stated

Holds = Literal[
    "site", "site_name", "credit_code", "region", "industry", "site_longitude", "site_latitude", "gateway",
    "hazard", "hazard_name", "asset", "asset_name", "asset_kind", "longitude", "latitude",
    "point", "label", "tag", "quantity", "sensor_type", "unit", "range_low", "range_high", "HH", "H", "L", "LL",
    "stopped", "stop_reason", "stop_person", "stop_time",
]  # fmt: skip
"""What of ours stands in a column: of the site its code, name and what else `site:` states; the gateway's code; of a
hazard source or a piece of equipment its code, name, kind and place; of a point its code, label, tag, its quantity in
Chinese and by its sensor type, unit, range and limits; by the bureau's record whether it is stopped (停用; yes, no)
and, if so, why, who asked for it and when that was entered; of what it has no record of, nothing."""
OF_STOPS: frozenset[Holds] = frozenset(("stopped", "stop_reason", "stop_person", "stop_time"))
Subject = Literal["site", "gateway", "hazard", "asset", "point"]


class Column(Stated, Names):
    """A column of a static table. What the site states under its name counts more than what it holds, unless the bureau
    has a record that the point is stopped: that counts more than the site's own word."""

    holds: Holds | None = None
    """What of ours stands there; left out: only what is stated, an attribute or, of site and gateway, a fact."""
    attribute: str | None = None
    """Which attribute or fact that is; left out: the one of the column's name."""
    constant: str | None = None
    """What stands there where nothing is stated."""
    words: dict[str, str] = Field(default_factory=dict)
    """How what it holds is written; what is not listed here is then not known."""
    format: str | None = None
    """How `stop_time` is written; left out: as the profile writes times."""
    required: bool = False
    """Without it the row is not sent."""


class StaticTable(Stated, Names):
    """A static table: a row for each of its subjects."""

    of: Subject
    """What has a row each."""
    assets: tuple[str, ...] = ()
    """Kinds of equipment that it lists; left out: all."""
    quantities: tuple[str, ...] = ()
    """Indicator types whose points it lists; left out: all."""
    columns: Annotated[dict[str, Column], Field(min_length=1)]


def check(
    at: KeyPath, tables: Mapping[str, StaticTable], assets: Mapping[str, object], quantities: Mapping[str, object]
) -> Iterator[Fault]:
    """What tables name and the profile does not have."""
    for name, table in tables.items():
        for index, kind in enumerate(table.assets):
            if kind not in assets:
                yield Fault((*at, name, "assets", index), f"{kind!r} is none of the profile's assets")
        for index, word in enumerate(table.quantities):
            if word not in quantities:
                yield Fault((*at, name, "quantities", index), f"{word!r} is none of the profile's quantities")
        if not any(column.required for column in table.columns.values()):
            yield Fault(
                (*at, name, "columns"), "no column is required: every row would be sent, whatever is known of it"
            )
