"""A process is killed at each failpoint of the store: what it told is there, nothing by half."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from store import outbox, schema, serials
from store.failpoints import VARIABLE
from store.store import Store
from tests.crash.store_child import CALLERS, GROUPS
from tests.store_support import verify

REPOSITORY = Path(__file__).parents[2]
PATIENCE_S = 60

POINTS = (
    "store.before-bodies",
    "store.before-flush",
    "store.before-commit",
    "store.after-commit",
    "store.before-tell",
)


def run_child(path: Path, failpoints: str) -> tuple[int, list[int]]:
    """Return how the child ended, and the groups that it told."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash.store_child", path],
        cwd=REPOSITORY,
        env={**os.environ, VARIABLE: failpoints},
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr.decode()
    return done.returncode, [int(line) for line in done.stdout.split()]


def groups(path: Path) -> list[int]:
    """Open the store as the next start does, compare it with itself, and return its groups."""
    store = Store.open(path)
    try:
        verify(store)
        with store.snapshot() as txn:
            rows = [value for _, value in schema.META.scan(txn, "group-", "group.")]
            last = serials.last(txn, "config")
            entries = [entry.ident for entry in outbox.read(txn, 0, CALLERS * GROUPS + 1)]
        numbers = list(range(1, last + 1))
        assert rows == [number for number in numbers for _ in "ab"]
        assert entries == numbers
        # The store takes changes again, also the map and the readers' table are sound.
        assert store.update(lambda txn: serials.next(txn, "job")) == 1
        return numbers
    finally:
        store.close()


def test_a_child_that_nobody_kills_tells_everything(tmp_path: Path) -> None:
    code, told = run_child(tmp_path / "store", "")
    assert code == 0
    assert sorted(told) == groups(tmp_path / "store")
    assert len(told) == CALLERS * GROUPS


@pytest.mark.parametrize("nth", [2, 9])
@pytest.mark.parametrize("point", POINTS)
def test_what_was_told_survives_a_kill(tmp_path: Path, point: str, nth: int) -> None:
    """The first hits belong to the making of the store, so later ones are taken."""
    code, told = run_child(tmp_path / "store", f"{point}=kill:{nth}")
    assert code == -signal.SIGKILL, "the failpoint was never reached"
    there = groups(tmp_path / "store")
    assert set(told) <= set(there)
    if point in ("store.before-bodies", "store.before-flush", "store.before-commit"):
        # The batch at work was not durable; its neighbours before were, told or about to be.
        assert len(there) - len(told) <= CALLERS
    if point in ("store.after-commit", "store.before-tell"):
        assert len(there) > len(told), "a group was told before its turn"


@pytest.mark.parametrize("point", POINTS)
def test_a_store_whose_making_was_cut_off_can_be_opened(tmp_path: Path, point: str) -> None:
    code, told = run_child(tmp_path / "store", f"{point}=kill:1")
    assert (code, told) == (-signal.SIGKILL, [])
    assert groups(tmp_path / "store") == []


def test_every_failpoint_of_the_store_is_tried() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (REPOSITORY / "store").glob("*.py")]
    found = {part.split('"')[0] for text in texts for part in text.split('failpoints.hit("')[1:]}
    assert {point for point in found if point.startswith("store.before-")} | {
        "store.after-commit"
    } == set(POINTS)
