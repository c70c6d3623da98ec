"""``edge-agent enrol``: the key is made on the agent and stays there; only what the broker takes is installed."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from collector.cli.main import main as collector
from collector.pki.authority import Authority, opened
from collector.pki.names import read_request
from config.keys import fingerprint, read_certificate, read_key
from edge_agent.cli.main import main

AGENT = "tank-farm-1"  # as the sample has it


def run(*words: str, code: int = 0, program: object = main) -> str:
    done = CliRunner().invoke(program, words)  # type: ignore[arg-type]  # a group of commands
    assert done.exit_code == code, done.output
    return done.output


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sample's settings, and an authority in pki/."""
    monkeypatch.chdir(tmp_path)
    run("init")
    run("pki", "init", program=collector)
    return tmp_path


def signed(*words: str) -> None:
    run("pki", *words, program=collector)


def test_an_agent_is_enrolled_without_its_key_leaving_it(site: Path) -> None:
    said = run("enrol")
    key = site / "certs/agent.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert fingerprint(read_key(key).public_key()) in said
    assert b"PRIVATE" not in (site / f"certs/{AGENT}.csr").read_bytes()
    assert fingerprint(read_key(key).public_key()) in run(
        "pki", "issue", AGENT, "--csr", f"certs/{AGENT}.csr", program=collector
    )
    run("enrol", "--install", f"pki/issued/{AGENT}.crt", "--ca", "pki/ca.crt")
    assert read_certificate(site / "certs/agent.crt").public_key() == read_key(key).public_key()
    assert (site / "certs/ca.crt").read_bytes() == (site / "pki/ca.crt").read_bytes()
    assert "warning" not in run("check")


def test_enrolling_again_keeps_the_key_so_that_one_file_changes_when_renewing(site: Path) -> None:
    run("enrol")
    before = (site / "certs/agent.key").read_bytes()
    signed("issue", AGENT, "--csr", f"certs/{AGENT}.csr")
    run("enrol", "--install", f"pki/issued/{AGENT}.crt", "--ca", "pki/ca.crt")
    assert "is there and stays" in run("enrol")
    signed("renew", AGENT)
    run("enrol", "--install", f"pki/issued/{AGENT}.crt")
    assert (site / "certs/agent.key").read_bytes() == before
    newest = read_certificate(site / f"pki/issued/{AGENT}.crt").serial_number
    assert read_certificate(site / "certs/agent.crt").serial_number == newest


def for_another(_site: Path) -> str:
    signed("issue", "other")
    return "pki/issued/other.crt"


def of_another_request(_site: Path) -> str:
    signed("issue", AGENT)
    return f"pki/issued/{AGENT}.crt"


def of_another_authority(_site: Path) -> str:
    signed("init", "--pki", "other")
    signed("issue", AGENT, "--csr", f"certs/{AGENT}.csr", "--pki", "other")
    return f"other/issued/{AGENT}.crt"


def of_a_broker(_site: Path) -> str:
    signed("issue", AGENT, "--role", "broker", "--host", "::1", "--csr", f"certs/{AGENT}.csr")
    return f"pki/issued/{AGENT}.crt"


def none_at_all(_site: Path) -> str:
    return "agent.yaml"


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (for_another, "it is for 'other'; expected 'tank-farm-1'"),
        (of_another_request, "it does not belong to certs/agent.key: was another request signed?"),
        (of_another_authority, "no authority in pki/ca.crt has signed it"),
        (of_a_broker, "it is no client's certificate"),
        (none_at_all, "agent.yaml: expected a certificate"),
    ],
)
def test_what_the_broker_would_not_take_is_not_installed(site: Path, made: Callable[[Path], str], said: str) -> None:
    run("enrol")
    assert said in run("enrol", "--install", made(site), "--ca", "pki/ca.crt", code=1)
    assert not (site / "certs/agent.crt").exists()
    assert not (site / "certs/ca.crt").exists()


def test_an_agent_can_be_enrolled_before_its_instruments_are_described(site: Path) -> None:
    text = (site / "agent.yaml").read_text()
    (site / "agent.yaml").write_text(text[: text.index("devices:")])
    run("enrol")
    assert (site / "certs/agent.key").exists()
    (site / "agent.yaml").write_text(text.replace("agent: tank-farm-1", "agent: Tank Farm", 1))
    assert "agent.yaml:5:8: agent: expected 1 to 63 lower-case letters" in run("enrol", code=2)


def test_settings_without_a_place_for_the_key_are_told(site: Path) -> None:
    text = (site / "agent.yaml").read_text()
    (site / "agent.yaml").write_text(text.replace("    key: certs/agent.key\n", "", 1))
    assert "mqtt.tls: expected `certificate` and `key`" in run("enrol", code=1)
    run("enrol", "nowhere.yaml", code=2)


def test_a_request_can_be_read_by_any_authority(site: Path) -> None:
    run("enrol")
    request = x509.load_pem_x509_csr((site / f"certs/{AGENT}.csr").read_bytes())
    assert request.is_signature_valid
    assert request.subject.rfc4514_string() == f"CN={AGENT}"


def test_a_foreign_authoritys_name_forges_no_line_and_moves_no_terminal(site: Path) -> None:
    run("enrol")
    with opened(Path("pki")) as authority:
        key = read_request(site / f"certs/{AGENT}.csr", AGENT)
        (site / "signed.crt").write_text(authority.issue(AGENT, "agent", key).pem)
    foreign = Authority.create(
        site / "other", "x\x9b2J\nwrote certs/ca.crt: authority, fingerprint 00000000"
    ).certificate
    both = foreign.public_bytes(Encoding.PEM) + (site / "pki/ca.crt").read_bytes()
    (site / "both.crt").write_bytes(both)
    said = run("enrol", "--install", "signed.crt", "--ca", "both.crt")
    assert r"x\x9b2J\nwrote" in said
    assert all(line.isprintable() for line in said.splitlines())
    (site / "\x9b2J.crt").write_bytes(b"none")
    assert r"\x9b2J.crt: expected a certificate" in run("enrol", "--install", "\x9b2J.crt", code=1)
