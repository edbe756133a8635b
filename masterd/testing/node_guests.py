"""What a simulated node does with instances and their disks.

An instance that runs is a file, see `node_facts`; it begins and ends with what the node is told.
Disks are always there: they come up at once, and nothing is left of them when they go.

Source: Ganeti 3.0.2 lib/backend.py (answers, checks).
"""

from pathlib import Path
from typing import Any

from masterd.testing import node_facts
from masterd.testing.node_means import RefusedError


def info(root: Path, arguments: list[object]) -> dict[str, object]:
    """Tell of one instance; nothing where it does not run."""
    name, _, _ = arguments
    return node_facts.all_instances(root).get(str(name), {})


def names(root: Path, _arguments: list[object]) -> list[str]:
    """Tell the names of those that run."""
    return sorted(node_facts.all_instances(root))


def start(root: Path, arguments: list[Any]) -> None:
    """Let an instance run."""
    instance, _, _ = arguments
    memory, processors = instance["beparams"]["maxmem"], instance["beparams"]["vcpus"]
    node_facts.write_instance(
        root, instance["name"], memory_mib=int(memory), processors=int(processors)
    )


def shut_down(root: Path, arguments: list[Any]) -> None:
    """Stop an instance; one that does not run stays so."""
    instance, _, _ = arguments
    node_facts.remove_instance(root, instance["name"])


def reboot(root: Path, arguments: list[Any]) -> None:
    """Restart an instance, which must run."""
    instance, _, _, _ = arguments
    if instance["name"] not in node_facts.all_instances(root):
        raise RefusedError("Cannot reboot instance that is not running")


def assemble(_root: Path, arguments: list[Any]) -> object:
    """Bring a disk up; on the primary node, tell its device, the link to it and its uri."""
    disk, instance, on_primary, index = arguments
    if not on_primary:
        return True
    link = f"/var/run/ganeti/instance-disks/{instance['name']}:{index}"
    return [f"/dev/simulated/{disk['uuid']}", link, None]


def nothing_to_see(_root: Path, _arguments: list[object]) -> None:
    """Obey a call that leaves no trace here."""
