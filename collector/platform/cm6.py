"""Pushes to an industrial-video platform (工业视频) as the notes on mines have them: 5.3, 5.4 and 5.6, target A."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from collector.platform.fields import Fault, Field, held_against, millis, moment, one_of, text
from collector.platform.images import MAGIC, fault_of
from collector.platform.ledger import Value

TIME = "%Y-%m-%d %H:%M:%S"
BASE = "/mine/ai/"
CAMERA = Field(text(r"\d{20}", "a camera code of 20 digits"))
MINE = Field(text(r"\d{12}", "a mine code of 12 digits"))
MOMENT = Field(moment(TIME))
FILES = Field(lambda found: "" if isinstance(found, list) else "expected a list")
PERSONS = Field(text(r"\d{4}", "a number of persons in four digits"))
NUMBER = Field(lambda found: "" if type(found) is int and found >= 0 else "expected a whole number from 0 on")
TABLES = {
    "camera": {
        "cameraCode": CAMERA, "positionType": Field(text(r".{1,32}", "1 to 32 characters")),
        "positionDesc": Field(text(r".{0,255}", "at most 255 characters")),
        "analysisType": Field(one_of("01", "02", "03")),
        "dataTime": MOMENT, "mineCode": MINE, "psStationCode": Field(text(r".{1,22}", "a station"), required=False),
        "positionCode": Field(text(r"\d{14}", "14 digits"), required=False),
        "direction": Field(one_of("01", "02"), required=False),
        "basicImageBase64": Field(text(r"data:image/[a-z]+;base64,.+", "a picture"), required=False),
    },
    "cameraStatus": {"cameraCode": CAMERA, "cameraStatus": Field(one_of(0, 1)), "dataTime": MOMENT, "mineCode": MINE},
    "videoAnomaly": {
        "cameraCode": CAMERA, "analysisType": Field(one_of("03")),
        "analysisCase": Field(text(r"000[1-9]", "0001 to 0009")),
        "dataTime": MOMENT, "imagesBase64": Field(FILES.check, required=False), "localFiles": FILES, "mineCode": MINE,
    },
    "countingRecog": {
        "cameraCode": CAMERA, "analysisType": Field(text(r"0[4-8]", "04 to 08")), "analysisCase": PERSONS,
        "dataTime": MOMENT, "imagesBase64": Field(FILES.check, required=False), "mineCode": MINE,
    },
    "undergroundCount": {
        "cameraCode": Field(text(r"\d{14}|\d{20}", "a camera or terminal code")), "analysisCase": PERSONS,
        "dataTime": MOMENT, "mineCode": MINE,
    },
    "importPersonCount": {
        "positionName": Field(text(r".{1,255}", "1 to 255 characters")),
        "positionCode": Field(text(r"\d{14}", "14 digits")),
        "cameraCode": CAMERA, "direction": Field(one_of("01", "02")), "personCount": NUMBER, "mineCode": MINE,
    },
}  # fmt: skip
"""Keys by the last part of the path. How `personCount` is written is not known: a number is ours."""

TOLD = ("personCount", "analysisCase", "cameraStatus", "analysisType")
"""Keys of which the first that is there is what a row tells."""
LARGEST = 20_000_000
"""Bytes of a picture at most (5.4)."""


def pictures(path: str, rows: list[dict[str, Any]]) -> Iterator[tuple[str, str, str, str]]:
    """Of each picture in a sound push: where, whose, what is wrong with it, and its SHA-256.

    A bad one drops only itself (5.4): it is no reason to refuse the push.
    """
    for index, row in enumerate(rows):
        shown = [(f"imagesBase64[{at}]", each) for at, each in enumerate(row.get("imagesBase64", ()))]
        shown += [("basicImageBase64", row["basicImageBase64"])] if "basicImageBase64" in row else []
        for at, picture in shown:
            kind = re.match(r"data:image/[a-z]+;base64,", picture) if isinstance(picture, str) else None
            wrong, found = "expected data:image/…;base64,…", ""
            if kind is not None:
                wrong, found = fault_of(picture[kind.end() :], tuple(MAGIC), LARGEST)
            yield f"{path} [{index}].{at}", row["cameraCode"], wrong, found


class Register:
    """The cameras that are known, each to one mine: one must be registered before anything is told of it."""

    def __init__(self) -> None:
        self._mines: dict[str, str] = {}

    def faults(self, path: str, rows: Any) -> Iterator[Fault]:
        """Everything that a platform should refuse in a push to `path`."""
        kind = path.removeprefix(BASE)
        if kind not in TABLES:
            yield Fault("", f"there is no {path}")
            return
        if not isinstance(rows, list) or not rows:
            yield Fault("", "expected a list that is not empty")
            return
        places: set[tuple[str, str]] = set()
        for index, row in enumerate(rows):
            found = list(held_against(row, TABLES[kind], f"[{index}]."))
            yield from found
            if found:
                continue
            yield from self._known(kind, row, f"[{index}].cameraCode")
            if kind == "importPersonCount":
                place = row["positionCode"], row["direction"]
                if place in places:
                    yield Fault(f"[{index}].positionCode", "stands twice with this direction; the later replaces")
                places.add(place)

    def _known(self, kind: str, row: dict[str, Any], at: str) -> Iterator[Fault]:
        camera, mine = row["cameraCode"], row["mineCode"]
        if kind == "camera":
            self._mines[camera] = mine
        elif kind != "undergroundCount" and self._mines.get(camera) != mine:
            yield Fault(at, f"camera {camera} is not registered for mine {mine}")


def values(path: str, rows: list[dict[str, Any]], packet: str, received: int) -> Iterator[Value]:
    """What a sound push says, for the ledger; times in ms UTC, `received` of what states none."""
    kind = path.removeprefix(BASE)
    for row in rows:
        told = next(row[name] for name in TOLD if name in row)
        at = millis(row.get("dataTime"), TIME) or received
        yield Value(
            f"CM6.{kind}",
            row["cameraCode"],
            at,
            float(told),
            True,
            row.get("analysisType", row.get("direction", "")),
            packet,
        )
        for _at, camera, wrong, found in pictures(path, [row]):
            if not wrong:
                yield Value("CM6.picture", camera, at, None, True, found, packet)
