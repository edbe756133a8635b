"""What is under way when the daemon dies at a call to a node, and how it is mended afterwards."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from masterd.config.kinds import AnyInstance
from masterd.config.snapshot import ConfigSnapshot
from masterd.instance import disks

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
class Left:
    """What there is when the daemon has died.

    Attributes:
        config: the configuration.
        running: names of the instances that run on each node, by its name.
    """

    config: ConfigSnapshot
    running: Mapping[str, Collection[str]]

    def runs(self, place: Place) -> bool:
        """Tell whether a place's instance runs anywhere."""
        return any(place.instance in names for names in self.running.values())


@dataclass(frozen=True, slots=True)
class Operation:
    """Work of one opcode, and what is done about it when it was cut off.

    Attributes:
        name: for messages and the command line.
        before: opcodes that make what it works on.
        work: the opcode.
        mended: opcodes that have to succeed afterwards, told what was left. The instance is as it
            should be then, or gone.
        volumes_stay: whether volumes that nobody knows are in nobody's way while that is mended.
    """

    name: str
    before: Callable[[Place], Sequence[OpInput]]
    work: Callable[[Place], OpInput]
    mended: Callable[[Place, Left], Sequence[OpInput]]
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
    def mended(place: Place, left: Left) -> Sequence[OpInput]:
        """What is half made is brought up, removed, and made again; what is not there, is made."""
        again = create(place, template)
        if place.found(left.config) is None:
            return [again]
        up = [of("OP_INSTANCE_ACTIVATE_DISKS", place), of("OP_INSTANCE_STARTUP", place)]
        return [*up, of("OP_INSTANCE_REMOVE", place), again]

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

    def mended(place: Place, _left: Left) -> Sequence[OpInput]:
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


def _replacement(mode: str, **parameters: object) -> Operation:
    """Return work that gives the disks of a running instance new volumes at one of its nodes."""

    def work(place: Place) -> OpInput:
        return of("OP_INSTANCE_REPLACE_DISKS", place, mode=mode, **parameters)

    def mended(place: Place, _left: Left) -> Sequence[OpInput]:
        """It is done anew, which finds whatever names the volumes have; then all are brought up."""
        return [work(place), of("OP_INSTANCE_ACTIVATE_DISKS", place)]

    return Operation(
        name="-".join(["replace", mode.removeprefix("replace_"), *parameters]),
        before=lambda place: (create(place, "drbd"),),
        work=work,
        mended=mended,
        volumes_stay=True,
    )


def _new_secondary(name: str, **parameters: object) -> Operation:
    """Return work that gives the disks of a running instance another secondary node."""

    def work(place: Place) -> OpInput:
        return of(
            "OP_INSTANCE_REPLACE_DISKS",
            place,
            mode="replace_new_secondary",
            remote_node=place.nodes[2],
            **parameters,
        )

    def mended(place: Place, left: Left) -> Sequence[OpInput]:
        """What both nodes have is brought up and connected; then the node is the new one."""
        up = of("OP_INSTANCE_ACTIVATE_DISKS", place)
        return [up] if place.nodes[2] in _nodes(left.config, place) else [up, work(place)]

    return Operation(
        name=name,
        before=lambda place: (create(place, "drbd"),),
        work=work,
        mended=mended,
    )


def _nodes(config: ConfigSnapshot, place: Place) -> set[str]:
    """Return the names of the nodes that a place's instance has disks at."""
    instance = place.found(config)
    assert instance is not None, place
    primary = instance.primary_node or ""
    return {
        config.nodes[uuid].name
        for disk in disks.of(config, instance)
        for uuid in disks.node_uuids(disk, primary)
    }


def _migration(name: str, op_id: str, **parameters: object) -> Operation:
    """Return work that has a running instance go to its other node."""

    def mended(place: Place, left: Left) -> Sequence[OpInput]:
        """Where it runs, it belongs; where it runs nowhere, it is stopped and started."""
        stopped = [of("OP_INSTANCE_SHUTDOWN", place), of("OP_INSTANCE_STARTUP", place)]
        clean = of("OP_INSTANCE_MIGRATE", place, mode="live", cleanup=True)
        return [clean] if left.runs(place) else stopped

    return Operation(
        name=name,
        before=lambda place: (create(place, "drbd"),),
        work=lambda place: of(op_id, place, **parameters),
        mended=mended,
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
        _replacement("replace_on_primary"),
        _replacement("replace_on_secondary"),
        _replacement("replace_on_secondary", early_release=True),
        _new_secondary("replace-new-secondary"),
        _new_secondary("replace-new-secondary-early", early_release=True),
        _migration("migrate-live", "OP_INSTANCE_MIGRATE", mode="live"),
        _migration("migrate-non-live", "OP_INSTANCE_MIGRATE", mode="non-live"),
        _migration("failover", "OP_INSTANCE_FAILOVER"),
    )
}
