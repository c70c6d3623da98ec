"""No decoder ends in anything but its typed error: some inputs by chance, and all that broke one before."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.mutate import mutated
from tests.fuzz.run import CASES, kept
from tests.fuzz.targets import TARGETS, close

FOUND = sorted(path.relative_to(CASES) for path in CASES.glob("*/*"))


@pytest.fixture(scope="module", autouse=True)
def nothing_left() -> Iterator[None]:
    yield
    close()


@pytest.mark.parametrize("case", FOUND, ids=str)
def test_what_was_found_once_is_not_found_again(case: object) -> None:
    target, name = str(case).split("/")
    TARGETS[target].run((CASES / target / name).read_bytes())


@pytest.mark.fuzz
@pytest.mark.parametrize("target", TARGETS)
def test_hostile_input_ends_in_the_typed_error_alone(target: str) -> None:
    """With the mutator of ``make fuzz``, which runs far longer."""
    tried = TARGETS[target]
    examples = [*tried.seeds(), *kept(target)]
    for example in examples:
        tried.run(example)

    @settings(max_examples=settings.default.max_examples // (20 if tried.slow else 2))  # type: ignore[union-attr]
    @given(example=st.sampled_from(examples), chance=st.randoms(use_true_random=False))
    def search(example: bytes, chance: Random) -> None:
        tried.run(mutated(example, examples, chance))

    search()
