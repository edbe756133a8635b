"""What an allocator answered, checked. Pure.

Source: Ganeti 3.0.2 lib/masterd/iallocator.py (which answers are refused, with which error).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

import msgspec

from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import OpExecError, ResultValidationError
from masterd.iallocator.request import (
    Allocate,
    AllocateMany,
    AllocateSecondary,
    ChangeGroup,
    EvacuateNode,
    Relocate,
    Request,
)

T = TypeVar("T")

_Name = Annotated[str, msgspec.Meta(min_length=1)]

#: What jobs that move instances may consist of.
_MOVES: Final = frozenset(
    {"OP_INSTANCE_FAILOVER", "OP_INSTANCE_MIGRATE", "OP_INSTANCE_REPLACE_DISKS"}
)


class Moved(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """An instance that finds a place: a group by name or uuid, and nodes by name."""

    instance: _Name
    group: _Name
    nodes: tuple[_Name, ...]


class Failed(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """An instance that finds none, and why."""

    instance: _Name
    reason: str | None


class Evacuation(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """How instances are moved: `jobs` holds for each job the documents of its opcodes."""

    moved: tuple[Moved, ...]
    failed: tuple[Failed, ...]
    jobs: tuple[tuple[dict[str, Any], ...], ...]


class Placed(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A new instance and its nodes, by name."""

    instance: _Name
    nodes: tuple[_Name, ...]


class Placement(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Which of several new instances find a place, and the names of those that do not."""

    placed: tuple[Placed, ...]
    failed: tuple[_Name, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a script printed.

    Attributes:
        success: whether it found a solution; otherwise `info` says why not.
        info: for people.
        result: what it found, in the form of the request's mode: the nodes' names in a list
            (`Allocate`, `Relocate`) or one (`AllocateSecondary`), a `Placement` or an `Evacuation`;
            unchecked where it has found nothing.
    """

    success: bool
    info: object
    result: object


def read(text: object, request: Request, config: ConfigSnapshot) -> Answer:
    """Return what a script printed on standard output.

    Args:
        config: the configuration that the script was told of.

    Raises:
        OpExecError: that is no answer.
        ResultValidationError: it claims success, but the result has not the form it must have.
    """
    try:
        answer = msgspec.json.decode(text if isinstance(text, str) else b"")
    except msgspec.DecodeError as error:
        raise OpExecError(f"The allocator's answer is not JSON: {error}") from error
    if not isinstance(answer, dict):
        raise OpExecError("The allocator's answer is not an object")
    if "result" not in answer and "nodes" in answer:
        # How scripts of old say it.
        answer["result"] = answer["nodes"]
    for key in ("success", "info", "result"):
        if key not in answer:
            raise OpExecError(f"The allocator's answer has no '{key}'")
    success, result = bool(answer["success"]), answer["result"]
    if success:
        result = _CHECKS[type(request)](request, config, result)
    return Answer(success, answer["info"], result)


# --- the form of each mode's result -------------------------------------------------------------


def _allocate(request: Allocate, config: ConfigSnapshot, result: object) -> list[object]:
    nodes = _list(result)
    if len(nodes) != request.nodes_wanted:
        raise ResultValidationError(
            f"The allocator names {len(nodes)} nodes, but {request.nodes_wanted} are needed"
        )
    return nodes


def _allocate_secondary(request: Request, config: ConfigSnapshot, result: object) -> str:
    return _convert(result, str)


def _allocate_many(request: Request, config: ConfigSnapshot, result: object) -> Placement:
    return _convert(result, Placement)


def _relocate(request: Relocate, config: ConfigSnapshot, result: object) -> list[object]:
    """Check that an instance stays in the groups in which it is."""
    nodes = _list(result)
    if any(isinstance(node, list | dict) for node in nodes):
        raise _invalid("it is no list of names")
    primary = config.nodes.get(request.found(config).primary_node or "")
    stays = [] if primary is None else [primary.name]
    before = _groups(config, [*request.names(config), *stays])
    after = _groups(config, [*nodes, *stays])
    if not after <= before:
        raise ResultValidationError(
            f"The allocator moves the instance to the groups {', '.join(sorted(after))}, but it is"
            f" in {', '.join(sorted(before))}"
        )
    return nodes


def _evacuate(request: Request, config: ConfigSnapshot, result: object) -> Evacuation:
    found = _convert(result, Evacuation)
    for job in found.jobs:
        for op in job:
            if op.get("OP_ID") not in _MOVES:
                raise _invalid(f"a job has an opcode {op.get('OP_ID')!r}")
    return found


_CHECKS: Final[Mapping[type[Request], Callable[[Any, ConfigSnapshot, object], object]]] = {
    Allocate: _allocate,
    AllocateMany: _allocate_many,
    AllocateSecondary: _allocate_secondary,
    ChangeGroup: _evacuate,
    EvacuateNode: _evacuate,
    Relocate: _relocate,
}


def _list(result: object) -> list[object]:
    if not isinstance(result, list):
        raise _invalid(f"it is no list: {result!r}")
    return result


def _convert(result: object, form: type[T]) -> T:
    try:
        return msgspec.convert(result, form)
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from error


def _invalid(why: str) -> ResultValidationError:
    return ResultValidationError(f"The allocator's result has not the form it must have: {why}")


def _groups(config: ConfigSnapshot, names: Iterable[object]) -> set[str]:
    """Return the names of the groups of nodes; unknown nodes have none."""
    found = set()
    for name in names:
        node = config.nodes.named(name) if isinstance(name, str) else None
        if node is not None:
            group = config.nodegroups.get(node.group)
            found.add(node.group if group is None else group.name)
    return found
