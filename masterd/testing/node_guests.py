"""What a simulated node does with instances.

An instance that runs is a file, see `node_facts`; it begins and ends with what the node is told.

Source: Ganeti 3.0.2 lib/backend.py (answers, checks).
"""

from pathlib import Path
from typing import Any, Final

import msgspec

from masterd.testing import node_facts, node_notes
from masterd.testing.node_notes import RefusedError

#: Note of what guests are told of themselves, by name of the instance.
METADATA: Final = "metadata"

_METADATA: Final = tuple[dict[str, Any]]


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


def modify_metadata(root: Path, arguments: list[Any]) -> None:
    """Keep what guests may ask for, of one instance."""
    (told,) = msgspec.convert(arguments, _METADATA)
    guests: dict[str, object] = node_notes.read(root, METADATA, {})
    node_notes.write(root, METADATA, {**guests, str(told["name"]): told})


def nothing_to_see(_root: Path, _arguments: list[object]) -> None:
    """Obey a call that leaves no trace here."""
