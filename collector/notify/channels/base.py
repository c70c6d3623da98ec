"""What a channel is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Protocol

from pydantic import Field, SecretStr

from collector.notify.message import Message
from config.model import Duration, Settings, Written
from config.secrets import hide

MAX_ERROR = 300
"""Characters of a reason that are kept."""


class ReceiverSettings(Settings):
    """What every channel has."""

    name: Annotated[str, Written(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", "a name of letters, digits, '.', '_' or '-'")]
    """The name by which rules address it."""
    timeout: Annotated[Duration, Field(ge=0.1, le=300)] = 15.0
    """How long an answer is awaited."""


class DeliveryError(Exception):
    """The message could not be delivered; the text says why, without secrets. It is tried again."""


class Channel(Protocol):
    """One receiver. `send` blocks, in a thread of the receiver's own, and returns once the other side has taken it."""

    def __init__(self, settings: Any) -> None: ...

    def send(self, message: Message) -> None:
        """Deliver; DeliveryError where it could not be, or where it is not known whether it was."""


def failed(reason: object, secrets: Iterable[SecretStr | None] = ()) -> DeliveryError:
    """A DeliveryError in one bounded line, in which the secrets are replaced by dots."""
    return DeliveryError(hide(" ".join(str(reason).split()), secrets)[:MAX_ERROR])
