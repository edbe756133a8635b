"""What the nodes of a group are asked to verify. Pure.

Source: Ganeti 3.0.2 lib/cmdlib/cluster/verify.py, LUClusterVerifyGroup.Exec; constants.json NV_*.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import Final

from masterd.config.node import Node
from masterd.config.params import fill_free
from masterd.config.snapshot import ConfigSnapshot
from masterd.instance import params
from masterd.verify.group import GroupView

#: What a check is given, by its name.
Checks = dict[str, object]

FILES: Final = "filelist"
VOLUMES: Final = "lvlist"
SSH_SETUP: Final = "ssh-setup"
SSH_CLUTTER: Final = "ssh-clutter"
ALLOWED_PATHS: Final = "allowed-file-storage-paths"
FILE_PATH: Final = "file-storage-path"
SHARED_FILE_PATH: Final = "shared-file-storage-path"


def checks(
    view: GroupView, files: Sequence[str], scripts: Sequence[str], *, clutter: bool
) -> Checks:
    """Return what all nodes of a group are asked.

    Args:
        files: names, as they travel, of the files to compare.
        scripts: programs of the administrator that must be there.
        clutter: whether keys are looked for that nobody needs.
    """
    config, cluster = view.config, view.config.cluster
    asked: Checks = {
        FILES: list(files),
        "nodelist": [
            sorted(node.name for node in view.online),
            _neighbours(view),
            view.candidates,
        ],
        "hypervisor": cluster.enabled_hypervisors,
        "hvparms": list(_hypervisor_params(config)),
        "node-net-test": [
            [[node.name, node.primary_ip, node.secondary_ip] for node in view.online],
            view.candidates,
        ],
        "instancelist": cluster.enabled_hypervisors,
        "version": None,
        "hvinfo": cluster.enabled_hypervisors[0],
        "nodesetup": None,
        "time": None,
        "master-ip": [config.master.name, cluster.master_ip, view.candidates],
        "oslist": None,
        "nonvmnodes": [node.name for node in config.nodes.sorted() if not node.vm_capable],
        "user-scripts": list(scripts),
        "client-cert": None,
    }
    if cluster.modify_ssh_setup:
        asked[SSH_SETUP] = [[_ssh_state(node) for node in config.nodes.sorted()],
                            cluster.ssh_key_type]  # fmt: skip
        if clutter:
            asked[SSH_CLUTTER] = True
    return asked | _storage_checks(view) | _other_checks(view)


def _storage_checks(view: GroupView) -> Checks:
    cluster, asked = view.config.cluster, Checks()
    templates = cluster.enabled_disk_templates
    if cluster.volume_group_name is not None:
        group = cluster.volume_group_name
        asked |= {"vglist": None, VOLUMES: group, "pvlist": [group]}
    if "drbd" in templates and cluster.drbd_usermode_helper:
        asked |= {
            "drbd-version": None,
            "drbd-list": None,
            "drbd-helper": cluster.drbd_usermode_helper,
        }
    if "file" in templates or "sharedfile" in templates:
        # Only the master knows which paths are allowed.
        asked[ALLOWED_PATHS] = view.config.master.name
    if "file" in templates:
        asked[FILE_PATH] = cluster.file_storage_dir
    if "sharedfile" in templates:
        asked[SHARED_FILE_PATH] = cluster.shared_file_storage_dir
    if view.has_exclusive_storage:
        asked["exclusive-pvs"] = True
    return asked


def _other_checks(view: GroupView) -> Checks:
    asked = Checks()
    if view.bridges:
        asked["bridges"] = view.bridges
    programs = [view.config.node_params(node).oob_program for node in view.config.nodes.sorted()]
    if any(programs):
        asked["oob-paths"] = list(dict.fromkeys(filter(None, programs)))
    return asked


def _neighbours(view: GroupView) -> dict[str, list[str]]:
    """Give each online node one node of every other group, in turn, that it has to reach."""
    others: defaultdict[str, list[str]] = defaultdict(list)
    for node in view.outside:
        if not node.offline:
            others[node.group].append(node.name)
    turns = [cycle(sorted(others[group])) for group in sorted(others)]
    return {
        name: sorted(next(turn) for turn in turns)
        for name in sorted(node.name for node in view.online)
    }


def _hypervisor_params(config: ConfigSnapshot) -> Iterator[list[object]]:
    """Yield every set of parameters there is: where it comes from, hypervisor, filled."""
    cluster = config.cluster
    for hypervisor in cluster.enabled_hypervisors:
        yield ["cluster", hypervisor, cluster.hvparams.get(hypervisor, {})]
    for os_name, by_hypervisor in cluster.os_hvp.items():
        for name, own in by_hypervisor.items():
            if own:
                filled = fill_free(cluster.hvparams.get(name, {}), own)
                yield [f"os {os_name}", name, filled]
    for instance in config.instances.sorted():
        if instance.hvparams:
            filled = params.hypervisor(cluster, instance.hypervisor, instance.os, instance.hvparams)
            yield [f"instance {instance.name}", instance.hypervisor, filled]


def _ssh_state(node: Node) -> list[object]:
    # Every node may become a master candidate.
    return [node.uuid, node.name, node.master_candidate, True, not node.offline]
