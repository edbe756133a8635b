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
from masterd.query.fields import Absent

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
        return self._host is not None and self._host.offline

    @property
    def unanswered(self) -> Absent | None:
        """Why nobody tells whether it runs; None where a node said so, be it another one."""
        if self.running is not None:
            return None
        if self.is_offline:
            return Absent.OFFLINE
        if self._host is None or self.state is None or self._host.uuid in self.state.silent:
            return Absent.NODATA
        return None

    @property
    def _host(self) -> Node | None:
        """The primary node, even of an instance without a name."""
        uuid = self.instance.primary_node
        return None if uuid is None else self.config.nodes.get(uuid)

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
        if self.unanswered is not None:
            return "ERROR_nodedown"
        found = self.running
        if found is None:
            return self._status_when_gone()
        where, data = found
        if where != self.instance.primary_node:
            return "ERROR_wrongnode"
        is_wanted = self.instance.admin_state == "up"
        if not is_shut_down(data.get("state")):
            return "running" if is_wanted else "ERROR_up"
        if not is_wanted:
            return "ADMIN_down"
        return "USER_down" if self.may_shut_itself_down else "ERROR_down"

    def _status_when_gone(self) -> str:
        instance = self.instance
        match instance.admin_state:
            case "up":
                return "ERROR_down"
            case "offline":
                return "ADMIN_offline"
        by_user = instance.admin_state == "down" and instance.admin_state_source == "user"
        is_shown = by_user and self.config.cluster.enabled_user_shutdown
        return "USER_down" if is_shown else "ADMIN_down"

    @property
    def may_shut_itself_down(self) -> bool:
        """Whether its user may shut it down from inside."""
        if not self.config.cluster.enabled_user_shutdown:
            return False
        return self.instance.hypervisor != "kvm" or self.hv_params.get("user_shutdown") is True


def is_shut_down(state: object) -> bool:
    """Tell whether a node says that the instance's user has shut it down (HvInstanceState)."""
    return state in (1, "shutdown")
