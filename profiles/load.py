"""The profiles that came with the package, and a site's own beside them."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from config.errors import ConfigError, Problem
from config.load import Fault, load
from config.nodes import KeyPath
from profiles.model import Profile, Quantity
from profiles.units import UnitError, conversion, unit_fault

LIBRARY = Path(__file__).parent / "library"
Library = Mapping[str, Profile]
"""Profiles by name."""


def library(folders: Sequence[Path] = ()) -> Library:
    """All profiles; one in `folders`, or one folder below, takes the place of the package's of that name.

    ConfigError names file and line.
    """
    return _library(tuple(folders))


@functools.cache
def _library(folders: tuple[Path, ...]) -> Library:
    found: dict[str, Profile] = {}
    problems: list[Problem] = []
    for folder in (LIBRARY, *folders):
        for path in sorted([*folder.glob("*.yaml"), *folder.glob("*/*.yaml")]):
            try:
                profile = load(path, Profile, [check]).settings
            except ConfigError as err:
                problems += err.problems
            else:
                found[profile.profile] = profile
    if problems:
        raise ConfigError(problems)
    return found


def folder_faults(folders: Sequence[Path]) -> Iterator[Fault]:
    """The entries of a settings file's `profiles` that are no folders."""
    for number, folder in enumerate(folders):
        if not os.path.isdir(folder):  # unlike Path.is_dir it raises nothing for a name that cannot be
            yield Fault(("profiles", number), f"there is no folder {folder}")


def check(profile: Profile) -> Iterator[Fault]:
    """What a profile's own parts contradict each other in."""
    for name, quantity in profile.quantities.items():
        yield from _quantity(("quantities", name), quantity)
    for name, asset in profile.assets.items():
        for key in ("required", "one_of", "optional"):
            for index, wanted in enumerate(getattr(asset, key)):
                if wanted not in profile.quantities:
                    yield Fault(("assets", name, key, index), f"{wanted!r} is none of the profile's quantities")
    for name, rule in profile.codes.items():
        if rule.within is not None and rule.within not in profile.codes:
            yield Fault(("codes", name, "within"), f"{rule.within!r} is none of the profile's codes")


def _quantity(at: KeyPath, quantity: Quantity) -> Iterator[Fault]:
    if fault := unit_fault(quantity.unit):
        yield Fault((*at, "unit"), fault)
        return
    for index, unit in enumerate(quantity.accepts):
        try:
            conversion(unit, quantity.unit, molar_mass=1.0)
        except UnitError as err:
            yield Fault((*at, "accepts", index), str(err))
    if quantity.range is not None and quantity.range[0] >= quantity.range[1]:
        yield Fault((*at, "range"), "the lower end must be below the upper")
