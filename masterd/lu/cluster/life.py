"""OP_CLUSTER_POST_INIT and OP_CLUSTER_DESTROY: the beginning and the end of a cluster.

The reference's configuration has no master after the end, so that nobody starts the daemons again,
and nothing can be asked any more. Ours stays as it is, and answers questions until it is stopped.

Source: Ganeti 3.0.2 lib/cmdlib/cluster, LUClusterPostInit, LUClusterDestroy (order, texts).
"""

from typing import ClassVar, Final

from masterd.config.params import NdParams
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpPrereqError
from masterd.instance import hook_env
from masterd.node import membership
from masterd.opcodes.cluster import OpClusterDestroy, OpClusterPostInit
from masterd.work.base import Description, LogicalUnit
from masterd.work.hooks import Hooked, HookPath

_KIND: Final = "CLUSTER"


class LUClusterPostInit(LogicalUnit[OpClusterPostInit, NdParams]):
    """Makes the master's Open vSwitch, if it is to have one, and has the scripts run."""

    REQUIRES_BGL = True
    HOOKS: ClassVar[HookPath | None] = HookPath("cluster-init", _KIND)

    def check(self, config: ConfigSnapshot) -> NdParams:
        params = config.node_params(config.master)
        if params.ovs and not params.ovs_link:
            self.work.say.info(
                "No physical interface for OpenvSwitch was given. OpenvSwitch will not have an"
                " outside connection. This might not be what you want."
            )
        return params

    def hooks(self, plan: NdParams, config: ConfigSnapshot) -> Hooked:
        env = hook_env.cluster_env(config)
        return Hooked(env, post_nodes=(config.cluster.master_node,))

    def describe(self, plan: NdParams) -> Description:
        return [f"Make the Open vSwitch {plan.ovs_name} on the master"] if plan.ovs else []

    def execute(self, plan: NdParams) -> bool:
        if plan.ovs:
            master = self.work.config.snapshot().master
            result = membership.configure_switch(
                self.work.rpc, master, plan.ovs_name, plan.ovs_link
            )
            result.raise_("The Open vSwitch was not made")
        return True


class LUClusterDestroy(LogicalUnit[OpClusterDestroy, None]):
    """Takes the address of an empty cluster down; the client then ends the daemons.

    Until that has happened no other job begins: the big lock is kept.
    """

    REQUIRES_BGL = True
    HOOKS: ClassVar[HookPath | None] = HookPath("cluster-destroy", _KIND)

    def check(self, config: ConfigSnapshot) -> None:
        others = len(config.nodes.keys() - {config.cluster.master_node})
        for number, what in ((others, "node"), (len(config.instances), "instance")):
            if number:
                raise OpPrereqError(
                    f"There are still {number} {what}(s) in this cluster.", ECode.INVAL
                )

    def hooks(self, plan: None, config: ConfigSnapshot) -> Hooked:
        # The master runs its scripts while it still has a node daemon; see `execute`.
        return Hooked(hook_env.cluster_env(config))

    def describe(self, plan: None) -> Description:
        return ["Take the cluster's address down, and let no other job begin"]

    def execute(self, plan: None) -> str:
        config = self.work.config.snapshot()
        self.work.scripts.run(config.master)
        result = membership.deactivate_master_ip(self.work.rpc, config, config.master)
        result.warn("The cluster's address did not go down", self.work.say.warning)
        self.work.locks.keep_for_good()
        return config.cluster.master_node
