"""New instances: on named nodes and on those an allocator finds, of all disk templates."""

from collections.abc import Callable
from typing import Any, Final

from tests.same_calls.case import case, named, op
from tests.sample_config import Document

#: Nodes that run instances; both are in group1, but for the second.
NODE: Final = "node2.example.com"
OTHER: Final = "node3.example.com"
MIRROR: Final = "node4.example.com"
NEW: Final = "new.example.com"
DISK: Final = {"size": 1024}

#: What nodes answer while an instance is made.
OS: Final = [
    ["noop", "/srv/os/noop", True, "", [], [["size", "big"]], [20], True],
    ["shady", "/srv/os/shady", True, "", ["small"], [], [20], False],
]
MADE: Final[dict[str, Any]] = {
    "blockdev_create": None,
    "blockdev_getmirrorstatus": [],
    "blockdev_remove": None,
    "bridges_exist": None,
    "file_storage_dir_create": ["/srv"],
    "file_storage_dir_remove": None,
    "hypervisor_validate_params": None,
    "instance_metadata_modify": None,
    "instance_os_add": None,
    "instance_start": None,
    "node_info": [
        "boot",
        [{"type": "lvm-vg", "name": "xenvg", "storage_free": 10_000, "storage_size": 20_000}],
        [{"memory_free": 4096}],
    ],
    "os_diagnose": OS,
    "os_validate": True,
}


def _everywhere(document: Document) -> None:
    """Have all nodes run instances, of all templates."""
    document["cluster"]["ipolicy"]["disk-templates"] = document["cluster"]["enabled_disk_templates"]
    for node in document["nodes"].values():
        node["vm_capable"] = True


def _all(*changes: Callable[[Document], None]) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        for each in (_everywhere, *changes):
            each(document)

    return change


def _cluster(**fields: object) -> Callable[[Document], None]:
    return _all(lambda document: document["cluster"].update(fields))


def _node(name: str, **fields: object) -> Callable[[Document], None]:
    return _all(lambda document: named(document, "nodes", name).update(fields))


def _add(**parameters: Any) -> Document:
    """Return the opcode for an instance without disks, but for these parameters."""
    return op(
        "OP_INSTANCE_CREATE",
        **{
            "disk_template": "diskless", "disks": [], "hypervisor": "fake", "instance_name": NEW,
            "ip_check": False, "mode": "create", "name_check": False, "nics": [],
            "os_type": "noop", "pnode": NODE, **parameters,
        },
    )  # fmt: skip


def _made(
    name: str, *, failing: bool = False, answers: Any = (), config: Any = None, **parameters: Any
) -> Any:
    """Return a case of an instance that nodes are asked for."""
    return case(name, _add(**parameters), config=config or _everywhere,
                answers={**MADE, **dict(answers)}, failing=failing)  # fmt: skip


def _refused(name: str, *, config: Any = None, **parameters: Any) -> Any:
    """Return a case of an instance that is refused before any node is asked."""
    return case(name, _add(**parameters), config=config or _everywhere)


WITHOUT_DISKS: Final = (
    _made("without disks", failing=True),
    _made("without disks, stopped", start=False, tags=["b", "a:b"]),
    _made("without disks for KVM", hypervisor="kvm"),
    _made("without disks for the first hypervisor", hypervisor=None),
    _made("without an operating system", os_type=None, osparams={"os-image": "/srv/image"},
          disks=[DISK], disk_template="file", answers={"blockdev_pause_resume_sync": [[True, None]],
          "blockdev_image": None}),
    _made("not installed", no_install=True),
    _made("of its own parameters",
          beparams={"memory": "1g", "vcpus": 2, "auto_balance": "false"},
          osparams={"size": "small", "colour": "red"}, osparams_private={"key": "hush"},
          osparams_secret={"word": "hush, hush"}),
    _made("as the cluster has it", identify_defaults=True, hypervisor="kvm",
          hvparams={"acpi": True, "kernel_args": "ro quiet"}, beparams={"vcpus": 1, "maxmem": 256},
          osparams={"size": "big", "colour": "red"}, nics=[{"mode": "bridged", "link": "br9"}]),
    _made("dry run", dry_run=True),
    _made("forbidden", answers={"hooks_runner": [["10-no", 1, "not today"]]}),
    _made("without memory", beparams={"memory": 8192}),
    _made("with memory that is not told", answers={"node_info": ["boot", None, [{}]]}),
    _made("of a system that the node has not", os_type="gone"),
    _made("against the policy", beparams={"memory": 16, "vcpus": 20}),
    _made("against the policy that is ignored", beparams={"memory": 16, "vcpus": 20},
          ignore_ipolicy=True),
    _refused("that is there", instance_name="inst0.example.com"),
    _refused("on nobody", pnode="nobody"),
    _refused("on another uuid", pnode_uuid="elsewhere"),
    _refused("on an offline node", config=_node(NODE, offline=True, master_candidate=False)),
    _refused("on a drained node", pnode="node5.example.com"),
    _refused("on a node without guests", config=_node(NODE, vm_capable=False)),
    _refused("of a hypervisor that is not enabled", hypervisor="lxc"),
    _refused("of a template that is not enabled", disk_template="rbd",
             config=_cluster(enabled_disk_templates=["diskless", "file"])),
    _refused("of no system", os_type=None),
    _refused("of a forbidden system", config=_cluster(blacklisted_os=["noop"])),
    _refused("of an image that is nowhere", osparams={"os-image": "image"}),
    _refused("with an address and without a name", ip_check=True),
    _refused("put aside and real", forthcoming=True, commit=True),
    _refused("with a wrong tag", tags=["a b"]),
    _refused("with unknown parameters of the hypervisor", hvparams={"colour": "red"}),
    _refused("with wrong parameters of the hypervisor", hypervisor="kvm",
             hvparams={"kernel_path": "no"}),
    _refused("with parameters of all", hypervisor="kvm", hvparams={"migration_port": 9}),
    _refused("with an unknown size", beparams={"colour": 1}),
    _refused("with a size of no meaning", beparams={"vcpus": "many"}),
    _refused("with a parameter of two kinds", osparams={"key": "a"}, osparams_secret={"key": "b"}),
    _refused("with luck and a node", opportunistic_locking=True),
    _refused("with a node and an allocator", iallocator="hail"),
    _refused("with neither node nor allocator", pnode=None,
             config=_cluster(default_iallocator="")),
    _refused("with unknown compression", compress="squeeze"),
)  # fmt: skip

CASES: Final = WITHOUT_DISKS
