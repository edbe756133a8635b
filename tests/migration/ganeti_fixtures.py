"""The old configurations that Ganeti tests its own upgrade with, where its package is installed."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

DIRECTORY: Final = Path("/usr/share/ganeti/testsuite/test/data")
#: Minor versions of 2 that there is a file of.
MINORS: Final = tuple(range(7, 17))

needs_fixtures = pytest.mark.skipif(
    not (DIRECTORY / "cluster_config_2.7.json").exists(),
    reason="Debian's package ganeti-testsuite is not installed",
)


def path(minor: int) -> Path:
    """Return the file of a version 2.`minor`."""
    return DIRECTORY / f"cluster_config_2.{minor}.json"


def document(minor: int) -> dict[str, Any]:
    """Return the document of a version 2.`minor`."""
    found: dict[str, Any] = json.loads(path(minor).read_bytes())
    return found
