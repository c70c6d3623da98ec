"""What `broker-config` writes: strangers get nothing, and agents speak and hear under their own id only (I8)."""

from __future__ import annotations

import asyncio
import ssl
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509

from collector.intake import Intake
from collector.pki.authority import CRL, Authority, opened
from collector.pki.environment import Environment
from collector.settings import IntakeSettings
from config.mqtt import MqttSettings, TlsSettings
from edge_agent.uplink.client import LinkDownError, MqttLink
from tests.certificates import Authority as ForeignAuthority
from tests.integration.secured import COLLECTOR, Secured, Speaker, secure_broker, speaking
from tests.integration.secured import secured as secured
from tests.servers import LOCAL, wait_for

DATA = f"gw/v1/{COLLECTOR}/agent-1/data"


def heard(one: Speaker, line: str) -> bool:
    return line in one.heard


def speaker(secured: Secured, name: str, client_id: str | None = None) -> Speaker:
    return Speaker(secured.port, secured.context(name), client_id or name)


def test_an_agent_publishes_and_hears_only_beneath_its_own_id(secured: Secured) -> None:
    collector, one, two = (speaker(secured, name) for name in (COLLECTOR, "agent-1", "agent-2"))
    with speaking(collector, one, two):
        collector.listen("#", f"gw/v1/{COLLECTOR}/+/data", "gw/v1/+/+/ack")
        one.listen("#", "gw/v1/+/+/data", "gw/v1/+/+/ack", "$SYS/#", "gw/v1/agent-1/+/data")
        one.say("gw/v1/county-1/agent-2/data", "forged")
        one.say("gw/v1/county-1/agent-1/ack", "forged")
        one.say("gw/v1/county-1/agent-2/ack", "forged")
        one.say("anything/else", "forged")
        two.say("gw/v1/agent-1/agent-2/data", "for an agent that plays a collector")
        two.say("gw/v1/county-1/agent-2/data", "true")
        one.say("gw/v1/county-1/agent-1/data", "true")
        collector.say("gw/v1/county-1/agent-1/ack", "for one")
        collector.say("gw/v1/county-1/agent-2/ack", "for two")
        wait_for(lambda: one.heard, what="the acknowledgement at agent-1")
        wait_for(lambda: len(collector.heard) >= 2, what="what the collector may hear")
        assert sorted(set(collector.heard)) == ["gw/v1/county-1/agent-1/data true", "gw/v1/county-1/agent-2/data true"]
        assert set(one.heard) == {"gw/v1/county-1/agent-1/ack for one"}


def test_a_collector_hears_and_answers_under_its_own_name_alone(secured: Secured) -> None:
    secured.environment.add("trial", "collector")  # the settings of the broker do not name it
    mine, other, agent = (speaker(secured, name) for name in (COLLECTOR, "trial", "agent-1"))
    with speaking(mine, other, agent):
        mine.listen("gw/v1/+/+/data")
        other.listen("gw/v1/+/+/data")
        agent.listen("gw/v1/+/agent-1/ack")
        other.say("gw/v1/county-1/agent-1/ack", "forged")
        agent.say("gw/v1/trial/agent-1/data", "for the trial")
        agent.say(DATA, "for county-1")
        mine.say("gw/v1/county-1/agent-1/ack", "true")
        wait_for(lambda: mine.heard and agent.heard, what="what both may hear")
        assert mine.heard == [f"{DATA} for county-1"]
        assert agent.heard == ["gw/v1/county-1/agent-1/ack true"]
        assert other.heard == []


def test_nobody_throws_another_off_by_taking_its_client_id(secured: Secured) -> None:
    agent = speaker(secured, "agent-1")
    intruder = speaker(secured, "agent-2", client_id="agent-1")
    with speaking(agent, intruder):
        intruder.listen("gw/v1/+/agent-2/ack")
        agent.listen("gw/v1/+/agent-1/ack")
        assert not agent.lost.is_set()


def without_certificate(secured: Secured, _folder: Path) -> ssl.SSLContext:
    return TlsSettings(ca=secured.environment.pki / "ca.crt").context()


def of_a_foreign_authority(secured: Secured, folder: Path) -> ssl.SSLContext:
    certificate, key = ForeignAuthority(folder / "foreign").issue("agent-1")
    return TlsSettings(ca=secured.environment.pki / "ca.crt", certificate=certificate, key=key).context()


def expired(secured: Secured, _folder: Path) -> ssl.SSLContext:
    secured.environment.add("late", days=-0.5)
    return secured.context("late")


def revoked(secured: Secured, _folder: Path) -> ssl.SSLContext:
    secured.environment.add("stolen")
    revoke(secured.environment, "stolen")
    secured.reload()
    return secured.context("stolen")


def of_the_broker_itself(secured: Secured, _folder: Path) -> ssl.SSLContext:
    return secured.context("broker")


STRANGERS = [without_certificate, of_a_foreign_authority, expired, revoked, of_the_broker_itself]


def test_strangers_neither_hear_nor_say_anything(secured: Secured, tmp_path: Path) -> None:
    """All at one broker: what is refused must not leave a way in for the next."""
    collector, agent = speaker(secured, COLLECTOR), speaker(secured, "agent-1")
    with speaking(collector, agent):
        collector.listen("gw/v1/county-1/+/data")
        for stranger in STRANGERS:
            context, mark = stranger(secured, tmp_path), stranger.__name__
            for version5 in (False, True):
                attempt = Speaker(secured.port, context, "x", version5=version5, eager=(DATA, f"forged {mark}"))
                assert not attempt.entered, mark
                agent.say(DATA, mark)
                wait_for(partial(heard, collector, f"{DATA} {mark}"), what="the true message")
                assert attempt.heard == []
        assert not [each for each in collector.heard if "forged" in each]


@pytest.mark.filterwarnings(  # paho drops the socket of a failed handshake instead of closing it
    "ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"
)
async def test_an_agent_tells_nothing_to_a_broker_of_another_name_or_authority(tmp_path: Path) -> None:
    with secure_broker(tmp_path / "environment", hosts=["broker.example"]) as secured:
        foreign = ForeignAuthority(tmp_path / "foreign").folder / "ca.crt"
        tls = secured.environment.tls("agent-1")
        for changed, why in (({}, "not valid for '127.0.0.1'"), ({"ca": str(foreign)}, "certificate verify failed")):
            mqtt = MqttSettings.model_validate({"host": LOCAL, "port": secured.port, "tls": tls | changed})
            link = MqttLink(mqtt, "agent-1", will=None, on_message=lambda *_: None, on_received=lambda _: None)
            with pytest.raises(LinkDownError, match=why):
                await link.open([])
            await link.close()


async def test_an_agent_that_is_not_let_in_hears_what_it_may_be(secured: Secured) -> None:
    secured.environment.add("late", days=-0.5)
    mqtt = MqttSettings.model_validate({"host": LOCAL, "port": secured.port, "tls": secured.environment.tls("late")})
    link = MqttLink(mqtt, "late", will=None, on_message=lambda *_: None, on_received=lambda _: None)
    with pytest.raises(
        LinkDownError, match=r"before it let the agent in: .*is the certificate expired, revoked"
    ) as told:
        await link.open([])
    assert "(TLS:" not in str(told.value) or "(TLS: certificate expired)" in str(told.value)  # it may just hang up


async def test_a_collector_that_is_not_let_in_says_what_it_may_be(
    secured: Secured, caplog: pytest.LogCaptureFixture
) -> None:
    """Also where it said before that there was no broker at all."""
    revoke(secured.environment, COLLECTOR)
    tls = secured.environment.tls(COLLECTOR)
    mqtt = MqttSettings.model_validate({"host": LOCAL, "port": secured.port, "tls": tls})
    secured.server.stop()
    stop = asyncio.Event()
    listening = asyncio.create_task(Intake(mqtt, IntakeSettings(), COLLECTOR).run(stop))
    await asyncio.to_thread(wait_for, lambda: "refused" in caplog.text, what="the first cause")
    await asyncio.to_thread(secured.server.start)
    await asyncio.to_thread(wait_for, lambda: "is the certificate expired, revoked" in caplog.text, what="the second")
    stop.set()
    await listening


def test_a_revoked_agent_is_kept_out_after_sighup_and_a_restart_ends_what_is_up(secured: Secured) -> None:
    stolen = speaker(secured, "agent-2")
    with speaking(stolen):
        revoke(secured.environment, "agent-2")
        secured.reload()
        assert not speaker(secured, "agent-2").entered
        stolen.listen("gw/v1/+/agent-2/ack")
        assert not stolen.lost.is_set(), "mosquitto ends live sessions now: say so in docs/secure.md"
        secured.restart()
        assert stolen.lost.wait(30)
        assert not speaker(secured, "agent-2").entered
    other = speaker(secured, "agent-1")
    with speaking(other):
        assert other.entered


def test_an_expired_revocation_list_locks_everybody_out_until_it_is_made_anew(secured: Secured) -> None:
    environment = secured.environment
    with opened(environment.pki) as authority:
        authority.publish_crl(days=-0.5)
    environment.publish("root")
    secured.reload()
    assert not speaker(secured, "agent-1").entered
    with opened(environment.pki) as authority:
        authority.publish_crl()
    environment.publish("root")
    secured.reload()
    back = speaker(secured, "agent-1")
    with speaking(back):
        assert back.entered


def test_the_broker_takes_both_revocation_lists_while_a_site_moves_to_a_new_authority(
    secured: Secured, tmp_path: Path
) -> None:
    """docs/secure.md, a lost CA key: both are trusted until every agent has a certificate of the new one."""
    old, new = secured.environment, Environment(tmp_path / "new")
    Authority.create(new.pki, "the new authority")
    new.add("agent-1")
    for name in ("ca.crt", CRL):
        both = b"".join((each / name).read_bytes() for each in (old.pki, new.pki))
        (old.broker.parent / "certs" / name).write_bytes(both)
    secured.restart()
    tls = new.tls("agent-1") | {"ca": str(old.pki / "ca.crt")}
    moved = Speaker(secured.port, TlsSettings.model_validate(tls).context(), "agent-1")
    waits = speaker(secured, "agent-2")
    with speaking(moved, waits):
        assert moved.entered
        assert waits.entered


@pytest.mark.filterwarnings(  # paho drops the socket of a failed handshake instead of closing it
    "ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"
)
def test_what_is_too_large_or_one_too_many_finds_its_bound(tmp_path: Path) -> None:
    with secure_broker(tmp_path / "environment", connections=2) as secured:
        collector, agent = speaker(secured, COLLECTOR), speaker(secured, "agent-1")
        with speaking(collector, agent):
            assert not speaker(secured, "agent-2").entered
            collector.listen("gw/v1/county-1/+/data")
            agent.client.publish(DATA, b"x" * (9 * 2**20), qos=1)
            assert agent.lost.wait(30)
            again = speaker(secured, "agent-1")
            again.say(DATA, "small")
            wait_for(lambda: collector.heard == [f"{DATA} small"], what="the next message")
            again.end()


def test_nothing_is_retained_under_a_collector_that_there_is_not(secured: Secured) -> None:
    collector, agent = speaker(secured, COLLECTOR), speaker(secured, "agent-1")
    with speaking(collector, agent):
        for topic in ("gw/v1/x1/agent-1/state", "gw/v1/x2/agent-1/data", DATA):
            agent.client.publish(topic, b"kept", qos=1, retain=True).wait_for_publish(30)
        with (secured.environment.broker.parent / "acl").open("a") as rules:
            rules.write("pattern read gw/v1/+/+/+\n")
        secured.reload()
        collector.listen("gw/v1/+/+/+")
        wait_for(lambda: collector.heard, what="what the broker has kept")
        agent.say(DATA, "behind it")
        wait_for(lambda: f"{DATA} behind it" in collector.heard, what="what comes after all that was kept")
        assert collector.heard == [f"{DATA} kept", f"{DATA} behind it"]


def test_the_broker_listens_where_it_is_told_by_ipv6_too(tmp_path: Path) -> None:
    with secure_broker(tmp_path / "environment", listen=[LOCAL, "::1"]) as secured:
        for host in (LOCAL, "::1", "localhost"):
            found = Speaker(secured.port, secured.context("agent-1"), "agent-1", host=host)
            with speaking(found):
                assert found.entered, host


def revoke(environment: Environment, name: str) -> None:
    with opened(environment.pki) as authority:
        authority.revoke(name, x509.ReasonFlags.key_compromise)
    environment.publish("root")
