"""OP_INSTANCE_QUERY_DATA: all about instances, as configured and as their nodes see them.

Source: Ganeti 3.0.2 lib/cmdlib/instance_query.py, LUInstanceQueryData (keys and forms).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from masterd.config.instance import Instance
from masterd.config.kinds import AnyDisk, AnyInstance
from masterd.config.node import Node
from masterd.config.objects import write
from masterd.config.relations import nodes_of, relations
from masterd.config.snapshot import ConfigSnapshot
from masterd.lock.levels import ALL, LockLevel, LockMode, LockRequest
from masterd.lu import names
from masterd.node import documents
from masterd.node.target import target
from masterd.opcodes.instance_life import OpInstanceQueryData
from masterd.query.instance_row import InstanceRow, is_shut_down
from masterd.rpc.result import RpcResult
from masterd.rpc.runner import Request
from masterd.work.base import Locks, LogicalUnit

#: What a node tells of a block device, in the order in which it is passed on.
_DEVICE_STATUS: Final = ("dev_path", "major", "minor", "sync_percent", "estimated_time",
                         "is_degraded", "ldisk_status")  # fmt: skip

#: State of a planned instance, which has none of its own. Source: objects.py, Instance.FromDict.
_PLANNED_STATE: Final = "down"

#: A question to a node about a disk: its uuid, the disk's uuid.
_Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Plan:
    """The instances to be told of, in one state of the configuration."""

    config: ConfigSnapshot
    instances: Sequence[AnyInstance]


class LUInstanceQueryData(LogicalUnit[OpInstanceQueryData, _Plan]):
    """Returns a mapping by name, or by uuid for a planned instance that has none yet."""

    @property
    def _locks(self) -> bool:
        return self.op.use_locking or not self.op.static

    def needs(self, config: ConfigSnapshot) -> Locks:
        instances = self._instances(config)
        if not self._locks:
            return {}
        named = frozenset(str(each.name) for each in instances) if self.op.instances else ALL
        networks = frozenset(
            nic.network for each in instances for nic in each.nics if nic.network is not None
        )
        return {
            LockLevel.INSTANCE: LockRequest(named, LockMode.SHARED),
            LockLevel.NETWORK: LockRequest(networks, LockMode.SHARED),
            **{
                level: LockRequest(
                    frozenset().union(*(_nodes_or_groups(config, i, level) for i in instances)),
                    LockMode.SHARED,
                )
                for level in (LockLevel.NODEGROUP, LockLevel.NODE)
            },
        }

    def check(self, config: ConfigSnapshot) -> _Plan:
        if self._locks and not self.op.use_locking:
            self.work.say.warning("Nodes are to be asked, so locks are needed")
        return _Plan(config, self._instances(config))

    def execute(self, plan: _Plan) -> dict[str, object]:
        rows = [InstanceRow(plan.config, instance) for instance in plan.instances]
        for row in rows:
            self._tell_what_is_missing(row)
        asked = [row for row in rows if self._is_asked(row)]
        states = dict(
            zip(
                (row.instance.uuid for row in asked),
                self.work.rpc.call_each([_state_request(row) for row in asked]),
                strict=True,
            )
        )
        run_states = {row.instance.uuid: self._run_state(row, states) for row in rows}
        devices = self._devices(rows)
        return {
            row.instance.name or row.instance.uuid: _describe(
                row, run_states[row.instance.uuid], devices
            )
            for row in rows
        }

    def _instances(self, config: ConfigSnapshot) -> list[AnyInstance]:
        if not self.op.instances:
            return config.derived(relations).instances
        found = {each.uuid: each for each in (names.instance(config, n) for n in self.op.instances)}
        return list(found.values())

    # --- asking nodes -------------------------------------------------------------------------

    def _is_asked(self, row: InstanceRow) -> bool:
        if row.primary is not None and row.primary.offline:
            self.work.say.warning(
                f"Node {row.primary.name} is marked offline; of instance {row.instance.name} only"
                " the configuration is told"
            )
            return False
        is_there = row.primary is not None and isinstance(row.instance, Instance)
        return is_there and not self.op.static

    def _tell_what_is_missing(self, row: InstanceRow) -> None:
        """Warn of what the instance names and nobody knows; all else is told."""
        instance = row.instance
        if row.primary is None and instance.name and instance.primary_node is not None:
            self.work.say.warning(
                f"Primary node {instance.primary_node} of instance {instance.name} is not there;"
                " of the instance only the configuration is told"
            )
        for uuid in instance.disks:
            if uuid not in row.config.disks:
                self.work.say.warning(
                    f"Disk {uuid} of instance {instance.name or instance.uuid} is not there;"
                    " only its other disks are told"
                )

    def _run_state(self, row: InstanceRow, states: Mapping[str, RpcResult]) -> str | None:
        result = states.get(row.instance.uuid)
        if result is None:
            return None
        result.raise_(f"Node {result.node_name} does not tell the state of {row.instance.name}")
        told = result.payload if isinstance(result.payload, dict) else {}
        if "state" in told:
            if not is_shut_down(told["state"]):
                return "up"
            return "user down" if row.may_shut_itself_down else "down"
        if row.instance.admin_state == "offline":
            return "offline"
        if row.instance.admin_state == "down" and row.instance.admin_state_source == "user":
            return "user down"
        return "down"

    def _devices(self, rows: Sequence[InstanceRow]) -> Mapping[_Place, object]:
        """Ask for the state of all devices at once; those of offline nodes have none. Switches."""
        if self.op.static:
            return {}
        places: list[tuple[_Place, str]] = []
        requests: list[Request] = []
        for row in rows:
            for disk in row.disks:
                for node, part in _parts(row, disk):
                    primary = row.instance.primary_node or ""
                    document = documents.disk(row.config, part, primary, node.uuid)
                    owner = row.instance.name or row.instance.uuid
                    places.append(((node.uuid, part.uuid), owner))
                    requests.append(Request("blockdev_find", target(node), [document]))
        found: dict[_Place, object] = {}
        answers = self.work.rpc.call_each(requests)
        for (place, owner), result in zip(places, answers, strict=True):
            if not result.offline:
                result.raise_(
                    f"Node {result.node_name} does not tell the state of a disk of {owner}"
                )
                found[place] = _device_status(result.payload)
        return found


# --- pure -------------------------------------------------------------------------------------


def _nodes_or_groups(
    config: ConfigSnapshot, instance: AnyInstance, level: LockLevel
) -> frozenset[str]:
    """Return uuids of an instance's nodes, or of the groups of these."""
    return frozenset(
        node.group if level is LockLevel.NODEGROUP else node.uuid
        for node in nodes_of(config, instance)
    )


def _state_request(row: InstanceRow) -> Request:
    instance = row.instance
    hypervisor = instance.hypervisor
    assert hypervisor is not None, "a planned instance is not asked about"
    params = row.config.cluster.hvparams.get(hypervisor, {})
    assert row.primary is not None, "an instance whose node is not there has no lock on it"
    arguments = [instance.name, hypervisor, params]
    return Request("instance_info", target(row.primary), arguments)


def _parts(row: InstanceRow, disk: AnyDisk) -> Iterator[tuple[Node, AnyDisk]]:
    """Yield the devices of a disk and of its children, with each node that has one."""
    sides = [row.primary, _other_side(row, disk)]

    def walk(part: AnyDisk) -> Iterator[tuple[Node, AnyDisk]]:
        for node in sides:
            if node is not None:
                yield node, part
        for child in part.children:
            yield from walk(child)

    return walk(disk)


def _other_side(row: InstanceRow, disk: AnyDisk) -> Node | None:
    """Return the node of a DRBD disk that is not the instance's primary one."""
    if disk.dev_type != "drbd" or disk.logical_id is None:
        return None
    first, second = (str(uuid) for uuid in disk.logical_id[:2])
    return row.config.nodes.get(second if first == row.instance.primary_node else first)


def _device_status(payload: object) -> list[object] | None:
    if not isinstance(payload, dict):
        return None
    return [payload.get(name) for name in _DEVICE_STATUS]


def _describe(
    row: InstanceRow, run_state: str | None, devices: Mapping[_Place, object]
) -> dict[str, object]:
    instance, primary = row.instance, row.primary
    group = row.group_of(primary)
    groups = [row.group_of(node) for node in row.secondaries]
    return {
        "name": instance.name,
        "config_state": instance.admin_state or _PLANNED_STATE,
        "run_state": run_state,
        "pnode": primary and primary.name,
        "pnode_group_uuid": primary and primary.group,
        "pnode_group_name": group and group.name,
        "snodes": [node.name for node in row.secondaries],
        "snodes_group_uuids": [node.group for node in row.secondaries],
        "snodes_group_names": [each and each.name for each in groups],
        "os": instance.os,
        "nics": list(_nics(row)),
        "disk_template": row.disk_template,
        "disks": [_disk(row, disk, _other_side(row, disk), devices) for disk in row.disks],
        "hypervisor": instance.hypervisor,
        "network_port": instance.network_port,
        "hv_instance": dict(instance.hvparams),
        "hv_actual": dict(row.hv_params),
        "be_instance": write(instance.beparams),
        "be_actual": write(row.be_params),
        "os_instance": dict(instance.osparams),
        "os_actual": dict(row.os_params),
        "serial_no": instance.serial_no,
        "mtime": instance.mtime,
        "ctime": instance.ctime,
        "uuid": instance.uuid,
    }


def _nics(row: InstanceRow) -> Iterator[list[object]]:
    for nic, params in zip(row.instance.nics, row.nic_params, strict=True):
        network = None if nic.network is None else row.config.networks.get(nic.network)
        yield [
            nic.name,
            nic.uuid,
            nic.ip,
            nic.mac,
            params.mode,
            params.link,
            params.vlan,
            nic.network,
            None if network is None else write(network),
        ]


def _disk(
    row: InstanceRow, disk: AnyDisk, other: Node | None, devices: Mapping[_Place, object]
) -> dict[str, object]:
    logical_id: list[object] | None = None if disk.logical_id is None else [*disk.logical_id]
    drbd_info = None
    if disk.dev_type == "drbd" and logical_id is not None:
        first, _, port, first_minor, second_minor, _ = logical_id
        is_first = first == row.instance.primary_node
        drbd_info = {
            "primary_node": row.primary and row.primary.name,
            "primary_minor": first_minor if is_first else second_minor,
            "secondary_node": other and other.name,
            "secondary_minor": second_minor if is_first else first_minor,
            "port": port,
        }
        logical_id[-1] = None  # The secret stays here.
    primary_uuid = row.primary.uuid if row.primary is not None else ""
    return {
        "iv_name": disk.iv_name,
        "dev_type": disk.dev_type,
        "logical_id": logical_id,
        "drbd_info": drbd_info,
        "pstatus": devices.get((primary_uuid, disk.uuid)),
        "sstatus": devices.get((other.uuid, disk.uuid)) if other is not None else None,
        "children": [_disk(row, child, other, devices) for child in disk.children],
        "mode": disk.mode,
        "size": disk.size,
        "spindles": disk.spindles,
        "name": disk.name,
        "uuid": disk.uuid,
    }
