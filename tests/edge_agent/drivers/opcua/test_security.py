from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from asyncua import Server, ua
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.crypto.permission_rules import User, UserRole
from cryptography.x509.oid import ExtendedKeyUsageOID

from edge_agent.drivers.opcua.driver import OpcuaDriver
from edge_agent.drivers.opcua.trust import MAX_REJECTED
from tests.edge_agent.drivers.opcua.plant import device, plant, running, until

TYPES = ua.SecurityPolicyType


@dataclass
class Pair:
    certificate: Path
    key: Path


async def pair(folder: Path, name: str, usage: Any) -> Pair:
    made = Pair(folder / f"{name}.der", folder / f"{name}.pem")
    await setup_self_signed_certificate(made.key, made.certificate, f"urn:test:{name}", "localhost", [usage], {})
    made.key.chmod(0o600)
    return made


@dataclass
class Keys:
    server: Pair
    agent: Pair
    trust: Path

    def settings(self, policy: str = "Basic256Sha256", mode: str = "SignAndEncrypt") -> dict[str, Any]:
        return {
            "policy": policy, "mode": mode, "trust": str(self.trust),
            "certificate": str(self.agent.certificate), "key": str(self.agent.key),
        }  # fmt: skip

    def accept(self) -> None:
        self.trust.mkdir(exist_ok=True)
        shutil.copy(self.server.certificate, self.trust)


@pytest.fixture
async def keys(tmp_path: Path) -> Keys:
    server = await pair(tmp_path, "server", ExtendedKeyUsageOID.SERVER_AUTH)
    agent = await pair(tmp_path, "agent", ExtendedKeyUsageOID.CLIENT_AUTH)
    return Keys(server, agent, tmp_path / "trust")


class Operators:
    def get_user(self, iserver: Any, username: Any = None, password: Any = None, certificate: Any = None) -> Any:
        return User(role=UserRole.User) if (username, password) == ("operator", "right") else None


def secured(keys: Keys, policies: list[ua.SecurityPolicyType], users: Any = None) -> Any:
    async def prepare(server: Server) -> None:
        await server.set_application_uri("urn:test:server")
        await server.load_certificate(str(keys.server.certificate))
        await server.load_private_key(str(keys.server.key))
        server.set_security_policy(policies)
        if users is not None:
            server.iserver.user_manager = users

    return prepare


MATRIX = [
    ("Basic256Sha256", "Sign", TYPES.Basic256Sha256_Sign),
    ("Basic256Sha256", "SignAndEncrypt", TYPES.Basic256Sha256_SignAndEncrypt),
    ("Aes128Sha256RsaOaep", "Sign", TYPES.Aes128Sha256RsaOaep_Sign),
    ("Aes128Sha256RsaOaep", "SignAndEncrypt", TYPES.Aes128Sha256RsaOaep_SignAndEncrypt),
    ("Aes256Sha256RsaPss", "Sign", TYPES.Aes256Sha256RsaPss_Sign),
    ("Aes256Sha256RsaPss", "SignAndEncrypt", TYPES.Aes256Sha256RsaPss_SignAndEncrypt),
]


@pytest.mark.parametrize(("policy", "mode", "offered"), MATRIX)
async def test_each_policy_and_mode_reads_from_a_trusted_server(
    keys: Keys, policy: str, mode: str, offered: ua.SecurityPolicyType
) -> None:
    keys.accept()
    async with plant(prepare=secured(keys, [offered])) as site:
        (line,) = await OpcuaDriver.read_once(device(site.port, security=keys.settings(policy, mode)))
        assert (line.value, line.quality) == (1.0, "good")


async def test_an_unknown_server_is_refused_and_its_certificate_is_kept_for_the_engineer(keys: Keys) -> None:
    async with plant(prepare=secured(keys, [TYPES.Basic256Sha256_SignAndEncrypt])) as site:
        settings = device(site.port, security=keys.settings())
        with pytest.raises(ConnectionError, match=r"not trusted.*move .*rejected") as refusal:
            await OpcuaDriver.read_once(settings)
        (kept,) = (keys.trust / "rejected").iterdir()
        assert str(kept) in str(refusal.value)
        assert kept.read_bytes() == keys.server.certificate.read_bytes()
        kept.rename(keys.trust / kept.name)
        (line,) = await OpcuaDriver.read_once(settings)
        assert line.value == 1.0


async def test_another_certificate_in_the_trust_folder_trusts_nobody_else(keys: Keys) -> None:
    keys.trust.mkdir()
    shutil.copy(keys.agent.certificate, keys.trust)
    async with plant(prepare=secured(keys, [TYPES.Basic256Sha256_SignAndEncrypt])) as site:
        with pytest.raises(ConnectionError, match="not trusted"):
            await OpcuaDriver.read_once(device(site.port, security=keys.settings()))


async def test_rejected_certificates_do_not_fill_the_disk(keys: Keys) -> None:
    rejected = keys.trust / "rejected"
    rejected.mkdir(parents=True)
    for number in range(MAX_REJECTED + 5):
        (rejected / f"{number:040}.der").write_bytes(b"old")
    async with plant(prepare=secured(keys, [TYPES.Basic256Sha256_SignAndEncrypt])) as site:
        with pytest.raises(ConnectionError, match="not trusted"):
            await OpcuaDriver.read_once(device(site.port, security=keys.settings()))
    assert len(list(rejected.iterdir())) == MAX_REJECTED


async def test_security_fails_closed_where_the_server_offers_only_none(keys: Keys) -> None:
    keys.accept()
    async with plant() as site, running(device(site.port, security=keys.settings())) as heard:
        await until(lambda: heard.links, "the refusal")
        assert "None/None_" in heard.links[0]
        assert not heard.values("level")


async def test_a_wrong_password_is_refused_and_the_right_one_reads(keys: Keys) -> None:
    keys.accept()
    async with plant(prepare=secured(keys, [TYPES.Basic256Sha256_SignAndEncrypt], Operators())) as site:
        for password, right in (("wrong", False), ("right", True)):
            user = {"username": "operator", "password": password}
            settings = device(site.port, security=keys.settings(), user=user)
            if right:
                assert (await OpcuaDriver.read_once(settings))[0].value == 1.0
            else:
                with pytest.raises(ConnectionError, match="Bad") as refusal:
                    await OpcuaDriver.read_once(settings)
                assert password not in str(refusal.value)


class Badges:
    def get_user(self, iserver: Any, username: Any = None, password: Any = None, certificate: Any = None) -> Any:
        return User(role=UserRole.User) if certificate is not None and username is None else None


async def test_a_user_logs_in_by_certificate_and_nobody_else_does(keys: Keys, tmp_path: Path) -> None:
    keys.accept()
    badge = await pair(tmp_path, "operator", ExtendedKeyUsageOID.CLIENT_AUTH)
    user = {"certificate": str(badge.certificate), "key": str(badge.key)}
    async with plant(prepare=secured(keys, [TYPES.Basic256Sha256_SignAndEncrypt], Badges())) as site:
        (line,) = await OpcuaDriver.read_once(device(site.port, security=keys.settings(), user=user))
        assert line.value == 1.0


async def test_a_password_that_the_server_takes_unencrypted_is_sent_only_when_allowed(
    keys: Keys,
) -> None:
    keys.accept()
    user = {"username": "operator", "password": "right"}
    async with plant(prepare=secured(keys, [TYPES.NoSecurity], Operators())) as site:
        allowed = device(site.port, user=user, open_password=True)
        assert (await OpcuaDriver.read_once(allowed))[0].value == 1.0
        with pytest.raises(ConnectionError, match="unencrypted"):
            await OpcuaDriver.read_once(allowed.model_copy(update={"open_password": False}))


async def test_a_missing_certificate_is_named(keys: Keys) -> None:
    keys.accept()
    settings = keys.settings() | {"certificate": str(keys.trust / "nowhere.der")}
    async with plant(prepare=secured(keys, [TYPES.Basic256Sha256_SignAndEncrypt])) as site:
        with pytest.raises(ConnectionError, match=r"nowhere\.der"):
            await OpcuaDriver.read_once(device(site.port, security=settings))


async def test_with_security_on_the_servers_own_log_shows_reading_services_alone(
    keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    from asyncua.server.internal_session import InternalSession

    used: set[str] = set()

    def watch(name: str) -> None:
        original = getattr(InternalSession, name)

        def called(self: Any, *args: Any, **more: Any) -> Any:
            if self.external:
                used.add(name)
            return original(self, *args, **more)

        monkeypatch.setattr(InternalSession, name, called)

    for name in ("read", "write", "call", "add_nodes", "delete_nodes", "add_references", "delete_references"):
        watch(name)
    keys.accept()
    async with plant(prepare=secured(keys, [TYPES.Basic256Sha256_SignAndEncrypt])) as site:
        for mode in ("subscription", "polling"):
            async with running(device(site.port, security=keys.settings(), mode=mode)) as heard:
                await until(partial(heard.values, "level"), "a value")
    assert used == {"read"}
