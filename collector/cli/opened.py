"""The running collector's own files, opened for a command: only where there are some, and with a sentence if not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

import click

from collector.state_file import StateError


class Closes(Protocol):
    """What has to be closed."""

    def close(self) -> None:
        """Release the file."""


T = TypeVar("T", bound=Closes)


@contextmanager
def opened(
    state: Path, name: str, made: Callable[[Path], T], absent: str = "no collector has run with this `state` here"
) -> Iterator[T]:
    """`made` over the folder `state`, in which there must be a file `name`; ClickException says what is wrong.

    `absent`: what it means that there is none.
    """
    if not (state / name).is_file():
        raise click.ClickException(f"{state / name} is not there: {absent}")
    try:
        this = made(state)
    except StateError as err:
        raise click.ClickException(str(err)) from err
    try:
        yield this
    finally:
        this.close()
