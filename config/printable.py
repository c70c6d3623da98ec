"""What others wrote, shown to people: nothing in it moves a terminal, begins a line of its own, or is run by a
spreadsheet.

The one place for texts of agents, instruments, platforms and files on their way into the log, onto the terminal and
into CSV. What is written for programs (JSON) is left to its own encoder.
"""

from __future__ import annotations

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that Excel and LibreOffice take for a formula
(https://owasp.org/www-community/attacks/CSV_Injection)."""


def plain(text: str) -> str:
    """A text on one line: characters that are not printable (controls, escapes, line ends, marks that turn the
    direction of writing) are shown as Python writes them."""
    return text if text.isprintable() else "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def lines(text: str) -> str:
    """A text of several lines, each of them plain; a tab is a blank."""
    return "\n".join(plain(line.replace("\t", " ")) for line in text.split("\n"))


def cell(value: object) -> object:
    """A cell of a CSV file: a text that would be taken for a formula begins with an apostrophe; numbers stay as they
    are, and line ends and controls in a text are shown."""
    if not isinstance(value, str):
        return value
    return f"'{plain(value)}" if value.startswith(FORMULA) else plain(value)
