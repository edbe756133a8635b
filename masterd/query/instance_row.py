"""An instance as a query sees it: its parts filled, its nodes found, its state judged.

Source: answers of luxid 3.0.2; queryfields.json, instance_status_values.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Protocol

from masterd.config.instance import ForthcomingInstance
from masterd.config.kinds import AnyDisk, AnyInstance
from masterd.config.node import Node, NodeGroup
from masterd.config.params import BeParams, NicParams, fill, fill_free
from masterd.config.relations import relations
from masterd.config.snapshot import ConfigSnapshot

#: Hypervisor parameters that belong to nodes, not to instances. Source: constants HVC_GLOBALS.
GLOBAL_HV_PARAMS: Final = frozenset(
    {"migration_bandwidth", "migration_mode", "migration_port", "xen_cmd"}
)

#: MiB of a DRBD disk's metadata volume. Source: constants DRBD_META_SIZE.
_DRBD_META_MIB: Final = 128
#: Templates whose disks take no room that the cluster counts.
_NOT_COUNTED: Final = frozenset({"blockdev", "diskless"})


@dataclass(frozen=True, slots=True)
class InstanceState:
    """What nodes said of instances.

    Attributes:
        running: By instance name: node uuid, and `memory`, `vcpus`, `state` as the node tells them.
        silent: Nodes that were asked and did not answer.
        consoles: By instance name; only where asked for.
    """

    running: Mapping[str, tuple[str, Mapping[str, Any]]]
    silent: frozenset[str]
    consoles: Mapping[str, object]


class AskInstances(Protocol):
    """Asks the nodes of instances; may switch greenlets."""

    def __call__(
        self, config: ConfigSnapshot, instances: Sequence[AnyInstance], needs: frozenset[str]
    ) -> InstanceState:
        """Return what they said."""
        ...


# Not slotted, for the sake of `cached_property`.
@dataclass(frozen=True)
class InstanceRow:
    """One instance. What is costly is computed when a field asks for it, and once."""

    config: ConfigSnapshot
    instance: AnyInstance
    state: InstanceState | None = None
    _kept: dict[str, object] = field(default_factory=dict, repr=False, compare=False)

    @property
    def forthcoming(self) -> bool:
        return isinstance(self.instance, ForthcomingInstance)

    # --- nodes and groups ---------------------------------------------------------------------

    @cached_property
    def primary(self) -> Node | None:
        """The primary node; not found for an instance without a name, as in the reference."""
        uuid = self.instance.primary_node
        return None if uuid is None or not self.instance.name else self.config.nodes.get(uuid)

    @cached_property
    def secondaries(self) -> list[Node]:
        uuids = self.config.derived(relations).secondaries.get(self.instance.uuid, ())
        return [self.config.nodes[uuid] for uuid in uuids if uuid in self.config.nodes]

    def group_of(self, node: Node | None) -> NodeGroup | None:
        """Return the group of a node."""
        return None if node is None else self.config.nodegroups.get(node.group)

    # --- parameters ---------------------------------------------------------------------------

    @cached_property
    def be_params(self) -> BeParams:
        return fill(self.config.cluster.beparams["default"], self.instance.beparams)

    @cached_property
    def hv_params(self) -> Mapping[str, object]:
        """Hypervisor parameters: the cluster's, the operating system's, its own; no global ones."""
        instance, cluster = self.instance, self.config.cluster
        if instance.hypervisor is None:
            return dict(instance.hvparams)
        filled = fill_free(
            cluster.hvparams.get(instance.hypervisor, {}),
            cluster.os_hvp.get(instance.os or "", {}).get(instance.hypervisor, {}),
            instance.hvparams,
        )
        return {name: filled[name] for name in sorted(filled) if name not in GLOBAL_HV_PARAMS}

    @cached_property
    def os_params(self) -> Mapping[str, object]:
        """Public parameters of the operating system: the cluster's for it, and its own."""
        os_name = self.instance.os
        if os_name is None:
            return dict(self.instance.osparams)
        base = os_name.partition("+")[0]
        return fill_free(self.config.cluster.osparams.get(base, {}), self.instance.osparams)

    @cached_property
    def nic_params(self) -> list[NicParams]:
        default = self.config.cluster.nicparams["default"]
        return [fill(default, nic.nicparams) for nic in self.instance.nics]

    # --- disks --------------------------------------------------------------------------------

    @cached_property
    def disks(self) -> Sequence[AnyDisk]:
        return self.config.derived(relations).disks.get(self.instance.uuid, ())

    @property
    def disk_template(self) -> str:
        templates = {disk.dev_type for disk in self.disks if disk.dev_type is not None}
        if not templates:
            return "diskless"
        return templates.pop() if len(templates) == 1 else "mixed"

    @property
    def disk_usage(self) -> int:
        """MiB that its disks take on each of its nodes."""
        return sum(
            (disk.size or 0) + (_DRBD_META_MIB if disk.dev_type == "drbd" else 0)
            for disk in self.disks
            if disk.dev_type not in _NOT_COUNTED
        )

    # --- state --------------------------------------------------------------------------------

    @property
    def is_offline(self) -> bool:
        """Whether its primary node is marked offline."""
        uuid = self.instance.primary_node
        node = None if uuid is None else self.config.nodes.get(uuid)
        return node is not None and node.offline

    @property
    def is_unknown(self) -> bool:
        """Whether nobody can tell its state: its node is offline, did not answer, or is none."""
        node = self.primary
        return node is None or node.offline or self.state is None or node.uuid in self.state.silent

    @property
    def running(self) -> tuple[str, Mapping[str, Any]] | None:
        """Return the uuid of the node it runs on and what that says of it."""
        name = self.instance.name
        return None if self.state is None or name is None else self.state.running.get(name)

    @property
    def status(self) -> str:
        """Return what is and what should be in one word. Source: instance_status_values."""
        if self.is_offline:
            return "ERROR_nodeoffline"
        if self.is_unknown:
            return "ERROR_nodedown"
        found = self.running
        admin = self.instance.admin_state
        if found is None:
            return self._status_when_down()
        where, data = found
        if where != self.instance.primary_node:
            return "ERROR_wrongnode"
        if _is_shut_down(data.get("state")):
            return self._status_when_down(shut_down=True)
        return "running" if admin == "up" else "ERROR_up"

    def _status_when_down(self, *, shut_down: bool = False) -> str:
        instance = self.instance
        if instance.admin_state == "offline":
            return "ADMIN_offline"
        if instance.admin_state != "up":
            return "USER_down" if instance.admin_state_source == "user" else "ADMIN_down"
        if shut_down and self.config.cluster.enabled_user_shutdown:
            allowed = instance.hypervisor != "kvm" or self.hv_params.get("user_shutdown")
            if allowed:
                return "USER_down"
        return "ERROR_down"


def _is_shut_down(state: object) -> bool:
    """Tell whether a node says that the instance's user has shut it down (HvInstanceState)."""
    return state in (1, "shutdown")
