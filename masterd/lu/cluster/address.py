"""OP_CLUSTER_ACTIVATE_MASTER_IP and OP_CLUSTER_DEACTIVATE_MASTER_IP: the cluster's address.

Source: Ganeti 3.0.2 lib/cmdlib/cluster, LUClusterActivateMasterIp, LUClusterDeactivateMasterIp.
"""

from masterd.config.snapshot import ConfigSnapshot
from masterd.node import membership
from masterd.opcodes.cluster import OpClusterActivateMasterIp, OpClusterDeactivateMasterIp
from masterd.work.base import Description, LogicalUnit


class LUClusterActivateMasterIp(LogicalUnit[OpClusterActivateMasterIp, None]):
    """Has the master's node daemon bring the address up; alone, so that none takes it down."""

    REQUIRES_BGL = True

    def check(self, config: ConfigSnapshot) -> None:
        """Nothing depends on the cluster."""

    def describe(self, plan: None) -> Description:
        return ["Bring the cluster's address up on the master"]

    def execute(self, plan: None) -> None:
        config = self.work.config.snapshot()
        result = membership.activate_master_ip(self.work.rpc, config, config.master)
        result.raise_("The cluster's address did not come up")


class LUClusterDeactivateMasterIp(LogicalUnit[OpClusterDeactivateMasterIp, None]):
    """Has the master's node daemon take the address down."""

    REQUIRES_BGL = True

    def check(self, config: ConfigSnapshot) -> None:
        """Nothing depends on the cluster."""

    def describe(self, plan: None) -> Description:
        return ["Take the cluster's address down on the master"]

    def execute(self, plan: None) -> None:
        config = self.work.config.snapshot()
        result = membership.deactivate_master_ip(self.work.rpc, config, config.master)
        result.raise_("The cluster's address did not go down")
