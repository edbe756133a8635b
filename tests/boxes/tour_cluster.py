"""Chapters of the tour about the cluster as a whole."""

from typing import Final

from tests.boxes.act import Act, Chapter
from tests.boxes.cluster import GUEST_BOUNDS
from tests.boxes.lab import FILE_DIRECTORIES

INIT: Final = (
    "gnt-cluster init --enabled-hypervisors=fake --enabled-disk-templates=diskless,file,sharedfile"
    " --file-storage-dir={} --shared-file-storage-dir={}"
    f" --ipolicy-bounds-specs={GUEST_BOUNDS} --master-netdev=eth0"
    " --nic-parameters=mode=routed,link=main --candidate-pool-size=3 cluster.boxes.example"
).format(*FILE_DIRECTORIES)


def _modified(arguments: str, shows: str) -> tuple[Act, ...]:
    """Return the acts that change the cluster and look at what it says then."""
    return (
        Act(f"gnt-cluster modify {arguments}", lacks="(?i)error|failure"),
        Act("gnt-cluster info", shows=shows),
    )


CHAPTERS: Final = (
    Chapter(
        "a cluster begins",
        (
            Act(INIT),
            Act("gnt-cluster getmaster", shows=r"^node1\.boxes\.example$"),
            Act("gnt-cluster master-ping"),
            Act("gnt-cluster version", shows=r"^Software version: 3\.0\.2$"),
            Act("gnt-node list --no-headers -o name,role", shows=r"^node1\.boxes\.example M$"),
            Act("gnt-node add --no-ssh-key-check node2", lacks="(?i)error|failure"),
            Act("gnt-node add --no-ssh-key-check node3", lacks="(?i)error|failure"),
            Act(
                "gnt-node list --no-headers -o name,role,offline",
                shows=r"^node1\.boxes\.example M N\nnode2\.boxes\.example C N\n"
                r"node3\.boxes\.example C N$",
            ),
            Act("gnt-cluster watcher continue"),
            Act("gnt-cluster info", shows=r"^Cluster name: cluster\.boxes\.example$"),
            Act("gnt-cluster verify", lacks=r"ERROR"),
        ),
    ),
    Chapter(
        "the cluster's parameters",
        (
            *_modified("-B vcpus=2,memory=256", "^    vcpus: 2$"),
            *_modified("-H fake:migration_mode=live", "^    migration_mode: live$"),
            *_modified("--nic-parameters=link=main2", "^    link: main2$"),
            *_modified("--nic-parameters=link=main", "^    link: main$"),
            *_modified("--candidate-pool-size=10", "^  candidate pool size: 10$"),
            *_modified("--default-iallocator=hail", "^  default instance allocator: hail$"),
            *_modified("--reserved-lvs=xenvg/one,xenvg/two", "volumes: xenvg/one, xenvg/two$"),
            *_modified("--mac-prefix=aa:00:01", "^  mac prefix: aa:00:01$"),
            *_modified("--mac-prefix=aa:00:00", "^  mac prefix: aa:00:00$"),
            *_modified("--max-running-jobs=40 --max-tracked-jobs=30", "simultaneously: 40$"),
            *_modified("--node-parameters=spindle_count=2", "^  spindle_count: 2$"),
            *_modified("--disk-parameters=rbd:pool=other", "^    pool: other$"),
            *_modified("--ipolicy-vcpu-ratio=6", "^  vcpu-ratio: 6(\\.0)?$"),
            *_modified("--ipolicy-std-specs=disk-size=512", "^    disk-size: 512$"),
            *_modified("--add-uids=70000-70010", "^  uid pool: 70000-70010$"),
            *_modified("--remove-uids=70000-70010", "^  uid pool: *$"),
            *_modified("--prealloc-wipe-disks=yes", "^  preallocation wipe disks: True$"),
            *_modified("--prealloc-wipe-disks=no", "^  preallocation wipe disks: False$"),
            *_modified("--user-shutdown=yes", "^  enabled user shutdown: True$"),
            *_modified("--user-shutdown=no", "^  enabled user shutdown: False$"),
            *_modified("--enabled-data-collectors=lv=no", "^  lv: *\\n    active: False$"),
            *_modified(
                "--enabled-disk-templates=diskless,file,sharedfile,ext",
                "^  enabled disk templates: .*ext",
            ),
            *_modified(
                "--enabled-disk-templates=diskless,file,sharedfile",
                "^  enabled disk templates: diskless, file, sharedfile$",
            ),
            *_modified("--maintain-node-health=no", "^  maintenance of node health: False$"),
            *_modified("--compression-tools=gzip,lzop", "^    - lzop$"),
            Act("gnt-cluster modify --modify-etc-hosts=yes", lacks="(?i)error|failure"),
            Act("gnt-cluster modify --hypervisor-state=fake:mem_node=64", lacks="(?i)failure"),
            Act("gnt-cluster modify --master-netmask=24"),
            Act("gnt-cluster modify --candidate-pool-size=0", code=1),
            Act("gnt-cluster modify --enabled-hypervisors=nothing", code=1),
            Act("gnt-cluster modify -B vcpus=none", code=1),
            Act("gnt-os modify -O only=here noop"),
            Act("gnt-cluster add-tags red blue"),
            Act("gnt-cluster list-tags", shows=r"^blue\nred$"),
            Act("gnt-cluster search-tags ^re", shows="red"),
            Act("gnt-cluster remove-tags blue"),
            Act("gnt-cluster show-ispecs-cmd", shows="gnt-cluster init"),
            Act("gnt-cluster redist-conf"),
            Act("gnt-cluster verify", lacks="ERROR"),
        ),
    ),
    Chapter(
        "the cluster's care",
        (
            Act("gnt-cluster queue info", shows="drain flag is unset"),
            Act("gnt-cluster queue drain"),
            Act("gnt-debug delay 0.1", code=1, shows="drained"),
            Act("gnt-cluster queue undrain"),
            Act("gnt-debug delay 0.1"),
            Act("gnt-cluster watcher pause 1h"),
            Act("gnt-cluster watcher info", shows="paused"),
            Act("gnt-cluster watcher continue"),
            Act("gnt-cluster watcher info", shows="not paused"),
            Act("gnt-cluster verify-disks"),
            Act("gnt-cluster repair-disk-sizes"),
            Act("gnt-cluster copyfile -n node2 /etc/hostname"),
            Act("gnt-cluster command -n node2 hostname", shows="node2"),
            Act("gnt-cluster deactivate-master-ip --yes"),
            Act("gnt-cluster activate-master-ip"),
            Act("gnt-cluster master-ping"),
        ),
    ),
)
