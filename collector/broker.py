"""The settings of mosquitto for a site, from the templates: who may connect, and what each may say and hear (I8)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from string import Template

from collector.pki.authority import CRL
from config.keys import write_file
from profiles.wire.topics import ID_PATTERN, ID_WORDS

SETTINGS, RULES, CERTIFICATES = "mosquitto.conf", "acl", "certs"
LOOPBACK = ("127.0.0.1",)
CONNECTIONS = 1000
"""At most, for each address; Debian's mosquitto may open 1024 files."""
_ADDRESS = re.compile(r"[0-9A-Za-z.:%_-]+")


def write_broker(
    folder: Path, collectors: Sequence[str], *, listen: Sequence[str] = LOOPBACK, port: int = 8883,
    certs: Path | None = None, connections: int = CONNECTIONS, user: str | None = None,
) -> list[Path]:  # fmt: skip
    """Write mosquitto.conf and acl into `folder`; the files written. `certs`: left out, certs/ in that folder.

    `listen`: the addresses to listen on; `connections`: at most, on each; `user`: whom mosquitto becomes when root
    starts it, left out: mosquitto. ValueError says what was expected.
    """
    for name in collectors:
        if not re.fullmatch(ID_PATTERN, name):
            raise ValueError(f"collector {name!r}: expected {ID_WORDS}")
    for address in listen:
        if not _ADDRESS.fullmatch(address):
            raise ValueError(f"address {address!r}: expected a name, an IPv4 or an IPv6 address of this machine")
    place = folder.resolve()
    keys = place / CERTIFICATES if certs is None else certs.resolve()
    if any(char.isspace() for char in f"{place}{keys}"):
        raise ValueError(f"{place}: mosquitto's settings know no blanks in names of folders")
    if user is not None and (not user.isprintable() or any(map(str.isspace, user))):
        raise ValueError(f"user {user!r}: expected the name of a user of this machine")
    crl = f"crlfile {keys / CRL}" if (keys / CRL).is_file() else NO_CRL
    main = _filled("mosquitto.conf", folder=place, user="" if user is None else f"user {user}\n")
    many = [
        _filled("listener", port=port, address=each, certs=keys, crl=crl, connections=connections)
        for each in dict.fromkeys(listen)
    ]
    rules = [_filled("acl"), *(_filled("acl-collector", collector=each) for each in dict.fromkeys(collectors))]
    write_file(place / SETTINGS, "".join([main, *many]).encode())
    write_file(place / RULES, "".join(rules).encode())
    return [folder / SETTINGS, folder / RULES]


NO_CRL = "# crlfile: there was none when this was written, so nobody can be shut out before his certificate ends"


def _filled(part: str, **values: object) -> str:
    text = (resources.files("config") / "templates" / "mosquitto" / part).read_text(encoding="utf-8")
    return Template(text).substitute(values)
