"""``edge-collector pki`` and ``broker-config``: what they write, say and refuse."""

from __future__ import annotations

import json
import os
import pwd
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from collector.broker import write_broker
from collector.cli.main import main
from config.keys import new_key, read_certificate, read_key

Signs = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


SMUGGLED = "\nallow_anonymous true"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An authority in pki/ of the present folder."""
    monkeypatch.chdir(tmp_path)
    run("pki", "init")
    return tmp_path


def run(*words: str, code: int = 0) -> Result:
    done = CliRunner().invoke(main, words)
    assert done.exit_code == code, done.output
    return done


def request(file: Path, name: str, key: Signs | None = None) -> None:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = x509.CertificateSigningRequestBuilder(subject).sign(key or new_key(), hashes.SHA256())
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))


def test_a_key_that_is_made_here_is_its_owners_alone_and_belongs_to_its_certificate(here: Path) -> None:
    said = run("pki", "issue", "county-1", "--role", "collector", "--out", "out").output
    key, certificate = here / "out/county-1.key", here / "out/county-1.crt"
    assert stat.S_IMODE(key.stat().st_mode) == stat.S_IMODE((here / "pki/ca.key").stat().st_mode) == 0o600
    assert read_key(key).public_key() == read_certificate(certificate).public_key()
    assert "made out/county-1.key" in said


def test_a_request_is_signed_for_the_name_that_was_typed_and_nothing_else_of_it(here: Path) -> None:
    key = new_key()
    request(here / "a.csr", "agent-1", key)
    run("pki", "issue", "agent-1", "--csr", "a.csr")
    assert read_certificate(here / "pki/issued/agent-1.crt").public_key() == key.public_key()
    assert not (here / "pki/issued/agent-1.key").exists()
    request(here / "b.csr", "county-1")
    said = run("pki", "issue", "agent-2", "--csr", "b.csr", code=1).output
    assert "b.csr: the request is for 'county-1'; expected 'agent-2'" in said


def test_a_request_that_is_none_or_too_weak_is_refused(here: Path) -> None:
    (here / "odd.csr").write_text("no request")
    assert (
        "odd.csr: expected a certificate signing request"
        in run("pki", "issue", "agent-1", "--csr", "odd.csr", code=1).output
    )
    request(here / "weak.csr", "agent-1", rsa.generate_private_key(65537, 1024))
    said = run("pki", "issue", "agent-1", "--csr", "weak.csr", code=1).output
    assert "expected a key on the curve P-256 or P-384, or of RSA with at least 2048 bits" in said
    made = here / "a.csr"
    request(made, "agent-1")
    whole = x509.load_pem_x509_csr(made.read_bytes()).public_bytes(serialization.Encoding.DER)
    broken = whole[:-1] + bytes([whole[-1] ^ 1])
    made.write_bytes(x509.load_der_x509_csr(broken).public_bytes(serialization.Encoding.PEM))
    assert "is not signed by the key in it" in run("pki", "issue", "agent-1", "--csr", "a.csr", code=1).output
    assert [each["name"] for each in listed()] == ["ca.crt", "crl.pem"]


def test_renewing_keeps_key_and_hosts_so_that_one_file_changes(here: Path) -> None:
    run("pki", "issue", "broker", "--role", "broker", "--host", "broker.example", "--host", "::1")
    key, before = (here / "pki/issued/broker.key").read_bytes(), read_certificate(here / "pki/issued/broker.crt")
    run("pki", "renew", "broker")
    after = read_certificate(here / "pki/issued/broker.crt")
    names = x509.SubjectAlternativeName
    assert after.serial_number != before.serial_number
    assert after.extensions.get_extension_for_class(names) == before.extensions.get_extension_for_class(names)
    assert (here / "pki/issued/broker.key").read_bytes() == key
    assert [each["state"] for each in listed() if each["name"] == "broker"] == ["replaced", "valid"]


def test_a_serial_number_of_nothing_but_zeros_is_not_all_of_a_names_certificates(here: Path) -> None:
    run("pki", "issue", "agent-2")
    for none in ("0", "", "00:00"):
        said = run("pki", "revoke", "agent-2", "--serial", none, code=1).output
        assert "agent-2 has no certificate 0 here that could be revoked" in said


def test_the_authoritys_name_is_one_line_that_moves_no_terminal(here: Path) -> None:
    said = run("pki", "init", "--pki", "other", "--name", "a\x9b2J\nfingerprint 0", code=1).output
    assert "expected 1 to 64 printable characters" in said
    assert not (here / "other").exists()


def test_the_list_tells_name_serial_end_and_state(here: Path) -> None:
    run("pki", "issue", "agent-1", "--days", "1")
    run("pki", "issue", "agent-2")
    serial = f"{read_certificate(here / 'pki/issued/agent-2.crt').serial_number:040X}"
    colons = ":".join(serial[at : at + 2] for at in range(0, 40, 2))  # as openssl writes it
    run("pki", "revoke", "agent-2", "--reason", "gone", "--serial", colons)
    rows = {each["name"]: each for each in listed()}
    assert rows["agent-1"]["state"] == "valid"
    assert rows["agent-2"]["state"] == "revoked (cessationOfOperation)"
    assert rows["agent-2"]["serial"] == serial.lower().lstrip("0")
    assert rows["crl.pem"]["role"] == "revocation list"
    table = run("pki", "list").output.splitlines()
    assert table[0].split() == ["name", "role", "serial", "expires", "state"]
    assert table[1].split()[:2] == ["ca.crt", "authority"]
    assert table[1].split()[3].endswith("Z")


def test_the_list_says_when_the_revocation_list_lacks_somebody(here: Path) -> None:
    run("pki", "issue", "agent-1")
    before = (here / "pki/crl.pem").read_bytes()
    run("pki", "revoke", "agent-1")
    (here / "pki/crl.pem").write_bytes(before)  # what a SIGKILL between the two files leaves
    assert "crl.pem lacks what was revoked last" in run("pki", "list").output
    run("pki", "crl")
    assert "lacks" not in run("pki", "list").output


def test_the_authoritys_own_key_is_refused_when_others_may_read_it(here: Path) -> None:
    (here / "pki/ca.key").chmod(0o640)
    assert "ca.key: others may read it (mode 0640)" in run("pki", "issue", "agent-1", code=1).output
    assert [each["name"] for each in listed()] == ["ca.crt", "crl.pem"]


def test_a_name_that_is_taken_keeps_its_key(here: Path) -> None:
    run("pki", "issue", "agent-1")
    key = (here / "pki/issued/agent-1.key").read_bytes()
    assert "agent-1 has a certificate already" in run("pki", "issue", "agent-1", code=1).output
    assert (here / "pki/issued/agent-1.key").read_bytes() == key


def test_the_broker_gets_what_belongs_together_or_nothing(here: Path) -> None:
    run("pki", "issue", "broker", "--role", "broker", "--host", "::1")
    run("pki", "publish", "certs")
    assert sorted(each.name for each in (here / "certs").iterdir()) == ["broker.crt", "broker.key", "ca.crt", "crl.pem"]
    assert stat.S_IMODE((here / "certs/broker.key").stat().st_mode) == 0o600
    run("pki", "issue", "agent-1")
    (here / "pki/issued/broker.key").write_bytes((here / "pki/issued/agent-1.key").read_bytes())
    assert "do not belong together" in run("pki", "publish", "elsewhere", code=1).output
    assert not (here / "elsewhere").exists()


def test_the_brokers_settings_name_the_site_and_listen_on_loopback_unless_asked(here: Path) -> None:
    said = run("broker-config", "broker", "--collector", "county-1", "--collector", "trial").output
    assert "nobody can be shut out" in said
    settings, rules = (here / "broker/mosquitto.conf").read_text(), (here / "broker/acl").read_text()
    assert "\nlistener 8883 127.0.0.1\n" in settings
    assert settings.count("\nlistener ") == 1
    assert f"acl_file {here}/broker/acl" in settings
    assert "user county-1\n" in rules
    assert "topic read gw/v1/trial/+/data" in rules
    assert "$" not in settings + rules
    assert "exists; --force overwrites it" in run("broker-config", "broker", "--collector", "county-1", code=1).output
    run("pki", "issue", "broker", "--role", "broker", "--host", "::1")
    run("pki", "publish", "broker/certs")
    run("broker-config", "broker", "--collector", "county-1", "--listen", "0.0.0.0", "--listen", "::", "--force")
    settings = (here / "broker/mosquitto.conf").read_text()
    assert "\nlistener 8883 0.0.0.0\n" in settings
    assert "\nlistener 8883 ::\n" in settings
    assert f"crlfile {here}/broker/certs/crl.pem" in settings


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--collector", "a\nuser x"], 1, "expected 1 to 63 lower-case letters"),
        (["--collector", "a", "--listen", f"::{SMUGGLED}"], 2, "expected an IPv6 address"),
        (["--collector", "a", "--listen", f"here{SMUGGLED}"], 2, "expected a host name"),
        (["--collector", "a", "--user", f"mosquitto{SMUGGLED}"], 1, "expected the name of a user"),
    ],
)
def test_nothing_can_be_smuggled_into_the_brokers_settings(here: Path, words: list[str], code: int, said: str) -> None:
    assert said in run("broker-config", "broker", *words, code=code).output
    with pytest.raises(ValueError, match="expected a name, an IPv4 or an IPv6 address"):
        write_broker(here / "broker", ["a"], listen=[f"::{SMUGGLED}"])
    assert not (here / "broker").exists()


def listed() -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(run("pki", "list", "--json").stdout)
    return found


def test_the_broker_s_settings_and_what_it_needs_of_the_authority_are_written_at_once(here: Path) -> None:
    assert "broker.key" in run("broker-config", "broker", "--pki", "pki", "--collector", "county-1", code=1).output
    assert not (here / "broker/mosquitto.conf").exists()
    run("pki", "issue", "broker", "--role", "broker", "--host", "localhost")
    me = pwd.getpwuid(os.geteuid()).pw_name
    said = run("broker-config", "broker", "--pki", "pki", "--collector", "county-1", "--user", me).output
    assert [line.rpartition("/")[2] for line in said.splitlines()] == [
        "ca.crt", "crl.pem", "broker.crt", "broker.key", "mosquitto.conf", "acl",
    ]  # fmt: skip
    assert stat.S_IMODE((here / "broker/certs/broker.key").stat().st_mode) == 0o600
    assert "\ncrlfile " in (here / "broker/mosquitto.conf").read_text()
