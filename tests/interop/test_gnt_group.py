"""Debian's `gnt-group` does and prints the same here as with the reference.

The reference is all of it: luxid, wconfd, and the processes that carry out its jobs. No node daemon
runs, so no script does either: the jobs say so, the reference with the node's uuid.
"""

import re
from collections.abc import Iterator
from typing import Final

import pytest

from tests.interop import debian, masters
from tests.interop.debian import Outcome
from tests.interop.luxid import needs_luxid
from tests.interop.masters import Masters

pytestmark = [needs_luxid, debian.needs_ganeti]

FIELDS: Final = (
    "name,alloc_policy,node_cnt,node_list,pinst_cnt,ndparams,diskparams,ipolicy,serial_no,tags"
)
_MEMBERS: Final = re.compile(r"(?<=has the following nodes: ).*")
SPECS: Final = (
    "min:cpu-count=1,disk-count=1,disk-size=512,memory-size=64,nic-count=1,spindle-use=1"
    "/max:cpu-count=8,disk-count=16,disk-size=1048576,memory-size=32768,nic-count=8,spindle-use=12"
)


@pytest.fixture(scope="module")
def pair() -> Iterator[Masters]:
    with masters.both(masters.lonely(), masters.working_reference) as both:
        yield both


def alike(pair: Masters, *command: str) -> Outcome:
    """Run `gnt-group` on both; it must do the same, but for times and uuids."""
    return pair.alike("gnt-group", *command, reworded=_reworded)


def _reworded(text: str) -> str:
    # The reference tells which nodes a group still has by their uuids.
    return _MEMBERS.sub(lambda found: re.sub(r"[^\s,]+", "NODE", found[0]), text)


def shown(pair: Masters, *names: str) -> None:
    """Compare what is told of groups."""
    assert alike(pair, "list", "--no-headers", "--separator=|", "-o", FIELDS, *names).code == 0
    assert alike(pair, "info", *names).code == 0


def test_a_group_is_added_changed_renamed_tagged_filled_and_removed(pair: Masters) -> None:
    options = ("--alloc-policy=last_resort", "--node-parameters=spindle_count=3,ssh_port=2200",
               "--disk-parameters=drbd:metavg=meta", "--disk-parameters=plain:stripes=2",
               f"--ipolicy-bounds-specs={SPECS}", "--ipolicy-vcpu-ratio=3.5")  # fmt: skip
    assert alike(pair, "add", *options, "new").code == 0
    shown(pair, "new")
    assert alike(pair, "modify", "--alloc-policy=unallocable", "new").code == 0
    change = ("--node-parameters=spindle_count=default",
              "--disk-parameters=drbd:metavg=other", "--ipolicy-spindle-ratio=7.5")  # fmt: skip
    assert alike(pair, "modify", *change, "new").code == 0
    shown(pair, "new")
    assert alike(pair, "rename", "new", "newer").code == 0
    assert alike(pair, "add-tags", "newer", "zone:a", "zone:b").code == 0
    assert alike(pair, "remove-tags", "newer", "zone:a").code == 0
    assert alike(pair, "list-tags", "newer").lines == ["zone:b"]
    node = pair.ours.ok("gnt-node", "list", "--no-headers", "-o", "name").lines[-1].strip()
    group = pair.ours.ok("gnt-node", "list", "--no-headers", "-o", "group", node).output.strip()
    assert alike(pair, "assign-nodes", "--force", "newer", node).code == 0
    shown(pair)
    assert alike(pair, "remove", "newer").code == 1
    assert alike(pair, "assign-nodes", "--force", group, node).code == 0
    assert alike(pair, "remove", "newer").code == 0
    shown(pair)


@pytest.mark.parametrize(
    "command",
    [
        ("add", "group1"),
        ("add", "--node-parameters=nothing=1", "new"),
        ("modify", "--alloc-policy=preferred", "nobody"),
        ("modify", "--disk-parameters=gluster:access=other", "group1"),
        ("modify", "--node-parameters=spindle_count=many", "group1"),
        ("remove", "nobody"),
        ("remove", "group1"),
        ("rename", "group1", "default"),
        ("rename", "nobody", "new"),
        ("assign-nodes", "nobody", "node2.example.com"),
        ("assign-nodes", "group1", "nobody"),
        ("info", "nobody"),
        ("list", "nobody"),
    ],
    ids=" ".join,
)
def test_refusals_are_told_alike(pair: Masters, command: tuple[str, ...]) -> None:
    assert alike(pair, *command).code == (0 if command == ("info", "nobody") else 1)
    shown(pair)


def test_a_dry_run_changes_nothing(pair: Masters) -> None:
    before = pair.ours.ok("gnt-group", "list").output
    assert pair.ours.run("gnt-group", "add", "--dry-run", "new").code == 0
    assert pair.ours.run("gnt-group", "rename", "--dry-run", "group1", "new").code == 0
    assert pair.ours.ok("gnt-group", "list").output == before


def test_nodes_that_part_an_instance_are_moved_only_by_force(pair: Masters) -> None:
    """Every node of the first group in turn; instances are told in natural order by ours."""
    nodes = pair.ours.ok(
        "gnt-node", "list", "--no-headers", "-o", "name", "-F", 'group == "default"'
    )
    for line in nodes.lines:
        alike(pair, "assign-nodes", "group1", line.strip())
        shown(pair)
    assert nodes.lines
