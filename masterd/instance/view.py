"""One instance: its nodes found, its parameters filled, its disks. Pure.

What is costly is computed when somebody asks for it, and once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from masterd.config.instance import ForthcomingInstance
from masterd.config.kinds import AnyDisk, AnyInstance
from masterd.config.node import Node, NodeGroup
from masterd.config.params import BeParams, NicParams
from masterd.config.relations import relations
from masterd.config.snapshot import ConfigSnapshot
from masterd.instance import disks, params


# Not slotted, for the sake of `cached_property`.
@dataclass(frozen=True)
class InstanceView:
    """An instance of a configuration."""

    config: ConfigSnapshot
    instance: AnyInstance

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
        return params.backend(self.config.cluster, self.instance.beparams)

    @cached_property
    def whole_hv_params(self) -> Mapping[str, object]:
        """Hypervisor parameters as a node must know them, global ones too."""
        instance = self.instance
        return params.hypervisor(
            self.config.cluster, instance.hypervisor, instance.os, instance.hvparams
        )

    @cached_property
    def hv_params(self) -> Mapping[str, object]:
        """Hypervisor parameters without the global ones, in order."""
        filled = self.whole_hv_params
        if self.instance.hypervisor is None:
            return filled
        return {
            name: filled[name] for name in sorted(filled) if name not in params.GLOBAL_HV_PARAMS
        }

    @cached_property
    def os_params(self) -> Mapping[str, object]:
        """Public parameters of the operating system."""
        instance = self.instance
        return params.os_public(self.config.cluster, instance.os, instance.osparams)

    @cached_property
    def nic_params(self) -> list[NicParams]:
        return [params.nic(self.config.cluster, nic.nicparams) for nic in self.instance.nics]

    # --- disks --------------------------------------------------------------------------------

    @cached_property
    def disks(self) -> Sequence[AnyDisk]:
        return disks.of(self.config, self.instance)

    @property
    def lacks_disks(self) -> bool:
        """Whether it names a disk that is not there.

        Then nothing is told of any, as each could be taken for another, and none of secondary
        nodes, which disks name.
        """
        return len(self.disks) < len(self.instance.disks)

    @property
    def disk_template(self) -> str:
        return disks.template(self.disks)

    @property
    def disk_usage(self) -> int:
        """MiB that its disks take on each of its nodes."""
        return disks.usage_mib(self.disks)
