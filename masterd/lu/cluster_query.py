"""OP_CLUSTER_QUERY and OP_CLUSTER_CONFIG_QUERY: questions about the cluster, asked as jobs.

Source: Ganeti 3.0.2 lib/cmdlib/cluster, LUClusterQuery and LUClusterConfigQuery; lib/query.py,
CLUSTER_FIELDS.
"""

from collections.abc import Callable, Mapping
from typing import Final

from masterd import constants
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpPrereqError
from masterd.lu.base import LogicalUnit
from masterd.lu.context import ClusterContext
from masterd.opcodes.cluster import OpClusterConfigQuery, OpClusterQuery
from masterd.query.cluster_info import ARCHITECTURE, cluster_info


class LUClusterQuery(LogicalUnit[OpClusterQuery, ConfigSnapshot]):
    """Returns what QueryClusterInfo returns, parameters of disabled hypervisors left out."""

    def check_prereq(self) -> ConfigSnapshot:
        return self.config

    def execute(self, plan: ConfigSnapshot) -> dict[str, object]:
        cluster = plan.cluster
        enabled = cluster.enabled_hypervisors
        return {
            **cluster_info(plan),
            "hvparams": {name: cluster.hvparams[name] for name in enabled},
            "os_hvp": {
                os_name: {name: params for name, params in by_name.items() if name in enabled}
                for os_name, by_name in cluster.os_hvp.items()
            },
        }


_FIELDS: Final[Mapping[str, Callable[[ClusterContext, ConfigSnapshot], object]]] = {
    "architecture": lambda context, config: list(ARCHITECTURE),
    "cluster_name": lambda context, config: config.cluster.cluster_name,
    "config_version": lambda context, config: constants.CONFIG_VERSION,
    "ctime": lambda context, config: config.cluster.ctime,
    "drain_flag": lambda context, config: context.drained(),
    "export_version": lambda context, config: constants.EXPORT_VERSION,
    "master_node": lambda context, config: config.master.name,
    "mtime": lambda context, config: config.cluster.mtime,
    "name": lambda context, config: config.cluster.cluster_name,
    "os_api_version": lambda context, config: constants.OS_API_VERSION,
    "protocol_version": lambda context, config: constants.PROTOCOL_VERSION,
    "software_version": lambda context, config: constants.RELEASE_VERSION,
    "tags": lambda context, config: sorted(config.cluster.tags),
    "vcs_version": lambda context, config: constants.VCS_VERSION,
    "volume_group_name": lambda context, config: config.cluster.volume_group_name,
    "watcher_pause": lambda context, config: context.watcher_pause(),
}


class LUClusterConfigQuery(LogicalUnit[OpClusterConfigQuery, ConfigSnapshot]):
    """Returns one value for each of `output_fields`."""

    def check_prereq(self) -> ConfigSnapshot:
        unknown = sorted(set(self.op.output_fields) - _FIELDS.keys())
        if unknown:
            raise OpPrereqError(
                f"Unknown output fields selected: {', '.join(unknown)}", ECode.INVAL
            )
        return self.config

    def execute(self, plan: ConfigSnapshot) -> list[object]:
        return [_FIELDS[name](self.context, plan) for name in self.op.output_fields]
