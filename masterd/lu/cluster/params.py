"""OP_CLUSTER_SET_PARAMS: what holds for all nodes and instances.

What the cluster object then says is in `values`, what storage allows in `storage`.

Source: Ganeti 3.0.2 lib/cmdlib/cluster, LUClusterSetParams (order of checks and calls, texts).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from masterd.config import images, typed
from masterd.config.cluster import Cluster
from masterd.config.params import fill
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.transaction import Draft
from masterd.errors import ECode, OpPrereqError
from masterd.filter.natural import natural_key
from masterd.instance import disk_params, hook_env, params, policy
from masterd.lock.levels import ALL, LockLevel, LockMode, LockRequest
from masterd.lu.cluster import address_change as cluster_address_change
from masterd.lu.cluster import communication
from masterd.lu.cluster import storage as cluster_storage
from masterd.lu.cluster import values as cluster_values
from masterd.lu.network.life import mac_prefix_of
from masterd.lu.node import candidate_pool, user_shutdown
from masterd.node import hooks, storage
from masterd.opcodes.cluster_params import OpClusterSetParams
from masterd.work.base import Description, Locks, LogicalUnit, WithJobs
from masterd.work.hooks import Hooked, HookPath

#: User ids are numbers of 32 bits.
_UID_MAX: Final = 2**32 - 1
#: Bits of an address, by family.
_ADDRESS_BITS: Final = {2: 32, 10: 128}
_TOOL: Final = re.compile(r"[-_a-zA-Z0-9]+")
_GZIP: Final = "gzip"
_NO_COMPRESSION: Final = "none"
_SCRIPT: Final = re.compile(r"[a-zA-Z0-9_-]+")
#: What operating systems' scripts are to check. Source: constants OS_VALIDATE_PARAMETERS.
_CHECKS: Final = ("parameters",)
_DRBD: Final = "drbd"


@dataclass(frozen=True, slots=True)
class Changed:
    """The cluster as it was and as it will be, unless it changes meanwhile."""

    before: Cluster
    after: Cluster


class LUClusterSetParams(LogicalUnit[OpClusterSetParams, Changed]):
    """Changes the cluster's parameters; the result are jobs that connect a network, if any.

    All of the change is one: where a node does not do its part beforehand, nothing is changed.
    """

    HOOKS: ClassVar[HookPath | None] = HookPath("cluster-modify", "CLUSTER")

    def check_arguments(self) -> None:
        op = self.op
        for ranges in (op.uid_pool, op.add_uids, op.remove_uids):
            _check_user_ids(ranges or ())
        mac_prefix_of(op.mac_prefix)
        bits = _ADDRESS_BITS[self.work.config.snapshot().cluster.primary_ip_family]
        if op.master_netmask is not None and not 0 < op.master_netmask <= bits:
            raise OpPrereqError(f"CIDR netmask ({op.master_netmask}) not valid", ECode.INVAL)
        for template, values in (op.diskparams or {}).items():
            typed.typed(values, typed.DISK)
            disk_params.check_access_mode(template, values, ECode.INVAL)
        for what, image in (("Install", op.install_image), ("Zeroing", op.zeroing_image)):
            images.check(image, what)
        for how, name in (*(op.hidden_os or ()), *(op.blacklisted_os or ())):
            if how not in ("add", "remove"):
                raise OpPrereqError(f"OS {name} can be added or removed, not: {how}", ECode.INVAL)

    def needs(self, config: ConfigSnapshot) -> Locks:
        shared = LockRequest(ALL, LockMode.SHARED)
        return dict.fromkeys((LockLevel.INSTANCE, LockLevel.NODEGROUP, LockLevel.NODE), shared)

    def check(self, config: ConfigSnapshot) -> Changed:
        work, op = self.work, self.op
        cluster_storage.check(work, config, op)
        if _DRBD in (op.diskparams or {}):
            work.say.warning("Changing DRBD parameters affects disks only that are made later")
            work.say.warning(
                "An instance must be shut down and started, not rebooted, to take them"
            )
            work.say.warning(
                "Or its secondary node is replaced: gnt-instance replace-disks --new-secondary"
            )
        after = cluster_values.changed(config.cluster, op, work.dialect.hypervisor_rules)
        self._check_policy(config, after)
        if op.nicparams:
            _check_interfaces(config, after)
        if op.diskparams:
            disk_params.check_access(config.instances.values(), config, op.diskparams, None)
        self._check_os_params(config, after)
        self._check_hypervisors(config, after)
        self._check_allocator()
        wanted = config.networks.find(op.instance_communication_network or "")
        for text in communication.risks(wanted) if wanted is not None else ():
            work.say.warning(text)
        _check_tools(op.compression_tools or ())
        return Changed(config.cluster, after)

    def hooks(self, plan: Changed, config: ConfigSnapshot) -> Hooked:
        nodes = (config.cluster.master_node,)
        env = {**hook_env.asked(self.op), **hook_env.cluster_env(config)}
        return Hooked(env, nodes, nodes)

    def tells_change(self, plan: Changed) -> bool:
        # As in the reference: where it writes by itself, apart from the change of the object.
        op, before, after = self.op, plan.before, plan.after
        return (
            op.compression_tools is not None
            or op.candidate_pool_size is not None
            or before.volume_group_name != after.volume_group_name
            or before.drbd_usermode_helper != after.drbd_usermode_helper
            or before.instance_communication_network != after.instance_communication_network
        )

    def describe(self, plan: Changed) -> Description:
        names = cluster_values.names_of_changes(plan.before, plan.after)
        return [f"Change {', '.join(names) or 'nothing'} of the cluster"]

    def execute(self, plan: Changed) -> WithJobs | None:
        work, op = self.work, self.op
        config = work.config.snapshot()
        self._tell_what_is_so(config)
        digests = self._promoted(config)
        self._tell_of_lists(config)
        cluster_address_change.before(work, config, op)
        rules = work.dialect.hypervisor_rules

        def change(draft: Draft) -> None:
            candidate_pool.promote(draft, digests)
            draft.put(cluster_values.changed(draft.cluster, op, rules))

        try:
            work.config.update(change)
        except Exception:
            # The change was refused, and the address is wanted where it was.
            cluster_address_change.after(work, config, op)
            raise
        now = work.config.snapshot()
        cluster_address_change.after(work, now, op)
        shutdown_changed = config.cluster.enabled_user_shutdown != now.cluster.enabled_user_shutdown
        if op.enabled_hypervisors is not None or shutdown_changed:
            used = user_shutdown.uses_kvm(config) or user_shutdown.uses_kvm(now)
            user_shutdown.ensure(work, now, now.nodes.sorted(), tell_of_stops=used)
        return self._connected(config, now)

    # --- checks that look at more than the cluster object ---------------------------------------

    def _check_policy(self, config: ConfigSnapshot, after: Cluster) -> None:
        policy.check_templates(after.ipolicy, after.enabled_disk_templates)
        if not self.op.ipolicy:
            return
        broken = {
            name
            for group in config.nodegroups.values()
            for name in policy.newly_violating(
                config,
                group.uuid,
                policy.filled(config, group.ipolicy),
                policy.filled_from(after.ipolicy, group.ipolicy),
            )
        }
        if broken:
            self.work.say.warning(
                "After the ipolicy change the following instances violate them:"
                f" {', '.join(sorted(broken, key=natural_key))}"
            )

    def _check_os_params(self, config: ConfigSnapshot, after: Cluster) -> None:
        """Have the master check the parameters of all operating systems. Switches."""
        work = self.work
        for name in sorted({*after.osparams, *after.osparams_private_cluster}):
            values = params.os_whole(
                config.cluster,
                name,
                public=after.osparams.get(name, {}),
                private=after.osparams_private_cluster.get(name, {}),
            )
            if not config.master.vm_capable:
                continue
            results = hooks.validate_os(
                work.rpc, [config.master], name,
                required=False, checks=_CHECKS, params=values, force_variant=False,
            )  # fmt: skip
            for result in results.values():
                result.raise_(f"Node {result.node_name} refuses parameters of OS {name}")
                if not result.payload:
                    work.say.info(
                        f"OS {name} is not there on node {result.node_name}, so that its"
                        " parameters were not checked"
                    )

    def _check_hypervisors(self, config: ConfigSnapshot, after: Cluster) -> None:
        """Have nodes check the parameters of hypervisors that may have changed. Switches."""
        checked = [
            (name, after.hvparams[name]) for name in cluster_values.touched_hypervisors(self.op)
        ]
        if self.op.os_hvp:
            for by_hypervisor in after.os_hvp.values():
                checked += [
                    (name, {**after.hvparams.get(name, {}), **values})
                    for name, values in by_hypervisor.items()
                ]
        capable = [node for node in config.nodes.sorted() if node.vm_capable]
        for name, values in checked:
            answers = storage.validate_hypervisor(self.work.rpc, capable, name, values)
            for result in answers.values():
                if not result.offline:
                    result.raise_(f"Node {result.node_name} refuses parameters of {name}")

    def _check_allocator(self) -> None:
        name = self.op.default_iallocator
        if name and not (
            _SCRIPT.fullmatch(name)
            and any((folder / name).is_file() for folder in self.work.paths.allocator_dirs)
        ):
            raise OpPrereqError(
                f"Invalid default iallocator script '{name}' specified", ECode.INVAL
            )

    # --- the work, and what is said of it -------------------------------------------------------

    def _tell_what_is_so(self, config: ConfigSnapshot) -> None:
        """Say which storage is as it is wanted already."""
        say, op, cluster = self.work.say, self.op, config.cluster
        if op.vg_name is not None and (op.vg_name or None) == cluster.volume_group_name:
            say("Cluster LVM configuration already in desired state, not changing")
        for parameter in cluster_storage.DIRECTORIES.values():
            wanted = getattr(op, parameter)
            if wanted is not None and wanted == getattr(cluster, parameter):
                say(f"{parameter} is '{wanted}' already")
        if op.drbd_helper is not None:
            if _DRBD not in (op.enabled_disk_templates or cluster.enabled_disk_templates):
                say("A DRBD helper is given, but the disk template drbd is not enabled")
            if (op.drbd_helper or None) == cluster.drbd_usermode_helper:
                say("Cluster DRBD helper already in desired state, not changing")

    def _tell_of_lists(self, config: ConfigSnapshot) -> None:
        """Say which changes of lists of operating systems change nothing."""
        cluster = config.cluster
        for what, old, changes in (
            ("hidden", cluster.hidden_os, self.op.hidden_os),
            ("blacklisted", cluster.blacklisted_os, self.op.blacklisted_os),
        ):
            for how, name in cluster_values.listed(old, changes or ())[1]:
                state = "already in" if how == "add" else "not found in"
                self.work.say(f"OS {name} {state} {what} OS list, ignoring")

    def _promoted(self, config: ConfigSnapshot) -> dict[str, str]:
        """Prepare the nodes that become candidates; return their digests. Switches."""
        size = self.op.candidate_pool_size
        if size is None:
            return {}
        found = candidate_pool.shortage(config, size)
        if found.promoted:
            names = ", ".join(node.name for node in found.promoted)
            self.work.say.info(f"Promoted nodes to master candidate role: {names}")
        if found.present > found.wanted:
            self.work.say.info(
                f"Note: more nodes are candidates ({found.present}) than desired ({found.wanted})"
            )
        return candidate_pool.prepare(self.work, config, found.promoted)

    def _connected(self, before: ConfigSnapshot, now: ConfigSnapshot) -> WithJobs | None:
        """Return the job that connects the network for communication with instances, if any."""
        name, say = self.op.instance_communication_network, self.work.say
        if name is None:
            return None
        old = before.cluster.instance_communication_network
        if name == old:
            say(f"Instance communication network already is '{name}', nothing to do.")
            return None
        if before.networks.find(old) is not None:
            say(f"Previous instance communication network '{old}' should be removed manually.")
        if not name:
            say("Disabling instance communication network, only new instances will be affected.")
            return None
        say(
            f"Changing instance communication network to '{name}', only new instances will be"
            " affected."
        )
        ops = communication.make(now, name)
        return WithJobs([ops]) if ops else None


def _check_user_ids(ranges: Sequence[tuple[int, int]]) -> None:
    for lower, higher in ranges:
        if lower > higher:
            raise OpPrereqError(
                f"Lower user-id range boundary value ({lower}) is larger than higher boundary"
                f" value ({higher})",
                ECode.INVAL,
            )
        if lower < 0 or higher > _UID_MAX:
            raise OpPrereqError(
                f"User-id range {lower}-{higher} does not lie in 0-{_UID_MAX}", ECode.INVAL
            )


def _check_interfaces(config: ConfigSnapshot, after: Cluster) -> None:
    """Make sure that all NICs can be connected with these defaults."""
    defaults = after.nicparams["default"]
    wrong = []
    for instance in config.instances.values():
        for index, nic in enumerate(instance.nics):
            filled = fill(defaults, nic.nicparams)
            where = f"Instance {instance.name}, nic/{index}"
            if filled.mode == "bridged" and not filled.link:
                wrong.append(f"{where}: Missing bridged NIC link")
            if filled.mode == "routed" and not nic.ip:
                wrong.append(f"{where}: routed NIC with no ip address")
    if wrong:
        told = "\n".join(wrong)
        raise OpPrereqError(f"Cannot apply the change, errors:\n{told}", ECode.INVAL)


def _check_tools(tools: Sequence[str]) -> None:
    """Make sure that compression tools look like programs, and that the usual one is there."""
    wrong = [tool for tool in tools if not _TOOL.fullmatch(tool)]
    if wrong:
        raise OpPrereqError(
            f"Compression tools are letters, digits, dashes and underscores, not: {wrong}",
            ECode.INVAL,
        )
    if tools and _GZIP not in tools:
        raise OpPrereqError(f"Among the compression tools there must be {_GZIP}", ECode.INVAL)
    if _NO_COMPRESSION in tools:
        raise OpPrereqError(
            f"{_NO_COMPRESSION} stands for no compression and is no tool", ECode.INVAL
        )
