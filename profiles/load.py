"""The profiles that came with the package, and a site's own beside them; one may extend another."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from config.errors import ConfigError, Problem
from config.load import Fault, Loaded, read, validate
from config.merge import completed, without
from config.nodes import Document
from profiles.check import check
from profiles.model import Profile

LIBRARY = Path(__file__).parent / "library"
Library = Mapping[str, Profile]
"""Profiles by name, without those that are abstract."""
NOT_INHERITED = ("profile", "version", "spec", "extends", "abstract")
"""What each profile says for itself."""
MAX_EXTENDS = 8
"""Longest chain of profiles that extend each other."""


def library(folders: Sequence[Path] = ()) -> Library:
    """All profiles; one in `folders`, or one folder below, takes the place of the package's of that name.

    A profile of the package is read when it is asked for; those of `folders` at once. ConfigError names file and line.
    """
    return _library(tuple(folders))


@functools.cache
def _library(folders: tuple[Path, ...]) -> Shelf:
    shelf = Shelf(folders)
    shelf.check()
    return shelf


class Shelf(Mapping[str, Profile]):
    """The profile files by name; a file of the package is named as its profile."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._read: dict[Path, tuple[Document, list[Problem]]] = {}
        self._loaded: dict[str, Loaded[Profile]] = {}
        self.problems: list[Problem] = []
        self.files: dict[str, Path] = {path.stem: path for path in _files(LIBRARY)}
        """The file of each profile, abstract ones included."""
        self._own: dict[str, Path] = {}
        for path in (path for folder in folders for path in _files(folder)):
            self._add(path)
        self.files |= self._own

    def check(self) -> None:
        """Read the site's own profiles; ConfigError with all that is wrong with them."""
        problems = list(self.problems)
        for name in self._own:
            try:
                self.loaded(name)
            except ConfigError as err:
                problems += err.problems
        if problems:
            raise ConfigError(sorted(set(problems)))

    def loaded(self, name: str) -> Loaded[Profile]:
        """A profile (also an abstract one) with what is worth a second look in it; KeyError, ConfigError."""
        if name not in self._loaded:
            path = self.files[name]
            document, problems = self._document(name, ())
            self._loaded[name] = validate(document, problems, Profile, path.parent, [check])
        return self._loaded[name]

    def __getitem__(self, name: str) -> Profile:
        """A profile that tags may refer to."""
        profile = self.loaded(name).settings
        if profile.abstract:
            raise KeyError(name)
        return profile

    def __contains__(self, name: object) -> bool:
        """Without reading the others."""
        return name in self.files and not self.loaded(str(name)).settings.abstract

    def __iter__(self) -> Iterator[str]:
        """By name; reads every file."""
        return iter([name for name in sorted(self.files) if name in self])

    def __len__(self) -> int:
        """How many there are."""
        return sum(1 for _ in self)

    def _add(self, path: Path) -> None:
        try:
            document, _problems = self._raw(path)
        except ConfigError as err:
            self.problems += err.problems
            return
        name = document.data.get("profile") if isinstance(document.data, dict) else None
        self._own[name if isinstance(name, str) else path.stem] = path

    def _raw(self, path: Path) -> tuple[Document, list[Problem]]:
        if path not in self._read:
            self._read[path] = read(path)
        document, problems = self._read[path]
        return document, list(problems)

    def _document(self, name: str, below: tuple[str, ...]) -> tuple[Document, list[Problem]]:
        """A profile's file, completed by those that it extends."""
        document, problems = self._raw(self.files[name])
        base = document.data.get("extends") if isinstance(document.data, dict) else None
        if base is None:
            return document, problems
        chain = (*below, name)
        if not isinstance(base, str):
            problems.append(_problem(document, "extends: expected the name of a profile"))
        elif base in chain or len(chain) > MAX_EXTENDS:
            problems.append(_problem(document, f"profiles extend each other in a circle: {' → '.join((*chain, base))}"))
        elif base not in self.files:
            known = ", ".join(sorted(self.files))
            problems.append(_problem(document, f"there is no profile {base!r} to extend; expected one of {known}"))
        else:
            under, more = self._document(base, chain)
            if isinstance(under.data, dict):
                document = completed(document, without(under, NOT_INHERITED))
            problems += more
        return document, problems


def _files(folder: Path) -> list[Path]:
    return sorted([*folder.glob("*.yaml"), *folder.glob("*/*.yaml")])


def _problem(document: Document, message: str) -> Problem:
    mark = document.mark(("extends",))
    return Problem(mark.file, mark.line, mark.column, message)


def folder_faults(folders: Sequence[Path]) -> Iterator[Fault]:
    """The entries of a settings file's `profiles` that are no folders."""
    for number, folder in enumerate(folders):
        if not os.path.isdir(folder):  # unlike Path.is_dir it raises nothing for a name that cannot be
            yield Fault(("profiles", number), f"there is no folder {folder}")
