"""Mail by SMTP, through the standard library's smtplib, with TLS."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from collector.notify.channels.base import ReceiverSettings, failed
from collector.notify.message import Message
from config.hosts import Host
from config.model import FilePath, Written

Address = Annotated[str, Written(r"^[^@\s<>,;]+@[^@\s<>,;]+$", "a mail address such as chief@bureau.example")]


class SmtpSettings(ReceiverSettings):
    """A mail server and who is written to."""

    type: Literal["smtp"]
    host: Host
    """The server; its certificate has to name it."""
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    """Its port: 587 with starttls, 465 with tls."""
    tls: Literal["starttls", "tls", "disabled"] = "starttls"
    """``starttls`` (required, not tried), ``tls`` from the first byte, or ``disabled`` inside a machine."""
    ca: FilePath | None = None
    """The authority of the server's certificate; left out: those of the system."""
    username: str | None = None
    """For logging in."""
    password: SecretStr | None = None
    """For logging in: ``!secret mail-password``."""
    sender: Address
    """The address that it comes from."""
    to: Annotated[tuple[Address, ...], Field(min_length=1)]
    """The addresses that it goes to; tried again for all when one is refused."""


class Smtp:
    """See `collector.notify.channels.base.Channel`. A connection a message: alarms are rare, idle connections break."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings

    def send(self, message: Message) -> None:
        """One mail to all addresses; its Message-ID is the message's, so that a repeat can be told."""
        mail = EmailMessage()
        mail["Subject"] = message.title
        mail["From"] = self._settings.sender
        mail["To"] = ", ".join(self._settings.to)
        mail["Message-ID"] = f"<{message.id.replace('/', '.').replace(' ', '-')}@edge-collector>"
        mail.set_content(message.text)
        try:
            self._deliver(mail)
        except (smtplib.SMTPException, OSError) as err:
            raise failed(f"{type(err).__name__}: {err}", [self._settings.password]) from None

    def _deliver(self, mail: EmailMessage) -> None:
        chosen = self._settings
        context = None
        if chosen.tls != "disabled":
            context = ssl.create_default_context(cafile=str(chosen.ca) if chosen.ca else None)
        kind = smtplib.SMTP_SSL if chosen.tls == "tls" else smtplib.SMTP
        more = {"context": context} if chosen.tls == "tls" else {}
        with kind(chosen.host, chosen.port, timeout=chosen.timeout, **more) as server:  # type: ignore[arg-type]
            if chosen.tls == "starttls":
                server.starttls(context=context)
            if chosen.username is not None:
                server.login(chosen.username, chosen.password.get_secret_value() if chosen.password else "")
            refused = server.send_message(mail)
        if refused:
            raise smtplib.SMTPRecipientsRefused(refused)
