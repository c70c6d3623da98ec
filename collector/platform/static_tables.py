"""Static tables of family S as the specification notes have them: 1.3 (a service id each), 1.7 (codes), 2.1 (columns).

Tables in capitals and their columns were seen (tools-project). Tables in small letters, and which columns must be
there, are a working definition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from collector.platform.fields import Check, Fault, Field, held_against, moment, now, one_of, text
from collector.platform.ledger import Value

MOST = 200
"""Rows in a packet at most (1.8)."""
NUMBER = r"-?\d+(\.\d+)?"
ENTERPRISE = text(r"\d{9}", "an enterprise code of 9 digits")
GATEWAY = text(r"\d{11}", "a gateway code of 11 digits")
HAZARD = text(r"\d{12}", "a hazard-source code of 12 digits")
EQUIPMENT = text(r"\d{12}[A-Z]\d{4}", "an equipment code: 12 digits, its kind, a number")
QUOTA = text(r"[0-9A-Z]{22}", "an indicator code of 22 characters 0-9A-Z")
KIND = text(r"[A-Z]\d", "a kind of equipment such as G0")
REGION = text(r"\d{6}", "a county code of 6 digits")
WORDS = text(r".{1,200}", "text of at most 200 characters")
FIGURE = text(NUMBER, "a number, as text")
STATE = one_of("0", "1")


def _degrees(most: int) -> Check:
    """An angle as text, with six decimals."""

    def check(value: Any) -> str:
        sound = text(r"-?\d{1,3}\.\d{6}", "")(value) == "" and abs(float(value)) <= most
        return "" if sound else f"expected degrees up to {most} with six decimals, as text"

    return check


def _credit(value: Any) -> str:
    """GB 32100 (7.2): the last of 18 characters follows from the others."""
    known = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    if not isinstance(value, str) or len(value) != 18 or set(value) - set(known):
        return "expected a credit code of 18 characters"
    total = sum(known.index(each) * pow(3, at, 31) for at, each in enumerate(value[:-1]))
    return "" if known[(31 - total % 31) % 31] == value[-1] else "its check digit is another"


def _cas(value: Any) -> str:
    """A CAS number (7.3)."""
    if text(r"\d{2,7}-\d{2}-\d", "")(value):
        return "expected a CAS number"
    digits = [int(each) for each in value if each != "-"]
    total = sum(at * digit for at, digit in enumerate(digits[-2::-1], 1))
    return "" if total % 10 == digits[-1] else "its check digit is another"


def _columns(required: Mapping[str, Check], optional: Mapping[str, Check]) -> dict[str, Field]:
    return {name: Field(check) for name, check in required.items()} | {
        name: Field(check, required=False) for name, check in optional.items()
    }


class Table(NamedTuple):
    """A table: the column that tells its rows apart, and all of them."""

    key: str
    columns: dict[str, Field]


SPOT = {"LONGITUDE": _degrees(180), "LATITUDE": _degrees(90)}
NAMES = {"EQUIP_NAME": WORDS, "EQUIP_TYPE": KIND}
CELL = text(r"HEV0[123]|FW0[12]", "a kind of production cell such as HEV01")
TABLES = {
    "enterprise": Table("COMPANY_CODE", _columns(
        {"COMPANY_CODE": ENTERPRISE, "COMPANY_NAME": WORDS, "CREDIT_CODE": _credit, "AREA_CODE": REGION},
        {"INDUSTRY_TYPE": WORDS, "ADDRESS": WORDS} | SPOT,
    )),
    "gateway": Table("GATEWAY_CODE", _columns(
        {"GATEWAY_CODE": GATEWAY, "COMPANY_CODE": ENTERPRISE},
        {"GATEWAY_NAME": WORDS, "SUPPLIER": WORDS, "GATEWAY_TYPE": WORDS, "GATEWAY_MODEL": WORDS, "IP": WORDS,
         "PORT": FIGURE, "MASK": WORDS, "LOCATION": WORDS, "INSTALL_DATE": WORDS,
         "FREQUENCY": text(r"\d{1,6}", "a number of at most 6 digits")},
    )),
    "hazard": Table("HAZARD_CODE", _columns(
        {"HAZARD_CODE": HAZARD, "COMPANY_CODE": ENTERPRISE, "HAZARD_NAME": WORDS,
         "HAZARD_RANK": one_of("1", "2", "3", "4"), "AREA_CODE": REGION, "GATEWAY_CODE": GATEWAY},
        {"R_VALUE": FIGURE, "ADDRESS": WORDS, "ESTABLISH_DATE": WORDS, "PEOPLE_500M": FIGURE, "SAFE_DUTY_NAME": WORDS,
         "SAFE_DUTY_PHONE": WORDS, "IN_PARK": STATE} | SPOT,
    )),
    "equipment": Table("EQUIP_CODE", _columns(
        {"EQUIP_CODE": EQUIPMENT, "GATEWAY_CODE": GATEWAY} | NAMES,
        {"EQUIP_NO": WORDS, "EQUIP_DESCRIBE": WORDS, "EQUIP_STATE": STATE, "PRODCELL_TYPE": CELL,
         "PRODCELL_ID": text(r".{1,32}", "at most 32 characters"), "HAZARD_CODE": HAZARD} | SPOT,
    )),
    "WC_ENT_CGQ": Table("TARGET_CODE", _columns(
        {"TARGET_CODE": QUOTA, "TARGET_NAME": WORDS, "EQUIP_CODE": EQUIPMENT, "GATEWAY_CODE": GATEWAY} | NAMES,
        {"PRODCELL_TYPE": CELL, "EQUIP_NO": WORDS, "UNIT": text(r".{1,20}", "a unit"), "LOW_VALUE_01": FIGURE,
         "LOW_VALUE_02": FIGURE, "TOP_VALUE_01": FIGURE, "TOP_VALUE_02": FIGURE, "LOW_VALUE": FIGURE,
         "TOP_VALUE": FIGURE, "BIT_NO": WORDS, "EQUIP_DESCRIBE": WORDS, "IS_USE": STATE, "IS_ACTIVE": STATE} | SPOT,
    )),
    "WC_ENT_LEAKPOINT": Table("LEAKPOINT_NAME", _columns(
        {"EQUIP_CODE": EQUIPMENT, "HAZARD_CODE": HAZARD, "LEAKPOINT_NAME": WORDS, "MONITOR_TYPE": WORDS,
         "MONITOR_CASCODE": _cas},
        {"PRODCELL_ID": text(r".{1,32}", "at most 32 characters"), "IS_USE": STATE, "STOP_REMARK": WORDS,
         "STOP_PSN": WORDS, "STOP_TIME": moment("%Y-%m-%d %H:%M:%S"), "IS_ACTIVE": STATE} | SPOT,
    )),
    "WC_ENT_SBJZ": Table("EQUIP_CODE", _columns(
        {"ID": WORDS, "EQUIP_CODE": EQUIPMENT, "EQUIP_TYPE": KIND, "MEDIUM": WORDS, "CAS": _cas},
        {"MEDIUM_STATUS": text(r"H470[123]", "H4701 to H4703"), "RESERVES": WORDS, "IS_ACTIVE": STATE},
    )),
}  # fmt: skip
"""By the name under which `serviceId` (or the platform's own id) knows them."""
WITHIN = (
    ("GATEWAY_CODE", "COMPANY_CODE"), ("HAZARD_CODE", "COMPANY_CODE"), ("EQUIP_CODE", "HAZARD_CODE"),
    ("TARGET_CODE", "EQUIP_CODE"),
)  # fmt: skip
"""What begins with what (1.7)."""
STOP = ("STOP_REMARK", "STOP_PSN", "STOP_TIME")
"""What a gas point that is stopped says of it (2.1): reason, person, time of the request."""
RISING = ("LOW_VALUE", "LOW_VALUE_01", "LOW_VALUE_02", "TOP_VALUE_01", "TOP_VALUE_02", "TOP_VALUE")
"""Range and limits in their order; 01 is the inner limit above and the outer one below (2.1)."""


def faults(name: str, body: Any) -> Iterator[Fault]:
    """Everything that a platform should refuse in the rows of a table."""
    if not isinstance(body, list) or not body or len(body) > MOST:
        yield Fault("", f"expected a list of 1 to {MOST} rows of {name}")
        return
    table, seen = TABLES[name], set()
    for index, row in enumerate(body):
        at = f"[{index}]."
        yield from held_against(row, table.columns, at)
        if isinstance(row, dict):
            key = (row.get("EQUIP_CODE"), row.get(table.key))
            if key in seen:
                yield Fault(f"{at}{table.key}", "stands twice in the packet")
            seen.add(key)
            yield from _sense(at, row)


def _sense(at: str, row: Mapping[str, Any]) -> Iterator[Fault]:
    """What the columns of a row say of each other."""
    for inner, outer in WITHIN:
        if isinstance(code := row.get(inner), str) and not code.startswith(str(row.get(outer, ""))):
            yield Fault(at + inner, f"does not begin with the {outer} {row.get(outer)}")
    if "EQUIP_TYPE" in row and str(row.get("EQUIP_CODE"))[12:14] != row["EQUIP_TYPE"]:
        yield Fault(f"{at}EQUIP_TYPE", "is not the kind in the equipment code")
    told = [name for name in STOP if name in row]
    if row.get("IS_USE") == "1" and "LEAKPOINT_NAME" in row and len(told) < len(STOP):
        yield Fault(f"{at}IS_USE", f"says that it is stopped; expected {', '.join(STOP)} beside it")
    elif row.get("IS_USE") != "1" and told:
        yield Fault(at + told[0], "tells of a stop, and IS_USE does not say that it is stopped")
    figures = [(name, float(row[name])) for name in RISING if not FIGURE(row.get(name))]
    for (below, low), (above, high) in pairwise(figures):
        if low > high:
            yield Fault(at + above, f"lies below {below}")


def values(name: str, body: list[dict[str, str]], packet: str) -> Iterator[Value]:
    """A line in the ledger for every row, by what tells it apart."""
    for row in body:
        yield Value("S.static", row[TABLES[name].key], now(), None, True, name, packet)
