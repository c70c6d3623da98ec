"""The way to the broker, step by step, so that the first that fails is named: name, route, port, TLS."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509

from config.certificates import Lasting, common_name
from config.doctor.finding import Finding, fault, ok, span, warning
from config.mqtt import MqttSettings, TlsSettings

DNS, ROUTE, BROKER, TLS = "dns", "route", "broker", "tls"
NOT_IN = (
    "the broker's log says why; does it know the common name of the certificate (or the user name), is the certificate "
    "revoked, and has the revocation list expired? docs/secure.md"
)
"""What to do when a broker lets a program not in."""
_REASONS = {9: "future", 10: "expired", 62: "host", 64: "host"}
"""Codes of verification that have a cure of their own; all others mean another authority
(https://docs.openssl.org/master/man3/X509_STORE_CTX_get_error/)."""


def way_findings(mqtt: MqttSettings) -> Iterator[Finding]:
    """Up to the broker's certificate; nothing behind the first fault, which is the last finding then."""
    try:
        found = socket.getaddrinfo(mqtt.host, mqtt.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as err:
        yield fault(DNS, f"{mqtt.host} cannot be resolved: {err}", "is the name right, and the DNS server in "
                    "/etc/resolv.conf reachable? Else name the broker by its address, or in /etc/hosts")  # fmt: skip
        return
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    yield ok(DNS, _resolved(mqtt.host, addresses))
    route = _route(found)
    yield route
    if route.state == "fault":
        return
    try:
        with socket.create_connection((mqtt.host, mqtt.port), mqtt.connect_timeout) as link:
            yield ok(BROKER, f"{mqtt.host} port {mqtt.port} is open")
            yield from _tls(mqtt, link)
    except OSError as err:
        advice = "is the broker running (systemctl status mosquitto), does it listen on that address, is port "
        advice += f"{mqtt.port} right, and does a firewall between let it through? Nothing is lost meanwhile"
        yield fault(BROKER, f"{mqtt.host} port {mqtt.port}: {_words(err)}", advice)


def _resolved(host: str, addresses: list[str]) -> str:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return f"{host} is {', '.join(addresses)}"
    return f"{host} is an address: no name needs to be resolved"


def _route(found: Sequence[tuple[Any, ...]]) -> Finding:
    """By a UDP socket, for which nothing is sent (udp(7)): the kernel alone says which way it would go."""
    refused = ""
    for family, _kind, _protocol, _name, address in found:
        with socket.socket(family, socket.SOCK_DGRAM) as link:
            try:
                link.connect(address)
            except OSError as err:
                refused = f"{address[0]!s}: {_words(err)}"
                continue
            return ok(ROUTE, f"to {address[0]!s} from {link.getsockname()[0]}")
    return fault(
        ROUTE, f"no way to {refused}", "is the cable in, the interface up (ip addr), a gateway set (ip route)?"
    )


def _tls(mqtt: MqttSettings, link: socket.socket) -> Iterator[Finding]:
    if mqtt.tls == "disabled":
        local = ipaddress.ip_address(link.getpeername()[0]).is_loopback
        if local:
            yield ok(TLS, "switched off, to a broker on this machine")
        else:
            yield warning(TLS, "switched off: whoever taps the line reads all, and can forge it", "docs/secure.md")
        return
    try:
        context = mqtt.tls.context()
    except OSError as err:
        yield fault(TLS, f"own files cannot be used: {err}", "put them there: edge-agent enrol; docs/secure.md")
        return
    try:
        with context.wrap_socket(link, server_hostname=mqtt.host) as secured:
            shown = x509.load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"")
            yield ok(TLS, f"{secured.version()}, the broker's certificate is good for {mqtt.host}")
    except ssl.SSLCertVerificationError as err:
        yield _unproven(mqtt, mqtt.tls, err)
        return
    except (OSError, ssl.SSLError, ValueError) as err:
        yield fault(TLS, f"no TLS with {mqtt.host} port {mqtt.port}: {_words(err)}",
                    "is that the port for TLS (8883), and does the broker speak TLS 1.2 or newer?")  # fmt: skip
        return
    yield from _lasts(shown)


def _lasts(shown: x509.Certificate) -> Iterator[Finding]:
    name, ends = common_name(shown.subject), shown.not_valid_after_utc
    now = datetime.now(UTC)
    state = Lasting(Path(), name, shown.not_valid_before_utc, ends).state(now)
    text = f"the broker's certificate {name} expires in {span((ends - now).total_seconds())}, {ends:%Y-%m-%d}"
    if state == "valid":
        yield ok(TLS, text)
    else:
        yield warning(TLS, text, "renew it at the broker: edge-collector pki renew broker, then pki publish")


def _unproven(mqtt: MqttSettings, tls: TlsSettings, err: ssl.SSLCertVerificationError) -> Finding:
    shown, kind = _shown(mqtt), _REASONS.get(err.verify_code, "")
    about = ""
    if shown is not None:
        about = f"; it shows {common_name(shown.subject)!r} of authority {common_name(shown.issuer)!r}, "
        about += f"good from {shown.not_valid_before_utc:%Y-%m-%d} to {shown.not_valid_after_utc:%Y-%m-%d}"
    text = f"the broker is not proven to be {mqtt.host}: {err.verify_message}{about}"
    match kind:
        case "expired":
            advice = "renew it at the broker (edge-collector pki renew broker, pki publish); is this clock right?"
        case "future":
            advice = "is this computer's clock right?"
        case "host":
            advice = (
                f"its certificate does not name {mqtt.host}: name the broker as it does, or `pki renew broker --host`"
            )
        case _:
            known = f"{tls.ca}" if tls.ca else "the system's authorities"
            advice = f"{known} did not sign it: put the authority's ca.crt of this broker there (`mqtt: tls: ca`)"
            advice += "; if the authority is the right one, somebody else answers in the broker's place"
    return fault(TLS, text, advice)


def _shown(mqtt: MqttSettings) -> x509.Certificate | None:
    """The certificate of whoever answers, to name it: nothing is sent to him, and the connection is ended at once."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((mqtt.host, mqtt.port), mqtt.connect_timeout) as link,
            context.wrap_socket(link, server_hostname=mqtt.host) as secured,
        ):
            return x509.load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"")
    except (OSError, ValueError):
        return None


def _words(err: Exception) -> str:
    if isinstance(err, TimeoutError):
        return "no answer in time"
    return getattr(err, "strerror", None) or str(err)
