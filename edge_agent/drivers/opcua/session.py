"""One session with a server: found, trusted, secured, logged in, its namespaces looked up. It is never repaired.

A lost session is closed and a fresh one opened: asyncua's own reconnection kept node ids over a restart of the server
and delivered another node's value as good after its namespaces were renumbered. Only GetEndpoints, Read, Browse (for
structures) and the subscription services are used (I1).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from asyncua import Client, ua
from asyncua.crypto import security_policies, uacrypto
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from config.hosts import split
from config.private import KeyHolder
from edge_agent.drivers.opcua.settings import (
    CertificateUser,
    OpcuaDevice,
    OpcuaTag,
    PasswordUser,
    SecuritySettings,
    parse_node,
    parse_path,
)
from edge_agent.drivers.opcua.trust import load_certificate, require_trusted

READ_LIMIT = ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead
ITEM_LIMIT = ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall
CLOCK = ua.ObjectIds.Server_ServerStatus_CurrentTime
NAMESPACES = ua.ObjectIds.Server_NamespaceArray

logging.getLogger("asyncua").setLevel(logging.CRITICAL)  # it logs what it raises as well; we say each loss once


class RefusedError(ConnectionError):
    """The server, or this agent, refuses the connection as it is set up; the text says what to change."""


class SafeClient(Client):
    """asyncua's client, which sends no password that anybody in between could read, unless allowed."""

    open_password = False

    async def activate_session(
        self, username: str | None = None, password: str | None = None, certificate: x509.Certificate | None = None
    ) -> ua.ActivateSessionResult:
        """Log in; RefusedError before a password would travel in the open."""
        if username and not self.open_password and self.security_policy.Mode != ua.MessageSecurityMode.SignAndEncrypt:
            policy = self.server_policy(ua.UserTokenType.UserName).SecurityPolicyUri
            if not policy or policy == security_policies.SecurityPolicyNone.URI:
                raise RefusedError(
                    "the server takes the password unencrypted on this channel; expected mode SignAndEncrypt, "
                    "a server that encrypts passwords, or open_password: true"
                )
        return await super().activate_session(username, password, certificate)


@dataclass(frozen=True, slots=True)
class Item:
    """A node, and the tags that are read from it."""

    node: ua.NodeId
    tags: tuple[OpcuaTag, ...]


@dataclass(slots=True)
class Session:
    """An open session. `max_read` and `max_items` are nodes and monitored items a call."""

    client: Client
    device: OpcuaDevice
    namespaces: list[str]
    max_read: int
    max_items: int

    def items(self, tags: Sequence[OpcuaTag]) -> tuple[list[Item], list[OpcuaTag]]:
        """The nodes behind `tags`, and the tags whose namespace the server does not know."""
        grouped: dict[ua.NodeId, list[OpcuaTag]] = {}
        homeless: list[OpcuaTag] = []
        for tag in tags:
            uri, identifier = parse_node(tag.node)
            if uri and uri not in self.namespaces:
                homeless.append(tag)
                continue
            index: Any = self.namespaces.index(uri) if uri else 0
            node_identifier: Any = identifier
            grouped.setdefault(ua.NodeId(node_identifier, index), []).append(tag)
        return [Item(node, tuple(tags)) for node, tags in grouped.items()], homeless

    async def read(self, nodes: Sequence[ua.NodeId]) -> list[ua.DataValue]:
        """The nodes' values, asked for in batches that the server allows; RefusedError when one is cut short."""
        found: list[ua.DataValue] = []
        for start in range(0, len(nodes), self.max_read):
            batch = nodes[start : start + self.max_read]
            answer = await _read(self.client, batch)
            if len(answer) != len(batch):
                raise RefusedError(f"the server answered {len(answer)} values to a request for {len(batch)}")
            found += answer
        return found

    async def clock_offset(self) -> int | None:
        """How far the server's clock is ahead of ours, in ms; ConnectionError when namespaces were renumbered."""
        before = time.time_ns()
        namespaces, clock = await self.read([ua.NodeId(NAMESPACES), ua.NodeId(CLOCK)])  # type: ignore[arg-type]
        middle = (before + time.time_ns()) // 2_000_000
        if namespaces.Value is not None and list(namespaces.Value.Value or []) != self.namespaces:
            raise ConnectionError("the server's namespaces changed; connecting anew")
        stamp = clock.Value.Value if clock.Value is not None else None
        return None if stamp is None else round(stamp.timestamp() * 1000) - middle


@asynccontextmanager
async def open_session(device: OpcuaDevice) -> AsyncIterator[Session]:
    """A fresh session for the length of a block.

    OSError, TimeoutError or ua.UaError when there is none; RefusedError and NotTrustedError say what to change.
    """
    client = await _client(device)
    try:
        await client.connect(auto_reconnect=False)
        yield await _session(client, device)
    finally:
        with suppress(OSError, TimeoutError, ua.UaError):
            await asyncio.wait_for(client.disconnect(), device.timeout)
        client.disconnect_socket()


async def _session(client: Client, device: OpcuaDevice) -> Session:
    asked = [ua.NodeId(each) for each in (NAMESPACES, READ_LIMIT, ITEM_LIMIT)]  # type: ignore[arg-type]
    namespaces, reads, items = [(await _read(client, [node]))[0] for node in asked]
    if namespaces.Value is None or not isinstance(namespaces.Value.Value, list):
        raise RefusedError("the server does not show its namespaces (node i=2255)")
    if any(isinstance(step, str) for tag in device.tags for step in parse_path(tag.path)):
        await client.load_data_type_definitions()
    return Session(
        client, device, list(namespaces.Value.Value), _limit(reads, device.max_nodes), _limit(items, device.max_nodes)
    )


def _limit(answer: ua.DataValue, own: int) -> int:
    stated = answer.Value.Value if answer.Value is not None else None
    return min(own, stated) if isinstance(stated, int) and stated > 0 else own  # 0: the server states none


async def _read(client: Client, nodes: Sequence[ua.NodeId]) -> list[ua.DataValue]:
    values = [ua.ReadValueId(NodeId=node, AttributeId=ua.AttributeIds.Value) for node in nodes]
    return await client.uaclient.session.read(
        ua.ReadParameters(TimestampsToReturn=ua.TimestampsToReturn.Both, NodesToRead=values)
    )


async def _client(device: OpcuaDevice) -> Client:
    client = SafeClient(device.endpoint, timeout=device.timeout, watchdog_intervall=device.timeout)
    client.name = client.description = "edge-agent"
    client.open_password = device.open_password
    if isinstance(device.security, SecuritySettings):
        await _secure(client, device, device.security)
    if isinstance(device.user, PasswordUser):
        client.set_user(device.user.username)
        client.set_password(device.user.password.get_secret_value())
    elif isinstance(device.user, CertificateUser):
        _guard(device.user)
        await client.load_client_certificate(str(device.user.certificate))
        await client.load_private_key(device.user.key)
    return client


def _guard(holder: KeyHolder) -> None:
    try:
        holder.guard()
    except PermissionError as err:
        raise RefusedError(str(err)) from err


async def _secure(client: SafeClient, device: OpcuaDevice, security: SecuritySettings) -> None:
    try:
        own = load_certificate(security.certificate.read_bytes())
    except (OSError, ValueError) as err:
        raise RefusedError(f"certificate {security.certificate}: expected a certificate, .der or .pem: {err}") from err
    if not security.key.is_file():
        raise RefusedError(f"key {security.key}: expected the private key of {security.certificate}")
    _guard(security)
    client.application_uri = _application_uri(own, security)
    policy = getattr(security_policies, f"SecurityPolicy{security.policy}")
    mode = ua.MessageSecurityMode[security.mode]
    finder = Client(device.endpoint, timeout=device.timeout)
    endpoints = await finder.connect_and_get_server_endpoints()
    for endpoint in endpoints:
        if endpoint.SecurityMode == mode and endpoint.SecurityPolicyUri == policy.URI and endpoint.ServerCertificate:
            server = uacrypto.x509_from_der(endpoint.ServerCertificate)  # type: ignore[no-untyped-call]
            break
    else:
        offered = sorted({f"{e.SecurityPolicyUri.rpartition('#')[2]}/{e.SecurityMode.name}" for e in endpoints})
        raise RefusedError(f"the server offers {', '.join(offered)}, not {security.policy}/{security.mode}")
    require_trusted(server, security.trust, split(urlsplit(device.endpoint).netloc)[0])
    der = uacrypto.CertProperties(server.public_bytes(Encoding.DER), "der")
    await client.set_security(policy, security.certificate, security.key, server_certificate=der, mode=mode)


def _application_uri(own: x509.Certificate, security: SecuritySettings) -> str:
    try:
        names = own.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return names.get_values_for_type(x509.UniformResourceIdentifier)[0]
    except (x509.ExtensionNotFound, IndexError) as err:
        raise RefusedError(
            f"certificate {security.certificate}: expected an application URI among its subject alternative names"
        ) from err
