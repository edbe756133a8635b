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


def test_a_network_is_added_connected_changed_and_removed(commands: Commands) -> None:
    gnt = "gnt-network"
    commands.ok(gnt, "add", "--network", "192.0.2.0/28", "--gateway", "192.0.2.1", "net1")
    commands.ok(gnt, "connect", "--nic-parameters", "mode=bridged,link=br0", "net1", "default")
    commands.ok(gnt, "modify", "--add-reserved-ips", "192.0.2.9", "net1")
    commands.ok(gnt, "add-tags", "net1", "zone:a")
    fields = "name,free_count,external_reservations,group_list,tags"
    listed = commands.ok(gnt, "list", "--no-headers", "--separator=|", "-o", fields)
    assert listed.lines == [
        "net1|12|192.0.2.0, 192.0.2.1, 192.0.2.9, 192.0.2.15|default (bridged, br0, )|zone:a"
    ]
    assert "br0" in commands.ok(gnt, "info", "net1").output
    commands.ok(gnt, "disconnect", "net1", "default")
    commands.ok(gnt, "remove", "net1")
    assert commands.ok(gnt, "list", "--no-headers").lines == []


def test_instances_are_made_at_once_listed_and_removed(commands: Commands) -> None:
    gnt = "gnt-instance"
    plain = ("--no-name-check", "--no-ip-check", "-o", "noop", "--no-nics")
    for number in range(3):
        sent = commands.run(
            gnt, "add", "--submit", "-t", "diskless", "-n", "node2.example.com", *plain,
            f"vm{number}.example.com",
        )  # fmt: skip
        assert (sent.code, sent.errors) == (0, f"JobID: {number + 1}\n")
    commands.ok(
        gnt, "add", "-t", "file", "--disk", "0:size=64M", "-n", "node3.example.com", *plain,
        "files.example.com",
    )  # fmt: skip
    for number in range(1, 4):
        commands.ok("gnt-job", "watch", str(number))
    fields = "name,pnode,disk_template,admin_state"
    listed = commands.ok(gnt, "list", "--no-headers", "--separator=|", "-o", fields)
    assert [line for line in listed.lines if line.startswith(("vm", "files"))] == [
        "files.example.com|node3.example.com|file|up",
        *(f"vm{number}.example.com|node2.example.com|diskless|up" for number in range(3)),
    ]
    commands.ok(gnt, "remove", "-f", "files.example.com")
    assert "files" not in commands.ok(gnt, "list", "--no-headers").output
