"""Chapters of the tour about guests."""

from typing import Final

from tests.boxes.act import Act, Chapter
from tests.boxes.cluster import Cluster

_ADD: Final = "gnt-instance add --os-type=noop --no-nics --no-name-check --no-ip-check"


def _status(name: str, wanted: str) -> Act:
    return Act(f"gnt-instance list --no-headers -o status {name}", shows=rf"^{wanted}$")


def _die(cluster: Cluster) -> str:
    """End a guest without a word to the cluster: the fake hypervisor runs what has a file."""
    for box in cluster.nodes:
        box.ok("sh", "-c", "rm -f /run/ganeti/fake-hypervisor/guest1*")
    return ""


CHAPTERS: Final = (
    Chapter(
        "guests",
        (
            Act(f"{_ADD} -t diskless -n node2 guest1"),
            _status("guest1", "running"),
            Act(f"{_ADD} -t file --disk=0:size=128M -n node3 guest2"),
            Act(f"{_ADD} -t sharedfile --disk=0:size=128M,name=data -n node1 guest3"),
            Act(f"{_ADD} -t diskless -I hail guest4"),
            Act(f"{_ADD} -t diskless -n node2 guest1", code=1, shows="already"),
            Act(f"{_ADD} -t plain --disk=0:size=128M -n node3 guest5", code=1),
            Act(
                "gnt-instance add -t diskless --os-type=none --no-nics --no-name-check"
                " --no-ip-check -n node2 guest6",
                code=1,
            ),
            Act("gnt-instance list", shows="guest2"),
            Act("gnt-instance list-fields", shows="^status"),
            Act("gnt-instance info guest2", shows="guest2"),
            Act("gnt-instance info --all", shows="guest3"),
            Act("gnt-instance shutdown guest1"),
            _status("guest1", "ADMIN_down"),
            Act("gnt-instance startup guest1"),
            _status("guest1", "running"),
            Act("gnt-instance reboot guest1"),
            Act("gnt-instance reboot -t full guest2"),
            Act("gnt-instance console --show-cmd guest1", compared=False),
            Act("gnt-instance shutdown guest2"),
            Act("gnt-instance activate-disks guest2"),
            Act("gnt-instance deactivate-disks guest2"),
            Act("gnt-instance startup guest2"),
            Act("gnt-instance add-tags guest1 pale"),
            Act("gnt-instance list-tags guest1", shows="^pale$"),
            Act("gnt-instance remove-tags guest1 pale"),
            Act("gnt-cluster verify", lacks="ERROR"),
            Act("gnt-cluster verify-disks"),
            Act("gnt-cluster repair-disk-sizes guest2", compared=False),
            Act("guest1 dies", does=_die),
            _status("guest1", "ERROR_down"),
            Act("ganeti-watcher --ignore-pause"),
            _status("guest1", "running"),
            Act("hbal -L", shows="Loaded 3 nodes"),
            Act("gnt-instance remove --force guest4"),
            Act("gnt-instance remove --force guest3"),
        ),
    ),
)
