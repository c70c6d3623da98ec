"""``!secret name``: a password or token that stands in no settings file (I8).

Looked for, in this order: ``$CREDENTIALS_DIRECTORY/name`` (systemd.exec(5), LoadCredential), ``secrets/name`` beside
the settings file, the environment variable ``EDGE_SECRET_NAME``. A file that others may read is refused.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

import yaml
from pydantic import SecretStr

from config.keys import refuse_readable
from config.nodes import KeyPath, Reader

VARIABLE = "EDGE_SECRET_"
"""What the name of a secret's environment variable begins with."""
HIDDEN = "…"
"""What stands in a message in place of a secret."""
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
            refuse_readable(file)
            return Secret(file.read_text(encoding="utf-8").rstrip("\r\n"))
        except FileNotFoundError:
            looked.append(str(file))
        except UnicodeDecodeError:
            reader.problem(reader.place(node), f"secret {name!r}: {file} is not UTF-8")
            return None
        except OSError as err:
            reader.problem(reader.place(node), f"secret {name!r} cannot be read: {err}")
            return None
    variable = VARIABLE + re.sub(r"[^A-Z0-9]", "_", name.upper())
    if variable in os.environ:
        return Secret(os.environ[variable])
    reader.problem(reader.place(node), f"secret {name!r} not found; looked at {', '.join(looked)}, ${variable}")
    return None


def hide(text: str, secrets: Iterable[SecretStr | str | None]) -> str:
    """Somebody else's words, such as a server's answer, with dots in place of each secret that they repeat."""
    plain = (each.get_secret_value() if isinstance(each, SecretStr) else each for each in secrets)
    for secret in sorted(filter(None, plain), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def environment() -> dict[str, str]:
    """This process's environment without secrets: programs that it starts need none, and anybody may have made them."""
    return {name: value for name, value in os.environ.items() if not name.upper().startswith(VARIABLE)}


def _files(name: str, beside: Path) -> list[Path]:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return [*([Path(folder) / name] if folder else []), beside / "secrets" / name]
