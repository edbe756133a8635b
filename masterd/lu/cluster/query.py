"""OP_CLUSTER_QUERY and OP_CLUSTER_CONFIG_QUERY: questions about the cluster, asked as jobs.

Source: Ganeti 3.0.2 lib/cmdlib/cluster, LUClusterQuery and LUClusterConfigQuery; lib/query.py,
CLUSTER_FIELDS.
"""

from collections.abc import Callable, Mapping
from typing import Final

from masterd.config.snapshot import ConfigSnapshot
from masterd.lu import names
from masterd.opcodes.cluster import OpClusterConfigQuery, OpClusterQuery
from masterd.query.cluster_info import ARCHITECTURE, cluster_info
from masterd.work.base import LogicalUnit
from masterd.work.work import Work


class LUClusterQuery(LogicalUnit[OpClusterQuery, ConfigSnapshot]):
    """Returns what QueryClusterInfo returns, parameters of disabled hypervisors left out."""

    def check(self, config: ConfigSnapshot) -> ConfigSnapshot:
        return config

    def execute(self, plan: ConfigSnapshot) -> dict[str, object]:
        cluster = plan.cluster
        enabled = cluster.enabled_hypervisors
        return {
            **cluster_info(plan, self.work.dialect),
            "hvparams": {name: cluster.hvparams[name] for name in enabled},
            "os_hvp": {
                os_name: {name: params for name, params in by_name.items() if name in enabled}
                for os_name, by_name in cluster.os_hvp.items()
            },
        }


_FIELDS: Final[Mapping[str, Callable[[Work, ConfigSnapshot], object]]] = {
    "architecture": lambda work, config: list(ARCHITECTURE),
    "cluster_name": lambda work, config: config.cluster.cluster_name,
    "config_version": lambda work, config: work.dialect.config_version,
    "ctime": lambda work, config: config.cluster.ctime,
    "drain_flag": lambda work, config: work.drained(),
    "export_version": lambda work, config: work.dialect.export_version,
    "master_node": lambda work, config: config.master.name,
    "mtime": lambda work, config: config.cluster.mtime,
    "name": lambda work, config: config.cluster.cluster_name,
    "os_api_version": lambda work, config: work.dialect.os_api_version,
    "protocol_version": lambda work, config: work.dialect.protocol_version,
    "software_version": lambda work, config: work.dialect.release_version,
    "tags": lambda work, config: sorted(config.cluster.tags),
    "vcs_version": lambda work, config: work.dialect.vcs_version,
    "volume_group_name": lambda work, config: config.cluster.volume_group_name,
    "watcher_pause": lambda work, config: work.watcher_pause(),
}


class LUClusterConfigQuery(LogicalUnit[OpClusterConfigQuery, ConfigSnapshot]):
    """Returns one value for each of `output_fields`."""

    def check(self, config: ConfigSnapshot) -> ConfigSnapshot:
        names.check_fields(self.op.output_fields, _FIELDS)
        return config

    def execute(self, plan: ConfigSnapshot) -> list[object]:
        return [_FIELDS[name](self.work, plan) for name in self.op.output_fields]
