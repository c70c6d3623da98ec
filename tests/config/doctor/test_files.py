"""What has expired is a fault, and so is what is no certificate; all of a real authority."""

from __future__ import annotations

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from collector.pki.authority import CERTIFICATE, CRL, opened
from collector.pki.environment import make_environment
from config.doctor.files import file_findings


def test_each_certificate_and_revocation_list_is_judged_by_its_end(tmp_path: Path) -> None:
    made = make_environment(tmp_path, "county-1", [], port=8883, user="root")
    made.add("late", days=-0.5)
    made.add("soon", days=9)
    found = {"authority": made.pki / CERTIFICATE, "list": made.pki / CRL, "none": tmp_path / "none"}
    found |= {name: made.pki / "issued" / f"{name}.crt" for name in ("late", "soon")}
    issued = x509.load_pem_x509_certificate(found["authority"].read_bytes())
    (tmp_path / "der").write_bytes(issued.public_bytes(Encoding.DER))
    (tmp_path / "odd").write_text("no certificate")
    found |= {name: tmp_path / name for name in ("der", "odd")}
    told = {each.text.partition(":")[0]: each for each in file_findings({path: name for name, path in found.items()})}
    assert {name: each.state for name, each in told.items()} == {
        "authority": "ok", "list": "ok", "der": "ok", "late": "fault", "soon": "ok", "none": "fault", "odd": "fault",
    }  # fmt: skip
    assert "expired 12.0 h ago" in told["late"].text
    assert "expected a certificate" in told["odd"].text


def test_a_revocation_list_that_has_expired_shuts_everybody_out_and_is_a_fault(tmp_path: Path) -> None:
    made = make_environment(tmp_path, "county-1", [], port=8883, user="root")
    with opened(made.pki) as authority:
        authority.publish_crl(days=-0.5)
    [found] = file_findings({made.pki / CRL: "certificates"})
    assert (found.state, "revocation list of authority of county-1" in found.text) == ("fault", True)
