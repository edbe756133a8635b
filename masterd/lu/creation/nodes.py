"""The nodes of a new instance: named, or found by an allocator, and looked at.

Source: Ganeti 3.0.2 lib/cmdlib/instance_create.py (checks, order, texts).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from masterd.config.node import Node
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpPrereqError, TooFewLocks
from masterd.iallocator.request import Allocate
from masterd.iallocator.run import Allocators
from masterd.instance import new_disks
from masterd.lu import names
from masterd.work.work import Work


@dataclass(frozen=True, slots=True)
class Nodes:
    """Where an instance is to be; `secondary` has the other copy of mirrored disks."""

    primary: Node
    secondary: Node | None = None

    @property
    def all(self) -> list[Node]:
        """Both, the primary node first."""
        return [self.primary] if self.secondary is None else [self.primary, self.secondary]

    @property
    def uuids(self) -> list[str]:
        """The uuids of both."""
        return [node.uuid for node in self.all]


def allocated(work: Work, config: ConfigSnapshot, name: str, request: Allocate) -> Nodes:
    """Return the nodes that an allocator finds for an instance. Switches.

    Raises:
        OpPrereqError: it finds none.
        TooFewLocks: it finds none among those that were free, or names others.
    """
    answer = Allocators(work.rpc, work.in_thread).run(config, name, request)
    if not answer.success:
        text = f"Can't compute nodes using iallocator '{name}': {answer.info}"
        if request.allowed_nodes is None:
            raise OpPrereqError(text, ECode.NORES)
        work.say.info(
            f"IAllocator '{name}' failed on opportunistically acquired nodes: {answer.info}"
        )
        raise TooFewLocks(text)
    assert isinstance(answer.result, list), "what places an instance is answered so"
    found = [names.node(config, str(node)) for node in answer.result]
    if request.allowed_nodes is not None:
        others = sorted({node.name for node in found} - set(request.allowed_nodes))
        if others:
            raise TooFewLocks(
                f"IAllocator '{name}' selected nodes that are not locked: {', '.join(others)}"
            )
    work.say.info(
        f"Selected nodes for instance {request.name} via iallocator {name}:"
        f" {', '.join(map(str, answer.result))}"
    )
    return Nodes(*found)


def check_primary(node: Node) -> None:
    """Refuse a node that may not get instances.

    Raises:
        OpPrereqError: it may not.
    """
    for refused, word in (
        (node.offline, "offline"),
        (node.drained, "drained"),
        (not node.vm_capable, "non-vm_capable"),
    ):
        if refused:
            raise OpPrereqError(f"Cannot use {word} primary node '{node.name}'", ECode.STATE)


def check_secondary(work: Work, nodes: Nodes) -> None:
    """Refuse a secondary node that may not get copies of disks, or is the primary one.

    Raises:
        OpPrereqError: it may not, or is.
    """
    node = nodes.secondary
    if node is None:
        return
    if node.uuid == nodes.primary.uuid:
        raise OpPrereqError("The secondary node cannot be the primary node", ECode.INVAL)
    for refused, told in (
        (node.offline, "Can't use offline node"),
        (node.drained, "Can't use drained node"),
        (not node.vm_capable, "Can't use non-vm_capable node"),
    ):
        if refused:
            raise OpPrereqError(f"{told}: {node.name}", ECode.STATE)
    if node.group != nodes.primary.group:
        work.say.warning(
            "The primary and secondary nodes are in two different node groups; the disk parameters"
            " from the first disk's node group will be used"
        )


def check_storage(
    config: ConfigSnapshot, nodes: Nodes, template: str, disks: Sequence[new_disks.NewDisk]
) -> None:
    """Refuse disks that do not fit with how nodes give their storage away.

    Raises:
        OpPrereqError: they do not.
    """
    exclusive = any(config.node_params(node).exclusive_storage for node in nodes.all)
    if exclusive and template not in new_disks.WITH_EXCLUSIVE_STORAGE:
        raise OpPrereqError(
            f"Disk template {template} not supported with exclusive storage", ECode.STATE
        )
    for disk in disks:
        new_disks.check_spindles(disk, exclusive=exclusive)
