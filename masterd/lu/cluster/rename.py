"""OP_CLUSTER_RENAME: another name for the cluster, and with it another address.

Source: Ganeti 3.0.2 lib/cmdlib/cluster, LUClusterRename; lib/ssh.py (form of known_hosts).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Final

import msgspec

from masterd.config.cluster import Cluster
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.transaction import Draft
from masterd.errors import ECode, OpExecError, OpPrereqError
from masterd.instance import hook_env
from masterd.limits import DAEMON_NODE_PORT
from masterd.node import files, membership
from masterd.node.probe import Host
from masterd.opcodes.cluster import OpClusterRename
from masterd.rpc.files import read_details
from masterd.rpc.virtual_path import VirtualPaths
from masterd.work.base import Description, LogicalUnit
from masterd.work.hooks import Hooked, HookPath
from store.files import replacing

#: Bits of the file's mode.
_MODE: Final = 0o600


class LUClusterRename(LogicalUnit[OpClusterRename, Host]):
    """Changes name and address, and tells all nodes under which name the host keys are known.

    Meanwhile the cluster has no address. It is brought up whatever happens, unless the daemon ends.
    """

    REQUIRES_BGL = True
    HOOKS: ClassVar[HookPath | None] = HookPath("cluster-rename", "CLUSTER")

    def check(self, config: ConfigSnapshot) -> Host:
        cluster = config.cluster
        host = self.work.probe.host(self.op.name, cluster.primary_ip_family)
        if host == Host(cluster.cluster_name, cluster.master_ip):
            raise OpPrereqError(
                "Neither the name nor the IP address of the cluster has changed", ECode.INVAL
            )
        if host.address != cluster.master_ip and self.work.probe.is_there(
            host.address, DAEMON_NODE_PORT, listening=False
        ):
            raise OpPrereqError(
                f"The given cluster IP address ({host.address}) is reachable on the network",
                ECode.NOTUNIQUE,
            )
        return host

    def hooks(self, plan: Host, config: ConfigSnapshot) -> Hooked:
        env = {**hook_env.asked(self.op, name=plan.name), **hook_env.cluster_env(config)}
        return Hooked(env, (config.cluster.master_node,), tuple(config.nodes))

    def describe(self, plan: Host) -> Description:
        return [
            "Take the cluster's address down",
            f"Rename the cluster to {plan.name}, with the address {plan.address}",
            "Send the known host keys to all nodes",
            "Bring the new address up",
        ]

    def execute(self, plan: Host) -> str:
        work = self.work
        before = work.config.snapshot()
        result = membership.deactivate_master_ip(work.rpc, before, before.master)
        result.raise_("The cluster's address did not go down")
        try:
            self._rename(plan)
        except Exception:
            # Not where the greenlet is killed: nothing may switch there.
            self._bring_up()
            raise
        self._bring_up()
        return plan.name

    def _rename(self, host: Host) -> None:
        """Change the configuration, then make the file and send it. Switches."""
        work = self.work

        def change(draft: Draft) -> None:
            draft.put(
                msgspec.structs.replace(
                    draft.cluster, cluster_name=host.name, master_ip=host.address
                )
            )

        work.config.update(change)
        config = work.config.snapshot()
        path = work.paths.known_hosts_file
        text = "".join(_known_hosts(config.cluster))
        work.in_thread(lambda: _write(path, text.encode()))
        paths = VirtualPaths(work.paths.virtual_root)
        others = [n for n in config.online_nodes() if n.uuid != config.cluster.master_node]
        for result in files.upload(work.rpc, others, read_details(path, paths)).values():
            result.warn(f"Node {result.node_name} did not take the file {path}", work.say.warning)

    def _bring_up(self) -> None:
        """Bring up the address that the cluster has now. Switches."""
        config = self.work.config.snapshot()
        result = membership.activate_master_ip(self.work.rpc, config, config.master)
        result.warn(
            "The cluster's address did not come up, bring it up by hand", self.work.say.warning
        )


def _known_hosts(cluster: Cluster) -> Iterator[str]:
    """Give the lines of known_hosts: all nodes have the cluster's keys."""
    if cluster.rsahostkeypub:
        yield f"{cluster.cluster_name} ssh-rsa {cluster.rsahostkeypub}\n"
    if cluster.dsahostkeypub:
        yield f"{cluster.cluster_name} ssh-dss {cluster.dsahostkeypub}\n"


def _write(path: Path, content: bytes) -> None:
    try:
        with replacing(path, _MODE) as file:
            file.write(content)
    except OSError as error:
        raise OpExecError(f"Can't write {path}: {error}") from error
