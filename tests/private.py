"""Files for their owner's eyes alone, as the programs insist on."""

from __future__ import annotations

from pathlib import Path


def write_private(file: Path, text: str) -> Path:
    """Write a secret's or a key's file, mode 0600; its folder is made."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(0o600)
    file.write_text(text, encoding="utf-8")
    return file
