"""OP_NODE_REMOVE: a node leaves the cluster.

Source: Ganeti 3.0.2 lib/cmdlib/node.py LUNodeRemove (checks, order, texts).
"""

from dataclasses import replace
from typing import ClassVar

from masterd.config.kinds import NODE
from masterd.config.node import Node
from masterd.config.relations import by_name, relations
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.transaction import Draft
from masterd.errors import ECode, OpPrereqError
from masterd.instance import hook_env
from masterd.lu import names
from masterd.lu.cluster import redist as cluster_redist
from masterd.lu.node import candidate_pool
from masterd.node import files, membership, ssh
from masterd.node.target import target
from masterd.opcodes.node import OpNodeRemove
from masterd.work.base import Description, LogicalUnit
from masterd.work.hooks import Hooked, HookPath


class LUNodeRemove(LogicalUnit[OpNodeRemove, Node]):
    """Removes a node without instances; others become candidates in its place before it goes.

    What the node itself does not do any more is told only: it may be broken.
    """

    REQUIRES_BGL = True
    HOOKS: ClassVar[HookPath | None] = HookPath("node-remove", "NODE")
    CONFIG_UPDATE_HOOK: ClassVar[bool] = True

    def check(self, config: ConfigSnapshot) -> Node:
        node = names.node(config, self.op.node_name, self.op.node_uuid)
        if node.uuid == config.cluster.master_node:
            raise OpPrereqError(
                "Node is the master node, failover to another node is required", ECode.INVAL
            )
        found = config.derived(relations)
        there = (*found.primary_of.get(node.uuid, ()), *found.secondary_of.get(node.uuid, ()))
        for instance in by_name(there):
            raise OpPrereqError(
                f"Instance {instance.name} is still running on the node, please remove first",
                ECode.INVAL,
            )
        for disk in config.disks.values():
            if node.uuid in disk.nodes:
                # The reference leaves it without the node.
                raise OpPrereqError(
                    f"Disk {disk.name or disk.uuid}, which belongs to no instance, is on the node,"
                    " please remove it first",
                    ECode.INVAL,
                )
        return node

    def hooks(self, plan: Node, config: ConfigSnapshot) -> Hooked:
        # Not on the node before the work: one that is broken could not be removed.
        others = sorted(config.nodes.keys() - {plan.uuid})
        return Hooked(hook_env.asked(self.op, node_name=plan.name), others, others)

    def describe(self, plan: Node) -> Description:
        return [f"Remove node {plan.name}, and promote others as many as there should be"]

    def execute(self, plan: Node) -> None:
        work = self.work
        cluster = work.config.snapshot().cluster
        if cluster.modify_ssh_setup:
            self._take_key(plan)
        promoted = work.config.update(lambda draft: candidate_pool.fill(draft, without=plan.uuid))
        candidate_pool.welcome(work, promoted, without=plan.uuid)
        work.config.update(lambda draft: _forget(draft, plan.uuid))
        # Who is no longer in the configuration is asked, whatever it said.
        gone = replace(target(plan), offline=False)
        work.scripts.run(gone)
        result = membership.leave(work.rpc, gone, modify_ssh_setup=cluster.modify_ssh_setup)
        result.warn(
            "Errors encountered on the remote node while leaving the cluster", work.say.warning
        )
        if cluster.modify_etc_hosts:
            config = work.config.snapshot()
            result = files.modify_hosts(work.rpc, config.master, "remove", plan.name, None)
            result.raise_("Can't update hosts file with new host data")
            cluster_redist.send(work, cluster_redist.copies(config, work.paths))

    def _take_key(self, node: Node) -> None:
        """Have all nodes forget the node's ssh key, and itself theirs. Switches."""
        config = self.work.config.snapshot()
        results = ssh.remove_key(
            self.work.rpc, [config.master], node, candidate_pool.candidates(config),
            candidate_pool.could_be_candidates(config),
            from_authorized_keys=node.master_candidate, from_public_keys=True,
            clear_authorized_keys=True, clear_public_keys=True, readd=False,
        )  # fmt: skip
        result = results[config.master.uuid]
        result.raise_(f"Could not remove the SSH key of node '{node.name}' (UUID: {node.uuid})")
        candidate_pool.tell_untaken(self.work, result)


def _forget(draft: Draft, uuid: str) -> None:
    draft.remove(NODE, uuid)
    candidate_pool.forget_certificate(draft, uuid)
