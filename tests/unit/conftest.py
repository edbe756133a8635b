"""What tests of single modules start from."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lu_support import World, make_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A cluster in memory for logical units."""
    made = make_world(tmp_path)
    yield made
    made.close()
