"""What a simulated node does as the source or the target of a migration.

The guest runs at the source until the migration is finished there, and at the target from when it
is finished there; what lies between is a status, which a test says with `write_migration`: what is
told one after the other, each time that somebody asks, until the migration is done.

Source: Ganeti 3.0.2 lib/backend.py (answers, checks, texts), lib/hypervisor/hv_fake.py; constants
HV_MIGRATION_*.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from masterd.testing import node_facts, node_guests, node_notes
from masterd.testing.node_notes import RefusedError
from masterd.testing.told_objects import Instance

_STATUS: Final = "migration"

#: What is told when nothing else was said.
_DONE: Final[Mapping[str, object]] = {"status": "completed"}

#: A guest is sent, or runs at the target already while the rest comes.
_GOES_ON: Final = ("active", "postcopy-active")

_ONE: Final = tuple[Instance]
_ACCEPT: Final = tuple[Instance, Any, str]
#: Name of the cluster, instance, address of the target, whether the guest goes on running.
_MIGRATE: Final = tuple[str, Instance, str, bool]
_TO: Final = tuple[Instance, Any, bool]
_FROM: Final = tuple[Instance, bool, bool]


def write_migration(root: Path, states: Sequence[Mapping[str, object]]) -> None:
    """Say what each look at a migration from a node finds; after them it is done.

    A state in which nothing goes on stays, as a migration that failed or was canceled does.
    """
    node_notes.write(root, _STATUS, list(states))


def can_migrate(root: Path, arguments: list[object]) -> None:
    """Refuse where an instance does not run."""
    (instance,) = msgspec.convert(arguments, _ONE)
    if not _runs(root, instance):
        raise RefusedError(f"Instance {instance.name} is not running")


def info(_root: Path, arguments: list[object]) -> str:
    """Tell what the target has to know: nothing."""
    msgspec.convert(arguments, _ONE)
    return ""


def accept(root: Path, arguments: list[object]) -> None:
    """Prepare for an instance, which must not run here."""
    instance, _, _ = msgspec.convert(arguments, _ACCEPT)
    if _runs(root, instance):
        raise RefusedError("Failed to accept instance: Can't accept instance, already running")


def migrate(root: Path, arguments: list[object]) -> None:
    """Begin to send an instance, which must run."""
    _, instance, _, _ = msgspec.convert(arguments, _MIGRATE)
    if not _runs(root, instance):
        raise RefusedError("Failed to migrate instance: Instance not running, cannot migrate")


def status(root: Path, arguments: list[object]) -> Mapping[str, object]:
    """Tell how far a migration is."""
    msgspec.convert(arguments, _ONE)
    first, *rest = node_notes.read(root, _STATUS, []) or [_DONE]
    if first["status"] in _GOES_ON:
        node_notes.write(root, _STATUS, rest)
    told: Mapping[str, object] = first
    return told


def finish_at_source(root: Path, arguments: list[object]) -> None:
    """Let an instance not run here any more, if it has gone."""
    instance, is_success, _ = msgspec.convert(arguments, _FROM)
    if is_success:
        node_guests.mark_down(root, instance.name)


def finish_at_target(root: Path, arguments: list[object]) -> None:
    """Let an instance run here, if it has come, and otherwise not."""
    instance, _, is_success = msgspec.convert(arguments, _TO)
    if is_success:
        node_guests.mark_up(root, instance, node_guests.startup_memory(root, instance))
    else:
        node_guests.mark_down(root, instance.name)


def _runs(root: Path, instance: Instance) -> bool:
    return instance.name in node_facts.all_instances(root)


#: What a node does for each call on migrations.
CALLS: Final[dict[str, Callable[[Path, list[Any]], object]]] = {
    "accept_instance": accept,
    "instance_finalize_migration_dst": finish_at_target,
    "instance_finalize_migration_src": finish_at_source,
    "instance_get_migration_status": status,
    "instance_migratable": can_migrate,
    "instance_migrate": migrate,
    "migration_info": info,
}
