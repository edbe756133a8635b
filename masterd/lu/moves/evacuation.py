"""What moving many instances has in common: which allocator, and its answer turned into jobs.

Source: Ganeti 3.0.2 lib/cmdlib/common.py (rules, and what is told).
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from masterd.config.kinds import AnyInstance
from masterd.config.relations import relations
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpExecError, OpPrereqError
from masterd.iallocator.request import Request
from masterd.iallocator.result import Evacuation
from masterd.iallocator.run import Allocators
from masterd.opcodes.base import OpCode
from masterd.opcodes.errors import OpCodeError
from masterd.opcodes.instance_disks import OpInstanceReplaceDisks
from masterd.work.work import Work

#: Stands for the cluster's allocator. Source: constants DEFAULT_IALLOCATOR_SHORTCUT.
DEFAULT: Final = "."

Jobs = Sequence[Sequence[OpCode]]


def allocator(config: ConfigSnapshot, name: str | None) -> str:
    """Return the allocator named, else the cluster's, for which a dot stands too.

    Raises:
        OpPrereqError: there is neither.
    """
    found = name if name not in (None, "", DEFAULT) else config.cluster.default_iallocator
    if not found:
        raise OpPrereqError(
            "The opcode names no allocator, and the cluster has none by default", ECode.INVAL
        )
    return found


def allocator_or_node(config: ConfigSnapshot, name: str | None, node: str | None) -> str | None:
    """Return the allocator named, the cluster's where neither it nor a node is, or None for a node.

    Raises:
        OpPrereqError: both are named, or neither is and the cluster has no allocator.
    """
    if name is not None and node is not None:
        raise OpPrereqError("Either an allocator or a node is to be named, not both", ECode.INVAL)
    if node is not None:
        return None
    return allocator(config, name)


def ask(work: Work, name: str, request: Request, *, what: str = "evacuate") -> Evacuation:
    """Have an allocator find places; see `Allocators.run` for other errors. Switches.

    Args:
        what: they are for.

    Raises:
        OpPrereqError: it found none.
    """
    answer = Allocators(work.rpc, work.in_thread).run(work.config.snapshot(), name, request)
    if not answer.success:
        raise OpPrereqError(
            f"Allocator '{name}' cannot tell how to {what}: {answer.info}", ECode.NORES
        )
    assert isinstance(answer.result, Evacuation), "what moves instances is answered so"
    return answer.result


def jobs(work: Work, found: Evacuation, *, early_release: bool, by_node: bool) -> Jobs:
    """Return an allocator's jobs, and tell which instances go where. Switches.

    Args:
        early_release: is set in the opcodes that have it.
        by_node: whether the nodes are told, or the group.

    Raises:
        OpExecError: some instance finds no place, or an opcode cannot be read.
    """
    if found.failed:
        text = "No place was found for instances " + ", ".join(
            f"{each.instance} ({each.reason})" for each in found.failed
        )
        work.say.warning(text)
        raise OpExecError(text)
    if found.moved:
        moved = ", ".join(
            f"{each.instance} (to {', '.join(each.nodes) if by_node else each.group})"
            for each in found.moved
        )
        work.say.info(f"Instances to be moved: {moved}")
    try:
        load = work.dialect.opcodes.load
        return [
            [_released_early(load(op, reason_required=False), early_release) for op in ops]
            for ops in found.jobs
        ]
    except OpCodeError as error:
        raise OpExecError(f"The allocator's job cannot be submitted: {error.message}") from error


def _released_early(op: OpCode, early_release: bool) -> OpCode:
    """Set the flag where there is one; of an allocator's opcodes one has it."""
    if not isinstance(op, OpInstanceReplaceDisks):
        return op
    return replace(op, early_release=early_release)


def names_on(config: ConfigSnapshot, node_uuid: str, mode: str) -> list[str]:
    """Return the names of a node's instances, in order of uuids, as the reference takes them.

    A planned one without a name cannot be moved.

    Args:
        mode: "primary-only", "secondary-only", or "all".
    """
    known = config.derived(relations)
    found: list[AnyInstance] = []
    if mode != "secondary-only":
        found += known.primary_of.get(node_uuid, ())
    if mode != "primary-only":
        found += known.secondary_of.get(node_uuid, ())
    found.sort(key=lambda each: each.uuid)
    return [each.name for each in found if each.name]


def groups_of(config: ConfigSnapshot, node_uuids: Iterable[str]) -> frozenset[str]:
    """Return the uuids of the groups of nodes; a disk may name one that is not there."""
    return frozenset(config.nodes[uuid].group for uuid in node_uuids if uuid in config.nodes)
