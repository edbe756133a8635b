"""Chapters of the tour about guests that change: parameters, disks, systems, names, places."""

import json
from typing import Final

from tests.boxes.act import Act, Chapter
from tests.boxes.cluster import Cluster

_ADD: Final = "gnt-instance add --os-type=noop --no-nics --no-name-check --no-ip-check"
_MANY: Final = "/root/many.json"


def _shown(name: str, field: str, wanted: str) -> Act:
    return Act(f"gnt-instance list --no-headers -o {field} {name}", shows=rf"^{wanted}$")


def _plan_many(cluster: Cluster) -> str:
    """Write the plan of some guests that are made by one command."""
    guests = [
        {
            "instance_name": name, "mode": "create", "disk_template": "diskless", "disks": [],
            "nics": [], "os_type": "noop", "hypervisor": "fake", "name_check": False,
            "ip_check": False, "pnode": node,
        }
        for name, node in (("many1", "node1"), ("many2", "node2"), ("many3", "node3"))
    ]  # fmt: skip
    cluster.nodes[0].path(_MANY).write_text(json.dumps(guests))
    return ""


CHAPTERS: Final = (
    Chapter(
        "guests are changed",
        (
            Act(f"{_ADD} -t file --disk=0:size=128M -n node2 changed1"),
            Act("gnt-instance modify -B maxmem=256M,minmem=128M,vcpus=2 changed1", shows="be/"),
            _shown("changed1", "be/maxmem", "256M"),
            Act("gnt-instance modify -B vcpus=default changed1", shows="be/vcpus"),
            Act(
                "gnt-instance modify --net add:name=front,mode=routed,ip=10.79.0.76 changed1",
                shows="nic",
            ),
            Act("gnt-instance modify --net front:modify,ip=10.79.0.77 changed1"),
            _shown("changed1", "nic.ips", r"10\.79\.0\.77"),
            Act("gnt-instance modify --net front:remove changed1"),
            Act("gnt-instance modify --net 7:remove changed1", code=1),
            Act("gnt-instance modify --disk add:size=64M,name=more changed1", shows="disk"),
            Act("gnt-instance modify --disk 0:modify,mode=ro changed1", shows="disk"),
            _shown("changed1", "disk.count", "2"),
            Act("gnt-instance grow-disk changed1 1 64M"),
            Act("gnt-instance grow-disk --absolute changed1 1 32M", code=1),
            Act("gnt-instance modify --disk more:remove changed1", code=1, shows="running"),
            Act("gnt-instance modify --disk 0:modify,mode=rw changed1", shows="disk"),
            Act("gnt-instance reinstall --force changed1", code=1, shows="(?i)running|up"),
            Act("gnt-instance modify --offline changed1", code=1),
            Act("gnt-instance shutdown changed1"),
            Act("gnt-instance modify --disk more:remove changed1", shows="disk"),
            Act("gnt-instance modify --offline changed1"),
            _shown("changed1", "status", "ADMIN_offline"),
            Act("gnt-instance startup changed1", code=1),
            Act("gnt-instance modify --online changed1"),
            Act("gnt-instance reinstall --force changed1"),
            Act("gnt-instance reinstall --force -o noop changed1"),
            Act("gnt-instance reinstall --force -o none changed1", code=1),
            Act("gnt-instance recreate-disks changed1", code=1),
            Act("gnt-instance rename --force --no-name-check --no-ip-check changed1 renamed1"),
            Act("gnt-instance info changed1", code=1),
            Act("gnt-instance modify -t sharedfile renamed1"),
            _shown("renamed1", "disk_template", "sharedfile"),
            Act("gnt-instance modify -t plain renamed1", code=1),
            Act("gnt-instance modify -t file renamed1"),
            Act("gnt-instance startup renamed1"),
            Act("gnt-instance replace-disks -p renamed1", code=1),
            Act("gnt-instance modify renamed1", code=1),
            Act("gnt-cluster verify", lacks="ERROR"),
        ),
    ),
    Chapter(
        "guests move",
        (
            Act("gnt-instance move --force -n node3 renamed1"),
            _shown("renamed1", "pnode", r"node3\.boxes\.example"),
            _shown("renamed1", "status", "running"),
            Act("gnt-instance migrate --force renamed1", code=1),
            Act(f"{_ADD} -t sharedfile --disk=0:size=64M -n node1 moving1"),
            Act("gnt-instance failover --force -n node2 moving1"),
            _shown("moving1", "pnode", r"node2\.boxes\.example"),
            Act("gnt-instance migrate --force -n node3 moving1"),
            _shown("moving1", "pnode", r"node3\.boxes\.example"),
            Act("gnt-instance migrate --force --non-live -n node1 moving1"),
            Act("gnt-instance migrate --force --cleanup moving1"),
            Act("gnt-instance migrate --force -n node1 moving1", code=1),
            Act("gnt-instance shutdown moving1"),
            Act("gnt-instance migrate --force -n node2 moving1", code=1),
            Act("gnt-instance migrate --force --allow-failover -n node2 moving1"),
            Act("gnt-instance startup moving1"),
            Act("gnt-instance failover --force -I hail moving1", compared=False),
            Act("gnt-instance failover --force -n node3 moving1", compared=False),
            # One of the two has its disk on this node alone.
            Act("gnt-node migrate --force -I hail node3", code=1, compared=False),
            Act("gnt-node failover --force node2"),
            Act("gnt-node evacuate --force --primary-only node1"),
            Act("hbal -L", shows="Loaded 3 nodes"),
            Act("hbal -L -X", shows="Loaded 3 nodes", compared=False),
            Act("harep -L", compared=False),
            Act("gnt-cluster verify", lacks="ERROR"),
        ),
    ),
    Chapter(
        "guests by the dozen",
        (
            Act("guests are planned", does=_plan_many),
            Act(f"gnt-instance batch-create {_MANY}"),
            Act("gnt-instance list --no-headers -o name", shows="^many3$"),
            Act(f"gnt-instance batch-create {_MANY}", code=1),
            Act("gnt-instance failover --force -n node1 many2"),
            Act("gnt-group add side"),
            Act("gnt-group assign-nodes --force side node2 node3"),
            Act("gnt-instance remove --force many1"),
            Act("gnt-group assign-nodes --force default node2 node3"),
            Act("gnt-group remove side"),
            *(
                Act(f"gnt-instance remove --force {name}")
                for name in ("many2", "many3", "moving1", "renamed1")
            ),
            Act("gnt-cluster verify", lacks="ERROR"),
        ),
    ),
)
