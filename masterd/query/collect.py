"""Asking nodes for what only they know, once per query and all at the same time.

A node that does not answer costs its own cells. What it answered is taken apart with care: a node
daemon of another release may leave things out.

Source: rpc.json (arguments and answers of node_info, all_instances_info, instance_console_info,
export_list).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from masterd.config.kinds import AnyInstance
from masterd.config.node import Node, NodeGroup
from masterd.config.objects import write
from masterd.config.params import fill, fill_free
from masterd.config.snapshot import ConfigSnapshot
from masterd.node import imports, storage
from masterd.node.instances import all_info
from masterd.node.target import Nodes, targets
from masterd.query.instance_fields import NEEDS_CONSOLE
from masterd.query.instance_row import InstanceState
from masterd.query.node_fields import NEEDS_HYPERVISOR, NEEDS_STORAGE, NodeState

#: Storage type of disk templates whose storage nodes can measure. Source: constants
#: MAP_DISK_TEMPLATE_STORAGE_TYPE; 3.0.2 lib/backend.py for what is measured.
_MEASURED: Final = {"plain": "lvm-vg", "drbd": "lvm-vg", "file": "file"}


class Collector:
    """Asks nodes on behalf of queries."""

    def __init__(self, rpc: Nodes) -> None:
        self._rpc = rpc

    def nodes(
        self, config: ConfigSnapshot, nodes: Sequence[Node], needs: frozenset[str]
    ) -> Mapping[str, NodeState]:
        """Obeys `node_fields.AskNodes`. Switches."""
        asked = nodes if needs else ()
        units = {node.uuid: _storage_units(config, node, needs) for node in asked}
        results = storage.info(self._rpc, asked, units, _hypervisors(config, needs))
        return {uuid: _node_state(result.payload) for uuid, result in results.items() if result.ok}

    def instances(
        self, config: ConfigSnapshot, instances: Sequence[AnyInstance], needs: frozenset[str]
    ) -> InstanceState:
        """Obeys `instance_row.AskInstances`. Switches."""
        uuids = {each.primary_node for each in instances}
        nodes = [
            node
            for node in config.nodes.sorted()
            if node.uuid in uuids and not node.offline and node.group in config.nodegroups
        ]
        # Only those: a node that fails for one hypervisor says nothing of the others.
        hypervisors = dict.fromkeys(each.hypervisor for each in instances)
        used = [name for name in hypervisors if name in config.cluster.enabled_hypervisors]
        params = {name: config.cluster.hvparams.get(name, {}) for name in used}
        results = all_info(self._rpc, nodes, used, params)
        running: dict[str, tuple[str, Mapping[str, Any]]] = {}
        for uuid, result in results.items():
            if result.ok and isinstance(result.payload, dict):
                for name, data in result.payload.items():
                    # Where two nodes say so, the primary one counts.
                    if name not in running or _is_primary(config, name, uuid):
                        running[name] = (uuid, data)
        silent = frozenset(uuid for uuid, result in results.items() if not result.ok)
        consoles: Mapping[str, object] = {}
        if NEEDS_CONSOLE in needs:
            consoles = self._consoles(config, instances)
        return InstanceState(running, silent, consoles)

    def exports(self, nodes: Sequence[Node]) -> Mapping[str, Sequence[str]]:
        """Obeys `export_fields.AskExports`. Switches."""
        results = imports.exports(self._rpc, nodes)
        return {
            uuid: result.payload
            for uuid, result in results.items()
            if result.ok and isinstance(result.payload, list)
        }

    def providers(self, call: str, nodes: Sequence[Node]) -> Mapping[str, Sequence[Sequence[Any]]]:
        """Obeys `provided_rows.AskProviders`. Switches."""
        results = self._rpc.call(call, targets(nodes), ())
        return {
            uuid: result.payload
            for uuid, result in results.items()
            if result.ok and isinstance(result.payload, list)
        }

    def _consoles(
        self, config: ConfigSnapshot, instances: Sequence[AnyInstance]
    ) -> Mapping[str, object]:
        """Ask primary nodes, which tell of consoles whether instances run or not. Switches."""
        by_node: dict[str, dict[str, object]] = {}
        for instance in instances:
            node = config.nodes.get(instance.primary_node or "")
            group = None if node is None else config.nodegroups.get(node.group)
            if instance.name and node is not None and group is not None:
                request = _console_request(config, instance, node, group)
                by_node.setdefault(node.uuid, {})[instance.name] = request
        nodes = [config.nodes[uuid] for uuid in sorted(by_node)]
        found: dict[str, object] = {}
        for result in self._rpc.call("instance_console_info", targets(nodes), (by_node,)).values():
            if result.ok and isinstance(result.payload, dict):
                found.update(result.payload)
        return found


def _is_primary(config: ConfigSnapshot, name: str, node_uuid: str) -> bool:
    instance = config.instances.named(name)
    return instance is not None and instance.primary_node == node_uuid


def _storage_units(
    config: ConfigSnapshot, node: Node, needs: frozenset[str]
) -> list[tuple[str, str, list[object]]]:
    """Return the storage to be measured on a node.

    That of each enabled disk template, in their order, and last the physical volumes of the volume
    group, for the spindles.
    """
    cluster = config.cluster
    if NEEDS_STORAGE not in needs:
        return []
    keys = {"lvm-vg": cluster.volume_group_name, "file": cluster.file_storage_dir}
    kinds = dict.fromkeys(
        _MEASURED[template] for template in cluster.enabled_disk_templates if template in _MEASURED
    )
    exclusive = config.node_params(node).exclusive_storage
    units = [(kind, keys[kind]) for kind in kinds] + [("lvm-pv", cluster.volume_group_name)]
    return [
        (kind, key, [] if kind == "file" else [exclusive]) for kind, key in units if key is not None
    ]


def _hypervisors(
    config: ConfigSnapshot, needs: frozenset[str]
) -> list[tuple[str, Mapping[str, object]]]:
    cluster = config.cluster
    if NEEDS_HYPERVISOR not in needs:
        return []
    return [(name, cluster.hvparams.get(name, {})) for name in cluster.enabled_hypervisors[:1]]


def _node_state(payload: object) -> NodeState:
    """Take an answer to node_info apart: boot id, storage units, hypervisors."""
    parts = list(payload) if isinstance(payload, list | tuple) else []
    boot_id, storage, hypervisors = (*parts, None, None, None)[:3]
    measured: dict[str, Any] = {}
    for unit in storage if isinstance(storage, list) else ():
        if not isinstance(unit, dict):
            continue
        if unit.get("type") == "lvm-pv":
            measured["spindles_free"] = unit.get("storage_free")
            measured["spindles_total"] = unit.get("storage_size")
        elif "storage_free" not in measured:
            # The first one, that of the template new disks get.
            measured.update(unit)
    first = hypervisors[0] if isinstance(hypervisors, list) and hypervisors else None
    return NodeState(
        boot_id if isinstance(boot_id, str) else "",
        measured,
        first if isinstance(first, dict) else {},
    )


def _console_request(
    config: ConfigSnapshot, instance: AnyInstance, node: Node, group: NodeGroup
) -> dict[str, object]:
    cluster, hypervisor = config.cluster, instance.hypervisor
    of_os = cluster.os_hvp.get(instance.os or "", {})
    return {
        "instance": write(instance),
        "node": write(node),
        "group": write(group),
        "hvParams": fill_free(
            {} if hypervisor is None else cluster.hvparams.get(hypervisor, {}),
            {} if hypervisor is None else of_os.get(hypervisor, {}),
            instance.hvparams,
        ),
        "beParams": write(fill(cluster.beparams["default"], instance.beparams)),
    }
