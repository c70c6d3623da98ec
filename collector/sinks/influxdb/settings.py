"""Settings of the InfluxDB sink."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from config.hosts import HostInUrl
from config.model import Duration, FilePath, Settings, Written


class InfluxSettings(Settings):
    """InfluxDB 1.x, 2.x, 3.x, or openGemini."""

    type: Literal["influxdb"]
    name: str = "influxdb"
    """Name of this sink in logs and commands."""
    url: Annotated[
        str,
        Written(
            r"^https?://[^/?#@\s]+(/[^?#\s]*)?$",
            "an address such as http://127.0.0.1:8086, without a user name or a query",
        ),
        HostInUrl,
    ]
    """Address, such as https://influx.example:8086, without user and password."""
    api: Literal["v1", "v2"]
    """v1: plain /write, for InfluxDB 1.x and openGemini. v2: for 1.8 and newer."""
    database: str | None = None
    """v1: the database, which must exist (edge-collector init-store). v2: the one that the bucket is mapped to, if its
    name is another."""
    retention_policy: str | None = None
    """v1: left out, the database's default."""
    username: str | None = None
    password: SecretStr | None = None
    """v1: use !secret."""
    org: str | None = None
    """v2: the organisation."""
    bucket: str | None = None
    """v2: the bucket, which must exist; reading back needs its DBRP mapping (edge-collector init-store makes both)."""
    token: SecretStr | None = None
    """v2: use !secret."""
    gzip: bool = False
    """Compress; worth it over a thin link only (docs/performance.md)."""
    timeout: Annotated[Duration, Field(gt=0)] = 10.0
    """How long one write may take."""
    ca: FilePath | None = None
    """Certificate authority of an https address; left out: the system's."""

    @model_validator(mode="after")
    def _whole(self) -> InfluxSettings:
        wanted, foreign = _KEYS[self.api]
        missing = [key for key in wanted if getattr(self, key) is None]
        if missing:
            raise _fault("api {api} needs {keys}", self.api, missing)
        needless = [key for key in foreign if getattr(self, key) is not None]
        if needless:
            raise _fault("api {api} knows no {keys}", self.api, needless)
        if self.password is not None and self.username is None:
            raise _fault("api {api} needs {keys} beside password", self.api, ["username"])
        return self


_KEYS = {
    "v1": (("database",), ("org", "bucket")),
    "v2": (("org", "bucket", "token"), ("retention_policy", "username", "password")),
}
"""What each interface needs, and what would be written in vain."""


def _fault(message: str, api: str, keys: list[str]) -> PydanticCustomError:
    return PydanticCustomError("influxdb", message, {"api": api, "keys": ", ".join(keys)})
