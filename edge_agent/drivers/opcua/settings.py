"""Settings of OPC UA servers and their nodes.

Nodes are written in the string form of OPC UA part 6, 5.3.1.10 and 5.1.12, with the namespace's URI (``nsu=``): a
namespace's index may change whenever the server starts, and the same index then names another instrument's node.
"""

from __future__ import annotations

import re
import uuid
from base64 import b64decode
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import Discriminator, Field, SecretStr, StringConstraints, Tag, field_validator, model_validator
from pydantic_core import PydanticCustomError

from config.hosts import HostInUrl
from config.model import Duration, FilePath, Settings
from config.private import KeyHolder
from edge_agent.tags import DeviceSettings, TagSettings
from profiles.wire.messages import Source

Policy = Literal["Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"]
_NODE = re.compile(r"(?:nsu=(?P<uri>[^;]+);|ns=(?P<index>\d+);)?(?P<kind>[isgb])=(?P<id>.+)", re.DOTALL)
_STEP = re.compile(r"\[(\d+)\]|(?:^|\.)([^.\[\]]+)")


class NodeAddress(NamedTuple):
    """A node by its namespace's URI ("" is OPC UA's own namespace) and its identifier."""

    uri: str
    identifier: int | str | bytes | uuid.UUID


def parse_node(text: str) -> NodeAddress:
    """``nsu=<URI>;s=Tank1.Level`` taken apart; ValueError says what was expected."""
    match = _NODE.fullmatch(text)
    if match is None:
        raise ValueError("expected a node such as nsu=http://vendor/plc;s=Tank1.Level (i=, s=, g= or b=)")
    if match["index"] not in (None, "0"):
        raise ValueError(
            f"ns={match['index']} is an index that may change when the server starts; "
            "expected the namespace's URI, such as nsu=http://vendor/plc;s=Tank1.Level"
        )
    identifier: int | str | bytes | uuid.UUID = match["id"]
    try:
        if match["kind"] == "i":
            identifier = int(match["id"])
            if not 0 <= identifier < 2**32:
                raise ValueError("out of range")
        elif match["kind"] == "g":
            identifier = uuid.UUID(match["id"])
        elif match["kind"] == "b":
            identifier = b64decode(match["id"], validate=True)
    except ValueError as err:
        expected = {"i": "a whole number below 2^32", "g": "a GUID", "b": "base64"}[match["kind"]]
        raise ValueError(f"{match['kind']}={match['id']}: expected {expected}") from err
    return NodeAddress(match["uri"] or "", identifier)


def parse_path(text: str) -> tuple[str | int, ...]:
    """``Alarm.Level`` or ``[3]`` or ``A[2].Low`` as steps; "" is the value itself. ValueError: what is meant"""
    steps: list[str | int] = []
    position = 0
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            raise ValueError("expected a path such as [3], Alarm.Level or Channels[2].Low")
        steps.append(int(match[1]) if match[1] is not None else match[2])
        position = match.end()
    return tuple(steps)


REJECTED = "rejected"
"""Beneath the folder of trusted certificates: those of strangers."""


class SecuritySettings(KeyHolder):
    """A secure channel (OPC UA part 4, 5.5); both sides know each other by certificates."""

    policy: Policy
    """Algorithms; the server must offer them, nothing weaker is taken instead."""
    mode: Literal["Sign", "SignAndEncrypt"] = "SignAndEncrypt"
    """Sign keeps values true but readable; SignAndEncrypt hides them as well."""
    certificate: FilePath
    """This agent's application instance certificate, .der or .pem; its application URI is taken from it."""
    key: FilePath
    """The certificate's private key, .pem or .der."""
    trust: FilePath
    """Folder of trusted certificates (servers' own, or authorities'), .der or .pem; strangers go to rejected/."""


class PasswordUser(Settings):
    """Log-in by user name."""

    username: str
    password: SecretStr
    """Give it as !secret name."""


class CertificateUser(KeyHolder):
    """Log-in by a person's or role's certificate."""

    certificate: FilePath
    key: FilePath


def _kind_of_user(raw: object) -> str:
    if raw == "anonymous":
        return "anonymous"
    keys = raw if isinstance(raw, dict) else getattr(type(raw), "model_fields", {})
    return "certificate" if "certificate" in keys or "key" in keys else "password"


User = Annotated[
    Annotated[Literal["anonymous"], Tag("anonymous")]
    | Annotated[PasswordUser, Tag("password")]
    | Annotated[CertificateUser, Tag("certificate")],
    Discriminator(_kind_of_user),
]
Security = Annotated[
    Annotated[Literal["none"], Tag("none")] | Annotated[SecuritySettings, Tag("secured")],
    Discriminator(lambda raw: "none" if isinstance(raw, str) else "secured"),
]


class OpcuaTag(TagSettings):
    """One value of an OPC UA server."""

    node: str
    """The variable, by namespace URI: nsu=http://vendor/plc;s=Tank1.Level; without nsu= OPC UA's own namespace."""
    path: str = ""
    """Where in an array or structure the value stands, such as [3] or Alarm.Level; left out: the value itself."""
    type: Literal["number", "text", "flag"] = "number"
    """What the value is stored as; another type from the server is bad:decode."""
    scale: float = 1.0
    """The number read is multiplied by this."""
    offset: float = 0.0
    """Added after the scale."""

    @field_validator("node")
    @classmethod
    def _node(cls, text: str) -> str:
        try:
            parse_node(text)
        except ValueError as err:
            raise PydanticCustomError("node", "{why}", {"why": str(err)}) from err
        return text

    @field_validator("path")
    @classmethod
    def _path(cls, text: str) -> str:
        try:
            parse_path(text)
        except ValueError as err:
            raise PydanticCustomError("path", "{why}", {"why": str(err)}) from err
        return text

    @model_validator(mode="after")
    def _consistent(self) -> OpcuaTag:
        if self.type != "number" and (self.scale, self.offset) != (1.0, 0.0):
            raise PydanticCustomError("scale", "scale and offset are for numbers, not for {type}", {"type": self.type})
        return self


class OpcuaDevice(DeviceSettings):
    """One OPC UA server."""

    driver: Literal["opcua"]
    endpoint: Annotated[str, StringConstraints(pattern=r"^opc\.tcp://[^/@\s]+(/[^@\s]*)?$"), HostInUrl]
    """Where the server listens: opc.tcp://host:4840/path, without user name or password."""
    security: Security
    """The secure channel, or the word none, written out, for an open one that anybody in between may read and alter."""
    user: User = "anonymous"
    """Who logs in: anonymous, or {username, password}, or {certificate, key}."""
    open_password: bool = False
    """Allow the password to travel over security none, where the server may take it unencrypted."""
    mode: Literal["subscription", "polling"] = "subscription"
    """subscription: the server reports changes; polling: every tag is read each `interval`."""
    publishing_interval: Annotated[Duration, Field(gt=0)] = 1.0
    """How often the server reports what changed."""
    sampling_interval: Annotated[Duration, Field(ge=0)] = 0.5
    """How often the server looks at a value; 0s: at every change that it knows of."""
    queue_size: Annotated[int, Field(ge=1, le=100_000)] = 20
    """Changes of one tag that the server keeps between two reports; what overflows is lost and counted."""
    keep_alive_count: Annotated[int, Field(ge=1)] = 10
    """Publishing intervals after which the server says that it lives though nothing changed."""
    lifetime_count: Annotated[int, Field(ge=3)] = 60
    """Publishing intervals without a sign of the other side after which a subscription is dead, on either side."""
    timeout: Annotated[Duration, Field(gt=0, le=60)] = 5.0
    """How long an answer may take."""
    max_nodes: Annotated[int, Field(ge=1, le=10_000)] = 1000
    """Nodes in one request at most; fewer where the server's operation limits say so."""
    backoff_max: Annotated[Duration, Field(gt=0)] = 60.0
    """Longest pause between two attempts to connect."""
    tags: Annotated[tuple[OpcuaTag, ...], Field(min_length=1)]
    """What is read."""

    @model_validator(mode="after")
    def _consistent(self) -> OpcuaDevice:
        if self.security == "none" and isinstance(self.user, PasswordUser) and not self.open_password:
            raise PydanticCustomError(
                "open_password",
                "a password is not sent over security none; expected a security policy, or open_password: true",
            )
        if self.lifetime_count < 3 * self.keep_alive_count:
            raise PydanticCustomError(
                "lifetime_count", "expected lifetime_count of at least 3 × keep_alive_count (OPC UA part 4, 5.13.2)"
            )
        return self

    def tag_source(self, tag: TagSettings) -> Source | None:
        """The node, and the path within its value."""
        assert isinstance(tag, OpcuaTag)  # noqa: S101  # its own tags
        return Source(at=f"{tag.node} {tag.path}".strip(), scale=tag.scale, offset=tag.offset)

    def tag_type(self, tag: TagSettings) -> Literal["number", "text", "flag"]:
        """What the tag's own settings say."""
        assert isinstance(tag, OpcuaTag)  # noqa: S101  # its own tags
        return tag.type

    def address(self) -> str:
        """The endpoint; it holds no credentials."""
        return self.endpoint

    def quiet_for(self) -> float:
        """Its clock is asked now and then; one that is lost is tried ever more rarely."""
        return max(self.backoff_max, super().quiet_for())

    def writes(self) -> tuple[Path, ...]:
        """Where strangers' certificates are kept."""
        return (self.security.trust / REJECTED,) if isinstance(self.security, SecuritySettings) else ()

    def certificate(self) -> Path | None:
        """The application instance certificate."""
        return self.security.certificate if isinstance(self.security, SecuritySettings) else None

    def by_exception(self) -> bool:
        """Subscriptions report changes alone."""
        return self.mode == "subscription"

    def all_tags(self) -> tuple[OpcuaTag, ...]:
        """The tags."""
        return self.tags
