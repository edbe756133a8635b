"""OP_NODE_ADD: a node joins the cluster, or joins it again.

Source: Ganeti 3.0.2 lib/cmdlib/node.py LUNodeAdd (checks, order, texts); lib/cmdlib/common.py
CheckNodePVs, lib/utils/lvm.py (physical volumes).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import msgspec

from masterd.config import typed
from masterd.config.node import Node
from masterd.config.params import PartialNdParams
from masterd.config.relations import relations
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.transaction import Draft
from masterd.errors import ECode, OpExecError, OpPrereqError
from masterd.instance import hook_env
from masterd.lu import names
from masterd.lu.cluster import redist as cluster_redist
from masterd.lu.node import address as node_address
from masterd.lu.node import candidate_pool, user_shutdown
from masterd.lu.node import params as node_params
from masterd.node import files, membership, ssh, verify
from masterd.node.probe import Host
from masterd.opcodes.node import OpNodeAdd
from masterd.rpc.runner import NODED_PORT
from masterd.work.base import Description, LogicalUnit
from masterd.work.hooks import Hooked, HookPath

_IPV6: Final = 10

#: What nodes are asked to check. Source: constants NV_*.
_VOLUMES: Final = "pvlist"
_NODES: Final = "nodelist"

#: How much the sizes of volumes may differ where instances have whole ones. Source: constants
#: PART_MARGIN.
_MARGIN: Final = 0.01


@dataclass(frozen=True, slots=True)
class Joining:
    """A node as it will be; `before` is what it was, if it joins again."""

    node: Node
    before: Node | None


class LUNodeAdd(LogicalUnit[OpNodeAdd, Joining]):
    """Adds a node that answers; one that joins again is set right, and is online from then on."""

    REQUIRES_BGL = True
    HOOKS: ClassVar[HookPath | None] = HookPath("node-add", "NODE")
    CONFIG_UPDATE_HOOK: ClassVar[bool] = True

    def check(self, config: ConfigSnapshot) -> Joining:
        op = self.op
        host = self.work.probe.host(op.node_name, config.cluster.primary_ip_family)
        if op.readd and host.name == config.master.name:
            raise OpPrereqError("Cannot readd the master node", ECode.STATE)
        if op.readd and op.group:
            raise OpPrereqError(
                "Cannot pass a node group when a node is being readded", ECode.INVAL
            )
        second = _second_address(config, op, host)
        before = config.nodes.named(host.name)
        if not op.readd and before is not None:
            raise OpPrereqError(f"Node {host.name} is already in the configuration", ECode.EXISTS)
        if op.readd and before is None:
            raise OpPrereqError(f"Node {host.name} is not in the configuration", ECode.NOENT)
        _check_addresses(config, host, second)
        if before is not None:
            self._check_instances(config, before)
        _check_homes(config, host, second)
        self._check_reachable(config, host, second)
        node = self._node(config, host, second, before)
        self._check_version(node)
        self._check_volumes(config, node)
        return Joining(node, before)

    def hooks(self, plan: Joining, config: ConfigSnapshot) -> Hooked:
        node = plan.node
        env = hook_env.asked(
            self.op, node_name=node.name, primary_ip=node.primary_ip,
            secondary_ip=node.secondary_ip, master_capable=node.master_capable,
            vm_capable=node.vm_capable,
        )  # fmt: skip
        others = sorted(config.nodes.keys() - {node.uuid})
        return Hooked(env, others, [*others, node.uuid])

    def describe(self, plan: Joining) -> Description:
        how = "again" if plan.before is not None else "to the cluster"
        role = ", as a master candidate" if plan.node.master_candidate else ""
        return [f"Add node {plan.node.name} {how}{role}"]

    def execute(self, plan: Joining) -> None:
        work, node = self.work, plan.node
        if plan.before is not None:
            work.say.info("Readding a node, the offline/drained flags were reset")
        if node.master_candidate:
            work.say.info("Node will be a master candidate")
        self._prepare(node)
        # Where a certificate is recorded later, scripts follow that.
        quietly = plan.before is not None and node.master_candidate
        work.config.update(lambda draft: _join(draft, node), quietly=quietly)
        cluster_redist.send(work, cluster_redist.copies(work.config.snapshot(), work.paths))
        if plan.before is not None and not node.master_candidate:
            result = membership.demote(work.rpc, node)
            text = "Node failed to demote itself from master candidate status"
            result.warn(text, work.say.warning)
        # Every node has a certificate of its own, candidate or not.
        digest = candidate_pool.certificate(work, node, {})
        if node.master_candidate:
            candidate_pool.record(work, node.uuid, digest)
        user_shutdown.ensure(work, work.config.snapshot(), [node], tell_of_stops=False)
        if self.op.node_setup:
            self._change_keys(plan)

    # --- checks ---------------------------------------------------------------------------------

    def _check_instances(self, config: ConfigSnapshot, before: Node) -> None:
        found = config.derived(relations)
        there = found.primary_of.get(before.uuid) or found.secondary_of.get(before.uuid)
        vm_capable = before.vm_capable if self.op.vm_capable is None else self.op.vm_capable
        if there and not vm_capable:
            raise OpPrereqError(
                f"Node {before.name} being re-added with vm_capable flag set to false, but it"
                " already holds instances",
                ECode.STATE,
            )

    def _check_reachable(self, config: ConfigSnapshot, host: Host, second: str) -> None:
        if not self.work.probe.is_there(host.address, NODED_PORT, listening=False):
            raise OpPrereqError(
                f"Nobody answers at {host.address}, port {NODED_PORT}", ECode.ENVIRON
            )
        if second != host.address:
            node_address.check_reachable(self.work, second, config.master.secondary_ip)

    def _check_version(self, node: Node) -> None:
        result = verify.version(self.work.rpc, [node])[node.uuid]
        result.raise_(
            f"Can't get version information from node {node.name}", prereq=True, code=ECode.ENVIRON
        )
        wanted = self.work.dialect.protocol_version
        if result.payload != wanted:
            raise OpPrereqError(
                f"Version mismatch master version {wanted}, node version {result.payload}",
                ECode.ENVIRON,
            )

    def _check_volumes(self, config: ConfigSnapshot, node: Node) -> None:
        cluster = config.cluster
        group = cluster.volume_group_name
        if group is None:
            return
        checks = {_VOLUMES: [group]}
        name, params = cluster.cluster_name, cluster.hvparams
        result = verify.verify_light(self.work.rpc, [node], checks, name, params)[node.uuid]
        result.raise_(
            f"Node {node.name} does not tell its physical volumes", prereq=True, code=ECode.ENVIRON
        )
        # What it says of itself counts when it is there.
        there = node if self.op.readd else msgspec.structs.replace(node, ndparams=PartialNdParams())
        exclusive = config.node_params(there).exclusive_storage
        problems = list(_volume_problems(result.payload, exclusive=exclusive))
        if problems:
            raise OpPrereqError(f"Checks on node PVs failed: {'; '.join(problems)}", ECode.ENVIRON)

    # --- what it will be ------------------------------------------------------------------------

    def _node(self, config: ConfigSnapshot, host: Host, second: str, before: Node | None) -> Node:
        """Return the node as it will be; what is not told of one that joins again stays."""
        op = self.op
        capable = op.master_capable
        if capable is None:
            capable = before is None or before.master_capable
        without = None if before is None else before.uuid
        fields: dict[str, Any] = {
            "primary_ip": host.address,
            "master_candidate": capable and candidate_pool.has_room(config, without=without),
            "offline": False,
            "drained": False,
            "powered": True,
            "master_capable": capable,
            "ndparams": PartialNdParams(),
        }
        if before is None:
            fields["group"] = names.group(config, op.group).uuid
            fields["vm_capable"] = True
        if op.vm_capable is not None:
            fields["vm_capable"] = op.vm_capable
        if op.ndparams:
            params = typed.typed(op.ndparams, typed.NODE)
            node_params.check_not_global(op.ndparams)
            fields["ndparams"] = typed.given(PartialNdParams, params, "ndparams")
        if op.hv_state:
            fields["hv_state_static"] = typed.hypervisor_state({}, op.hv_state)
        if op.disk_state:
            fields["disk_state_static"] = typed.disk_state({}, op.disk_state)
        if before is not None:
            return msgspec.structs.replace(before, **fields)
        uuid = self.work.new_uuid()
        return Node(name=host.name, secondary_ip=second, uuid=uuid, serial_no=1, **fields)

    # --- work -----------------------------------------------------------------------------------

    def _prepare(self, node: Node) -> None:
        """Make sure that the node can be reached, and set up what it has to have. Switches."""
        work = self.work
        config = work.config.snapshot()
        cluster, master = config.cluster, config.master
        if cluster.modify_etc_hosts:
            result = files.modify_hosts(work.rpc, master, "add", node.name, node.primary_ip)
            result.raise_("Can't update hosts file with new host data")
        if node.secondary_ip != node.primary_ip:
            node_address.check_has(work, node, node.secondary_ip, prereq=False)
        checks: Mapping[str, object] = {_NODES: [[node.name], {}, []]}
        result = verify.verify(work.rpc, config, [master], checks)[master.uuid]
        result.raise_(f"Cannot communicate with node {node.name} from {master.name}")
        told: Any = result.payload
        if told.get(_NODES):
            for why in told[_NODES].values():
                work.say(f"ssh/hostname verification failed (checking from {master.name}): {why}")
            raise OpExecError("ssh/hostname verification failed")
        params = config.node_params(node)
        if params.ovs:
            if not params.ovs_link:
                work.say.info(
                    "No physical interface for OpenvSwitch was given. OpenvSwitch will not have an"
                    " outside connection. This might not be what you want."
                )
            result = membership.configure_switch(work.rpc, node, params.ovs_name, params.ovs_link)
            result.raise_("Failed to initialize OpenVSwitch on new node")

    def _change_keys(self, plan: Joining) -> None:
        """Have all nodes know the ssh key of the node, and none that it had before. Switches."""
        work, node = self.work, plan.node
        config = work.config.snapshot()
        master, known = config.master, candidate_pool.could_be_candidates(config)
        if plan.before is not None:
            result = ssh.remove_key(
                work.rpc, [master], node, candidate_pool.candidates(config), known,
                from_authorized_keys=True, from_public_keys=True, clear_authorized_keys=False,
                clear_public_keys=True, readd=True,
            )[master.uuid]  # fmt: skip
            result.raise_(
                f"Could not remove SSH keys of node {node.name} before readding, (UUID:"
                f" {node.uuid})."
            )
            candidate_pool.tell_untaken(work, result)
        result = ssh.add_key(
            work.rpc, [master], node, known, to_authorized_keys=node.master_candidate,
            to_public_keys=True, get_public_keys=True,
        )[master.uuid]  # fmt: skip
        result.raise_("Could not update the node's SSH setup.")
        candidate_pool.tell_untaken(work, result)


# --- pure ---------------------------------------------------------------------------------------


def _join(draft: Draft, node: Node) -> None:
    draft.put(node)
    if not node.master_candidate:
        candidate_pool.forget_certificate(draft, node.uuid)


def _second_address(config: ConfigSnapshot, op: OpNodeAdd, host: Host) -> str:
    """Return the address for replication; the only one, where no other is told."""
    if op.secondary_ip is None and config.cluster.primary_ip_family == _IPV6:
        raise OpPrereqError(
            "When using a IPv6 primary address, a valid IPv4 address must be given as secondary",
            ECode.INVAL,
        )
    second = host.address if op.secondary_ip is None else op.secondary_ip
    node_address.check_form(second)
    return second


def _check_addresses(config: ConfigSnapshot, host: Host, second: str) -> None:
    """Refuse addresses that others have, and another one for replication than before."""
    for other in config.nodes.sorted():
        if other.name == host.name:
            if other.secondary_ip != second:
                raise OpPrereqError(
                    "Readded node doesn't have the same IP address configuration as before",
                    ECode.INVAL,
                )
        elif {other.primary_ip, other.secondary_ip} & {host.address, second}:
            raise OpPrereqError(
                f"New node ip address(es) conflict with existing node {other.name}",
                ECode.NOTUNIQUE,
            )


def _check_homes(config: ConfigSnapshot, host: Host, second: str) -> None:
    """Refuse a node that has an address for replication where the master has none, or none."""
    has_other = config.master.secondary_ip != config.master.primary_ip
    if has_other is (second != host.address):
        return
    if has_other:
        text = "The master has a secondary ip but the new node doesn't have one"
    else:
        text = "The master has no secondary ip but the new node has one"
    raise OpPrereqError(text, ECode.INVAL)


def _volume_problems(told: Any, *, exclusive: bool) -> Iterator[str]:
    """Yield what is wrong with the physical volumes of a node."""
    volumes = told.get(_VOLUMES)
    if volumes is None:
        yield "Can't get PV list from node"
        return
    for volume in volumes:
        if ":" in volume["name"]:
            yield f"Invalid character ':' in PV '{volume['name']}' of VG '{volume['vg_name']}'"
    sizes = [volume["size"] for volume in volumes]
    if exclusive and sizes and min(sizes) * (1 + _MARGIN) < max(sizes) * (1 - _MARGIN):
        yield (f"Sizes of PVs are too different: min={int(min(sizes))} max={int(max(sizes))}")
