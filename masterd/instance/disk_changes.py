"""What is asked for of an instance's disks, one by one. Pure.

Source: Ganeti 3.0.2 lib/cmdlib/instance_set_params.py (_VerifyDiskModification, _CheckAttachDisk,
_ModifyDisk: rules, order); constants MODIFIABLE_IDISK_PARAMS_TYPES.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, get_args

import msgspec

from masterd.config import typed
from masterd.config.disk import Disk, DiskMode
from masterd.config.kinds import AnyDisk
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ConfigurationError, ECode, OpExecError, OpPrereqError
from masterd.instance import disks, list_changes, new_disks
from masterd.instance.list_changes import Action, Change
from masterd.instance.new_disks import NewDisk

#: Disks of an instance. Source: constants MAX_DISKS.
DISKS_MAX: Final = 16

_NONE: Final = "none"
_PROVIDED: Final = "ext"
_MODIFIABLE: Final[typed.Types] = {"mode": typed.Type.TEXT, "name": typed.Type.TEXT}
_OF_PROVIDER: Final = ("access", "provider")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is done to a disk.

    Attributes:
        which: its number in the list that the steps before have left, or where it goes; -1 stands
            for the end.
        wanted: what is asked for of a disk that is added.
        uuid: of a disk that is attached.
        params: what a disk is changed to; a name of None takes it away.
    """

    action: Action
    which: int
    wanted: NewDisk | None = None
    uuid: str = ""
    params: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Item:
    """A disk of the list as it will be, as far as names go."""

    name: str | None
    uuid: str


def numbered(changes: Sequence[Change[Any]], present: Sequence[AnyDisk]) -> list[Change[Any]]:
    """Return changes with the numbers that disks have now in the place of names and uuids.

    Raises:
        OpPrereqError: there is none of a name.
    """
    return [Change(each.action, _number(each.which, present), each.params) for each in changes]


def _number(which: int | str, present: Sequence[AnyDisk]) -> int:
    number = list_changes.number(which)
    if number is not None:
        return number
    for index, disk in enumerate(present):
        if which in (disk.name, disk.uuid):
            return index
    raise OpPrereqError(f"Lookup of disk '{which}' failed")


# --- one by one -----------------------------------------------------------------------------------


def wanted(given: Mapping[str, Any], template: str, volume_group: str | None) -> NewDisk:
    """Return what is asked for of a disk that is added to disks of a template.

    Raises:
        OpPrereqError: there are no other disks, or it is to be otherwise than these; or a parameter
            is missing or wrong.
        TypeEnforcementError: a parameter is unknown, or has a value of no meaning.
    """
    if template == "diskless":
        raise OpPrereqError("Disks cannot be added to a diskless instance", ECode.INVAL)
    if given.get("dev_type", template) != template:
        raise OpPrereqError(
            f"A disk that is added is of the instance's disk template, '{template}'", ECode.INVAL
        )
    found = new_disks.read(new_disks.typed_params(given, template), template, volume_group)
    if template in new_disks.MUST_ADOPT and found.adopted is None:
        raise OpPrereqError(
            f"Disk template {template} requires disk adoption, but no 'adopt' parameter given",
            ECode.INVAL,
        )
    return found


def attached(
    config: ConfigSnapshot,
    given: Mapping[str, Any],
    present: Sequence[AnyDisk],
    nodes: Sequence[str],
) -> Disk:
    """Return the disk that is to be attached.

    Args:
        present: the disks that the instance has.
        nodes: uuids of its nodes, the primary one first.

    Raises:
        OpPrereqError: it is not named by name or uuid alone, there is none, it is some instance's,
            or it is of another template or on other nodes than the instance's.
        ConfigurationError: several have the name.
        OpExecError: its primary node is another one; as in the reference no refusal.
    """
    if len(given) != 1 or not given.keys() <= {"name", "uuid"}:
        raise OpPrereqError(
            "A disk that is attached is told by its name or its uuid alone", ECode.INVAL
        )
    ((key, value),) = given.items()
    found = [disk for disk in config.disks.values() if getattr(disk, key) == value]
    if len(found) > 1:
        raise ConfigurationError(f"There are {len(found)} disks with this name: {value}")
    disk = found[0] if found else None
    if not isinstance(disk, Disk):
        raise OpPrereqError(f"No disk was found with this {key}: {value}", ECode.INVAL)
    template = disks.template(present)
    if template not in ("diskless", disk.dev_type):
        raise OpPrereqError(
            f"Instance has '{template}' template while disk has '{disk.dev_type}' template",
            ECode.INVAL,
        )
    if disk.nodes and not set(nodes) <= set(disk.nodes):
        raise OpPrereqError(
            f"Disk is on nodes {_names(config, disk.nodes)} while the instance is on"
            f" {_names(config, nodes)}",
            ECode.INVAL,
        )
    if disk.dev_type == "drbd" and disk.logical_id[0] != nodes[0]:
        raise OpExecError(
            f"The disk's primary node is {_names(config, [str(disk.logical_id[0])])}, the"
            f" instance's is {_names(config, nodes[:1])}"
        )
    return disk


def _names(config: ConfigSnapshot, uuids: Collection[str]) -> str:
    known = config.nodes
    return ", ".join(known[uuid].name if uuid in known else uuid for uuid in uuids)


def modified(given: Mapping[str, Any], present: Sequence[AnyDisk]) -> dict[str, str | None]:
    """Return what a disk is changed to; only a provider's have more than a mode and a name.

    Raises:
        OpPrereqError: this cannot be changed, or not so.
        TypeEnforcementError: a parameter is unknown, or has a value of no meaning.
    """
    if "size" in given:
        raise OpPrereqError("Disk size change not possible, use grow-disk", ECode.INVAL)
    params: Mapping[str, object] = given
    if disks.template(present) != _PROVIDED:
        params = typed.typed(given, _MODIFIABLE)
    for key in _OF_PROVIDER:
        if key in params:
            raise OpPrereqError(f"Disk '{key}' parameter change is not possible", ECode.INVAL)
    mode = params.get("mode", "rw")
    if mode not in get_args(DiskMode):
        raise OpPrereqError(f"Invalid disk access mode '{mode}'", ECode.INVAL)
    return {
        key: None if key == "name" and str(value).lower() == _NONE else str(value)
        for key, value in params.items()
    }


# --- all together ---------------------------------------------------------------------------------


def check_list(
    changes: Sequence[Change[Any]], steps: Sequence[Step], present: Sequence[AnyDisk]
) -> None:
    """Refuse numbers that there are not, names that cannot be, and too many disks.

    As in the reference, a disk of which something but its name is changed counts as one without,
    and one that is attached is called as the request calls it.

    Raises:
        OpPrereqError: there are such, or too many.
        OpExecError: there is no such number.
    """
    items: list[_Item] = [_Item(disk.name, disk.uuid) for disk in present]
    for number, (change, step) in enumerate(zip(changes, steps, strict=True)):
        if step.action in ("add", "attach"):
            index = list_changes.index_of_new("disk", step.which, len(items))
            name = change.params.get("name") if step.wanted is None else step.wanted.name
            items = list_changes.with_item(items, index, _Item(name, f"new disk {number}"))
            continue
        index = list_changes.index_of("disk", step.which, items)
        if step.action == "modify":
            changed = _Item(step.params.get("name"), items[index].uuid)
            items = list_changes.replaced(items, index, changed)
        else:
            items = list_changes.without_item(items, index)
    list_changes.check_names("disk", items)
    if len(items) > DISKS_MAX:
        raise OpPrereqError(f"Instance has more than {DISKS_MAX} disks then", ECode.STATE)


# --- what becomes of a disk -----------------------------------------------------------------------


def changed(disk: AnyDisk, params: Mapping[str, str | None]) -> AnyDisk:
    """Return a disk with other parameters; "default" takes one of a provider away."""
    fields = {key: params[key] for key in _MODIFIABLE if key in params}
    own = dict(disk.params or {})
    for key, value in params.items():
        if key in _MODIFIABLE or disk.dev_type != _PROVIDED or value is None:
            continue
        if value.lower() == typed.DEFAULT:
            own.pop(key, None)
        else:
            own[key] = value
    if own != (disk.params or {}):
        return msgspec.structs.replace(disk, **fields, params=own)
    return msgspec.structs.replace(disk, **fields)


def rows_of_change(index: int, params: Mapping[str, str | None]) -> list[tuple[str, object]]:
    """Return what the result tells of a change of a disk."""
    common = [(f"disk.{key}/{index}", params[key]) for key in _MODIFIABLE if key in params]
    own = [
        (f"disk.params:{key}/{index}", value)
        for key, value in params.items()
        if key not in _MODIFIABLE
    ]
    return [*common, *own]
