"""Chapters of the tour about nodes, groups, networks and what jobs are held to."""

from typing import Final

from tests.boxes.act import Act, Chapter
from tests.boxes.cluster import Cluster

_CALM: Final = "(?i)error|failure"

#: A script that a node may be told to run, and one that powers nodes.
_ALLOWED: Final = "/etc/ganeti/restricted-commands/uptime"
_POWER: Final = "/usr/local/sbin/power"
_SCRIPT_MODE: Final = 0o755
_POWER_SCRIPT: Final = """#!/bin/sh
case "$1" in
  power-status) echo '{"powered": true}' ;;
  health) echo '[["temperature", "OK"]]' ;;
esac
"""


def _place_scripts(cluster: Cluster) -> str:
    """Put the scripts of an administrator on all nodes."""
    for box in cluster.nodes:
        for name, text in ((_ALLOWED, "#!/bin/sh\necho up\n"), (_POWER, _POWER_SCRIPT)):
            path = box.path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.parent.chmod(_SCRIPT_MODE)
            path.write_text(text)
            path.chmod(_SCRIPT_MODE)
    return ""


def _expect_role(wanted: str) -> Act:
    return Act(
        "gnt-node list --no-headers -o name,role node3", shows=rf"^node3\.boxes\.example {wanted}$"
    )


def _name_again(cluster: Cluster) -> str:
    """Let the nodes be found by name: one that is removed goes from the master's list of hosts."""
    for box in cluster.nodes:
        box.path("/etc/hosts").write_text(cluster.lab.plan.hosts())
    return ""


def _cut_power(cluster: Cluster) -> str:
    cluster.nodes[2].kill()
    return ""


def _boot_again(cluster: Cluster) -> str:
    """Let a node that was power cycled end, which it does some seconds later, and boot."""
    cluster.nodes[2].await_end()
    return _boot(cluster)


def _boot(cluster: Cluster) -> str:
    cluster.boot(cluster.nodes[2])
    return ""


CHAPTERS: Final = (
    Chapter(
        "nodes",
        (
            Act("scripts on the nodes", does=_place_scripts),
            Act("gnt-node list", shows=r"^node2\.boxes\.example"),
            Act("gnt-node list-fields", shows="^role"),
            Act("gnt-node info node2", shows=r"primary ip: 10\.79\.0\.12"),
            Act("gnt-node modify --drained=yes node3", lacks=_CALM),
            _expect_role("D"),
            Act("gnt-node modify --drained=no node3", lacks=_CALM),
            _expect_role("[RC]"),
            Act("gnt-node modify --master-candidate=no node3", lacks=_CALM),
            Act("gnt-node modify --master-candidate=yes node3", lacks=_CALM),
            _expect_role("C"),
            Act("gnt-node modify --offline=yes node3", lacks=_CALM),
            _expect_role("O"),
            Act("gnt-node modify --offline=no --force node3", lacks=_CALM),
            Act("gnt-node modify --vm-capable=no node3", lacks=_CALM),
            Act("gnt-node list --no-headers -o vm_capable node3", shows="^N$"),
            Act("gnt-node modify --vm-capable=yes node3", lacks=_CALM),
            Act("gnt-node modify --master-capable=no node3", lacks=_CALM),
            _expect_role("R"),
            Act("gnt-node modify --master-capable=yes --auto-promote node3", lacks=_CALM),
            _expect_role("C"),
            Act("gnt-node modify --node-parameters=spindle_count=3 node2", lacks=_CALM),
            Act("gnt-node info node2", shows="spindle_count: 3"),
            Act("gnt-node modify node2", code=1),
            Act("gnt-node add-tags node2 rack1"),
            Act("gnt-node list-tags node2", shows="^rack1$"),
            Act("gnt-node remove-tags node2 rack1"),
            Act("gnt-node volumes"),
            Act("gnt-node list-storage --storage-type=file", shows="file-storage"),
            Act("gnt-node modify-storage --allocatable=no node2 lvm-pv /dev/none", code=1),
            Act("gnt-node repair-storage node2 lvm-vg xenvg", code=1),
            Act("gnt-node list-drbd node2"),
            Act("gnt-node restricted-command uptime node2 node3", shows="^up$"),
            Act(f"gnt-cluster modify --node-parameters=oob_program={_POWER}"),
            Act("gnt-node health node3", shows="temperature"),
            Act("gnt-node power status node3", shows="node3"),
            Act("gnt-node power off node3", code=1),
            Act("gnt-node modify --offline=yes node3", lacks=_CALM),
            Act("gnt-node power --force off node3"),
            Act("gnt-node list --no-headers -o powered node3", shows="^N$"),
            Act("gnt-node power --force on node3"),
            Act("gnt-node modify --offline=no --force --auto-promote node3", lacks=_CALM),
            Act("gnt-cluster epo --force node3"),
            Act("gnt-cluster epo --force --on node3"),
            Act("gnt-cluster modify --node-parameters=oob_program="),
            Act("gnt-node powercycle --yes node3"),
            Act("node3 goes, and boots", does=_boot_again),
            Act("gnt-node remove node3", lacks=_CALM),
            Act("gnt-node list --no-headers -o name", lacks="node3"),
            Act("the names of all nodes", does=_name_again),
            Act("gnt-node add --no-ssh-key-check node3", lacks=_CALM),
            _expect_role("C"),
            Act("node3 has no power", does=_cut_power),
            Act("ganeti-watcher --ignore-pause"),
            Act("gnt-node modify --offline=yes node3", lacks="Failure"),
            Act("gnt-cluster verify", shows="node3|offline"),
            Act("node3 boots", does=_boot),
            Act("gnt-node add --readd --no-ssh-key-check node3", lacks="Failure"),
            _expect_role("C"),
            Act("gnt-cluster verify", lacks="ERROR"),
        ),
    ),
    Chapter(
        "groups and networks",
        (
            Act("gnt-group add --alloc-policy=last_resort west"),
            Act("gnt-group list --no-headers -o name,alloc_policy", shows="^west +last_resort$"),
            Act("gnt-group info west", shows="west"),
            Act("gnt-group assign-nodes --force west node3"),
            Act("gnt-node list --no-headers -o group node3", shows="^west$"),
            Act("gnt-group modify --alloc-policy=preferred west"),
            Act("gnt-group modify --node-parameters=spindle_count=4 west"),
            Act("gnt-group rename west east"),
            Act("gnt-group add-tags east far"),
            Act("gnt-group list-tags east", shows="^far$"),
            Act("gnt-group remove east", code=1),
            Act("gnt-group assign-nodes --force default node3"),
            Act("gnt-cluster verify", lacks="ERROR"),
            Act("gnt-group remove east"),
            Act("gnt-group show-ispecs-cmd default", shows="gnt-group add"),
            Act("gnt-network add --network=10.80.0.0/24 --gateway=10.80.0.1 net1"),
            Act("gnt-network add --network=10.80.0.0/99 net2", code=1),
            Act("gnt-network list --no-headers -o name,network,gateway", shows="^net1"),
            Act("gnt-network connect --nic-parameters=mode=routed,link=main net1"),
            Act("gnt-network info net1", shows="default"),
            Act("gnt-network modify --add-reserved-ips=10.80.0.9 net1"),
            Act("gnt-network add-tags net1 front"),
            Act("gnt-network list-tags net1", shows="^front$"),
            Act("gnt-network disconnect net1"),
            Act("gnt-network remove net1"),
        ),
    ),
    Chapter(
        "what is there",
        (
            Act("gnt-os list", shows="noop"),
            Act("gnt-os diagnose", shows="noop.*valid"),
            Act("gnt-os info noop", shows="API|api"),
            Act("gnt-os modify -H fake:migration_mode=live noop"),
            Act("gnt-storage diagnose", code=1),
            Act("gnt-storage info", code=1),
            Act("gnt-backup list --node=node2"),
            Act("gnt-cluster command hostname", shows="node3"),
        ),
    ),
)
