"""The outer frame around a body: who reports, and the body encrypted (specification notes, 1.3)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from pydantic import Field, SecretStr

from collector.reports.ciphers import CipherSettings, Plain, encrypt
from collector.reports.digests import NONE, DigestSettings, HmacSm3, digest
from config.model import Settings


class PlainFrame(Settings):
    """No frame: the body travels as it is (families M and seal, files); of files a cipher makes the whole content."""

    type: Literal["none"] = "none"


class FrameA(Settings):
    """The frame of most platforms: ``{appId, serviceId, dataId, data}``."""

    type: Literal["app"]
    app_id: SecretStr
    """Application id issued by the platform; !secret NAME."""
    service_id: str
    """Interface id of readings and alarms, issued by the platform."""
    static_ids: dict[str, str] = Field(default_factory=dict)
    """Static tables (静态数据) that the platform takes, each with its interface id: WC_ENT_CGQ: "20011"; others are
    not sent."""
    district: str = ""
    """`districtCode`, where the platform asks for it."""


class FrameB(Settings):
    """The older frame: ``{enterpriseId, report}``."""

    type: Literal["enterprise"]


class FrameC(Settings):
    """The frame over HTTP: ``{appid, data}``; the `appsecret` header is the transport's."""

    type: Literal["appid"]
    app_id: SecretStr
    """Application id issued by the platform; !secret NAME."""


FIELDS = frozenset({"appId", "serviceId", "dataId", "data", "districtCode", "enterpriseId", "report", "appid"})
"""What stands in a frame already."""
FrameSettings = Annotated[PlainFrame | FrameA | FrameB | FrameC, Field(discriminator="type")]


def tables(frame: Any) -> frozenset[str]:
    """The static tables that travel in a frame: no other frame can say which table its body is."""
    return frozenset(frame.static_ids) if isinstance(frame, FrameA) else frozenset()


def framed(
    body: bytes,
    frame: Any,
    cipher: CipherSettings,
    sealed: DigestSettings = NONE,
    *,
    identity: str,
    table: str = "",
) -> bytes:
    """The bytes that a transport sends; `identity`: the packet's id; `table`: the static table that the body is.
    `sealed`: the digest, which stands in the frame where its settings name a field.

    The body of a table is a list, and has no head of its own.
    """
    if isinstance(frame, PlainFrame):
        return body if isinstance(cipher, Plain) else encrypt(body, cipher).encode()
    data = encrypt(body, cipher)
    match frame:
        case FrameA():
            service = frame.static_ids.get(table, table) if table else frame.service_id
            outer = {"appId": frame.app_id.get_secret_value(), "serviceId": service, "dataId": identity, "data": data}
            if frame.district:
                outer["districtCode"] = frame.district
        case FrameB():
            outer = {"enterpriseId": msgspec.json.decode(body).get("enterpriseId", ""), "report": data}
        case _:
            outer = {"appid": frame.app_id.get_secret_value(), "data": data}
    if isinstance(sealed, HmacSm3) and sealed.field:
        outer[sealed.field] = digest(data.encode(), sealed)
    return msgspec.json.encode(outer)
