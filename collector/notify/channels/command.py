"""A program on this machine, such as an SMS gateway's client: its arguments as they stand, the text on its input."""

from __future__ import annotations

import subprocess
from typing import Annotated, Literal

from pydantic import Field

from collector.notify.channels.base import ReceiverSettings, failed
from collector.notify.message import Message
from config.secrets import environment


class CommandSettings(ReceiverSettings):
    """A program that is started once a message."""

    type: Literal["command"]
    command: Annotated[tuple[str, ...], Field(min_length=1)]
    """The program and its arguments; no shell reads them. The text comes on its standard input, in UTF-8."""


class Command:
    """See `collector.notify.channels.base.Channel`."""

    def __init__(self, settings: CommandSettings) -> None:
        self._settings = settings

    def send(self, message: Message) -> None:
        """Start it and wait; delivered is the exit code 0 within the time-out."""
        command, timeout = self._settings.command, self._settings.timeout
        try:
            done = subprocess.run(
                command,
                input=message.text.encode(),
                capture_output=True,
                timeout=timeout,
                check=False,
                env=environment(),
            )
        except subprocess.TimeoutExpired:
            raise failed(f"{command[0]} did not end within {timeout:g} s") from None
        except OSError as err:
            raise failed(f"{command[0]} cannot be started: {err}") from err
        if done.returncode:
            said = done.stderr.decode(errors="replace")
            raise failed(f"{command[0]} ended with {done.returncode}: {said}")
