"""Instances that go to other nodes: failed over, migrated, moved with disks, to other groups."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from masterd.testing.script import FAILS
from tests.same_calls.case import case, named, op
from tests.sample_config import Document

#: Instances with a DRBD disk (of the master and node2), shared files (node3), RBD (node2),
#: a provider's disks (node5, which is drained), block devices (node3), and none (node6).
DRBD: Final = "inst19.example.com"
SHARED: Final = "inst3.example.com"
RBD: Final = "inst15.example.com"
EXT: Final = "inst7.example.com"
DEVICES: Final = "inst14.example.com"
GLUSTER: Final = "inst13.example.com"
NONE: Final = "inst8.example.com"
#: Two of logical volumes (node3, node2), one of a file (node6), a planned one (node4).
LVM: Final = "inst0.example.com"
KVM_LVM: Final = "inst18.example.com"
FILES: Final = "inst2.example.com"
PLANNED: Final = "planned10.example.com"

#: One with several DRBD disks.
MANY: Final = "inst1.example.com"

NODE2: Final = "node2.example.com"
NODE3: Final = "node3.example.com"
NODE4: Final = "node4.example.com"

Change = Callable[[Document], None]


def after(*changes: Change) -> Change:
    def change(document: Document) -> None:
        for each in changes:
            each(document)

    return change


def everywhere(document: Document) -> None:
    """Have all nodes run instances of all templates."""
    document["cluster"]["ipolicy"]["disk-templates"] = document["cluster"]["enabled_disk_templates"]
    for node in document["nodes"].values():
        node["vm_capable"] = True


def having(name: str, **fields: object) -> Change:
    """Return a change of an instance, on nodes that may all have it."""
    return after(everywhere, lambda document: named(document, "instances", name).update(fields))


def up(name: str, **more: object) -> Change:
    """Return a change after which an instance runs, without parameters of its own."""
    return having(name, **{"admin_state": "up", "disks_active": True, "beparams": {}, **more})


def node(name: str, **fields: object) -> Change:
    return lambda document: named(document, "nodes", name).update(fields)


def offline(name: str) -> Change:
    """Return a change that takes a node offline."""
    return node(name, offline=True, drained=False, master_candidate=False)


def _mixed(document: Document) -> None:
    """Have one of several DRBD disks be an RBD disk instead."""
    first, *_ = named(document, "instances", MANY)["disks"]
    document["disks"][first].update(
        dev_type="rbd", logical_id=["rbd", "some.rbd"], children=[], nodes=[]
    )


def _turned(document: Document) -> None:
    """Have the DRBD disk the other way round, so that not the master is what fails."""
    instance = named(document, "instances", DRBD)
    second = named(document, "nodes", NODE2)["uuid"]
    instance["primary_node"] = second


#: What nodes answer where an instance can run.
ROOM: Final[dict[str, Any]] = {
    "bridges_exist": None,
    "node_info": ["boot", None, [{"memory_free": 4096}]],
}
STARTED: Final = {
    **ROOM,
    "blockdev_assemble": ["/dev/disk", "/run/link", None],
    "blockdev_close": None,
    "blockdev_open": None,
    "blockdev_shutdown": None,
    "instance_shutdown": None,
    "instance_start": None,
}
WHOLE: Final = {
    "dev_path": "/dev/drbd0", "major": 147, "minor": 0, "sync_percent": None,
    "estimated_time": None, "is_degraded": False, "ldisk_status": 1,
}  # fmt: skip
DEGRADED: Final = {**WHOLE, "is_degraded": True}
FORBIDDEN: Final[dict[str, Any]] = {"hooks_runner": [["10-no", 1, "not today"]]}

#: What an allocator answers.
NOWHERE: Final[dict[str, Any]] = {
    "iallocator_runner": '{"success": false, "info": "no room", "result": []}'
}


def _over(name: str, **more: Any) -> Document:
    return op("OP_INSTANCE_FAILOVER", instance_name=name, **more)


def _failed(
    name: str,
    opcode: Document,
    *,
    config: Change = everywhere,
    failing: bool = False,
    also: Mapping[str, Any] | None = None,
    **answers: Any,
) -> Any:
    """Return a case of an instance that is failed over."""
    whole = {**STARTED, "blockdev_find": WHOLE, **answers, **(also or {})}
    return case(name, opcode, config=config, answers=whole, failing=failing)


FAILOVER: Final = (
    _failed("of a DRBD disk", _over(DRBD, shutdown_timeout=7), config=up(DRBD), failing=True),
    _failed("of a DRBD disk of one that is down", _over(DRBD),
            config=having(DRBD, admin_state="down"), failing=True),
    _failed("of a DRBD disk of one that is offline", _over(DRBD), config=everywhere),
    _failed("of a DRBD disk whatever it is like", _over(DRBD, ignore_consistency=True),
            config=up(DRBD), failing=True),
    _failed("of a DRBD disk that is degraded", _over(DRBD), config=up(DRBD),
            blockdev_find=DEGRADED),
    _failed("of a DRBD disk that is degraded, which is ignored",
            _over(DRBD, ignore_consistency=True), config=up(DRBD), blockdev_find=DEGRADED),
    _failed("of a DRBD disk that is not there", _over(DRBD), config=up(DRBD), blockdev_find=None),
    _failed("off a dead node", _over(DRBD), failing=True,
            config=after(up(DRBD), _turned, offline(NODE2)), blockdev_find=DEGRADED),
    _failed("off a dead node by force", _over(DRBD, ignore_consistency=True), failing=True,
            config=after(up(DRBD), _turned, offline(NODE2)), blockdev_find=DEGRADED),
    _failed("off a dead node of one that is down", _over(DRBD),
            config=after(having(DRBD, admin_state="down"), _turned, offline(NODE2))),
    _failed("off a node that answers nothing", _over(DRBD),
            config=after(up(DRBD), _turned),
            also={f"{call}@{NODE2}": FAILS for call in
               ("instance_shutdown", "blockdev_shutdown", "blockdev_assemble", "hooks_runner")}),
    _failed("off a node that answers nothing, by force", _over(DRBD, ignore_consistency=True),
            config=after(up(DRBD), _turned), blockdev_find=DEGRADED,
            also={f"{call}@{NODE2}": FAILS for call in
               ("instance_shutdown", "blockdev_shutdown", "blockdev_assemble", "hooks_runner")}),
    _failed("onto a dead node", _over(DRBD), config=after(up(DRBD), offline(NODE2))),
    _failed("onto a drained node", _over(DRBD), config=after(up(DRBD), node(NODE2, drained=True))),
    _failed("to a node that is named", _over(DRBD, target_node="node2"), config=up(DRBD)),
    case("to another node than has the copy", _over(DRBD, target_node=NODE3), config=up(DRBD)),
    case("with an allocator that it has no use for", _over(DRBD, iallocator="hail"),
         config=up(DRBD)),
    _failed("of a single volume", _over(LVM, target_node=NODE2)),
    _failed("of shared files", _over(SHARED, target_node=NODE2), config=up(SHARED), failing=True),
    _failed("of shared files where an allocator says", _over(SHARED, iallocator="hail"),
            config=up(SHARED), failing=True, iallocator_runner=
            '{"success": true, "info": "here", "result": ["master"]}', all_instances_info={}),
    _failed("of shared files where the cluster's allocator says", _over(SHARED),
            config=up(SHARED), **NOWHERE, all_instances_info={}),
    _failed("of shared files without allocator", _over(SHARED),
            config=after(up(SHARED), lambda document:
                        document["cluster"].update(default_iallocator=""))),
    _failed("of shared files with node and allocator",
            _over(SHARED, target_node=NODE2, iallocator="hail"), config=up(SHARED)),
    _failed("of shared files to where they are", _over(SHARED, target_node=NODE3),
            config=up(SHARED)),
    _failed("of shared files off a dead node", _over(SHARED, target_node=NODE2), failing=True,
            config=after(up(SHARED), offline(NODE3))),
    _failed("of shared files off a node that answers nothing",
            _over(SHARED, target_node=NODE2, ignore_consistency=True), config=up(SHARED),
            also={f"{call}@{NODE3}": FAILS for call in
               ("instance_shutdown", "blockdev_shutdown", "blockdev_close", "hooks_runner")}),
    _failed("of RBD", _over(RBD, target_node=NODE3), config=up(RBD)),
    _failed("of a provider's disks", _over(EXT, target_node=NODE3), config=up(EXT)),
    _failed("of block devices", _over(DEVICES, target_node=NODE2), config=up(DEVICES)),
    _failed("of Gluster", _over(GLUSTER, target_node=NODE2), config=up(GLUSTER)),
    _failed("without disks", _over(NONE, target_node=NODE2), config=up(NONE)),
    case("against the policy", _over(RBD, target_node=NODE3), answers=ROOM),
    case("against the policy that is ignored",
         _over(RBD, target_node=NODE3, ignore_ipolicy=True), answers=STARTED, failing=False),
    _failed("without memory", _over(DRBD), config=up(DRBD),
            node_info=["boot", None, [{"memory_free": 100}]]),
    _failed("that cleans up", _over(DRBD, cleanup=True), config=up(DRBD)),
    _failed("of a planned one", _over(PLANNED, target_node=NODE2)),
    case("of nobody", _over("nobody")),
    case("of another uuid", _over(DRBD, instance_uuid="elsewhere")),
    case("to nobody", _over(SHARED, target_node="nobody")),
    _failed("forbidden", _over(DRBD), config=up(DRBD), **FORBIDDEN),
    _failed("dry run", {**_over(DRBD), "dry_run": True}, config=up(DRBD)),
)  # fmt: skip

#: What nodes answer where a guest is migrated; disks are told by simulated nodes.
RUNNING: Final = {"memory": 512, "state": 0, "vcpus": 1, "time": 1.0}
DONE: Final = {"status": "completed"}
ACTIVE: Final = {"status": "active", "transferred_ram": 100, "total_ram": 400}
POSTCOPY: Final = {"status": "postcopy-active", "postcopy_status": "postcopy-active"}
MIGRATED: Final[dict[str, Any]] = {
    **STARTED,
    "accept_instance": None,
    "blockdev_find": WHOLE,
    "drbd_attach_net": None,
    "drbd_disconnect_net": None,
    "drbd_wait_sync": [True, 100],
    "instance_balloon_memory": None,
    "instance_finalize_migration_dst": None,
    "instance_finalize_migration_src": None,
    "instance_get_migration_status": DONE,
    "instance_info": RUNNING,
    "instance_migratable": None,
    "instance_migrate": None,
    "migration_info": "what the target must know",
}


def _go(name: str, **more: Any) -> Document:
    return op("OP_INSTANCE_MIGRATE", instance_name=name, **more)


def _gone(
    name: str,
    opcode: Document,
    *,
    config: Change | None = None,
    failing: bool = False,
    also: Mapping[str, Any] | None = None,
    **answers: Any,
) -> Any:
    """Return a case of an instance that is migrated; it runs unless `config` says otherwise."""
    whole = {**MIGRATED, **answers, **(also or {})}
    config = config or up(opcode["instance_name"])
    return case(name, opcode, config=config, answers=whole, failing=failing)


def _hypervisor(name: str, hypervisor: str, **more: object) -> Change:
    return up(name, hypervisor=hypervisor, hvparams={}, **more)


def _versions(source: object, target: object) -> dict[str, Any]:
    """Return what both nodes of the DRBD disk tell of the version of their hypervisor."""
    told = {"memory_free": 4096}
    return {
        "node_info@node1.example.com": ["boot", None, [{**told, "hv_version": source}]],
        f"node_info@{NODE2}": ["boot", None, [{**told, "hv_version": target}]],
    }


def _ran_at(*names: str) -> dict[str, Any]:
    """Return what all nodes answer of what they run, and what these ones do."""
    return {"instance_list": [], **{f"instance_list@{name}": [DRBD] for name in names}}


MIGRATE: Final = (
    _gone("of a DRBD disk", _go(DRBD), failing=True),
    _gone("of a DRBD disk that is copied yet", _go(DRBD),
          also={"drbd_wait_sync#1": [False, 50.5], "drbd_wait_sync#2": [True, 100]}),
    _gone("that takes a while", _go(DRBD),
          also={"instance_get_migration_status#1": ACTIVE,
             "instance_get_migration_status#2": POSTCOPY}),
    _gone("that fails", _go(DRBD), instance_get_migration_status={"status": "failed"}),
    _gone("that is cancelled", _go(DRBD), instance_get_migration_status={"status": "cancelled"}),
    _gone("that fails with shared files", _go(SHARED, target_node=NODE2),
          instance_get_migration_status={"status": "failed"}),
    _gone("that fails with RBD", _go(RBD, target_node=NODE3), failing=True,
          instance_get_migration_status={"status": "failed"}),
    _gone("that fails, and so does what takes it back", _go(DRBD),
          instance_get_migration_status={"status": "failed"},
          instance_finalize_migration_dst=FAILS, instance_finalize_migration_src=FAILS,
          also={"drbd_attach_net#2": FAILS}),
    _gone("live", _go(DRBD, live=True)),
    _gone("not live", _go(DRBD, live=False)),
    _gone("in a mode", _go(DRBD, mode="non-live")),
    _gone("in two modes", _go(DRBD, mode="non-live", live=False)),
    _gone("of Xen", _go(DRBD), config=_hypervisor(DRBD, "xen-pvm"), **_versions([4, 1], [4, 2])),
    _gone("of Xen not live by default", _go(DRBD), config=after(
        _hypervisor(DRBD, "xen-pvm"), lambda document:
        document["cluster"]["hvparams"]["xen-pvm"].update(migration_mode="non-live"))),
    _gone("of Xen to an older one", _go(DRBD), config=_hypervisor(DRBD, "xen-pvm"),
          **_versions([4, 2], [4, 1])),
    _gone("of Xen to an older one that is ignored", _go(DRBD, ignore_hvversions=True),
          config=_hypervisor(DRBD, "xen-pvm"), **_versions([4, 2], [4, 1])),
    _gone("of KVM to an older one", _go(DRBD), config=_hypervisor(DRBD, "kvm"),
          **_versions("5.2", "3.1")),
    _gone("of another hypervisor to another version", _go(DRBD), **_versions(1, 2)),
    _gone("into less memory", _go(DRBD), instance_info={**RUNNING, "memory": 8192}),
    _gone("into less memory, which is not allowed", _go(DRBD, allow_runtime_changes=False),
          instance_info={**RUNNING, "memory": 8192}),
    _gone("without memory", _go(DRBD), node_info=["boot", None, [{"memory_free": 100}]]),
    _gone("of a DRBD disk that is degraded", _go(DRBD), blockdev_find=DEGRADED),
    _gone("of a DRBD disk that is not there", _go(DRBD), blockdev_find=None),
    _gone("of a DRBD disk to a node that is named", _go(DRBD, target_node=NODE2)),
    _gone("of a DRBD disk to another node than has the copy", _go(DRBD, target_node=NODE3)),
    _gone("of a DRBD disk with an allocator", _go(DRBD, iallocator="hail")),
    _gone("of shared files", _go(SHARED, target_node=NODE2), failing=True),
    _gone("of shared files where an allocator says", _go(SHARED, iallocator="."),
          iallocator_runner='{"success": true, "info": "here", "result": ["master"]}',
          all_instances_info={}),
    _gone("of shared files where no allocator says", _go(SHARED, iallocator="hail"),
          **NOWHERE, all_instances_info={}),
    _gone("of shared files with node and allocator",
          _go(SHARED, target_node=NODE2, iallocator="hail")),
    _gone("of RBD", _go(RBD, target_node=NODE3), failing=True),
    _gone("of a provider's disks", _go(EXT, target_node=NODE3)),
    _gone("of block devices", _go(DEVICES, target_node=NODE2)),
    _gone("of Gluster", _go(GLUSTER, target_node=NODE2)),
    _gone("without disks", _go(NONE, target_node=NODE2)),
    _gone("of disks with copies here and there", _go(MANY), config=after(up(MANY), _mixed)),
    _gone("of volumes", _go(LVM, target_node=NODE2)),
    _gone("of files", _go(FILES, target_node=NODE2)),
    _gone("to where it is", _go(SHARED, target_node=NODE3)),
    _gone("to nobody", _go(SHARED, target_node="nobody"), config=everywhere),
    _gone("onto a drained node", _go(DRBD), config=after(up(DRBD), node(NODE2, drained=True))),
    _gone("onto a dead node", _go(DRBD), config=after(up(DRBD), offline(NODE2))),
    _gone("off a dead node", _go(DRBD), config=after(up(DRBD), _turned, offline(NODE2))),
    _gone("off a dead node, or failed over", _go(DRBD, allow_failover=True), failing=True,
          config=after(up(DRBD), _turned, offline(NODE2)), blockdev_find=DEGRADED),
    _gone("of one that is down", _go(DRBD), config=having(DRBD, admin_state="down", beparams={}),
          instance_migratable=FAILS),
    _gone("of one that is down, or failed over", _go(DRBD, allow_failover=True),
          config=having(DRBD, admin_state="down")),
    _gone("of one that cannot be, or is failed over", _go(DRBD, allow_failover=True),
          instance_migratable=FAILS),
    _gone("of one that is always failed over", _go(DRBD),
          config=up(DRBD, beparams={"always_failover": True})),
    _gone("of one that does not run", _go(DRBD), instance_info={}),
    case("against the policy", _go(RBD, target_node=NODE3), answers=MIGRATED, failing=False),
    case("against the policy that is ignored", _go(RBD, target_node=NODE3, ignore_ipolicy=True),
         answers=MIGRATED, failing=False),
    _gone("of a planned one", _go(PLANNED, target_node=NODE2), config=everywhere),
    _gone("of nobody", _go("nobody"), config=everywhere),
    _gone("that cleans up at the source", _go(DRBD, cleanup=True), failing=True,
          **_ran_at("node1.example.com")),
    _gone("that cleans up at the target", _go(DRBD, cleanup=True), failing=True, **_ran_at(NODE2)),
    _gone("that cleans up with copies that are not connected", _go(DRBD, cleanup=True),
          **_ran_at("node1.example.com"), also={"drbd_wait_sync#1": FAILS}),
    _gone("that cleans up at both", _go(DRBD, cleanup=True), failing=True,
          **_ran_at("node1.example.com"),
          also={f"instance_list@{NODE2}": [], f"instance_list#1@{NODE2}": [f"{DRBD}--incoming"]}),
    _gone("that cleans up at both for ever", _go(DRBD, cleanup=True),
          **_ran_at("node1.example.com", NODE2)),
    _gone("that cleans up nowhere", _go(DRBD, cleanup=True), **_ran_at()),
    _gone("that cleans up elsewhere", _go(DRBD, cleanup=True), **_ran_at(NODE3)),
    _gone("that cleans up where all reach the disks", _go(RBD, cleanup=True, target_node=NODE3),
          also={"instance_list": [], f"instance_list@{NODE2}": [RBD]}),
    _gone("that cleans up where all reach the disks, at the target",
          _go(RBD, cleanup=True, target_node=NODE3),
          also={"instance_list": [], f"instance_list@{NODE3}": [f"migrating-{RBD}"]}),
    _gone("that cleans up where all reach the disks, elsewhere",
          _go(RBD, cleanup=True, target_node=NODE3),
          also={"instance_list": [], f"instance_list@{NODE4}": [RBD]}),
    _gone("that cleans up of one that is down", _go(DRBD, cleanup=True),
          config=having(DRBD, admin_state="down"), **_ran_at("node1.example.com")),
    _gone("forbidden", _go(DRBD), **FORBIDDEN),
    _gone("dry run", {**_go(DRBD), "dry_run": True}),
)  # fmt: skip

CASES: Final = (*FAILOVER, *MIGRATE)
