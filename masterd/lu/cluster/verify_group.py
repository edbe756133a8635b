"""OP_CLUSTER_VERIFY_GROUP: whether the nodes and instances of a group are as they should be.

Source: Ganeti 3.0.2 lib/cmdlib/cluster/verify.py, LUClusterVerifyGroup.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Final

from masterd.config.kinds import AnyDisk, AnyInstance
from masterd.config.node import Node
from masterd.config.relations import nodes_of, relations
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.ssconf_files import ssconf_values
from masterd.instance import disks as disks_of_instance
from masterd.instance import hook_env
from masterd.limits import VERIFY_FILES_TRIES
from masterd.lock.levels import LockLevel, LockMode, LockRequest
from masterd.lu import names
from masterd.lu.cluster import ancillary
from masterd.lu.cluster.ancillary import AncillaryFiles
from masterd.lu.cluster.verify_report import VerifyReport
from masterd.node import disks
from masterd.node import verify as node_verify
from masterd.opcodes.cluster_verify import OpClusterVerifyGroup
from masterd.rpc.result import RpcResult
from masterd.rpc.virtual_path import VirtualPaths
from masterd.verify import asked, instances, nodes, problems, shared, storage
from masterd.verify.group import GroupView, NodeImage, instances_at_home, is_mirrored_inside
from masterd.verify.problems import Problem, guarded, problem
from masterd.work.base import Locks, LogicalUnit
from masterd.work.hooks import Answers, Hooked, HookPath

#: Skips the look at the memory for failovers.
_N_PLUS_ONE: Final = "nplusone_mem"
_SCRIPT_FAILED: Final = 1
_INDENT: Final = "      "

States = Mapping[str, Mapping[str, Sequence[tuple[bool, Any]]]]


@dataclass(slots=True)
class _Gathered:
    """What the nodes have told.

    Attributes:
        images: of the group's nodes, in their order.
        others: of nodes of other groups that hold disks of its instances.
        compared: of all nodes whose files are compared.
        states: of disks, by uuid of the instance and of the node.
        asked_s: when the nodes were asked, and when all had answered.
    """

    images: list[NodeImage]
    others: list[NodeImage]
    compared: list[NodeImage]
    states: States
    asked_s: float
    answered_s: float


class LUClusterVerifyGroup(LogicalUnit[OpClusterVerifyGroup, GroupView]):
    """Asks all nodes of a group, and tells of everything that is not as the configuration says."""

    HOOKS: ClassVar[HookPath | None] = HookPath("cluster-verify", "CLUSTER")

    def needs(self, config: ConfigSnapshot) -> Locks:
        group = names.group(config, self.op.group_name)
        at_home = instances_at_home(config, group)
        wanted = {node.uuid for node in config.group_nodes(group.uuid)}
        for instance in at_home:
            if is_mirrored_inside(config, instance):
                wanted.update(node.uuid for node in nodes_of(config, instance))
        named = {
            LockLevel.INSTANCE: {each.name for each in at_home if each.name},
            LockLevel.NODEGROUP: {group.uuid},
            LockLevel.NODE: wanted,
        }
        return {
            level: LockRequest(frozenset(some), LockMode.SHARED) for level, some in named.items()
        }

    def check(self, config: ConfigSnapshot) -> GroupView:
        return GroupView(config, names.group(config, self.op.group_name))

    def hooks(self, plan: GroupView, config: ConfigSnapshot) -> Hooked:
        members = config.group_nodes(plan.group.uuid)
        env = hook_env.tags_env(config, members)
        return Hooked(env=env, post_nodes=[node.uuid for node in members])

    def execute(self, plan: GroupView) -> bool:
        say = self.work.say
        say(f"* Verifying group '{plan.group.name}'")
        if not plan.nodes:
            say("* The group has no nodes, there is nothing to verify")
            return True
        report = VerifyReport(self.op, say)
        files = ancillary.verified(plan.config.cluster, self.work.paths, ssconf_values(plan.config))
        gathered = self._gather(plan, files, report)
        self._verify_shared(plan, gathered, files, report)
        self._verify_nodes(plan, gathered, report)
        self._verify_instances(plan, gathered, report)
        say("* Other Notes")
        for text in instances.notes(plan):
            say(text)
        self._simulate(report)
        return not report.failed

    def heard(self, plan: GroupView, answers: Answers, result: object) -> object:
        if not plan.nodes:
            return result
        report = VerifyReport(self.op, self.work.say)
        self.work.say("* Results of hooks")
        for answer in answers.values():
            if answer.offline:
                continue
            if not answer.ok:
                text = f"cannot be asked to run its hooks: {answer.error}"
                report.problem(problem(problems.NODE_HOOKS, answer.node_name, text))
                result = False
                continue
            scripts: Any = answer.payload
            for script, status, output in scripts:
                if status == _SCRIPT_FAILED:
                    text = f"the hook {script} failed; its output:"
                    report.problem(problem(problems.NODE_HOOKS, answer.node_name, text))
                    self.work.say("\n".join(_INDENT + line for line in output.split("\n")))
                    result = False
        return result

    # --- asking -----------------------------------------------------------------------------------

    def _gather(self, view: GroupView, files: AncillaryFiles, report: VerifyReport) -> _Gathered:
        """Ask all nodes. Switches."""
        say, work = self.work.say, self.work
        say(f"* Gathering data of {len(view.nodes)} nodes")
        # What another job has just changed must be everywhere before copies are compared.
        work.config.settle()
        serial_no = work.config.snapshot().serial_no
        paths = VirtualPaths(work.paths.virtual_root)
        travelling = [paths.virtual(path) for path in files.all()]
        scripts = []
        if view.config.cluster.use_external_mip_script:
            scripts = [str(ancillary.address_script(work.paths))]
        checks = asked.checks(view, travelling, scripts, clutter=self.op.verify_clutter)
        say(f"* Gathering information about nodes ({len(view.online)} are online)")
        asked_s = work.clock.now_us() / 1e6
        images = self._ask(view.nodes, checks, view.config)
        answered_s = work.clock.now_us() / 1e6
        others = self._ask_others(view)
        beyond = self._ask_beyond(view, travelling)
        compared = self._again(view, images + beyond, travelling, serial_no)
        say(f"* Gathering information about the disks of {len(view.nodes)} nodes")
        states = self._disk_states(view, report)
        return _Gathered(images, others, compared, states, asked_s, answered_s)

    def _ask(
        self, there: Sequence[Node], checks: asked.Checks, config: ConfigSnapshot
    ) -> list[NodeImage]:
        answers = node_verify.verify(self.work.rpc, config, there, checks)
        return [_image(node, answers[node.uuid]) for node in there]

    def _ask_others(self, view: GroupView) -> list[NodeImage]:
        """Ask the nodes of other groups for the volumes that they have of our instances."""
        group = view.config.cluster.volume_group_name
        if not view.reached_outside or group is None:
            return [NodeImage(node) for node in view.reached_outside]
        count = len(view.reached_outside)
        self.work.say(f"* Gathering information about {count} nodes of other groups")
        return self._ask(view.reached_outside, {asked.VOLUMES: group}, view.config)

    def _ask_beyond(self, view: GroupView, files: Sequence[str]) -> list[NodeImage]:
        """Ask nodes of other groups for their files: the master, and one that is not."""
        if not view.outside:
            return []
        master = view.config.cluster.master_node
        wanted = [node for node in view.outside if node.uuid == master]
        wanted += [
            node for node in view.outside
            if node.vm_capable and not node.offline and node.uuid != master
        ][:1]  # fmt: skip
        self.work.say("* Gathering information about files of other groups' nodes")
        return self._ask(wanted, {asked.FILES: list(files)}, view.config)

    def _again(
        self, view: GroupView, images: Sequence[NodeImage], files: Sequence[str], serial_no: int
    ) -> list[NodeImage]:
        """Return images in which files are of one moment, as far as that can be had.

        Files that were changed while nodes were asked would seem to differ; then they are asked for
        again.
        """
        config = self.work.config
        compared = list(images)
        for _ in range(VERIFY_FILES_TRIES):
            now = config.snapshot().serial_no
            if now == serial_no:
                break
            serial_no = now
            config.settle()
            there = [image.node for image in images if image.found is not None]
            compared = self._ask(there, {asked.FILES: list(files)}, view.config)
            compared += [image for image in images if image.found is None]
        return compared

    def _disk_states(self, view: GroupView, report: VerifyReport) -> States:
        """Ask the group's nodes for the state of its instances' disks. Switches."""
        config = view.config
        own = {node.uuid for node in view.nodes}
        known = config.derived(relations)
        owned: defaultdict[str, list[tuple[AnyDisk, AnyInstance]]] = defaultdict(list)
        for is_secondary in (False, True):
            for instance in view.instances:
                there = disks_of_instance.of(config, instance)
                uuids = known.secondaries.get(instance.uuid, ()) if is_secondary else (
                    instance.primary_node,)  # fmt: skip
                for uuid in uuids:
                    if uuid in own and there:
                        owned[uuid] += [(disk, instance) for disk in there]
        asked_nodes = [(node, owned[node.uuid]) for node in view.nodes if node.uuid in owned]
        states: defaultdict[str, dict[str, list[tuple[bool, Any]]]] = defaultdict(dict)
        if not asked_nodes:
            return states
        answers = disks.mirror_status_of_all(self.work.rpc, config, asked_nodes)
        for node, pairs in asked_nodes:
            answer = answers[node.uuid]
            if not answer.ok and not answer.offline:
                text = f"does not tell the state of its disks: {answer.error}"
                report.problem(problem(problems.NODE_RPC, node.name, text))
            for (_, instance), state in zip(pairs, _states(answer, len(pairs)), strict=True):
                states[instance.uuid].setdefault(node.uuid, []).append(state)
        return states

    # --- judging ----------------------------------------------------------------------------------

    def _verify_shared(
        self, view: GroupView, told: _Gathered, files: AncillaryFiles, report: VerifyReport
    ) -> None:
        self.work.say("* Verifying that files and certificates are the same everywhere")
        cluster = view.config.cluster
        self._tell(report, partial(shared.client_certificates, cluster, told.images))
        if cluster.modify_ssh_setup:
            self._tell(report, partial(shared.ssh_setup, told.images))
        local = VirtualPaths(self.work.paths.virtual_root).local
        self._tell(report, partial(_files, view, told.compared, files, local))

    def _verify_nodes(self, view: GroupView, told: _Gathered, report: VerifyReport) -> None:
        self.work.say("* Verifying nodes")
        reference: NodeImage | None = None
        for image in told.images:
            if image.node.offline:
                if self.op.verbose:
                    self.work.say(f"* Skipping offline node {image.node.name}")
                continue
            if self.op.verbose:
                self.work.say(f"* Verifying node {image.node.name} ({_role(view, image.node)})")
            self._tell(report, partial(self._node, view, image, told))
            if image.operating_systems is not None:
                reference = reference or image
                self._guarded(report, image.node.name, partial(nodes.systems, image, reference))
        self._tell(report, partial(storage.drbd_versions, told.images))
        if view.has_exclusive_storage:
            self._tell(report, partial(storage.group_disk_sizes, view, told.images))
        for image in told.others:
            self._guarded(report, image.node.name, partial(_volumes_of_other, view, image))

    def _node(self, view: GroupView, image: NodeImage, told: _Gathered) -> Iterator[Problem]:
        """Verify what one node has told, one thing after the other."""
        node, found = image.node, image.found
        if found is None:
            yield problem(problems.NODE_RPC, node.name, f"cannot be asked: {image.error}")
            return
        release, protocol = self.work.dialect.release_version, self.work.dialect.protocol_version
        checks: list[Callable[[], Iterator[Problem]]] = [
            partial(nodes.speaks_alike, node, found, protocol, release)
        ]
        if nodes.is_readable(found, protocol):
            checks.append(partial(nodes.hypervisors, node, found))
        checks += [
            partial(nodes.clock, node, found, told.asked_s, told.answered_s),
            partial(nodes.network, view, node, found),
            partial(nodes.programs, node, found),
            partial(nodes.file_storage, view, node, found),
        ]
        if node.vm_capable:
            checks += self._of_capable(view, image, found)
        for each in checks:
            yield from guarded(node.name, each)

    def _of_capable(
        self, view: GroupView, image: NodeImage, found: Mapping[str, Any]
    ) -> list[Callable[[], Iterator[Problem]]]:
        """Return the checks of a node that can have instances."""
        cluster, node = view.config.cluster, image.node
        templates = cluster.enabled_disk_templates
        checks = [partial(storage.volume_group, view, image, found)]
        if "drbd" in templates:
            checks.append(partial(storage.drbd, view, image, found))
        if "plain" in templates or "drbd" in templates:
            checks.append(partial(storage.volumes, view.config, image, found))
        return [
            *checks,
            partial(nodes.guests, view, image, found),
            partial(storage.group_is_told, view.config, node, found),
            partial(nodes.read_systems, image, found),
            partial(nodes.bridges, view, node, found),
            partial(nodes.strangers, view, image),
            partial(nodes.exclusion_tags, node, view.primaries(node), cluster.tags),
        ]

    def _verify_instances(self, view: GroupView, told: _Gathered, report: VerifyReport) -> None:
        self.work.say("* Verifying instances")
        images = {image.node.uuid: image for image in (*told.others, *told.images)}
        for instance in view.instances:
            if self.op.verbose:
                self.work.say(f"* Verifying instance {instance.name}")
            states = told.states.get(instance.uuid, {})
            check = partial(instances.instance, view, instance, images, states)
            self._guarded(report, instance.name or instance.uuid, check)
        self.work.say("* Looking for volumes that nobody knows")
        self._tell(report, partial(storage.orphans, view, told.images))
        if _N_PLUS_ONE not in self.op.skip_checks:
            self.work.say("* Verifying the memory for failovers")
            self._tell(report, partial(instances.n_plus_one, view, told.images))

    def _tell(self, report: VerifyReport, check: Callable[[], Iterator[Problem]]) -> None:
        for each in self.work.in_thread(lambda: list(check())):
            report.problem(each)

    def _guarded(
        self, report: VerifyReport, name: str, check: Callable[[], Iterator[Problem]]
    ) -> None:
        self._tell(report, partial(guarded, name, check))

    def _simulate(self, report: VerifyReport) -> None:
        """Tell of every kind of problem once, where false alarms are wanted."""
        for code in problems.OF_GROUPS:
            report.tell(code, (), simulated="false alarm")


def _image(node: Node, answer: RpcResult) -> NodeImage:
    if answer.ok and isinstance(answer.payload, dict) and answer.payload:
        return NodeImage(node, found=answer.payload)
    return NodeImage(node, error=answer.error or "it told nothing", volumes=None)


def _states(answer: RpcResult, count: int) -> list[tuple[bool, Any]]:
    """Return success and state of each disk that a node was asked of."""
    if answer.offline:
        return [(False, "the node is offline")] * count
    told = answer.payload
    if not answer.ok or not isinstance(told, list) or len(told) != count:
        return [(False, answer.error or "the answer cannot be read")] * count
    return [
        (bool(each[0]), each[1])
        if isinstance(each, list | tuple) and len(each) == 2
        else (False, "the answer cannot be read")
        for each in told
    ]


def _volumes_of_other(view: GroupView, image: NodeImage) -> Iterator[Problem]:
    if image.found is None:
        if image.error is not None and not image.node.offline:
            yield problem(problems.NODE_RPC, image.node.name, f"cannot be asked: {image.error}")
        return
    yield from storage.volumes(view.config, image, image.found)


def _files(
    view: GroupView,
    images: Sequence[NodeImage],
    files: AncillaryFiles,
    local: Callable[[str], Any],
) -> Iterator[Problem]:
    """Compare all files."""
    master = view.config.cluster.master_node
    by_owner: tuple[tuple[Sequence[Any], Callable[[Node], bool]], ...] = (
        (files.everywhere, lambda _node: True),
        (files.on_candidates, lambda node: node.master_candidate or node.uuid == master),
        (files.on_capable, lambda node: node.vm_capable),
    )
    comparison = shared.FileComparison(images, local)
    yield from comparison.silent()
    for paths, should_have in by_owner:
        for path in paths:
            yield from comparison.file(path, should_have, optional=path in files.optional)


def _role(view: GroupView, node: Node) -> str:
    if node.uuid == view.config.cluster.master_node:
        return "master"
    if node.master_candidate:
        return "master candidate"
    return "drained" if node.drained else "regular"
