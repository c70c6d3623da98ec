"""How a message names the pictures of an event: by role, and by their address or by what stands for their bytes."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import quote

from profiles.wire.messages import Evidence

PictureMode = Literal["url", "inline", "files", "none"]
"""By their address; within messages, in base64; by their address, as files beside those of the events; not at all."""
TOLD = ("before", "at", "after")
"""Roles that platforms know. A marked copy is for people at the site: the untouched original is the proof."""
KEY = "$evidence"
"""Of the object that stands for a file's bytes in a body. No text of a stranger is an object."""
_ENDINGS = {"b": "before", "a": "at", "m": "marked", "c": "after"}
"""Of the names that an agent gives, from before the contract had roles (notes on mines, 5.4)."""


def role_of(picture: Evidence, since: int) -> str:
    """before, at, after or marked; of an agent that states no role by its name, else by its moment. `since` in ms."""
    if picture.role:
        return picture.role
    ending = picture.id.rpartition("-")[2].partition(".")[0]
    if ending in _ENDINGS:
        return _ENDINGS[ending]
    return "at" if picture.captured == since else "before" if picture.captured < since else "after"


def pictures(files: list[Evidence], since: int) -> list[tuple[str, Evidence]]:
    """The pictures among an event's files that a platform is told of, with their roles."""
    found = ((role_of(each, since), each) for each in files if each.type.startswith("image/"))
    return [(role, each) for role, each in found if role in TOLD]


def address(base: str, file: Evidence) -> str:
    """Where a file is to be had: its id behind the target's `url_base`; without one the id alone."""
    return base + quote(file.id) if base else file.id


def bytes_of(agent: str, picture: Evidence, *, prefix: str = "", needed: bool = False) -> dict[str, Any]:
    """What stands for a picture's base64 in a body. `needed`: without it the packet says nothing."""
    return {KEY: [agent, picture.id, picture.type, picture.size, picture.sha256, prefix, needed]}
