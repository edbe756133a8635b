"""What a node has found about itself, and whether that is well. Pure.

Source: Ganeti 3.0.2 lib/cmdlib/cluster/verify.py, LUClusterVerifyGroup (checks of nodes).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from masterd.config.kinds import AnyInstance
from masterd.config.node import Node
from masterd.filter.natural import natural_key
from masterd.verify import asked, problems
from masterd.verify.group import GroupView, NodeImage
from masterd.verify.problems import Problem, problem, warning

Found = Mapping[str, Any]

#: Seconds by which a node's clock may differ. Source: constants NODE_MAX_CLOCK_SKEW.
CLOCK_SKEW_MAX_S: Final = 150
_MICROSECONDS: Final = 1_000_000

#: Begins the cluster's tags that say which tags of instances exclude each other.
_EXCLUSION: Final = "htools:iextags:"

#: Parts of what a node tells of an operating system.
_OS_FIELDS: Final = 8


def speaks_alike(node: Node, found: Found, protocol: int, release: str) -> Iterator[Problem]:
    """Compare versions; what else there is of a node that speaks another protocol is not read."""
    told = found.get("version")
    if not isinstance(told, list | tuple) or len(told) != 2:
        yield problem(problems.NODE_RPC, node.name, "its version cannot be read")
    elif told[0] != protocol:
        text = f"speaks protocol version {told[0]}, the master {protocol}"
        yield problem(problems.NODE_VERSION, node.name, text)
    elif told[1] != release:
        text = f"runs release {told[1]}, the master {release}"
        yield warning(problems.NODE_VERSION, node.name, text)


def is_readable(found: Found, protocol: int) -> bool:
    """Tell whether a node speaks our protocol."""
    told = found.get("version")
    return isinstance(told, list | tuple) and list(told[:1]) == [protocol]


def hypervisors(node: Node, found: Found) -> Iterator[Problem]:
    """Look whether hypervisors work, and take the parameters there are."""
    code = problems.NODE_HYPERVISOR
    if node.vm_capable:
        for name, why in (found.get("hypervisor") or {}).items():
            if why is not None:
                yield problem(code, node.name, f"hypervisor {name} fails its verification: {why}")
        for source, name, why in found.get("hvparms") or ():
            text = f"parameters of hypervisor {name} ({source}) fail their verification: {why}"
            yield problem(code, node.name, text)
    wrong = found.get("nodesetup", ["nothing was told of it"])
    if wrong:
        yield problem(problems.NODE_SETUP, node.name, f"is not set up well: {'; '.join(wrong)}")


def clock(node: Node, found: Found, asked_s: float, answered_s: float) -> Iterator[Problem]:
    """Compare a node's clock with ours, when it was asked and when all had answered."""
    try:
        seconds, microseconds = found["time"]
        there_s = seconds + microseconds / _MICROSECONDS
    except (KeyError, TypeError, ValueError):
        yield problem(problems.NODE_TIME, node.name, "tells no time that can be read")
        return
    away_s = max(asked_s - there_s, there_s - answered_s)
    if away_s > CLOCK_SKEW_MAX_S:
        text = f"its clock is {away_s:.1f} s away from the master's, at least"
        yield problem(problems.NODE_TIME, node.name, text)


def network(view: GroupView, node: Node, found: Found) -> Iterator[Problem]:
    """Look whether a node reaches the others and the master's address."""
    if "nodelist" not in found:
        yield problem(problems.NODE_SSH, node.name, "does not tell whom it reaches by ssh")
    for other, why in (found.get("nodelist") or {}).items():
        yield problem(problems.NODE_SSH, node.name, f"does not reach '{other}' by ssh: {why}")
    if "node-net-test" not in found:
        yield problem(problems.NODE_NET, node.name, "does not tell whom it reaches by TCP")
    unreached = found.get("node-net-test") or {}
    if unreached:
        texts = [
            f"does not reach '{other}' by TCP: {unreached[other]}"
            for other in sorted(unreached, key=natural_key)
        ]
        yield Problem(problems.NODE_NET, tuple(texts), node.name)
    if "master-ip" not in found:
        text = "does not tell whether it reaches the master's address"
        yield problem(problems.NODE_NET, node.name, text)
    elif found["master-ip"] is False:
        whose = " (the master itself)" if node.uuid == view.config.cluster.master_node else ""
        text = f"does not reach the master's address{whose}"
        yield problem(problems.NODE_NET, node.name, text)


def programs(node: Node, found: Found) -> Iterator[Problem]:
    """Look for the administrator's programs."""
    code = problems.NODE_USER_SCRIPTS
    if "user-scripts" not in found:
        yield problem(code, node.name, "does not tell of the administrator's scripts")
    elif found["user-scripts"]:
        names = ", ".join(sorted(found["user-scripts"]))
        text = f"scripts of the administrator are missing or cannot be executed: {names}"
        yield problem(code, node.name, text)
    if node.master_candidate or node.master_capable:
        for why in found.get("oob-paths") or ():
            if why:
                yield problem(problems.NODE_OOB_PATH, node.name, str(why))


def file_storage(view: GroupView, node: Node, found: Found) -> Iterator[Problem]:
    """Look at the directories for disks in files."""
    templates = view.config.cluster.enabled_disk_templates
    code = problems.NODE_FILE_PATHS
    is_master = node.uuid == view.config.cluster.master_node
    if is_master and ("file" in templates or "sharedfile" in templates):
        if asked.ALLOWED_PATHS not in found:
            yield problem(code, node.name, "does not tell of forbidden paths for disks in files")
        elif found[asked.ALLOWED_PATHS]:
            names = ", ".join(found[asked.ALLOWED_PATHS])
            yield problem(code, node.name, f"allows forbidden paths for disks in files: {names}")
    elif asked.ALLOWED_PATHS in found:
        yield problem(code, node.name, "tells of paths for disks in files that it was not asked of")
    for template, check, unusable in (
        ("file", asked.FILE_PATH, problems.NODE_FILE_PATH),
        ("sharedfile", asked.SHARED_FILE_PATH, problems.NODE_SHARED_FILE_PATH),
        ("gluster", "gluster-storage-path", problems.NODE_GLUSTER_PATH),
    ):
        if template in templates and check in found:
            text = f"the directory for {template} disks is unusable: {found[check]}"
            yield problem(unusable, node.name, text)


def bridges(view: GroupView, node: Node, found: Found) -> Iterator[Problem]:
    """Look for the bridges that instances need."""
    if not view.bridges:
        return
    missing = found.get("bridges")
    if not isinstance(missing, list):
        yield problem(problems.NODE_NET, node.name, "does not tell which bridges it lacks")
    elif missing:
        yield problem(problems.NODE_NET, node.name, f"lacks bridges: {', '.join(sorted(missing))}")


def guests(view: GroupView, image: NodeImage, found: Found) -> Iterator[Problem]:
    """Read which instances run, and how much memory is free."""
    node, code = image.node, problems.NODE_HYPERVISOR
    running = found.get("instancelist")
    if isinstance(running, list):
        image.running = running
    else:
        yield problem(code, node.name, f"does not tell which instances run: {running}")
    info = found.get("hvinfo")
    if not isinstance(info, dict) or "memory_free" not in info:
        yield problem(code, node.name, "does not tell of its memory")
        return
    try:
        image.memory_free = int(info["memory_free"])
    except (TypeError, ValueError):
        text = "tells of no memory that can be read; is the hypervisor well?"
        yield problem(problems.NODE_RPC, node.name, text)


def strangers(view: GroupView, image: NodeImage) -> Iterator[Problem]:
    """Tell of instances that run where they should not, or that nobody knows."""
    own = {instance.name for instance in view.primaries(image.node)}
    for name in sorted(set(image.running) - own, key=natural_key):
        if view.config.instances.named(name) is None:
            text = f"runs the unknown instance {name}"
            yield problem(problems.NODE_ORPHAN_INSTANCE, image.node.name, text)
        else:
            text = f"runs on node {image.node.name}, which is not its primary node"
            yield problem(problems.INSTANCE_WRONG_NODE, name, text)


def exclusion_tags(
    node: Node, instances: Sequence[AnyInstance], cluster_tags: Sequence[str]
) -> Iterator[Problem]:
    """Tell of tags that no two instances on a node should have both."""
    prefixes = tuple(
        tag.removeprefix(_EXCLUSION) for tag in cluster_tags if tag.startswith(_EXCLUSION)
    )
    seen: set[str] = set()
    twice: set[str] = set()
    for instance in instances:
        tags = {tag for tag in instance.tags if tag.startswith(prefixes)}
        twice |= tags & seen
        seen |= tags
    if twice:
        text = f"has several instances with the same of these tags: {', '.join(sorted(twice))}"
        yield warning(problems.EXCLUSION_TAGS, node.name, text)


# --- operating systems --------------------------------------------------------------------------


def read_systems(image: NodeImage, found: Found) -> Iterator[Problem]:
    """Read which operating systems a node can install."""
    told = found.get("oslist")
    if not isinstance(told, list) or any(
        not isinstance(each, list) or len(each) != _OS_FIELDS for each in told
    ):
        text = "does not tell of its operating systems in a form that can be read"
        yield problem(problems.NODE_OS, image.node.name, text)
        return
    systems: dict[str, list[list[Any]]] = {}
    for name, *rest in told:
        systems.setdefault(name, []).append(rest)
    image.operating_systems = systems


def systems(image: NodeImage, reference: NodeImage) -> Iterator[Problem]:
    """Compare a node's operating systems with those of the first node that told of them."""
    name, code = image.node.name, problems.NODE_OS
    here, there = image.operating_systems or {}, reference.operating_systems or {}
    other = reference.node.name
    for system, entries in here.items():
        path, is_valid, why, *_ = entries[0]
        if not is_valid:
            yield problem(code, name, f"OS {system} in {path} is invalid: {why}")
        if len(entries) > 1:
            paths = ", ".join(str(each[0]) for each in entries)
            text = f"OS '{system}' is there several times, and the first counts: {paths}"
            yield problem(code, name, text)
        if system not in there:
            yield problem(code, name, f"OS {system} is not on the node {other}, which is compared")
        elif there[system][0][1]:
            yield from _system(name, system, entries[0], there[system][0], other)
    missing = sorted(there.keys() - here.keys())
    if missing:
        yield problem(code, name, f"lacks OSes that the node {other} has: {', '.join(missing)}")


def _system(
    name: str, system: str, here: Sequence[Any], there: Sequence[Any], other: str
) -> Iterator[Problem]:
    _, _, _, *own = here
    _, _, _, *theirs = there
    words = ("variants", "parameters", "versions of the interface", "trust")
    for what, mine, yours in zip(words, own, theirs, strict=True):
        if _comparable(mine) != _comparable(yours):
            text = f"OS {system} differs in its {what} from that of the node {other}:"
            text += f" {_shown(mine)} and {_shown(yours)}"
            yield problem(problems.NODE_OS, name, text)


def _comparable(value: Any) -> Any:
    return sorted(map(repr, value)) if isinstance(value, list) else value


def _shown(value: Any) -> str:
    return f"[{', '.join(sorted(map(str, value)))}]" if isinstance(value, list) else str(value)
