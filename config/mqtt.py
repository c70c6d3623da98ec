"""How an agent or a collector reaches its broker: address, protocol version, TLS, log-in."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from config.hosts import Host
from config.load import Fault
from config.model import Duration, FilePath, Settings
from config.private import KeyHolder

NOT_LET_IN = "is the certificate expired, revoked or of another authority, or the broker's revocation list expired?"
"""What it may be when a connection over TLS ends before the broker has let a client in."""


class TlsSettings(KeyHolder):
    """TLS towards the broker; the server is always verified, by host name too."""

    ca: FilePath | None = None
    """Certificate authority that signed the broker's certificate (PEM); left out: the system's."""
    certificate: FilePath | None = None
    """This program's client certificate (PEM)."""
    key: FilePath | None = None
    """Private key of the client certificate (PEM)."""
    key_password: SecretStr | None = None
    """Password of the private key; use !secret."""

    @property
    def files(self) -> tuple[Path, ...]:
        """Those whose expiry matters."""
        return tuple(file for file in (self.ca, self.certificate) if file is not None)

    def context(self) -> ssl.SSLContext:
        """The TLS context: TLS 1.2 at least, certificate required, host name checked.

        It is made for each connection, so that a renewed certificate is used from the next one on. Raises OSError with
        the files' names when one cannot be used or others may read the key: security fails closed.
        """
        self.guard()
        try:
            context = ssl.create_default_context(cafile=str(self.ca) if self.ca else None)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if self.certificate is not None:
                password = self.key_password.get_secret_value() if self.key_password else None
                context.load_cert_chain(self.certificate, self.key, password)
        except (OSError, ssl.SSLError) as err:
            names = ", ".join(str(file) for file in (self.ca, self.certificate, self.key) if file is not None)
            raise OSError(f"{names}: {err.strerror or err}") from err
        return context


class MqttSettings(Settings):
    """One broker. MQTT 5 by default; 3.1.1 where the broker speaks nothing newer."""

    host: Host
    """Host name or address of the broker; there is no default destination."""
    port: Annotated[int, Field(ge=1, le=65535)] = 8883
    """TCP port; 8883 is MQTT over TLS."""
    version: Literal["5", "3.1.1"] = "5"
    """Protocol version."""
    tls: TlsSettings | Literal["disabled"] = TlsSettings()
    """TLS settings, or the word disabled for a broker on this machine or on a network of its own."""
    username: str | None = None
    """User name, where the broker asks for one beside or instead of the certificate."""
    password: SecretStr | None = None
    """Password; use !secret."""
    client_id: str | None = None
    """MQTT client id; left out: the id of the agent or collector, which is what the shipped ACL expects."""
    keepalive: Duration = 30.0
    """Silence after which a ping is sent; a dead link is noticed after one and a half of it."""
    connect_timeout: Duration = 10.0
    """How long one attempt to connect may take."""


def link_files(mqtt: MqttSettings) -> tuple[Path, ...]:
    """The files that a connection reads: authority, certificate, key."""
    if mqtt.tls == "disabled":
        return ()
    return tuple(file for file in (mqtt.tls.ca, mqtt.tls.certificate, mqtt.tls.key) if file is not None)


def missing_files(mqtt: MqttSettings) -> Iterator[Fault]:
    """Certificates and keys that are not there (yet): warnings, as they come by another way than the settings, and
    instruments are read meanwhile."""
    if mqtt.tls == "disabled":
        return
    for name in ("ca", "certificate", "key"):
        file = getattr(mqtt.tls, name)
        if file is not None and not os.path.isfile(file):  # unlike Path.is_file it raises nothing for any name
            yield Fault(("mqtt", "tls", name), f"there is no file {file}; without it nothing is delivered", "warning")
