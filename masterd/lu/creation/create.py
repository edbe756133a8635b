"""OP_INSTANCE_CREATE: what is asked for is checked, places are found, and it is made.

The request is brought into one form first (`request`); parameters, network interfaces,
nodes and adopted disks are looked at by `params`, `nics`, `nodes` and `disks.adoption`; `making`
does the work.

Source: Ganeti 3.0.2 lib/cmdlib/instance_create.py (checks, order, texts, locks); prereqs.json,
lock_requests.json.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from masterd.config import images, rules, tags
from masterd.config.instance import Nic
from masterd.config.kinds import AnyInstance
from masterd.config.objects import write
from masterd.config.params import fill_free
from masterd.config.relations import is_forthcoming, nodes_of
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpPrereqError, TooFewLocks
from masterd.iallocator.request import Allocate
from masterd.instance import disks as existing_disks
from masterd.instance import hook_env, new_disks, policy
from masterd.instance.new_disks import NewDisk
from masterd.instance.nics import Given
from masterd.lock.levels import ALL, LockLevel, LockMode, LockRequest
from masterd.lu import host_names, names
from masterd.lu.backup import moving
from masterd.lu.creation import importing
from masterd.lu.creation import making as instance_making
from masterd.lu.creation import nics as create_nics
from masterd.lu.creation import nodes as create_nodes
from masterd.lu.creation import params as create_params
from masterd.lu.creation import request as create_request
from masterd.lu.creation.importing import Exported, Source
from masterd.lu.creation.making import Creation
from masterd.lu.creation.nodes import Nodes
from masterd.lu.creation.params import Parameters
from masterd.lu.disks import adoption as disk_adoption
from masterd.lu.instance import host_checks
from masterd.lu.moves import evacuation
from masterd.node.documents import plain
from masterd.node.probe import normal_name
from masterd.opcodes.instance_create import OpInstanceCreate
from masterd.rpc.runner import NODED_PORT
from masterd.work.base import Description, Locks, LogicalUnit
from masterd.work.hooks import Hooked, HookPath


class LUInstanceCreate(LogicalUnit[OpInstanceCreate, Creation]):
    """Makes an instance on nodes that are named or that an allocator finds.

    Its disks are filled by its operating system, from an export, or by another cluster.
    """

    HOOKS: ClassVar[HookPath | None] = HookPath("instance-add", "INSTANCE")

    # --- the request --------------------------------------------------------------------------

    def check_arguments(self) -> None:
        op = self.op
        if op.forthcoming and op.commit:
            raise OpPrereqError(
                "Forthcoming generation and commiting are mutually exclusive", ECode.INVAL
            )
        if op.no_install and op.start:
            self.work.say.info("No-installation mode selected, disabling startup")
            op = replace(op, start=False)
        if op.ip_check and not op.name_check:
            raise OpPrereqError("Cannot do IP address check without a name check", ECode.INVAL)
        op = replace(op, instance_name=self._name(normal_name(op.instance_name)))
        config = self.work.config.snapshot()
        op = create_request.normal(op, config, self.work.say)
        self.op = importing.normal(self.work, config, op)

    def _name(self, given: str) -> str:
        """Return the name in whole where it is to be looked up. Switches.

        Raises:
            OpPrereqError: nobody knows it, or it is another's.
        """
        if not self.op.name_check:
            return given
        return host_names.look_up(self.work, self.work.config.snapshot(), given).name

    # --- locks --------------------------------------------------------------------------------

    def needs(self, config: ConfigSnapshot) -> Locks:
        planned = self._planned(config)
        wanted = {LockLevel.INSTANCE: LockRequest(frozenset({self.op.instance_name}))}
        source = importing.node_of(config, self.op)
        own = [] if source is None else [source.uuid]
        if planned is not None:
            own += [node.uuid for node in nodes_of(config, planned)]
        elif self.op.iallocator is None:
            own += self._named(config).uuids
        if not importing.is_anywhere(self.op) and (planned is not None or not self.op.iallocator):
            return {**wanted, **_on(config, frozenset(own))}
        wanted[LockLevel.NODEGROUP] = LockRequest(ALL, LockMode.SHARED)
        if not self.op.opportunistic_locking or importing.is_anywhere(self.op):
            # An export that is looked for may be on any of them.
            every = LockRequest(ALL)
            return {**wanted, LockLevel.NODE: every, LockLevel.NODE_RES: every}
        enough = 2 if self.op.disk_template in new_disks.MIRRORED_INSIDE else 1
        nodes, held = frozenset(config.nodes), self.work.locks.names(LockLevel.NODE)
        return {
            **wanted,
            LockLevel.NODE: LockRequest(nodes, at_least=enough),
            LockLevel.NODE_RES: LockRequest(held or nodes, at_least=enough),
        }

    def _planned(self, config: ConfigSnapshot) -> AnyInstance | None:
        """Return what was put aside before and becomes real; None where nothing does.

        Raises:
            OpPrereqError: it is not there, or is real; or a new instance is there already.
        """
        if not self.op.commit:
            if config.instances.named(self.op.instance_name) is not None:
                raise OpPrereqError(
                    f"Instance '{self.op.instance_name}' is already in the cluster", ECode.EXISTS
                )
            return None
        found = config.instances.expand(self.op.instance_name)
        if found is None or found.name != self.op.instance_name:
            raise OpPrereqError(f"Instance {self.op.instance_name} unknown", ECode.INVAL)
        if not is_forthcoming(found):
            raise OpPrereqError(
                f"Instance {found.name} (with uuid {found.uuid}) not forthcoming but --commit was"
                " passed.",
                ECode.STATE,
            )
        return found

    def _named(self, config: ConfigSnapshot) -> Nodes:
        """Return the nodes that the request names."""
        primary = names.node(config, self.op.pnode, self.op.pnode_uuid)
        if self.op.snode is None:
            return Nodes(primary)
        return Nodes(primary, names.node(config, self.op.snode, self.op.snode_uuid))

    def without_luck(self) -> "LUInstanceCreate | None":
        if not self.op.opportunistic_locking:
            return None
        self.work.say("* falling back to full lock allocation")
        return LUInstanceCreate(replace(self.op, opportunistic_locking=False), self.work)

    # --- checks -------------------------------------------------------------------------------

    def check(self, config: ConfigSnapshot) -> Creation:
        work, template = self.work, self._template()
        planned = self._planned(config)
        directory = new_disks.directory(
            config.cluster, template, self.op.instance_name, self.op.file_storage_dir
        )
        self._check_luck(config)
        self.op, source = importing.look(work, config, self.op)
        op = self.op
        volume_group = config.cluster.volume_group_name
        if template in new_disks.ON_VOLUMES and not volume_group:
            raise OpPrereqError("Cluster does not support lvm-based instances", ECode.STATE)
        tags.add((), op.tags)
        params = create_params.wanted(work, config, op)
        address = self._own_address(config)
        nics = create_nics.wanted(work, config, self._nics(config), address)
        disks = [new_disks.read(disk, template, volume_group) for disk in op.disks]
        if isinstance(source, Exported) and source.old_name == op.instance_name:
            nics = create_nics.with_old_macs(work, nics, source.said.mac)
        self._check_address(address)
        nics = create_nics.with_macs(work, config, nics)
        adopts = new_disks.adopts(op.disks, template)
        self._check_disks(planned, disks, adopts=adopts)
        self._check_texts(params, nics, disks)
        nodes = self._nodes(config, planned, params, nics, disks)
        self._keep_locks(config, nodes, source)
        create_nodes.check_primary(nodes.primary)
        conflicts = op.conflicts_check
        nics = create_nics.at_node(work, config, nics, nodes.primary, conflicts=conflicts)
        create_nodes.check_secondary(work, nodes)
        create_nodes.check_storage(config, nodes, template, disks)
        disks = self._checked_room(config, nodes, disks, adopts=adopts)
        self._check_access(config, nodes, params, disks)
        self._check_policy(config, nodes, params, disks)
        self._check_hosts(config, nodes, params, nics)
        return Creation(
            nodes=nodes,
            params=params,
            nics=nics,
            disks=disks,
            directory=directory,
            adopts=adopts,
            planned=planned,
            source=source,
        )

    def _check_luck(self, config: ConfigSnapshot) -> None:
        """Wait for the node with the export, too, where it was not free.

        Raises:
            TooFewLocks: it was not.
        """
        node = importing.node_of(config, self.op)
        if node is None or not self.op.opportunistic_locking:
            return
        if node.uuid not in self.work.locks.names(LockLevel.NODE):
            raise TooFewLocks(f"Node {node.name}, which has the export, is not locked")

    def _template(self) -> str:
        assert self.op.disk_template is not None, "it has been filled in"
        return self.op.disk_template

    def _own_address(self, config: ConfigSnapshot) -> str | None:
        """Return the address that the name stands for, where names are looked up. Switches."""
        if not self.op.name_check:
            return None
        family = config.cluster.primary_ip_family
        return self.work.probe.host(self.op.instance_name, family).address

    def _check_address(self, address: str | None) -> None:
        """Refuse a name whose address somebody answers at. Switches."""
        if not self.op.ip_check or address is None:
            return
        if self.work.probe.is_there(address, NODED_PORT, listening=False):
            raise OpPrereqError(
                f"IP {address} of instance {self.op.instance_name} already in use",
                ECode.NOTUNIQUE,
            )

    def _nics(self, config: ConfigSnapshot) -> Sequence[Given]:
        if not self.op.identify_defaults:
            return self.op.nics
        return [create_params.nic_as_the_cluster(config, nic) for nic in self.op.nics]

    def _check_disks(
        self, planned: AnyInstance | None, disks: Sequence[NewDisk], *, adopts: bool
    ) -> None:
        """Refuse what is to become of disks that there will not be.

        Raises:
            OpPrereqError: there is an image for none, or other disks were put aside than are
                adopted.
        """
        count = 0 if self._template() == "diskless" else len(disks)
        if planned is not None:
            count = len(planned.disks)
        if self.op.mode == "create" and not count and images.of_os(self.op.osparams) is not None:
            raise OpPrereqError("There is no disk for the OS image", ECode.INVAL)
        if adopts and count != len(disks):
            raise OpPrereqError(
                f"{len(disks)} disks are to be adopted, but {count} were put aside for instance"
                f" {self.op.instance_name}",
                ECode.INVAL,
            )

    def _check_texts(
        self, params: Parameters, nics: Sequence[Nic], disks: Sequence[NewDisk]
    ) -> None:
        """Refuse texts that the configuration does not keep, while no disk has been made.

        Raises:
            OpPrereqError: there are some.
        """
        rules.refuse_uncarried(
            {
                "os": self.op.os_type,
                "tags": self.op.tags,
                "file_storage_dir": self.op.file_storage_dir,
                "hvparams": params.hv,
                "osparams": params.os,
                "osparams_private": params.os_private,
                "nics": [write(nic) for nic in nics],
                "disks": [disk.document() for disk in disks],
            }
        )

    def _nodes(
        self,
        config: ConfigSnapshot,
        planned: AnyInstance | None,
        params: Parameters,
        nics: Sequence[Nic],
        disks: Sequence[NewDisk],
    ) -> Nodes:
        """Return the nodes: of what was put aside, found, or named. Switches."""
        if planned is not None:
            places = nodes_of(config, planned)
            if planned.primary_node is None or not 1 <= len(places) <= 2:
                raise OpPrereqError(
                    f"Instance {planned.name} cannot become real: it has {len(places)} nodes, of"
                    " which one must be its primary node, and another one may have the copies of"
                    " its disks",
                    ECode.STATE,
                )
            found = Nodes(*places)
            self.work.say.info(
                f"Nodes of instance {planned.name}: {', '.join(node.name for node in found.all)}"
            )
            return found
        if self.op.iallocator is None:
            return self._named(config)
        allowed = None
        if self.op.opportunistic_locking:
            held = self.work.locks.names
            both = held(LockLevel.NODE) & held(LockLevel.NODE_RES)
            allowed = sorted(config.nodes[uuid].name for uuid in both)
        request = Allocate(
            name=self.op.instance_name,
            disk_template=self._template(),
            group_name=self.op.group_name,
            tags=self.op.tags,
            os=self.op.os_type,
            vcpus=params.be_whole.vcpus,
            memory=params.be_whole.maxmem,
            spindle_use=params.be_whole.spindle_use,
            disks=[disk.document() for disk in disks],
            nics=[plain(nic) for nic in nics],
            hypervisor=params.hypervisor,
            allowed_nodes=allowed,
        )
        return create_nodes.allocated(self.work, config, self.op.iallocator, request)

    def _keep_locks(self, config: ConfigSnapshot, nodes: Nodes, source: Source | None) -> None:
        """Give back what was locked for the choice of nodes only."""
        uuids = list(nodes.uuids)
        if isinstance(source, Exported):
            uuids.append(source.node.uuid)
        for level in (LockLevel.NODE, LockLevel.NODE_RES):
            # What a node with an export has to give is not needed, and may not have been free.
            self.work.locks.keep(level, self.work.locks.names(level) & set(uuids))
        self.work.locks.keep(LockLevel.NODEGROUP, evacuation.groups_of(config, uuids))

    def _checked_room(
        self, config: ConfigSnapshot, nodes: Nodes, disks: list[NewDisk], *, adopts: bool
    ) -> list[NewDisk]:
        """Return the disks, with the sizes they have where they are there already. Switches."""
        template = self._template()
        if not adopts:
            room = new_disks.room_by_group(disks, template)
            host_checks.room(self.work, config, nodes.all, room)
            return disks
        adopted = disk_adoption.volumes if template == "plain" else disk_adoption.devices
        return adopted(self.work, nodes.primary, disks)

    def _check_access(
        self, config: ConfigSnapshot, nodes: Nodes, params: Parameters, disks: Sequence[NewDisk]
    ) -> None:
        """Refuse a way to disks that the hypervisor does not have."""
        template = self.op.disk_template
        assert template is not None, "it has been filled in"
        group = existing_disks.group_params(config, nodes.primary.group, template)
        for disk in disks:
            mode = disk.access or str(group.get("access", "kernelspace"))
            new_disks.check_access(params.hypervisor, template, mode)

    def _check_policy(
        self, config: ConfigSnapshot, nodes: Nodes, params: Parameters, disks: Sequence[NewDisk]
    ) -> None:
        """Refuse an instance that its group does not admit."""
        if self.op.ignore_ipolicy:
            return
        group = config.nodegroups[nodes.primary.group]
        size = policy.Size(
            params.be_whole.maxmem,
            params.be_whole.vcpus,
            len(self.op.nics),
            params.be_whole.spindle_use,
            [disk.size for disk in disks],
            {self._template()} if disks else frozenset(),
        )
        broken = policy.broken(policy.filled(config, group.ipolicy), size)
        if broken:
            raise OpPrereqError(
                f"Instance allocation to group {group.uuid} ({group.name}) violates policy:"
                f" {', '.join(broken)}",
                ECode.INVAL,
            )

    def _check_hosts(
        self, config: ConfigSnapshot, nodes: Nodes, params: Parameters, nics: Sequence[Nic]
    ) -> None:
        """Ask nodes whether it can run there. Switches."""
        op, work, cluster = self.op, self.work, config.cluster
        filled = fill_free(cluster.hvparams.get(params.hypervisor, {}), params.hv)
        host_checks.hypervisor_params(work, nodes.all, params.hypervisor, filled)
        if op.os_type:
            variant = op.force_variant
            host_checks.os_params(
                work, nodes.all, op.os_type, params.os_whole, force_variant=variant
            )
        host_checks.bridges(work, config, nodes.primary, nics)
        moving.check_tool(config, op.compress)
        if op.start:
            what_for = f"creating instance {op.instance_name}"
            spec = (params.hypervisor, filled)
            host_checks.memory(work, nodes.primary, spec, params.be_whole.maxmem, what_for)

    # --- what is told -------------------------------------------------------------------------

    def hooks(self, plan: Creation, config: ConfigSnapshot) -> Hooked:
        op, secondary = self.op, plan.nodes.secondary
        subject = hook_env.Subject(
            name=op.instance_name,
            primary=plan.nodes.primary.name,
            secondaries=[] if secondary is None else [secondary.name],
            os=op.os_type,
            status=op.start,
            hypervisor=plan.params.hypervisor,
            be=plan.params.be_whole,
            size=plan.params.be_whole,
            hv=plan.params.hv_whole,
            nics=plan.nics,
            disk_template=self._template(),
            disks=[hook_env.NewDisk(disk.size, disk.mode, disk.name) for disk in plan.disks],
            tags=op.tags,
        )
        env = {**hook_env.asked(op), **hook_env.instance_env(config, subject)}
        if isinstance(plan.source, Exported):
            images = [image or False for image in plan.source.images(len(plan.disks))]
            env |= hook_env.source(plan.source.node.name, plan.source.path, images)
        nodes = tuple(dict.fromkeys((config.cluster.master_node, *plan.nodes.uuids)))
        return Hooked(env, nodes, nodes)

    def describe(self, plan: Creation) -> Description:
        op = self.op
        where = " and ".join(node.name for node in plan.nodes.all)
        if op.forthcoming:
            return [f"Put aside what instance {op.instance_name} needs on {where}"]
        verb = "Adopt" if plan.adopts else "Make"
        said = [f"{verb} {len(plan.disks)} {self._template()} disks on {where}"]
        if plan.adopts or not plan.disks:
            said = said if plan.disks else []
        said.append(f"Record instance {op.instance_name}")
        if isinstance(plan.source, Exported):
            said.append(f"Fill its disks from {plan.source.path} on {plan.source.node.name}")
        elif plan.source is not None:
            said.append(f"Await its disks' data from another cluster, of {plan.source.old_name}")
        return [*said, f"Start it on {plan.nodes.primary.name}"] if op.start else said

    def dry_run(self, plan: Creation) -> list[str]:
        return plan.nodes.uuids

    def execute(self, plan: Creation) -> list[str]:
        return instance_making.make(self.work, self.op, plan)


def _on(config: ConfigSnapshot, uuids: frozenset[str]) -> Locks:
    """Return the locks of nodes, what they have to give, and their groups."""
    nodes = LockRequest(uuids)
    groups = LockRequest(evacuation.groups_of(config, uuids), LockMode.SHARED)
    return {LockLevel.NODEGROUP: groups, LockLevel.NODE: nodes, LockLevel.NODE_RES: nodes}
