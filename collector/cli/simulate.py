"""``edge-collector simulate platform``: an upper platform (上级平台) to test against."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path

import click
from pydantic_core import PydanticCustomError

from collector.platform.course import INTERVALS
from collector.platform.digests import Check
from collector.platform.folder import Folder
from collector.platform.ledger import Ledger
from collector.platform.platform import Plan, Platform, Secret, plan
from collector.platform.ports import serve_http, serve_tcp
from collector.platform.static_tables import TABLES
from collector.platform.text_files import TextPlatform
from collector.platform.tokens import Tokens
from config.cli import host_option
from config.model import seconds

KEY = 16
"""Characters of a key or an IV."""


@click.group("simulate")
def command() -> None:
    """Stand in for what a collector talks to."""


def _answers(_context: click.Context, _option: click.Parameter, text: str) -> Plan:
    try:
        return plan(text)
    except ValueError as err:
        raise click.BadParameter(str(err)) from err


def _tables(_context: click.Context, _option: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    """By interface id."""
    found = dict(reversed(text.partition("=")[::2]) for text in texts)
    for name in found.values():
        if name not in TABLES:
            raise click.BadParameter(f"{name!r} is none of {', '.join(TABLES)}")
    return found


def _intervals(_context: click.Context, _option: click.Parameter, texts: tuple[str, ...]) -> dict[str, float]:
    """Seconds, by what they are of."""
    found = {}
    for text in texts:
        name, _, length = text.partition("=")
        if name not in INTERVALS and not re.fullmatch(r"\d{11}|\d{14}", name):
            raise click.BadParameter(f"{name!r} is none of {', '.join(INTERVALS)}, and no gateway's code")
        try:
            found[name] = float(str(seconds(length)))
        except PydanticCustomError as err:
            raise click.BadParameter(f"{text!r}: {err.message()}") from err
        if not found[name]:
            raise click.BadParameter(f"{text!r}: expected more than nothing")
    return found


def _client(_context: click.Context, _option: click.Parameter, text: str) -> Tokens | None:
    client, colon, password = text.partition(":")
    if text and not (client and colon and password):
        raise click.BadParameter("expected CLIENT:SECRET")  # what came is not shown: it may be a secret
    return Tokens(client, password) if text else None


@command.command("platform")
@click.option("--tcp", type=click.IntRange(0, 65535), help="Port for @@ frames; 0: the system's choice.")
@click.option("--http", type=click.IntRange(0, 65535), help="Port for HTTP POST; 0: the system's choice.")
@click.option(
    "--folder", type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder into which text files of mines come.",
)  # fmt: skip
@click.option(
    "--encoding", type=click.Choice(["utf-8", "gb18030"]), default="utf-8", show_default=True, help="Of text files."
)
@click.option("--host", callback=host_option, default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--cipher", type=click.Choice(["none", "aes-128-cbc", "sm4-cbc"]), default="none", show_default=True)
@click.option(
    "--key", default="", envvar="PLATFORM_KEY", help="16 characters; a real one by PLATFORM_KEY: ps shows options."
)
@click.option("--iv", default="", envvar="PLATFORM_IV", help="16 characters; likewise by PLATFORM_IV.")
@click.option("--digest-key", default="", envvar="PLATFORM_DIGEST_KEY",
              help="Take only what has an HMAC-SM3 by this key; likewise by PLATFORM_DIGEST_KEY.")  # fmt: skip
@click.option("--digest-header", default="X-HMAC-SM3", show_default=True, help="Where it stands over HTTP.")
@click.option("--digest-field", default="", help="Field of the frame where it stands instead.")
@click.option("--ledger", type=click.Path(path_type=Path), default="platform.db", show_default=True, help="The ledger.")
@click.option(
    "--answer", "answers", default="success", show_default=True, callback=_answers,
    help="success, error:CODE, nothing, slow:SECONDS, close; several with commas, each with x3; the last for ever.",
)  # fmt: skip
@click.option(
    "--table", "tables", multiple=True, callback=_tables, metavar="NAME=ID",
    help="Interface id of a static table where it is not the table's name; several times.",
)  # fmt: skip
@click.option(
    "--interval", "intervals", multiple=True, callback=_intervals, metavar="NAME=TIME",
    help="How often live packets are expected: of family S (S=60s), of mines by enterpriseType (DXK=20s, LTK=10m, "
    "WKK=10m), of run states (12=150s), or of one gateway by its code; several times.",
)  # fmt: skip
@click.option("--oauth", default="", envvar="PLATFORM_OAUTH", metavar="CLIENT:SECRET", callback=_client,
              help="Over HTTP, take only what brings a token of /oauth/token (scope mine).")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the ports as one JSON line, and nothing else.")
def platform(
    tcp: int | None, http: int | None, folder: Path | None, encoding: str, host: str, cipher: str, key: str, iv: str,
    digest_key: str, digest_header: str, digest_field: str, ledger: Path, answers: Plan, tables: dict[str, str],
    intervals: dict[str, float], oauth: Tokens | None, as_json: bool,
) -> None:  # fmt: skip
    """Receive reports as the specification notes have them: check every field, keep a ledger, answer as told."""
    if tcp is None and http is None and folder is None:
        raise click.UsageError("name where packets come in: --tcp, --http, --folder, or several of them")
    if cipher != "none" and not len(key) == len(iv) == KEY:
        raise click.UsageError(f"{cipher} needs --key and --iv of {KEY} characters")
    if (digest_key and not digest_field and http is None) or (digest_field and not digest_key):
        raise click.UsageError("--digest-key needs --http, or --digest-field for frames; --digest-field needs a key")
    try:
        book = Ledger(ledger)
    except sqlite3.Error as err:
        raise click.ClickException(f"{ledger}: {err}") from err
    told: Callable[[str], None] = (lambda _: None) if as_json else click.echo
    secret = Secret(cipher, key.encode(), iv.encode())
    digest = Check(digest_key.encode(), digest_header, digest_field) if digest_key else None
    made = Platform(book, secret, answers, told, tables=tables, digest=digest, intervals=intervals)
    watched = None if folder is None else Folder(TextPlatform(book, encoding, told, secret), folder)
    try:
        asyncio.run(_serve(made, tcp, http, watched, host, oauth))
    except OSError as err:
        raise click.ClickException(f"cannot listen: {err}") from err
    finally:
        book.close()


async def _serve(
    made: Platform, tcp: int | None, http: int | None, folder: Folder | None, host: str, tokens: Tokens | None
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    servers = {}
    if tcp is not None:
        servers["tcp"] = await serve_tcp(made, host, tcp)
    if http is not None:
        servers["http"] = await serve_http(made, host, http, tokens)
    click.echo(json.dumps({name: server.sockets[0].getsockname()[1] for name, server in servers.items()}))
    await (stop.wait() if folder is None else folder.watch(stop))
    for server in servers.values():
        server.close()
