"""The core keeps its invariants whatever happens, and the simulation would say if it did not."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from tests.conftest import Tell
from tests.simulation.plants import PLANTS

REPOSITORY: Final = Path(__file__).parents[2]
#: Seeds of every run, and of this one alone: some 25 seconds on two quiet cores. However slow the
#: machine is, all of them are run.
SEEDS: Final = 450
FRESH: Final = 50
#: Seeds within which each planted fault must be found.
PLANT_SEEDS: Final = 150


def simulate(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command as people do; a process of its own, for gevent and the order of sets."""
    environment = {key: text for key, text in os.environ.items() if key != "PYTHONHASHSEED"}
    return subprocess.run(
        [sys.executable, "scripts/simulate", *map(str, arguments)],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_no_seed_breaks_an_invariant(tell: Tell) -> None:
    done = simulate("--seeds", SEEDS, "--fresh", FRESH)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    count = re.search(r"^(\d+) seeds in .*$", done.stdout, re.MULTILINE)
    assert count is not None and int(count[1]) == SEEDS + FRESH
    tell(f"the core simulated: {count[0]}")


def test_the_same_seed_does_the_same_things_alone_and_among_others() -> None:
    among = simulate("--seeds", 8, "--from", 40, "--digests", "--processes", 1)
    assert among.returncode == 0, among.stdout + among.stderr
    again = simulate("--seeds", 8, "--from", 40, "--digests", "--processes", 2)
    assert seeds(again.stdout) == seeds(among.stdout)
    assert len(set(seeds(among.stdout).values())) == 8
    alone = simulate("--seed", 43)
    assert f"digest {seeds(among.stdout)['43']}" in alone.stdout


def seeds(text: str) -> dict[str, str]:
    """Return the digests that were printed, by seed."""
    return dict(re.findall(r"^seed (\d+): (\w{16})$", text, re.MULTILINE))


@pytest.fixture(scope="module")
def found(tell: Tell) -> Iterator[list[str]]:
    found: list[str] = []
    yield found
    tell(
        f"planted faults that the simulation found: {len(found)} of {len(PLANTS)},"
        f" each within {PLANT_SEEDS} seeds"
    )


@pytest.fixture(scope="module")
def planted() -> Iterator[dict[str, Future[subprocess.CompletedProcess[str]]]]:
    """Look for all planted faults in the order of their names, two at a time."""
    how = ("--seeds", PLANT_SEEDS, "--first-only", "--processes", 1)
    pool = ThreadPoolExecutor(2)
    yield {plant: pool.submit(simulate, "--plant", plant, *how) for plant in sorted(PLANTS)}
    pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("plant", sorted(PLANTS))
def test_a_planted_fault_is_found(
    plant: str,
    planted: dict[str, Future[subprocess.CompletedProcess[str]]],
    found: list[str],
) -> None:
    done = planted[plant].result()
    assert done.returncode == 1, done.stdout + done.stderr
    assert "ViolationError" in done.stdout, done.stdout
    found.append(plant)
