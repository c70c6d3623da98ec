"""``!secret name``: a password or token that stands in no settings file (I8).

Looked for, in this order: ``$CREDENTIALS_DIRECTORY/name`` (systemd.exec(5), LoadCredential), ``secrets/name`` beside
the settings file, the environment variable ``EDGE_SECRET_NAME``.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import yaml

from config.nodes import KeyPath, Reader

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Secret(str):
    """The text of a secret until it is validated (pydantic makes plain text of it): messages do not show it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "what the secret holds"


def read_secret(reader: Reader, node: yaml.Node, _path: KeyPath) -> Secret | None:
    """The text of a secret without its trailing line end; a missing one is a problem."""
    name = str(node.value) if isinstance(node, yaml.ScalarNode) else ""
    if not _NAME.fullmatch(name):
        reader.problem(reader.place(node), "expected !secret and a name of letters, digits, '.', '_' or '-'")
        return None
    looked = []
    for file in _files(name, reader.file.parent):
        try:
            return Secret(file.read_text(encoding="utf-8").rstrip("\r\n"))
        except FileNotFoundError:
            looked.append(str(file))
        except (OSError, UnicodeDecodeError) as err:
            reader.problem(reader.place(node), f"secret {name!r} cannot be read from {file}: {err}")
            return None
    variable = "EDGE_SECRET_" + re.sub(r"[^A-Z0-9]", "_", name.upper())
    if variable in os.environ:
        return Secret(os.environ[variable])
    reader.problem(reader.place(node), f"secret {name!r} not found; looked at {', '.join(looked)}, ${variable}")
    return None


def _files(name: str, beside: Path) -> list[Path]:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return [*([Path(folder) / name] if folder else []), beside / "secrets" / name]
