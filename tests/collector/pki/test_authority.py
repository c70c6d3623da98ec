"""The authority: what it signs proves what it should and no more, and its index survives a SIGKILL anywhere."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID as Use

from collector.audit import all_entries, noted_head, verify
from collector.pki.authority import CRL, Authority, opened
from collector.pki.index import Role, read_index
from collector.pki.log import log_file
from collector.pki.names import hosts_of
from config.keys import PemError, new_key, read_certificate, read_key

STOLEN = x509.ReasonFlags.key_compromise


def test_each_certificate_is_for_one_use_and_never_an_authority(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path / "pki", "authority")
    own = authority.certificate.extensions
    assert own.get_extension_for_class(x509.BasicConstraints).value == x509.BasicConstraints(True, 0)
    usage = own.get_extension_for_class(x509.KeyUsage).value
    assert usage.key_cert_sign
    assert usage.crl_sign
    assert not usage.digital_signature
    key = own.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    hosts = ["broker.example", "192.0.2.7", "2001:db8::7"]
    kinds: list[tuple[Role, x509.ObjectIdentifier, list[str]]] = [
        ("agent", Use.CLIENT_AUTH, []), ("collector", Use.CLIENT_AUTH, []), ("broker", Use.SERVER_AUTH, hosts),
    ]  # fmt: skip
    for role, use, hosts in kinds:
        made = authority.issue(f"{role}-1", role, new_key().public_key(), hosts=hosts).certificate
        found = made.extensions
        assert list(found.get_extension_for_class(x509.ExtendedKeyUsage).value) == [use]
        assert found.get_extension_for_class(x509.BasicConstraints).value == x509.BasicConstraints(False, None)
        assert found.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier == key
        assert hosts_of(made) == hosts
        made.verify_directly_issued_by(authority.certificate)
    serials = [int(each.serial, 16) for each in authority.index.issued]
    assert all(serial.bit_length() > 100 for serial in serials)
    assert len(set(serials)) == 3


def test_nothing_outlives_its_authority(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path / "pki", "authority", days=100)
    made = authority.issue("agent-1", "agent", new_key().public_key(), days=730).certificate
    assert made.not_valid_after_utc == authority.certificate.not_valid_after_utc
    listed = x509.load_pem_x509_crl((tmp_path / "pki" / CRL).read_bytes())
    assert listed.next_update_utc == authority.certificate.not_valid_after_utc


def test_a_name_has_one_key_until_it_is_revoked(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path / "pki", "authority")
    first = authority.issue("agent-1", "agent", new_key().public_key())
    with pytest.raises(ValueError, match=f"agent-1 has a certificate already .serial {first.serial}.: renew it"):
        authority.issue("agent-1", "agent", new_key().public_key())
    second = authority.renew("agent-1")
    assert second.serial != first.serial
    assert second.certificate.public_key() == first.certificate.public_key()
    assert {each.serial for each in authority.revoke("agent-1", STOLEN)} == {first.serial, second.serial}
    with pytest.raises(ValueError, match="agent-1 was revoked, so its key is not trusted any more: issue one"):
        authority.renew("agent-1")
    authority.issue("agent-1", "agent", new_key().public_key())
    with pytest.raises(ValueError, match="nobody has no certificate here"):
        authority.renew("nobody")
    with pytest.raises(ValueError, match="nobody has no certificate here that could be revoked"):
        authority.revoke("nobody", STOLEN)


def test_the_revocation_list_names_what_was_revoked_and_is_numbered(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path / "pki", "authority")
    one = authority.issue("agent-1", "agent", new_key().public_key())
    authority.issue("agent-2", "agent", new_key().public_key())
    authority.revoke("agent-1", STOLEN, one.serial)
    listed = x509.load_pem_x509_crl((tmp_path / "pki" / CRL).read_bytes())
    [entry] = listed
    assert f"{entry.serial_number:x}" == one.serial
    assert entry.extensions.get_extension_for_class(x509.CRLReason).value.reason == STOLEN
    assert listed.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 2
    assert listed.is_signature_valid(authority.certificate.public_key())  # type: ignore[arg-type]  # an EC key


@pytest.mark.parametrize("host", ["", "a b", "-x.example", "x..example", "192.0.2.300", "*.example", "a" * 64, "é.cn"])
def test_a_host_that_no_client_could_ask_for_is_refused(tmp_path: Path, host: str) -> None:
    authority = Authority.create(tmp_path / "pki", "authority")
    with pytest.raises(ValueError, match="expected a DNS name, an IPv4 or an IPv6 address"):
        authority.issue("broker", "broker", new_key().public_key(), hosts=[host])


def test_a_broker_without_hosts_and_an_agent_with_some_are_refused(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path / "pki", "authority")
    with pytest.raises(ValueError, match="by which clients reach it"):
        authority.issue("broker", "broker", new_key().public_key())
    with pytest.raises(ValueError, match="hosts are for a broker's certificate"):
        authority.issue("agent-1", "agent", new_key().public_key(), hosts=["agent.example"])
    with pytest.raises(ValueError, match="expected 1 to 63 lower-case letters"):
        authority.issue("Agent 1", "agent", new_key().public_key())


def test_a_second_authority_does_not_take_the_place_of_one(tmp_path: Path) -> None:
    Authority.create(tmp_path / "pki", "authority")
    with pytest.raises(FileExistsError, match="there is an authority here already"):
        Authority.create(tmp_path / "pki", "another")


def test_a_damaged_index_or_a_key_of_another_authority_is_named(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        Authority.create(tmp_path / folder, folder)
    (tmp_path / "one" / "ca.key").write_bytes((tmp_path / "two" / "ca.key").read_bytes())
    with pytest.raises(PemError, match=r"ca.key and ca.crt do not belong together"), opened(tmp_path / "one"):
        pass
    (tmp_path / "two" / "index.json").write_text('{"v":1,"crl":')
    with pytest.raises(PemError, match=r"index.json: expected the index of an authority.*restore it"):
        read_index(tmp_path / "two")


KILLED = """
import os, signal, sys
from pathlib import Path
from cryptography import x509
from collector.audit import all_entries, noted_head, verify
from collector.pki.log import log_file
from collector.pki.authority import Authority, opened
from collector.pki.environment import Environment
from config.keys import write_file

folder = Path(sys.argv[1])
STEPS = ("create", "issue", "renew", "revoke")

def do(step, environment):
    if step == "create":
        Authority.create(environment.pki, "authority")
    elif step == "issue":
        environment.add("agent-1")
    else:
        with opened(environment.pki) as authority:
            if step == "renew":
                made = authority.renew("agent-1")
                write_file(environment.pki / "issued" / "agent-1.crt", made.pem.encode())
            else:
                authority.revoke("agent-1", x509.ReasonFlags.key_compromise)

def die_at(number, after):
    seen = 0
    rename = Path.replace
    def replace(self, target):
        nonlocal seen
        seen += 1
        if seen == number and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        done = rename(self, target)
        if seen == number and after:
            os.kill(os.getpid(), signal.SIGKILL)
        return done
    Path.replace = replace

for step in STEPS:
    number, after, ended = 1, False, False
    while not ended:
        environment = Environment(folder / f"{step}-{number}-{after}")
        for before in STEPS[:STEPS.index(step)]:
            do(before, environment)
        child = os.fork()
        if child == 0:
            die_at(number, after)
            do(step, environment)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        ended = status == 0
        assert ended or os.WTERMSIG(status) == signal.SIGKILL, status
        number, after = (number + 1, False) if after else (number, True)
"""


def test_a_sigkill_at_any_file_leaves_a_sound_authority(tmp_path: Path) -> None:
    """Before and behind each renaming, in each command; where the command ended by itself there is nothing to kill."""
    subprocess.run([sys.executable, "-c", KILLED, tmp_path], check=True, timeout=100)
    found = sorted(tmp_path.iterdir())
    assert len(found) > 20
    for folder in found:
        step, pki = folder.name.split("-")[0], folder / "pki"
        if not (pki / "index.json").exists():
            assert step == "create"
            Authority.create(pki, "authority")
        with opened(pki) as authority:
            check(pki, authority)
            if not authority.index.live("agent-1", now()):
                authority.issue("agent-1", "agent", new_key().public_key())
            authority.renew("agent-1")
            authority.revoke("agent-1", STOLEN)
            check(pki, authority)


def check(pki: Path, authority: Authority) -> None:
    """Index, revocation list, log and what was handed out agree."""
    listed = {each.serial_number for each in x509.load_pem_x509_crl((pki / CRL).read_bytes())}
    assert listed == {int(each.serial, 16) for each in authority.index.issued if each.revoked is not None}
    assert logged(pki, "issued", "renewed") >= {each.serial for each in authority.index.issued}
    assert logged(pki, "revoked") >= {each.serial for each in authority.index.issued if each.revoked is not None}
    certificate, key = pki / "issued" / "agent-1.crt", pki / "issued" / "agent-1.key"
    if certificate.exists():
        made = read_certificate(certificate)
        assert f"{made.serial_number:x}" in {each.serial for each in authority.index.issued}
        assert made.public_key() == read_key(key).public_key()


def logged(pki: Path, *what: str) -> set[str]:
    """Serial numbers of what the log, which is whole, says that was done."""
    with closing(log_file(pki)) as log, log.reading() as db:
        noted = noted_head(pki)
        assert verify(db, [] if noted is None else [noted]).fault == ""
        return {json.loads(each.details)["serial"] for each in all_entries(db) if each.what in what}


def now() -> int:
    return int(datetime.now(UTC).timestamp() * 1000)
