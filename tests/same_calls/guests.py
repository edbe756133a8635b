"""Changes of the standard configuration that cases of instances have in common."""

from collections.abc import Callable

from tests.same_calls.case import named
from tests.sample_config import Document


def everywhere(document: Document) -> None:
    """Have all nodes run instances, of all templates."""
    document["cluster"]["ipolicy"]["disk-templates"] = document["cluster"]["enabled_disk_templates"]
    for group in document["nodegroups"].values():
        group["ipolicy"] = {}
    for node in document["nodes"].values():
        node["vm_capable"] = True


def stopped(name: str) -> Callable[[Document], None]:
    """Have an instance not run, with its disks down."""

    def change(document: Document) -> None:
        named(document, "instances", name).update(admin_state="down", disks_active=False)

    return change


def with_disks(name: str, count: int) -> Callable[[Document], None]:
    """Have an instance with the first of its disks only."""

    def change(document: Document) -> None:
        instance = named(document, "instances", name)
        for uuid in instance["disks"][count:]:
            del document["disks"][uuid]
        instance["disks"] = instance["disks"][:count]

    return change
