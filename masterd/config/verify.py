"""Is the configuration consistent? All of it, and what one change would do to it. Pure.

Some rules **refuse** a change: an object that breaks them would be wrong however it came about
(a reference to nothing, an address given twice, a master that is no candidate). Others are **told**
only, because a sound way leads through them: a pool of candidates that is too small until the next
job promotes one, an address that two networks' administrators share knowingly.

`change_problems` says what a change would make worse, and asks only for the objects it touches and
who uses them: its cost does not depend on the size of the cluster. What was wrong before, and
stays so, does not hinder a change; otherwise nobody could mend it step by step. Only new defaults
for NICs have all instances looked at, because any of them may build on these.

`problems` says everything about a whole configuration, for OP_CLUSTER_VERIFY_CONFIG.

Source: Ganeti 3.0.2 lib/config, _UnlockedVerifyConfig; wconfd's part of it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol, TypeVar, cast

from masterd.config import rules
from masterd.config.change import Change
from masterd.config.cluster import Cluster
from masterd.config.kinds import (
    BY_NAME,
    CLUSTER,
    DISK,
    GROUP,
    INSTANCE,
    KINDS,
    NODE,
    AnyDisk,
    AnyInstance,
    Configured,
    Kind,
    kind_of,
)
from masterd.config.network import Network
from masterd.config.node import Node, NodeGroup
from masterd.config.objects import ConfigObject
from masterd.config.params import NicParams, fill
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.uses import is_exclusive, port_of, repeated, told, use_of, used_object, uses

T = TypeVar("T", bound=ConfigObject)

#: How a NIC's mode is told where addresses are compared.
_LINKS: Final = {"bridged": "bridge", "routed": "route", "openvswitch": "ovs", "pool": "pool"}


class View(Protocol):
    """A state of the configuration, as far as a change must look at it."""

    @property
    def cluster(self) -> Cluster:
        """The cluster object."""
        ...

    def get(self, kind: Kind[T], uuid: str) -> T | None:
        """Return an object by uuid."""
        ...

    def users(self, use: str) -> Sequence[tuple[str, str]]:
        """Return kind and uuid of the objects that use something."""
        ...

    def every(self, kind: Kind[T]) -> Iterator[T]:
        """Yield all objects of a kind."""
        ...


def change_problems(before: View, after: View, touched: Sequence[Change]) -> list[str]:
    """Return what a change would break, one text for each problem."""
    found: list[str] = []
    for each in touched:
        if each.after is None:
            found += _left_behind(after, each)
        else:
            found += _new_uses(after, each, each.after)
            found += _lowered_port(each.before, each.after)
    worse = [*_states(after, touched)]
    if worse:
        known = set(_states(before, touched))
        found += [text for text in worse if text not in known]
    return found


def _left_behind(after: View, gone: Change) -> Iterator[str]:
    """Yield who still uses an object that a change removes."""
    use = use_of(gone.kind, gone.uuid)
    for kind_name, uuid in after.users(use) if use is not None else ():
        user = after.get(BY_NAME[kind_name], uuid)
        if user is not None and gone.before is not None:
            yield f"{_name(user)} uses {_name(gone.before)}, which is removed"


def _new_uses(after: View, each: Change, value: Configured) -> Iterator[str]:
    """Yield what is wrong with the uses that an object gains."""
    for use in sorted(uses(value) - uses(each.before)):
        used = used_object(use)
        if used is not None and after.get(*used) is None:
            yield f"{_name(value)}: there is no {used[0].name} {used[1]}"
        port = port_of(use)
        if port is not None and port > after.cluster.highest_used_port:
            yield f"{_name(value)}: port {port} lies above the highest used port"
        if is_exclusive(use):
            for kind_name, uuid in after.users(use):
                other = after.get(BY_NAME[kind_name], uuid)
                if other is not None and (kind_name, uuid) != (each.kind.name, each.uuid):
                    yield f"{_name(value)}: {told(use)} belongs to {_name(other)}"


def _lowered_port(before: Configured | None, after: Configured) -> Iterator[str]:
    if not isinstance(before, Cluster) or not isinstance(after, Cluster):
        return
    if after.highest_used_port < before.highest_used_port:
        yield f"the highest used port cannot become {after.highest_used_port} again"


def _states(view: View, touched: Sequence[Change]) -> Iterator[str]:
    """Yield what is wrong with the touched objects, and with those judged by them, in a view."""
    instances: dict[str, None] = {}
    groups: dict[str, None] = {}
    for each in touched:
        value = view.get(each.kind, each.uuid)
        if each.kind is INSTANCE:
            instances[each.uuid] = None
        elif each.kind is DISK:
            owners = view.users(use_of(DISK, each.uuid) or "")
            instances.update((uuid, None) for _, uuid in owners)
        elif each.kind is GROUP:
            groups[each.uuid] = None
        elif each.kind is CLUSTER:
            groups.update((group.uuid, None) for group in view.every(GROUP))
            if _nic_defaults(each.before) != _nic_defaults(each.after):
                instances.update((instance.uuid, None) for instance in view.every(INSTANCE))
            yield from _master(view)
        elif each.kind is NODE and each.uuid == view.cluster.master_node:
            yield from _master(view)
        if value is not None:
            yield from _told_of(value, (*_alone(value), *map(_twice, repeated(value))))
    for uuid in groups:
        group = view.get(GROUP, uuid)
        if group is not None:
            yield from _told_of(group, rules.group(group, view.cluster))
    for uuid in instances:
        instance = view.get(INSTANCE, uuid)
        if instance is not None:
            yield from _instance(
                instance, view.cluster, [view.get(DISK, d) for d in instance.disks]
            )


def problems(config: ConfigSnapshot) -> list[str]:
    """Return everything that is wrong with a configuration, one text for each problem.

    10,000 instances take some tenths of a second: not to be called on the hub.
    """
    return [*broken(config), *_candidates(config), *_templates(config), *_addresses(config)]


def broken(config: ConfigSnapshot) -> list[str]:
    """Return those problems that no change may bring about."""
    found: list[str] = []
    users: defaultdict[str, list[Configured]] = defaultdict(list)
    everything = [
        config.cluster,
        *(each for kind in KINDS for each in config.objects(kind).sorted()),
    ]
    for value in everything:
        found += _told_of(value, (*_alone(value), *map(_twice, repeated(value))))
        for use in uses(value):
            users[use].append(value)
    for group in config.nodegroups.sorted():
        found += _told_of(group, rules.group(group, config.cluster))
    for instance in config.instances.sorted():
        disks = [config.disks.get(uuid) for uuid in instance.disks]
        found += _instance(instance, config.cluster, disks)
    found += _of_uses(config, users)
    found += _master(config)
    return found


def _of_uses(config: ConfigSnapshot, users: dict[str, list[Configured]]) -> Iterator[str]:
    for use in sorted(users):
        used = used_object(use)
        if used is not None and config.get(*used) is None:
            for value in users[use]:
                yield f"{_name(value)}: there is no {used[0].name} {used[1]}"
        if is_exclusive(use) and len(users[use]) > 1:
            yield f"{told(use)} belongs to {_all(_name(value) for value in users[use])}"
    ports = [port for port in map(port_of, users) if port is not None]
    if ports and max(ports) > config.cluster.highest_used_port:
        yield (
            f"the highest used port is said to be {config.cluster.highest_used_port}, "
            f"but {max(ports)} is in use"
        )


# --- single rules -----------------------------------------------------------------------------


def _alone(value: Configured) -> list[str]:
    found = rules.texts(value)
    if isinstance(value, Cluster):
        found += rules.cluster(value)
    elif isinstance(value, Node):
        found += rules.node(value)
    elif isinstance(value, Network):
        found += rules.network(value)
    return found


def _instance(
    value: AnyInstance, cluster: Cluster, disks: Iterable[AnyDisk | None]
) -> Iterator[str]:
    yield from _told_of(value, (*rules.instance(value, cluster), *rules.disk_names(disks)))


def _nic_defaults(value: Configured | None) -> NicParams | None:
    return value.nicparams.get(rules.DEFAULT) if isinstance(value, Cluster) else None


def _master(view: View | ConfigSnapshot) -> Iterator[str]:
    uuid = view.cluster.master_node
    # A snapshot's `get` is for any kind; of nodes it gives nodes.
    master = cast(Node | None, view.get(cast(Kind[Configured], NODE), uuid))
    if master is not None and not master.master_candidate:
        yield f"{_name(master)} is the master, but no master candidate"


def _candidates(config: ConfigSnapshot) -> Iterator[str]:
    nodes = config.nodes.values()
    present = sum(node.master_candidate for node in nodes)
    able = sum(n.master_capable and not n.offline and not n.drained for n in nodes)
    wanted = min(config.cluster.candidate_pool_size, able)
    if present < wanted:
        yield f"there are {present} master candidates where there should be {wanted}"


def _templates(config: ConfigSnapshot) -> Iterator[str]:
    """Yield whose policy admits disk templates, but none that is enabled."""
    enabled = set(config.cluster.enabled_disk_templates)
    owners: list[Cluster | NodeGroup] = [config.cluster, *config.nodegroups.sorted()]
    for value in owners:
        admitted = value.ipolicy.disk_templates
        if admitted and enabled and not enabled.intersection(admitted):
            yield f"{_name(value)}: ipolicy: admits no disk template that is enabled"


def _addresses(config: ConfigSnapshot) -> Iterator[str]:
    owners: defaultdict[str, list[str]] = defaultdict(list)
    owners[config.cluster.master_ip].append("the cluster")
    for node in config.nodes.sorted():
        owners[node.primary_ip].append(f"{_name(node)} (primary)")
        if node.secondary_ip != node.primary_ip:
            owners[node.secondary_ip].append(f"{_name(node)} (secondary)")
    base = config.cluster.nicparams.get(rules.DEFAULT)
    for instance in config.instances.sorted() if base is not None else ():
        for index, nic in enumerate(instance.nics):
            if nic.ip is not None and base is not None:
                params = fill(base, nic.nicparams)
                where = f"{nic.ip} on {_LINKS[params.mode]} {params.link}"
                if nic.network is not None:
                    where += f" in network {nic.network}"
                owners[where].append(f"{_name(instance)} (NIC {index})")
    for address, named in owners.items():
        if len(named) > 1:
            yield f"IP address {address} is used by {_all(named)}"


# --- words ------------------------------------------------------------------------------------


def _told_of(value: Configured, texts: Iterable[str]) -> Iterator[str]:
    return (f"{_name(value)}: {text}" for text in texts)


def _twice(use: str) -> str:
    return f"has {told(use)} twice"


def _name(value: Configured) -> str:
    kind = kind_of(value)
    if kind is CLUSTER:
        return "cluster"
    name = getattr(value, "name", None) if kind.has_name else None
    return f"{kind.name} {name or value.uuid}"


def _all(names: Iterable[str]) -> str:
    return ", ".join(names)
