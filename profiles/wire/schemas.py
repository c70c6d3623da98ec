"""The JSON Schemas of all messages, so that anyone can write another agent or collector.

``python -m profiles.wire.schemas`` writes them to ``profiles/schemas``; with ``--check`` it only says which are stale.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from profiles.model import Profile
from profiles.wire import messages

FOLDER = Path(__file__).parent.parent / "schemas"
KINDS: dict[str, type[msgspec.Struct]] = {
    "manifest": messages.Manifest,
    "data": messages.Data,
    "event": messages.Events,
    "evidence": messages.EvidenceChunk,
    "state": messages.State,
    "ack": messages.Ack,
    "request": messages.Request,
    "response": messages.Response,
}
"""Message by topic kind; of evidence it is the line before the bytes."""
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, str]:
    """File name to text, of every message and of the profile file."""
    found: dict[str, dict[str, Any]] = {name: msgspec.json.schema(kind) for name, kind in KINDS.items()}
    found["profile"] = Profile.model_json_schema()
    return {
        f"{name}.json": json.dumps({"$schema": _DIALECT} | schema, indent=2, ensure_ascii=False) + "\n"
        for name, schema in found.items()
    }


def stale() -> list[str]:
    """The committed files that are not what the models say."""
    wanted = schemas()
    there = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
    return sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))


def main() -> int:
    """Write, or check; 1 if a file is stale."""
    if "--check" in sys.argv[1:]:
        for name in stale():
            sys.stderr.write(f"{FOLDER / name} is stale: python -m profiles.wire.schemas\n")
        return 1 if stale() else 0
    FOLDER.mkdir(exist_ok=True)
    for name, text in schemas().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
