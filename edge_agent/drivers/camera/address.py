"""Passwords in addresses: some makers want them in the path (``/user=…_password=…_channel=1``), and paths are shown."""

from __future__ import annotations

import re
from urllib.parse import quote

HIDDEN = "***"
USER, PASSWORD = "{user}", "{password}"
"""Where they are to be filled in."""
_STATED = re.compile(
    rf"(?<![a-z])((?:password|passwd|pwd)=)(?!{re.escape(PASSWORD)})(.+?)(?=[&_;?/][a-z]+=|\s|$)", re.IGNORECASE
)
"""Up to the next key: a password may hold the very signs that part the keys."""


def states_password(url: str) -> bool:
    """Whether a password is written into an address, other than as the place where it is to be filled in."""
    return _STATED.search(url) is not None


def masked(url: str) -> str:
    """An address as it may be shown: what it states as a password is not."""
    return _STATED.sub(rf"\1{HIDDEN}", url)


def filled(url: str, user: str, password: str) -> str:
    """The address with user and password at their places, if it has any; a secret then."""
    return url.replace(USER, quote(user, safe="")).replace(PASSWORD, quote(password, safe=""))
