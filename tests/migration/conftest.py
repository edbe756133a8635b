"""A queue directory and a store to take it over into."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from store.check import check
from store.store import Store
from tests.migration.queues import QueueDir


@pytest.fixture
def queue(tmp_path: Path) -> QueueDir:
    return QueueDir(tmp_path / "queue")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path / "store")
    yield opened
    with opened.snapshot() as txn:
        assert [str(problem) for problem in check(txn)] == []
    opened.close()
