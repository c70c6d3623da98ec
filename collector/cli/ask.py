"""``edge-collector ask``: a question to a connected agent, and its answer; never a write to an instrument."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from collector.cli.logged import logged
from collector.moments import millis
from collector.settings import CollectorSettings, load_collector
from config.cli import settings_errors
from edge_agent.uplink.client import LinkDownError, MqttLink
from profiles.wire.codec import FrameError, decode, decoder, encode
from profiles.wire.messages import Request, Response
from profiles.wire.topics import ID_PATTERN, ID_WORDS, Topic

VERBS = ("status", "read", "raw", "browse", "snapshot")
NUMBERS = ("depth", "limit")
"""Arguments that are numbers; a camera, a device or a node may be named 12."""
_RESPONSE = decoder(Response)


class NoAnswerError(Exception):
    """The agent was not reached, or did not answer; the text says which."""


@click.command("ask")
@click.argument("agent")
@click.argument("verb", type=click.Choice(VERBS))
@click.argument("args", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--timeout", default=30.0, show_default=True, type=click.FloatRange(1, 600), help="Seconds to wait.")
@click.option("--settings", "-s", type=click.Path(path_type=Path), default="collector.yaml", show_default=True,
              help="The collector's settings file.")  # fmt: skip
@settings_errors
def command(agent: str, verb: str, args: Sequence[str], timeout: float, settings: Path) -> None:
    """Ask AGENT a question and print its answer as JSON; works while the collector runs, and is audited.

    status: what it says of itself. read [tags=A,B]: last values. raw tag=A [time=…]: what was read of a tag, as it was
    read, last or about a time (2026-11-24T08:00, …Z, or ms UTC). browse device=NAME [node=… depth=… limit=…]: what an
    OPC UA server shows. snapshot camera=NAME: a picture as it is now, which comes as evidence and is named in the
    answer (edge-collector evidence export). Ends with 1 when it is refused or not answered.
    """
    if not re.fullmatch(ID_PATTERN, agent):
        raise click.UsageError(f"{agent!r} is no agent's id; expected {ID_WORDS}")
    chosen = load_collector(settings).settings
    try:
        answer = put(chosen, agent, verb, _args(args), timeout)
    except NoAnswerError as err:
        raise click.ClickException(str(err)) from err
    if not answer.ok:
        raise click.ClickException(f"agent {agent}: {answer.error}")
    click.echo(msgspec.json.format(msgspec.json.encode(answer.result)).decode())


def put(settings: CollectorSettings, agent: str, verb: str, args: dict[str, Any], timeout: float) -> Response:
    """Put a question to an agent, which is audited first; its answer within `timeout` s. NoAnswerError."""
    asked = Request(v=1, id=uuid.uuid4().hex, verb=verb, args=args)  # type: ignore[arg-type]  # one of VERBS
    logged(settings, "asked", f"agent {agent}", {"verb": verb, "args": asked.args, "request": asked.id})
    try:
        return asyncio.run(_ask(settings, agent, asked, timeout))
    except LinkDownError as err:
        raise NoAnswerError(str(err)) from err
    except TimeoutError as err:
        text = f"agent {agent} did not answer in {timeout:g} s; is it connected? edge-collector agents"
        raise NoAnswerError(text) from err


def _args(words: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not (key and equals):
            raise click.UsageError(f"{word!r}: expected KEY=VALUE, such as camera=gate")
        found[key] = _arg(key, value)
    return found


def _arg(key: str, value: str) -> Any:
    if key == "tags":
        return value.split(",")
    if key == "time" and not value.isdecimal():
        try:
            return millis(value)
        except ValueError as err:
            raise click.UsageError(f"time: {err}") from err
    return int(value) if key in (*NUMBERS, "time") and value.isdecimal() else value


async def _ask(settings: CollectorSettings, agent: str, asked: Request, timeout: float) -> Response:
    """The answer; TimeoutError, LinkDownError. The connection has an id of its own beside the running collector's."""
    answered: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

    def heard(_topic: str, payload: bytes) -> None:
        try:
            response = decode(payload, _RESPONSE)
        except FrameError:
            return  # not ours: the running collector says what is wrong with it
        if response.id == asked.id and not answered.done():
            answered.set_result(response)

    name = f"{settings.collector}-ask-{asked.id[:8]}"
    link = MqttLink(settings.mqtt, name, will=None, on_message=heard, on_received=lambda _mid: None)
    await link.open([str(Topic(settings.collector, agent, "response"))])
    try:
        link.publish(str(Topic(settings.collector, agent, "request")), encode(asked))
        either: set[asyncio.Future[Any]] = {answered, link.lost}
        await asyncio.wait(either, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if answered.done():
            return answered.result()
        if link.lost.done():
            raise LinkDownError(f"the connection broke: {link.lost.result()}")
        raise TimeoutError
    finally:
        await link.close()
