"""The cluster's address on another device or with another netmask, around the change itself.

Source: Ganeti 3.0.2 lib/cmdlib/cluster, LUClusterSetParams (order of the calls, texts).
"""

from masterd.config.snapshot import ConfigSnapshot
from masterd.node import membership
from masterd.opcodes.cluster_params import OpClusterSetParams
from masterd.work.work import Work


def before(work: Work, config: ConfigSnapshot, op: OpClusterSetParams) -> None:
    """Take the address from its device, and give it its netmask. Switches.

    Raises:
        RpcError: it did not go down, and no force is used.
    """
    cluster = config.cluster
    if op.master_netdev:
        work.say(f"Taking the cluster's address from its device ({cluster.master_netdev})")
        result = membership.deactivate_master_ip(work.rpc, config, config.master)
        text = "The cluster's address did not go down"
        if op.force:
            result.warn(f"{text}, which is passed over", work.say)
        else:
            result.raise_(text)
        work.say(f"Changing master_netdev from {cluster.master_netdev} to {op.master_netdev}")
    if op.master_netmask:
        work.say(f"Changing the netmask of the cluster's address to {op.master_netmask}")
        result = membership.change_master_netmask(
            work.rpc,
            config.master,
            old=cluster.master_netmask,
            new=op.master_netmask,
            address=cluster.master_ip,
            device=op.master_netdev or cluster.master_netdev,
        )
        result.warn("The netmask was not changed on the master", work.say)


def after(work: Work, config: ConfigSnapshot, op: OpClusterSetParams) -> None:
    """Bring the address up on the device that it has now. Switches."""
    if op.master_netdev:
        work.say(
            f"Bringing the cluster's address up on its device ({config.cluster.master_netdev})"
        )
        result = membership.activate_master_ip(work.rpc, config, config.master)
        result.warn("The cluster's address did not come up, bring it up by hand", work.say.warning)
