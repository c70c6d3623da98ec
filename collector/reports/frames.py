"""The outer frame around a body: who reports, and the body encrypted (specification notes, 1.3)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from pydantic import Field

from collector.reports.ciphers import CipherSettings, encrypt
from config.model import Settings


class PlainFrame(Settings):
    """No frame: the body travels as it is (families M and seal, files)."""

    type: Literal["none"] = "none"


class FrameA(Settings):
    """The frame of most platforms: ``{appId, serviceId, dataId, data}``."""

    type: Literal["app"]
    app_id: str
    """Application id issued by the platform; !secret NAME."""
    service_id: str
    """Interface id of readings and alarms, issued by the platform."""
    static_ids: dict[str, str] = Field(default_factory=dict)
    """Interface id of each static table, such as WC_ENT_CGQ, where they differ from the table's name."""
    district: str = ""
    """`districtCode`, where the platform asks for it."""


class FrameB(Settings):
    """The older frame: ``{enterpriseId, report}``."""

    type: Literal["enterprise"]


class FrameC(Settings):
    """The frame over HTTP: ``{appid, data}``; the `appsecret` header is the transport's."""

    type: Literal["appid"]
    app_id: str
    """Application id issued by the platform; !secret NAME."""


FrameSettings = Annotated[PlainFrame | FrameA | FrameB | FrameC, Field(discriminator="type")]


def framed(body: bytes, frame: Any, cipher: CipherSettings, *, table: str = "") -> bytes:
    """The bytes that a transport sends; `table`: the static table that the body is, if it is one."""
    if isinstance(frame, PlainFrame):
        return body
    data = encrypt(body, cipher)
    head = msgspec.json.decode(body)
    match frame:
        case FrameA():
            service = frame.static_ids.get(table, table) if table else frame.service_id
            outer = {"appId": frame.app_id, "serviceId": service, "dataId": head.get("dataId", ""), "data": data}
            if frame.district:
                outer["districtCode"] = frame.district
        case FrameB():
            outer = {"enterpriseId": head.get("enterpriseId", ""), "report": data}
        case _:
            outer = {"appid": frame.app_id, "data": data}
    return msgspec.json.encode(outer)
