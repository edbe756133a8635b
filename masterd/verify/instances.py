"""Whether instances are as the configuration says, from what their nodes have found. Pure.

Source: Ganeti 3.0.2 lib/cmdlib/cluster/verify.py, LUClusterVerifyGroup (_VerifyInstance,
_VerifyNPlusOneMemory, _VerifyOtherNotes); constants DTS_*, LDS_*.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from masterd.config.kinds import AnyInstance
from masterd.config.node import Node
from masterd.config.params import fill
from masterd.config.relations import nodes_of, relations
from masterd.instance import disks, policy
from masterd.verify import problems
from masterd.verify.group import GroupView, NodeImage, is_mirrored_inside
from masterd.verify.problems import Problem, Severity, problem, warning

#: Success, and the state of a disk or why it is not known; for each disk of an instance on a node.
DiskStates = Sequence[tuple[bool, Any]]

#: Templates whose disks survive the loss of a node, and those that can be given away whole.
_REDUNDANT: Final = frozenset(
    {"blockdev", "diskless", "drbd", "ext", "gluster", "rbd", "sharedfile"}
)
_WHOLE: Final = frozenset({"plain"})

#: States of a mirror's local side, and those with which a degraded one is only warned about.
_LOCAL: Final[Mapping[int, str]] = {1: "ok", 2: "syncing", 3: "unknown", 4: "faulty"}
_WORKING: Final = frozenset({1, 2})

Images = Mapping[str, NodeImage]


def instance(
    view: GroupView, one: AnyInstance, images: Images, states: Mapping[str, DiskStates]
) -> Iterator[Problem]:
    """Verify an instance; `images` has all of its nodes, `states` its disks by node."""
    name = one.name or one.uuid
    broken = policy.violations(view.config, policy.filled(view.config, view.group.ipolicy), one)
    if broken:
        yield warning(problems.INSTANCE_POLICY, name, ", ".join(broken))
    yield from _volumes(view, one, name, images)
    yield from _run(view, one, name, images)
    yield from _disks(view, one, name, images, states)
    yield from _reachable(view, one, name, images)
    yield from _layout(view, one, name)
    yield from _places(view, one, name, images)


def _volumes(view: GroupView, one: AnyInstance, name: str, images: Images) -> Iterator[Problem]:
    for uuid, volume in disks.volumes(view.config, one):
        image = images.get(uuid)
        # What cannot be listed is not said to be missing.
        if image is None or image.node.offline or image.volumes is None:
            continue
        if volume not in image.volumes:
            text = f"its volume {volume} is missing on node {image.node.name}"
            yield problem(problems.INSTANCE_MISSING_DISK, name, text)


def _run(view: GroupView, one: AnyInstance, name: str, images: Images) -> Iterator[Problem]:
    image = images.get(one.primary_node or "")
    if one.admin_state != "up" or image is None:
        return
    if image.node.offline:
        text = f"should run, and its primary node {image.node.name} is offline"
        yield problem(problems.INSTANCE_BAD_NODE, name, text)
    elif one.name not in image.running:
        text = f"does not run on its primary node {image.node.name}"
        yield problem(problems.INSTANCE_DOWN, name, text)


def _disks(
    view: GroupView, one: AnyInstance, name: str, images: Images, states: Mapping[str, DiskStates]
) -> Iterator[Problem]:
    if not one.disks_active:
        return
    code = problems.INSTANCE_FAULTY_DISK
    for uuid, told in states.items():
        where = view.name_of(uuid)
        image = images.get(uuid)
        for index, (is_known, state) in enumerate(told):
            if not is_known:
                if image is not None and not image.node.offline:
                    text = f"the state of disk/{index} on {where} is not known: {state}"
                    yield problem(code, name, text)
            elif state["is_degraded"]:
                local = state["ldisk_status"]
                text = f"disk/{index} on {where} is degraded; its local side is {_LOCAL[local]}"
                worse = Severity.WARNING if local in _WORKING else Severity.ERROR
                yield Problem(code, (text,), name, worse)


def _reachable(view: GroupView, one: AnyInstance, name: str, images: Images) -> Iterator[Problem]:
    for node in nodes_of(view.config, one):
        image = images.get(node.uuid)
        if image is not None and image.has_failed and node.group == view.group.uuid:
            which = "primary" if node.uuid == one.primary_node else "secondary"
            text = f"cannot be asked, and is the {which} node of instance {name}"
            yield problem(problems.NODE_RPC, node.name, text)


def _layout(view: GroupView, one: AnyInstance, name: str) -> Iterator[Problem]:
    config, nodes = view.config, nodes_of(view.config, one)
    if len(nodes) > 2:
        names = ", ".join(node.name for node in nodes[1:])
        yield warning(problems.INSTANCE_LAYOUT, name, f"has several secondary nodes: {names}")
    exclusive = [node.name for node in nodes if config.node_params(node).exclusive_storage]
    there = disks.of(config, one)
    if exclusive:
        unfit = [str(disk.dev_type) for disk in there if disk.dev_type not in _WHOLE]
        if not there:
            unfit = ["diskless"]
        if unfit:
            text = (
                f"has disks of {', '.join(unfit)}, which nodes with exclusive storage cannot have:"
            )
            text += f" {', '.join(exclusive)}"
            yield problem(problems.INSTANCE_UNSUITABLE_NODE, name, text)
        for index, disk in enumerate(there):
            if disk.spindles is None:
                text = f"disk/{index} has no number of spindles, which exclusive storage needs;"
                text += " gnt-cluster repair-disk-sizes finds it"
                yield problem(problems.INSTANCE_MISSING_PARAMETER, name, text)
    if is_mirrored_inside(config, one):
        groups: defaultdict[str, list[str]] = defaultdict(list)
        for node in nodes:
            groups[node.group].append(node.name)
        if len(groups) > 1:
            told = ", ".join(
                f"{', '.join(names)} (group {config.nodegroups[uuid].name})"
                for uuid, names in groups.items()
            )
            text = f"has its primary and secondary nodes in different groups: {told}"
            yield warning(problems.INSTANCE_SPLIT, name, text)


def _places(view: GroupView, one: AnyInstance, name: str, images: Images) -> Iterator[Problem]:
    code, nodes = problems.INSTANCE_BAD_NODE, nodes_of(view.config, one)
    offline = [
        node.name for node in nodes
        if node.uuid != one.primary_node and node.group == view.group.uuid and node.offline
    ]  # fmt: skip
    if offline:
        yield problem(code, name, f"has offline secondary nodes: {', '.join(offline)}")
    for node in nodes:
        if node.group == view.group.uuid and not node.vm_capable:
            text = f"is on node {node.name}, which cannot have instances"
            yield problem(code, name, text)
    known = {node.uuid for node in nodes}
    named = (one.primary_node, *view.config.derived(relations).secondaries.get(one.uuid, ()))
    for uuid in named:
        if uuid is not None and uuid not in known:
            yield problem(code, name, f"is on a node that does not exist: {uuid}")


def n_plus_one(view: GroupView, images: Sequence[NodeImage]) -> Iterator[Problem]:
    """Look whether secondary nodes have the memory for what would fail over to them."""
    config = view.config
    default = config.cluster.beparams["default"]
    needed: defaultdict[tuple[str, str], int] = defaultdict(int)
    for one in view.instances:
        params = fill(default, one.beparams)
        for uuid in config.derived(relations).secondaries.get(one.uuid, ()):
            if one.primary_node is not None:
                needed[uuid, one.primary_node] += params.minmem if params.auto_balance else 0
    for image in images:
        if image.node.offline:
            continue
        for (uuid, primary), memory in needed.items():
            if uuid == image.node.uuid and image.memory_free < memory:
                text = f"has {image.memory_free} MiB of memory, and {memory} are needed should node"
                text += f" {view.name_of(primary)} fail"
                yield problem(problems.NODE_N_PLUS_ONE, image.node.name, text)


def notes(view: GroupView) -> Iterator[str]:
    """Yield what is worth knowing, and not wrong."""
    config = view.config
    default = config.cluster.beparams["default"]
    counted = (
        ("instances that are not redundant", sum(
            not _is_redundant(view, one) for one in view.instances)),
        ("instances that are not balanced by themselves", sum(
            not fill(default, one.beparams).auto_balance for one in view.instances)),
        ("offline instances", sum(one.admin_state == "offline" for one in view.instances)),
        ("offline nodes", sum(node.offline for node in view.nodes)),
        ("drained nodes", sum(is_only_drained(view, node) for node in view.nodes)),
    )  # fmt: skip
    for what, number in counted:
        if number:
            yield f"  - NOTICE: {number} {what}"


def is_only_drained(view: GroupView, node: Node) -> bool:
    """Tell whether a node is drained, and nothing that is told before that."""
    is_master = node.uuid == view.config.cluster.master_node
    return node.drained and not (node.offline or is_master or node.master_candidate)


def _is_redundant(view: GroupView, one: AnyInstance) -> bool:
    return all(disk.dev_type in _REDUNDANT for disk in disks.of(view.config, one))
