"""What certificates are made for: names of agents and collectors, hosts of brokers, and requests that agents send."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from config.certificates import common_name
from config.keys import PemError, read_bounded
from profiles.wire.topics import ID_PATTERN, ID_WORDS

_LABEL = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")
_NUMERIC = re.compile(r"[0-9.]+")


def check_name(name: str) -> str:
    """A name that may stand in topics and certificates; ValueError says what was expected."""
    if not re.fullmatch(ID_PATTERN, name):
        raise ValueError(f"name {name!r}: expected {ID_WORDS}")
    return name


def alternative_names(hosts: Sequence[str]) -> x509.SubjectAlternativeName:
    """DNS names and IPv4 and IPv6 addresses as a server's certificate states them (RFC 5280, 4.2.1.6)."""
    return x509.SubjectAlternativeName([_alternative(host) for host in dict.fromkeys(hosts)])


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        pass  # then it is a name
    if len(host) > 253 or _NUMERIC.fullmatch(host) or not all(_LABEL.fullmatch(each) for each in host.split(".")):
        raise ValueError(f"host {host!r}: expected a DNS name, an IPv4 or an IPv6 address by which clients reach it")
    return x509.DNSName(host)


def hosts_of(certificate: x509.Certificate) -> list[str]:
    """What `alternative_names` was made from."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]


def read_request(file: Path, name: str) -> CertificatePublicKeyTypes:
    """The public key of a certificate signing request (PKCS #10) whose common name is `name`, and nothing else of it.

    PemError when it is none, is not signed by its own key, is for another name, or its key is too weak.
    """
    try:
        request = x509.load_pem_x509_csr(read_bounded(file))
        signed = request.is_signature_valid
    except (ValueError, UnsupportedAlgorithm, InvalidSignature) as err:
        raise PemError(f"{file}: expected a certificate signing request (PEM): {err}") from err
    if not signed:
        raise PemError(f"{file}: the request is not signed by the key in it")
    if (asked := common_name(request.subject)) != name:
        raise PemError(f"{file}: the request is for {asked!r}; expected {name!r}")
    return _strong(file, request.public_key())


def _strong(file: Path, key: object) -> CertificatePublicKeyTypes:
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in ("secp256r1", "secp384r1"):
        return key
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= 2048:
        return key
    raise PemError(f"{file}: expected a key on the curve P-256 or P-384, or of RSA with at least 2048 bits")
