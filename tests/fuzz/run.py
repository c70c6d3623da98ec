"""``python -m tests.fuzz.run SECONDS [TARGET …]``: run each target for so long, in a process of its own.

With atheris (the extra ``fuzz``) by its coverage, else by chance alone; with the same mutator. An input that makes a
target raise, hang or grow beyond its bound is written to tests/cases/fuzz/<target>/, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import logging
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, FunctionType

from tests.fuzz import both_ends
from tests.fuzz.mutate import MOST, mutated
from tests.fuzz.targets import TARGETS, folder

ROOMS = ("config", "profiles", "edge_agent", "collector")
CASES = Path(__file__).parents[1] / "cases" / "fuzz"
LONGEST = 10
"""Seconds that one input may take; longer is a hang."""
GROWTH = 512
"""MiB by which the process may grow over its whole run."""
POOL = 2000
"""Inputs that further ones are made of, without a coverage to judge them by: the examples and what came of them."""


def kept(target: str) -> list[bytes]:
    """The inputs that were found before."""
    return [path.read_bytes() for path in sorted((CASES / target).glob("*"))]


def _keep(target: str, data: bytes) -> Path:
    path = CASES / target / hashlib.sha256(data).hexdigest()[:12]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


class HangError(Exception):
    """An input took longer than `LONGEST`."""


def _hangs(_number: int, _frame: FrameType | None) -> None:
    raise HangError(f"took longer than {LONGEST} s")


def memory() -> int:
    """MiB that this process has had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def by_chance(target: str, seconds: float, seed: int) -> int:
    """Run a target for so long; 1 when something was found."""
    examples = [*TARGETS[target].seeds(), *kept(target)]
    run, pool = TARGETS[target].run, list(examples)
    chance = random.Random(seed)
    signal.signal(signal.SIGALRM, _hangs)
    for data in examples:
        run(data)
    began, ends, count, before = time.monotonic(), time.monotonic() + seconds, 0, memory()
    while time.monotonic() < ends:
        data = mutated(chance.choice(pool), pool, chance)[:MOST]
        signal.setitimer(signal.ITIMER_REAL, LONGEST)
        try:
            run(data)
        except Exception:  # whatever it is: that is what is looked for
            signal.setitimer(signal.ITIMER_REAL, 0)
            traceback.print_exc()
            print(f"{target}: found {_keep(target, data)} after {count} inputs", flush=True)
            return 1
        signal.setitimer(signal.ITIMER_REAL, 0)
        count += 1
        if memory() - before > GROWTH:
            print(f"{target}: grew by {memory() - before} MiB; last input {_keep(target, data)}", flush=True)
            return 1
        if len(data) < 4096 and chance.random() < 0.05:
            pool[len(examples) + chance.randrange(POOL) if len(pool) >= len(examples) + POOL else len(pool) :] = [data]
    rate = count / (time.monotonic() - began)
    print(f"{target}: nothing; {count} inputs ({rate:.0f}/s), grew by {memory() - before} MiB", flush=True)
    return 0


def _ours() -> Iterator[FunctionType]:
    """The functions of our rooms, as far as they are loaded: those of the libraries would take minutes."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] not in ROOMS:
            continue
        for each in vars(module).values():
            found = [each, *vars(each).values()] if isinstance(each, type) else [each]
            yield from (one for one in found if isinstance(one, FunctionType) and one.__module__ == name)


def by_coverage(target: str, seconds: float, seed: int) -> int:
    """The same with atheris, which ends the process by itself."""
    import atheris

    run, examples = TARGETS[target].run, [*TARGETS[target].seeds(), *kept(target)]
    for data in examples:
        run(data)
    corpus = Path(tempfile.mkdtemp(prefix="corpus-", dir=folder()))
    for number, data in enumerate(examples):
        (corpus / str(number)).write_bytes(data)

    def change(data: bytes, size: int, number: int) -> bytes:
        chance = random.Random(number)
        if chance.random() < 0.3:
            return bytes(atheris.Mutate(data, size))
        return mutated(bytes(data), examples, chance)[:size]

    (CASES / target).mkdir(parents=True, exist_ok=True)
    options = [
        f"-max_total_time={seconds:.0f}", f"-timeout={LONGEST}", f"-rss_limit_mb={memory() + GROWTH}",
        f"-artifact_prefix={CASES / target}/", f"-max_len={MOST}", f"-seed={seed}", "-print_final_stats=1",
        "-verbosity=0", str(corpus),
    ]  # fmt: skip
    for function in _ours():
        atheris.instrument_func(function)
    atheris.Setup([sys.argv[0], *options], run, custom_mutator=change)
    atheris.Fuzz()
    return 0


def main() -> int:
    """Every target, or those named; 1 when one of them found something."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seconds", type=float, help="how long each target runs")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"left out: all ({', '.join(TARGETS)})")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3)), help="left out: another each time")
    parser.add_argument("--chance", action="store_true", help="without atheris, although it is there")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if unknown := set(chosen.targets) - TARGETS.keys():
        parser.error(f"no target {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    chance = chosen.chance or importlib.util.find_spec("atheris") is None
    if chosen.here:
        logging.disable(logging.CRITICAL)
        [target] = chosen.targets
        return (by_chance if chance else by_coverage)(target, chosen.seconds, chosen.seed)
    failed = []
    for target in chosen.targets or TARGETS:
        words = [sys.executable, "-m", "tests.fuzz.run", "--here", f"--seed={chosen.seed}", str(chosen.seconds), target]
        place = both_ends.folder()  # a fuzzer that ends by itself clears nothing away
        try:
            environment = os.environ | {both_ends.PLACE: str(place)}
            done = subprocess.run([*words, *(["--chance"] if chance else [])], env=environment, check=False)
            if done.returncode:
                failed.append(target)
        finally:
            shutil.rmtree(place)
    print(f"seed {chosen.seed}: {f'found something: {chr(44).join(failed)}' if failed else 'found nothing'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
