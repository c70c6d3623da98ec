"""Regions (行政区划, GB/T 2260): the provinces are built in, the counties are an operator's own list.

Counties come and go with every year's list, so one that is not known is a warning, and only where a list is given.
"""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

from config.model import Settings, Written

Counties = Mapping[str, str]
"""Names by code of six digits."""


class County(Settings):
    """One row of the operator's list; cities and provinces may stand in it as well."""

    code: Annotated[str, Written(r"^[0-9]{6}$", "six digits, such as 110108")]
    """Code (行政区划代码)."""
    name: str
    """Name, such as 海淀区."""


def counties_of(regions: Iterable[County]) -> Counties:
    """The list as a table."""
    return {county.code: county.name for county in regions}


def _provinces() -> dict[str, str]:
    with (Path(__file__).parent / "tables" / "provinces.csv").open(encoding="utf-8", newline="") as file:
        return {row["code"]: row["zh"] for row in csv.DictReader(file)}


PROVINCES = _provinces()
"""Names by code of six digits, such as 110000."""


def province_of(code: str) -> str:
    """The province (省) of a region's code, as a code of six digits; "" of none."""
    return f"{code[:2]}0000" if code else ""


def city_of(code: str) -> str:
    """The city or prefecture (地市) of a region's code; of a province's own code that itself."""
    return f"{code[:4]:0<4}00" if code else ""


def region_name(code: str, counties: Counties) -> str:
    """The name of a code of six digits, from the operator's list before the provinces; "" where neither has it."""
    return counties.get(code) or PROVINCES.get(code, "")


def region_faults(code: str, counties: Counties, at: int = 1) -> Iterator[str]:
    """What is not known of a region's code, or of the beginning of one; `at`: its first character's position.

    ``110000`` and ``11`` are a province, ``110100`` and ``1101`` a city (some codes hold these digits alone).
    """
    if f"{code[:2]}0000" not in PROVINCES:
        known = " ".join(each[:2] for each in PROVINCES)
        yield f"characters {at}–{at + 1} {code[:2]!r}: no province of GB/T 2260; expected one of {known}"
        return
    if not counties:
        return
    level = code[:6].removesuffix("00").removesuffix("00")
    for end in range(4, len(level) + 1, 2):
        if not any(each.startswith(level[:end]) for each in counties):
            around = [each for each in counties if each.startswith(level[: end - 2])]
            near = difflib.get_close_matches(code[:6], around, 3)
            hint = f"; did you mean {' or '.join(f'{each} {counties[each]}' for each in near)}?" if near else ""
            what, where = "city" if end == 4 else "county", f"characters {at + end - 2}–{at + end - 1}"
            yield f"{where} {level[end - 2 : end]!r}: no {what} of the regions listed{hint}"
            return
