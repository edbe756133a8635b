"""What is under way when the daemon dies at a call to a node, and how it is mended afterwards."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from masterd.config.kinds import AnyInstance
from masterd.config.snapshot import ConfigSnapshot

#: An opcode as a client sends it.
OpInput = Mapping[str, object]

#: Size of disks in MiB; they are wiped in pieces of a tenth.
SIZE_MIB: Final = 256


@dataclass(frozen=True, slots=True)
class Place:
    """An instance's name, and nodes that are for it alone."""

    instance: str
    nodes: tuple[str, ...]

    def found(self, config: ConfigSnapshot) -> AnyInstance | None:
        """Return the instance, where it is in the configuration."""
        return config.instances.named(self.instance)


@dataclass(frozen=True, slots=True)
class Operation:
    """Work of one opcode, and what is done about it when it was cut off.

    Attributes:
        name: for messages and the command line.
        before: opcodes that make what it works on.
        work: the opcode.
        mended: opcodes that have to succeed afterwards, told the configuration that was left. The
            instance is as it should be then, or gone.
        volumes_stay: whether volumes that nobody knows are in nobody's way while that is mended.
    """

    name: str
    before: Callable[[Place], Sequence[OpInput]]
    work: Callable[[Place], OpInput]
    mended: Callable[[Place, ConfigSnapshot], Sequence[OpInput]]
    volumes_stay: bool = False


def op(op_id: str, **parameters: object) -> OpInput:
    """Return an opcode."""
    return {"OP_ID": op_id, "reason": [], **parameters}


def create(place: Place, template: str, **parameters: object) -> OpInput:
    """Return the opcode that makes an instance."""
    where: dict[str, Any] = {"pnode": place.nodes[0]}
    if template == "drbd":
        where["snode"] = place.nodes[1]
    return op(
        "OP_INSTANCE_CREATE",
        instance_name=place.instance,
        disk_template=template,
        disks=[{"size": SIZE_MIB}],
        nics=[{}],
        mode="create",
        os_type="noop",
        ip_check=False,
        name_check=False,
        **where,
        **parameters,
    )


def of(op_id: str, place: Place, **parameters: object) -> OpInput:
    """Return an opcode for the instance of a place."""
    return op(op_id, instance_name=place.instance, **parameters)


def _creation(template: str) -> Operation:
    def mended(place: Place, config: ConfigSnapshot) -> Sequence[OpInput]:
        """What is half made is brought up, removed, and made again; what is not there, is made."""
        again = create(place, template)
        if place.found(config) is None:
            return [again]
        left = [of("OP_INSTANCE_ACTIVATE_DISKS", place), of("OP_INSTANCE_STARTUP", place)]
        return [*left, of("OP_INSTANCE_REMOVE", place), again]

    return Operation(
        name=f"create-{template}",
        before=lambda _place: (),
        work=lambda place: create(place, template),
        mended=mended,
        volumes_stay=True,
    )


def _on_disks(name: str, source: str, **parameters: object) -> Operation:
    """Return work on the disks of an instance that does not run."""

    def work(place: Place) -> OpInput:
        where = {"remote_node": place.nodes[1]} if parameters.get("disk_template") == "drbd" else {}
        return of("OP_INSTANCE_SET_PARAMS", place, **parameters, **where)

    def mended(place: Place, _config: ConfigSnapshot) -> Sequence[OpInput]:
        """What it was is removed, whatever is missing of it, and made again."""
        gone = of("OP_INSTANCE_REMOVE", place, ignore_failures=True)
        return [gone, create(place, source)]

    return Operation(
        name=name,
        before=lambda place: (create(place, source, start=False),),
        work=work,
        mended=mended,
        volumes_stay=True,
    )


#: By name; the work of each is cut off at every call to a node.
OPERATIONS: Final[Mapping[str, Operation]] = {
    each.name: each
    for each in (
        _creation("drbd"),
        _creation("plain"),
        _on_disks("convert-to-drbd", "plain", disk_template="drbd"),
        _on_disks("convert-to-plain", "drbd", disk_template="plain"),
        _on_disks("add-disk", "drbd", disks=[["add", -1, {"size": SIZE_MIB}]]),
        _on_disks("remove-disk", "drbd", disks=[["remove", 0, {}]]),
    )
}
