"""What scripts on nodes are told, compared with Ganeti's own logical units, for every opcode.

Ganeti's units run in their own process on the same configuration. Those that ask no node check for
themselves what they need to know; the others are given what their checks would have found. Ours are
run to their first scripts where that needs nothing else; or else the functions that they stand on,
or will stand on, are asked.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import pytest

from masterd.config import document
from masterd.config.instance import Instance, Nic
from masterd.config.node import Node
from masterd.config.objects import write
from masterd.config.params import PartialBeParams, PartialNicParams, fill, fill_free
from masterd.config.relations import relations
from masterd.config.render import render
from masterd.config.snapshot import ConfigSnapshot
from masterd.instance import disks, hook_env
from masterd.instance.hook_env import NewDisk, Subject, asked, instance_env, moved, subject
from masterd.lu.registry import LOGICAL_UNITS
from masterd.node.target import Where
from masterd.opcodes.base import OpCode
from masterd.work.hooks import Answers, Hooked, HookPath, Surrounded
from tests.interop import debian
from tests.interop.library import Library, library
from tests.lu_support import make_world, op
from tests.sample_config import sample

pytestmark = debian.needs_ganeti

SEEDS: Final = (1, 2, 3)

#: Opcodes whose units look at more than a configuration, such as names and nodes. What they tell
#: is made by the functions they stand on; `tests/same_calls` sees it arrive.
BY_FUNCTIONS: Final = frozenset(
    {
        "OP_BACKUP_EXPORT",
        "OP_CLUSTER_DESTROY",
        "OP_CLUSTER_POST_INIT",
        "OP_CLUSTER_RENAME",
        "OP_CLUSTER_SET_PARAMS",
        "OP_INSTANCE_CHANGE_GROUP",
        "OP_INSTANCE_CREATE",
        "OP_INSTANCE_FAILOVER",
        "OP_INSTANCE_GROW_DISK",
        "OP_INSTANCE_MIGRATE",
        "OP_INSTANCE_MOVE",
        "OP_INSTANCE_RECREATE_DISKS",
        "OP_INSTANCE_REINSTALL",
        "OP_INSTANCE_RENAME",
        "OP_INSTANCE_REPLACE_DISKS",
        "OP_INSTANCE_SET_PARAMS",
        "OP_NODE_ADD",
        "OP_NODE_REMOVE",
        "OP_NODE_SET_PARAMS",
    }
)

#: An instance's size that no instance of the sample has.
OTHER_SIZE: Final = PartialBeParams(maxmem=777, minmem=300, vcpus=3)

PROGRAM: Final = """
from types import SimpleNamespace
from ganeti import config, locking, mcpu, objects, opcodes

class Processor(object):
    def Log(self, *args, **kwargs):
        pass
    LogWarning = LogInfo = LogStep = Log
    def GetECId(self):
        return "1"

def owned(unit, level):
    if level == locking.LEVEL_INSTANCE:
        found = unit.cfg.GetNodeGroupInstances(unit.group_uuid)
        return [unit.cfg.GetInstanceInfo(uuid).name for uuid in found]
    return {
        locking.LEVEL_NODE: unit.cfg.GetNodeList(),
        locking.LEVEL_NODEGROUP: unit.cfg.GetNodeGroupList(),
    }[level]

def checked(kind, op, cfg):
    unit = kind(Processor(), op, cfg, None, None, None)
    unit.owned_locks = lambda level: owned(unit, level)
    unit.ExpandNames()
    if kind.__name__ == "LUGroupEvacuate":
        unit.target_uuids = unit.req_target_uuids
    else:
        unit.CheckPrereq()
    return unit

def given(kind, op, cfg, facts):
    unit = kind.__new__(kind)
    unit.op, unit.cfg, unit.cluster = op, cfg, cfg.GetClusterInfo()
    for name, value in facts["op"].items():
        setattr(op, name, value)
    if facts["instance"]:
        unit.instance = cfg.GetInstanceInfo(facts["instance"])
        unit.secondary_nodes = cfg.GetInstanceSecondaryNodes(facts["instance"])
        unit.inst_disks = cfg.GetInstanceDisks(facts["instance"])
        unit._migrater = unit.replacer = SimpleNamespace(
            instance=unit.instance, target_node_uuid=facts["target"], live=facts["live"])
    unit.target_uuids = facts["groups"]
    unit.my_node_info = dict((uuid, cfg.GetNodeInfo(uuid)) for uuid in facts["nodes"])
    unit.be_new = facts["be"]
    unit._new_nics = facts["nics"] and [objects.NIC.FromDict(nic) for nic in facts["nics"]]
    unit.src_images = facts["images"]
    unit.secondaries = facts["secondaries"]
    unit.be_full, unit.hv_full, unit.disks = facts["be"], facts["hv"], facts["disks"]
    unit.nics = unit._new_nics or []
    for nic in unit.nics:
        nic.nicparams = unit.cluster.SimpleFillNIC(nic.nicparams)
    return unit

class Config(config.ConfigWriter):
    def _OpenConfig(self, shared, force=False):
        # Read once, not for each question.
        if self._config_data is None:
            config.ConfigWriter._OpenConfig(self, shared, force)
    def _CloseConfig(self, save):
        pass

def read(path):
    if path not in configs:
        configs[path] = Config(cfg_file=path, offline=True, accept_foreign=True)
    return configs[path]

configs = {}

def answer(question):
    cfg = read(question["path"])
    op = opcodes.OpCode.LoadOpCode(question["op"])
    op.Validate(True)
    kind = mcpu.Processor.DISPATCH_TABLE[type(op)]
    if question["facts"] is None:
        unit = checked(kind, op, cfg)
    else:
        unit = given(kind, op, cfg, question["facts"])
    env = dict((str(key), str(value)) for key, value in unit.BuildHooksEnv().items())
    pre, post = unit.BuildHooksNodes()
    return {"path": unit.HPATH, "type": unit.HTYPE, "env": env,
            "pre": sorted(set(pre), key=str), "post": sorted(set(post), key=str)}

def hooked(question):
    return sorted(op.OP_ID for op, kind in mcpu.Processor.DISPATCH_TABLE.items() if kind.HPATH)

_answer = answer
def answer(question):
    return hooked(question) if question == "opcodes" else _answer(question)
"""


@dataclass(frozen=True)
class Facts:
    """What the checks of a unit of the reference would have found, for its own process."""

    instance: str | None = None
    target: str | None = None
    live: bool | None = None
    groups: list[str] = field(default_factory=list)
    nodes: list[str] = field(default_factory=list)
    be: dict[str, Any] = field(default_factory=dict)
    hv: dict[str, Any] = field(default_factory=dict)
    nics: list[dict[str, Any]] | None = None
    disks: list[dict[str, Any]] = field(default_factory=list)
    images: object = None
    secondaries: list[str] = field(default_factory=list)
    op: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Expected:
    """An opcode whose unit is to come, the facts for the reference, and what ours tells."""

    op: OpCode
    facts: Facts
    env: Mapping[str, object]


@pytest.fixture(scope="module")
def reference() -> Iterator[Library]:
    with library(PROGRAM) as found:
        yield found


@pytest.fixture(scope="module", params=SEEDS)
def config(request: pytest.FixtureRequest) -> ConfigSnapshot:
    return document.split(sample(request.param, nodes=5, groups=3, instances=20))


@pytest.fixture
def path(config: ConfigSnapshot, tmp_path: Path) -> Path:
    path = tmp_path / "config.data"
    path.write_bytes(render(config))
    return path


def comparable(env: Mapping[str, object]) -> dict[str, str]:
    """Return variables as texts, without the order of what is a set in the reference."""
    return {
        name: " ".join(sorted(str(value).split(" ")))
        if "_TAGS" in name or name in ("INSTANCE_SECONDARIES", "TARGET_GROUPS")
        else str(value)
        for name, value in env.items()
    }


def instances(config: ConfigSnapshot) -> list[Instance]:
    return [each for each in config.instances.values() if isinstance(each, Instance)]


def node(config: ConfigSnapshot, uuid: str) -> Node:
    found = config.nodes.get(uuid)
    assert found is not None
    return found


def of_instance(config: ConfigSnapshot, instance: Instance) -> Iterator[Expected]:
    """Yield what opcodes of one instance are expected to tell."""
    own = instance_env(config, subject(config, instance))
    facts = Facts(instance=instance.uuid)
    by_name = sorted(config.nodes.values(), key=lambda each: each.name)
    target = next(each for each in by_name if each.uuid != instance.primary_node)

    def told(op_id: str, /, **parameters: object) -> Expected:
        wanted = op(op_id, instance_name=instance.name, **parameters)
        return Expected(wanted, facts, {**asked(wanted), **own})

    yield told("OP_INSTANCE_REINSTALL")
    yield told("OP_INSTANCE_RECREATE_DISKS")
    yield told("OP_INSTANCE_RENAME", new_name="another.example.com")
    yield told("OP_INSTANCE_GROW_DISK", disk=0, amount=1024, absolute=True)
    yield told("OP_BACKUP_EXPORT", target_node=target.name, remove_instance=True)
    yield told("OP_BACKUP_EXPORT", mode="remote", target_node=[["a", 1], ["b", 2]], shutdown=False)
    yield from _moving(config, instance, target)
    groups = list(config.nodegroups)[:2]
    change = told("OP_INSTANCE_CHANGE_GROUP")
    yield Expected(
        change.op,
        replace(facts, groups=groups),
        {**change.env, "TARGET_GROUPS": " ".join(groups)},
    )
    secondaries = config.derived(relations).secondaries[instance.uuid]
    if secondaries:
        swap = told(
            "OP_INSTANCE_REPLACE_DISKS", mode="replace_new_secondary", remote_node=target.name
        )
        old = hook_env.old_secondary(config, instance)
        yield Expected(
            swap.op,
            replace(facts, op={"remote_node_uuid": target.uuid}),
            {**swap.env, **old},
        )
    yield from _changed(config, instance)


def _moving(config: ConfigSnapshot, instance: Instance, target: Node) -> Iterator[Expected]:
    """Yield what is told when an instance goes to another node."""
    own = instance_env(config, subject(config, instance))
    facts = Facts(instance=instance.uuid, target=target.uuid, live=True)
    to = moved(config, instance, target.name)
    move = op("OP_INSTANCE_MOVE", instance_name=instance.name, target_node="short")
    yield Expected(
        move,
        replace(facts, op={"target_node": target.name, "target_node_uuid": target.uuid}),
        {**asked(move, target_node=target.name), **own},
    )
    failover = op("OP_INSTANCE_FAILOVER", instance_name=instance.name, ignore_consistency=True)
    yield Expected(failover, facts, {**asked(failover), **to, **own})
    migrate = op("OP_INSTANCE_MIGRATE", instance_name=instance.name, cleanup=True)
    yield Expected(migrate, facts, {**asked(migrate), **to, **own, "MIGRATE_LIVE": True})


def _changed(config: ConfigSnapshot, instance: Instance) -> Iterator[Expected]:
    """Yield what is told when an instance gets other memory and another NIC."""
    change = op(
        "OP_INSTANCE_SET_PARAMS",
        instance_name=instance.name, beparams={"maxmem": 777}, disk_template="plain",
        runtime_mem=512, remote_node="x",
    )  # fmt: skip
    be = fill(config.cluster.beparams["default"], OTHER_SIZE)
    network = next(iter(config.networks.values()))
    nic = Nic(
        mac="aa:00:00:12:34:56",
        nicparams=PartialNicParams(mode="openvswitch", link="switch1"),
        network=network.uuid,
        name="first",
        uuid="4d0a7bfa-4b0f-4b07-8a33-4a30ad9b6a11",
    )
    as_is = subject(config, instance)
    yield Expected(
        change,
        Facts(instance=instance.uuid, be=write(be), nics=[write(nic)]),
        {**asked(change), **instance_env(config, replace(as_is, size=be, nics=[nic]))},
    )
    nothing = op("OP_INSTANCE_SET_PARAMS", instance_name=instance.name, hvparams={"acpi": True})
    yield Expected(
        nothing, Facts(instance=instance.uuid), {**asked(nothing), **instance_env(config, as_is)}
    )


def created(config: ConfigSnapshot) -> Iterator[Expected]:
    """Yield what is told of an instance that is to be made, or to come from an export."""
    first, second = sorted(config.nodes.values(), key=lambda each: each.name)[:2]
    be = fill(config.cluster.beparams["default"], OTHER_SIZE)
    hv = fill_free(config.cluster.hvparams["kvm"], {"kernel_args": "ro"})
    nic = Nic(
        mac="aa:00:00:12:34:56",
        nicparams=PartialNicParams(mode="routed"),
        ip="192.0.2.7",
        uuid="4d0a7bfa-4b0f-4b07-8a33-4a30ad9b6a11",
    )
    common = {
        "instance_name": "new.example.com", "disk_template": "drbd", "os_type": "noop",
        "hypervisor": "kvm", "pnode": first.name, "tags": ["b", "a"], "nics": [], "disks": [],
        "osparams_secret": {"password": "hidden"}, "osparams_private": {"key": "hidden"},
    }  # fmt: skip
    facts = Facts(
        be=write(be),
        hv=hv,
        nics=[write(nic)],
        disks=[{"size": 1024, "mode": "rw", "name": "root"}, {"size": 512, "mode": "ro"}],
        secondaries=[second.uuid],
        images=["first", False],
        op={"pnode_uuid": first.uuid},
    )
    for how, start in (("create", True), ("import", False)):
        new = op("OP_INSTANCE_CREATE", mode=how, start=start, src_node="here", src_path="/x",
                 **common)  # fmt: skip
        told = Subject(
            name="new.example.com", primary=first.name, secondaries=[second.name], os="noop",
            status=start, hypervisor="kvm", be=be, size=be, hv=hv, nics=[nic],
            disk_template="drbd", disks=[NewDisk(1024, "rw", "root"), NewDisk(512, "ro")],
            tags=["b", "a"],
        )  # fmt: skip
        source = hook_env.source("here", "/x", ["first", False]) if how == "import" else {}
        yield Expected(new, facts, {**asked(new), **source, **instance_env(config, told)})


def of_cluster(config: ConfigSnapshot) -> Iterator[Expected]:
    """Yield what opcodes of the cluster are expected to tell."""
    cluster = hook_env.cluster_env(config)
    for op_id, parameters in (
        ("OP_CLUSTER_DESTROY", {}),
        ("OP_CLUSTER_POST_INIT", {}),
        ("OP_CLUSTER_RENAME", {"name": "another.example.com"}),
        ("OP_CLUSTER_SET_PARAMS", {"vg_name": "vg"}),
        ("OP_CLUSTER_SET_PARAMS", {}),
    ):
        wanted = op(op_id, **parameters)
        yield Expected(wanted, Facts(), {**asked(wanted), **cluster})


def of_nodes(config: ConfigSnapshot) -> Iterator[Expected]:
    """Yield what opcodes of nodes are expected to tell."""
    add = op("OP_NODE_ADD", node_name="new", master_capable=True)
    decided = {"node_name": "new.example.com", "primary_ip": "192.0.2.9", "vm_capable": False}
    yield Expected(add, Facts(op=decided), asked(add, **decided))
    found = next(each for each in config.nodes.values() if each is not config.master)
    own = {"node_name": found.name, "node_uuid": found.uuid}
    remove = op("OP_NODE_REMOVE", node_name="short")
    yield Expected(remove, Facts(op=own), asked(remove, **own))
    change = op("OP_NODE_SET_PARAMS", node_name="short", offline=True, drained=False)
    decided = {**own, "master_candidate": False}
    yield Expected(change, Facts(op=decided), asked(change, **decided))


def test_opcodes_to_come_tell_what_the_reference_tells(
    reference: Library, config: ConfigSnapshot, path: Path
) -> None:
    cases = [*of_cluster(config), *of_nodes(config), *created(config)]
    for instance in instances(config):
        cases += of_instance(config, instance)
    for case in cases:
        theirs = ask(reference, path, case.op, case.facts)
        assert comparable(case.env) == comparable(theirs["env"]), case.op
    hooked = reference.ask("opcodes")
    assert len(hooked) == 35
    assert {case.op.OP_ID for case in cases} == {*hooked} - {*units(config)}


def ask(library: Library, path: Path, wanted: OpCode, facts: Facts | None = None) -> Any:
    """Return path, type, environment and nodes of the reference."""
    # What is private is not in an opcode's stored form.
    given = {
        name: value
        for name, value in wanted.to_input().items()
        if value is not None and not name.startswith("osparams_")
    }
    question = {
        "path": str(path),
        "op": {**given, "reason": []},
        "facts": None if facts is None else asdict(facts),
    }
    return library.ask(question)


def units(config: ConfigSnapshot) -> dict[str, list[dict[str, Any]]]:
    """Return the parameters with which units that exist are run, by opcode."""
    first, other = sorted(config.nodegroups.values(), key=lambda each: each.name)[:2]
    connected = [uuid for uuid in config.networks if uuid in first.networks]
    network = next(iter(config.networks.values()))
    found = next(each for each in config.nodes.values() if each is not config.master)
    new = {"network_name": "new", "network": "10.1.0.0/28"}
    link = {"network_mode": "bridged", "network_link": "br7", "conflicts_check": False}
    return {
        "OP_CLUSTER_VERIFY_GROUP": [{"group_name": first.name}, {"group_name": other.name}],
        "OP_GROUP_ADD": [{"group_name": "new"}],
        "OP_GROUP_EVACUATE": [
            {"group_name": first.name, "iallocator": "hail", "target_groups": [other.name]}
        ],
        "OP_GROUP_REMOVE": [{"group_name": "unused"}],
        "OP_GROUP_RENAME": [{"group_name": first.name, "new_name": "new"}],
        "OP_GROUP_SET_PARAMS": [
            {"group_name": first.name, "alloc_policy": "preferred"},
            {"group_name": first.uuid, "ndparams": {"spindle_count": 4}},
        ],
        **_of_guests(config),
        "OP_NETWORK_ADD": [
            {**new, "conflicts_check": False},
            {
                **new, "gateway": "10.1.0.1", "network6": "2001:db8:1::/64",
                "gateway6": "2001:db8:1::1", "mac_prefix": "aa:BB:cc", "tags": ["b", "a"],
            },
        ],
        "OP_NETWORK_CONNECT": [
            {"group_name": group.name, "network_name": each.name, **link, "network_vlan": "7"}
            for group in (first, other)
            for each in config.networks.values()
        ],
        "OP_NETWORK_DISCONNECT": [
            {"group_name": first.name, "network_name": each.name}
            for each in config.networks.values()
            if each.uuid not in connected or not _in_use(config, each.uuid)
        ],
        "OP_NETWORK_REMOVE": [{"network_name": "unused"}],
        "OP_NETWORK_SET_PARAMS": [
            {"network_name": network.name, "mac_prefix": "aa:00:11"},
            {"network_name": network.uuid, "gateway6": "2001:db8::2", "gateway": None},
        ],
        "OP_NODE_MIGRATE": [{"node_name": found.name, "mode": "live"}],
    }  # fmt: skip


def _of_guests(config: ConfigSnapshot) -> dict[str, list[dict[str, Any]]]:
    """Return the parameters of units of one instance, with all that are not refused."""
    enabled = {*config.cluster.enabled_disk_templates}
    there = [
        each
        for each in instances(config)
        if not node(config, each.primary_node).offline
        and {disk.dev_type for disk in disks.of(config, each)} <= enabled
    ]
    return {
        op_id: [
            {"instance_name": each.name, **more}
            for each in there
            if each.admin_state != "offline" or op_id == "OP_INSTANCE_REMOVE"
        ]
        for op_id, more in (
            ("OP_INSTANCE_REBOOT", {"reboot_type": "hard"}),
            ("OP_INSTANCE_REMOVE", {"shutdown_timeout": 11}),
            ("OP_INSTANCE_SHUTDOWN", {"timeout": 7}),
            ("OP_INSTANCE_STARTUP", {"force": True}),
        )
    }


def _facts(config: ConfigSnapshot, parameters: Mapping[str, Any]) -> Facts | None:
    """Return what a unit of the reference is given that asks nodes about an instance."""
    found = config.instances.named(parameters.get("instance_name", ""))
    return None if found is None else Facts(instance=found.uuid)


def _in_use(config: ConfigSnapshot, network: str) -> bool:
    return bool(config.derived(relations).connected_to.get(network))


def with_unused(config: ConfigSnapshot) -> ConfigSnapshot:
    """Return a configuration with a group and a network besides that nobody uses."""
    whole: Any = document.join(config)
    for kind in ("nodegroups", "networks"):
        whole[kind]["unused"] = {
            **next(iter(whole[kind].values())), "uuid": "unused", "name": "unused", "tags": []
        }  # fmt: skip
    return document.split(whole)


class FirstScripts:
    """Obeys `HookRunner`; keeps what is to be told before the work."""

    def __init__(self) -> None:
        self.found: tuple[HookPath, Hooked] | None = None

    def pre(self, run: Surrounded, told: Hooked) -> None:
        assert run.path is not None
        self.found = run.path, told

    def post(self, run: Surrounded, told: Hooked, now: Hooked) -> Answers:
        raise AssertionError("nothing was done")

    def leaving(self, run: Surrounded, told: Hooked, node: Where) -> None:
        raise AssertionError("nothing was done")

    def config_update(self, run: Surrounded, told: Hooked) -> None:
        raise AssertionError("nothing was changed")


def hooks_of(config: ConfigSnapshot, base: Path, wanted: OpCode) -> tuple[HookPath, Hooked]:
    """Run a unit to its first scripts."""
    scripts = FirstScripts()
    world = make_world(base, config=config)
    world.context = replace(world.context, hooks=scripts)
    world.run(replace(wanted, dry_run=True))
    world.close()
    assert scripts.found is not None
    return scripts.found


def test_units_tell_what_the_reference_tells_and_the_same_nodes(
    reference: Library, config: ConfigSnapshot, tmp_path: Path
) -> None:
    config = with_unused(config)
    path = tmp_path / "config.data"
    path.write_bytes(render(config))
    hooked = {op_id for op_id, kind in LOGICAL_UNITS.items() if kind.HOOKS is not None}
    assert units(config).keys() == hooked - BY_FUNCTIONS
    for op_id, cases in units(config).items():
        for parameters in cases:
            wanted = op(op_id, **parameters)
            theirs = ask(reference, path, wanted, _facts(config, parameters))
            unit, told = hooks_of(config, tmp_path, wanted)
            assert (unit.path, unit.object_type) == (theirs["path"], theirs["type"])
            assert comparable(told.env) == comparable(theirs["env"]), wanted
            assert sorted({*told.pre_nodes}) == theirs["pre"], wanted
            assert sorted({*told.post_nodes}) == theirs["post"], wanted
