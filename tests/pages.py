"""Pages of docs/ executed: their blocks of commands in one shell, and what they say that one sees.

A block ```` ```sh ```` holds commands; words behind ``sh`` (``again``, …) are for tests, readers do not see them.
A block ```` ```text ```` right behind it is what the commands say, where ``…`` stands for anything within a line, and a
line ``…`` for any lines.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
_BLOCK = re.compile(r"^```sh *([^\n]*)\n(.*?)^```\n(?:\s*^```text\n(.*?)^```\n)?", re.DOTALL | re.MULTILINE)
_HEREDOC = re.compile(r"<<'(\w+)'")
_READ = "while read -r block; do . \"$block\" < /dev/null; echo '== done'; done"
AGAIN_WITHIN = 120.0
"""Seconds within which a block that is done again shows what the page says; only a fault reaches it."""


@dataclass(frozen=True, slots=True)
class Block:
    """Commands of a page, the words behind ``sh``, and what is seen, if the page says so."""

    text: str
    words: tuple[str, ...] = ()
    seen: str | None = None

    def commands(self) -> list[str]:
        """Each command; one that has a file written behind it (``<<'END'``) counts with that file."""
        found, until = [], None
        for line in self.text.splitlines():
            if until is not None:
                until = None if line == until else until
            elif line.strip() and not line.startswith("#"):
                found.append(line)
                begun = _HEREDOC.search(line)
                until = begun[1] if begun else None
        return found

    def shows(self, said: str) -> bool:
        """Whether this is what the page says that one sees."""
        if self.seen is None:
            return True
        lines = [line.rstrip() for line in said.splitlines()]  # tables pad their last column
        ends = {0}  # how many lines may be used up so far; a pattern over all lines would take for ever to fail
        for wanted in self.seen.splitlines():
            if wanted == "…":
                ends = set(range(min(ends), len(lines) + 1)) if ends else ends
            else:
                pattern = re.compile(".*".join(map(re.escape, wanted.rstrip().split("…"))))
                ends = {end + 1 for end in ends if end < len(lines) and pattern.fullmatch(lines[end])}
        return len(lines) in ends


def blocks(page: str, replace: Mapping[str, str] | None = None) -> list[Block]:
    """The blocks of a page of docs/, in order; `replace`: what is another here, such as ports."""
    text = (DOCS / page).read_text(encoding="utf-8")
    for old, new in (replace or {}).items():
        assert old in text, f"{page} has no {old}"
        text = text.replace(old, new)
    return [Block(each[2], tuple(each[1].split()), each[3]) for each in _BLOCK.finditer(text)]


class Shell:
    """One bash, as the reader has one; a command that fails ends it."""

    def __init__(self, folder: Path, prelude: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        self._bash = subprocess.Popen(
            ["bash", "-c", f"set -eu\n{prelude}\n{_READ}"],
            cwd=folder, env={**os.environ, "PATH": path}, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        self._block = folder.with_name(f"{folder.name}.block")

    def run(self, block: Block) -> str:
        """Do the commands; what they said. AssertionError when one fails, or says what the page does not show."""
        deadline = time.monotonic() + AGAIN_WITHIN
        once = "again" not in block.words
        while not block.shows(said := self._said(block.text if once else f"{{\n{block.text}}} || echo failed\n")):
            again = not once and time.monotonic() < deadline
            assert again, f"{block.text}\nwas to show\n{block.seen}\nbut said\n{said}"
            time.sleep(0.5)
        return said

    def _said(self, commands: str) -> str:
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        self._block.write_text(commands, encoding="utf-8")
        self._bash.stdin.write(f"{self._block}\n")
        self._bash.stdin.flush()
        lines: list[str] = []
        for line in self._bash.stdout:
            if line == "== done\n":
                return "".join(lines)
            lines.append(line)
        raise AssertionError(f"{commands}\nended with {self._bash.wait()}:\n{''.join(lines)}")

    def end(self) -> None:
        """End what the page's commands left running, in order; all that is left after that at once."""
        session = self._bash.pid
        with contextlib.suppress(OSError, AssertionError):  # it has ended by itself
            self._said("kill $(jobs -p) 2> /dev/null; wait\n")
        with contextlib.suppress(ProcessLookupError):
            os.killpg(session, signal.SIGKILL)  # a session of our own
        self._bash.communicate()


@contextlib.contextmanager
def shell(folder: Path, prelude: str = "") -> Iterator[Shell]:
    """A shell for the length of a block; a failure is told with the logs that lie in its folder."""
    made = Shell(folder, prelude)
    try:
        yield made
    except AssertionError as err:
        logs = "".join(f"\n== {log.relative_to(folder)}\n{log.read_text()}" for log in sorted(folder.rglob("*.log")))
        raise AssertionError(f"{err}{logs}") from err
    finally:
        made.end()
