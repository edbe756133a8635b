"""What tests of the parts together start from."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from store import failpoints
from store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store; failpoints that a test sets end with it."""
    opened = Store.open(tmp_path / "store")
    yield opened
    failpoints.clear()
    opened.close()
