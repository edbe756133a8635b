"""Debian's commands on a cluster that `scripts/quickstart` made, as README.md shows them."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from masterd.testing import demonstration as demonstrations
from tests.interop.debian import PATIENCE_S, REPOSITORY, Commands, needs_ganeti
from tests.system import short_directory

pytestmark = needs_ganeti


@pytest.fixture
def commands() -> Iterator[Commands]:
    with short_directory() as directory:
        root = directory / "node1.example.com"
        try:
            quickstart = [sys.executable, "-m", "masterd.testing.quickstart"]
            subprocess.run(
                [*quickstart, "--detach", "--quiet", "--root", str(root), "--nodes", "3"],
                cwd=REPOSITORY,
                check=True,
                timeout=PATIENCE_S,
                stdout=subprocess.DEVNULL,
            )
            yield Commands({"GANETI_ROOTDIR": str(root), "GANETI_HOSTNAME": root.name})
        finally:
            left = demonstrations.find(root)
            if left is not None:
                left.stop()


def test_a_delay_is_run_listed_and_archived(commands: Commands) -> None:
    commands.ok("gnt-debug", "delay", "0.1")
    commands.ok("gnt-debug", "delay", "-n", "node2.example.com", "0.1")
    listed = commands.ok("gnt-job", "list", "--no-headers", "--separator=|")
    assert listed.lines == ["1|success|TEST_DELAY(0.1)", "2|success|TEST_DELAY(0.1)"]
    commands.ok("gnt-job", "archive", "1")
    listed = commands.ok("gnt-job", "list", "--no-headers", "-o", "id")
    assert [line.strip() for line in listed.lines] == ["2"]
