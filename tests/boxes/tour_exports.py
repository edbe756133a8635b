"""Chapter of the tour about exports: guests' disks go to files of nodes, and come back."""

import hashlib
from pathlib import Path
from typing import Final

from tests.boxes.act import Act, Chapter
from tests.boxes.box import BoxError
from tests.boxes.cluster import Cluster
from tests.boxes.lab import FILE_DIRECTORIES

_ADD: Final = "gnt-instance add --os-type=noop --no-nics --no-name-check --no-ip-check"
_IMPORT: Final = "gnt-backup import --no-name-check --no-ip-check"

#: What is written on the disk of the guest that is exported, in the middle of its 128 MiB.
_WORDS: Final = b"what a guest has written\n" * 4000
_PLACE: Final = 100_000_000


def _status(name: str, wanted: str) -> Act:
    return Act(f"gnt-instance list --no-headers -o status {name}", shows=rf"^{wanted}$")


def _disk(cluster: Cluster, name: str) -> Path:
    """Return the file of a guest's first disk."""
    node = cluster.nodes[0].ok("gnt-instance", "list", "--no-headers", "-o", "pnode", name)
    box = cluster.node(node.strip().partition(".")[0])
    found = [
        file
        for directory in FILE_DIRECTORIES
        for file in box.path(directory).glob(f"{name}*/*.disk0")
    ]
    if len(found) != 1:
        raise BoxError(f"{name} has {len(found)} files for its first disk")
    return found[0]


def _write(cluster: Cluster) -> str:
    """Have a guest write on its disk."""
    with _disk(cluster, "guest7").open("r+b") as disk:
        disk.seek(_PLACE)
        disk.write(_WORDS)
    return ""


def _same(name: str) -> Act:
    """Look whether a guest has on its disk what was written."""

    def look(cluster: Cluster) -> str:
        content = _disk(cluster, name).read_bytes()
        if content.find(_WORDS) != _PLACE or content.strip(b"\0") != _WORDS:
            raise BoxError(f"{name} has something else on its disk than what was written")
        return hashlib.sha256(content).hexdigest()

    return Act(f"{name} has what was written", does=look, compared=False)


CHAPTERS: Final = (
    Chapter(
        "exports",
        (
            Act(f"{_ADD} -t file --disk=0:size=128M,name=data -n node3 guest7"),
            Act("gnt-instance add-tags guest7 moved"),
            Act("guest7 writes", does=_write),
            Act("gnt-backup list", lacks="guest7"),
            # Files have no snapshots, and nobody said that the guest may stay down for long.
            Act("gnt-backup export -n node2 guest7", code=1, shows="long-sleep"),
            Act("gnt-backup export -n node2 --noshutdown guest7", code=1, shows="live"),
            Act("gnt-instance startup guest7"),
            Act("gnt-backup export -n node2 --long-sleep guest7"),
            _status("guest7", "running"),
            Act("gnt-backup list --no-headers", shows=r"^node2\S* +guest7"),
            Act("gnt-backup export -n node1 --long-sleep --transport-compression=gzip guest7"),
            Act("gnt-backup list --no-headers", shows=r"^node1\S* +guest7", lacks=r"^node2\S* +g"),
            Act("gnt-backup list-fields", shows="^export"),
            Act("gnt-backup export -n node1 nobody", code=1),
            Act("gnt-backup export -n nobody guest7", code=1),
            Act(f"{_IMPORT} -t file -n node2 --src-node=node1 --src-dir=guest7 guest8"),
            _same("guest8"),
            # An import does not start what it has made.
            _status("guest8", "ADMIN_down"),
            Act("gnt-instance startup guest8"),
            Act("gnt-instance list-tags guest8", shows="^moved$"),
            Act(f"{_IMPORT} -t file -n node2 --src-node=node1 --src-dir=nothing guest9", code=1),
            Act(f"{_IMPORT} -t file -n node2 --src-dir=nothing guest9", code=1),
            Act(f"{_IMPORT} -t file -n node2 --src-node=node1 --src-dir=guest7 guest7", code=1),
            Act("gnt-instance shutdown guest7"),
            Act("gnt-backup export -n node3 --remove-instance guest7"),
            Act("gnt-instance list", lacks="guest7"),
            Act(f"{_IMPORT} -t sharedfile -n node1 --compress=gzip guest7"),
            _same("guest7"),
            _status("guest7", "ADMIN_down"),
            Act("gnt-backup remove guest7"),
            Act("gnt-backup list", lacks="guest7"),
            # There is nothing that a node could describe.
            Act("gnt-backup export -n node3 guest1", code=1),
            Act("gnt-instance startup guest1"),
            Act("gnt-cluster verify", lacks="ERROR"),
            Act("gnt-instance remove --force guest7"),
            Act("gnt-instance remove --force guest8"),
        ),
    ),
)
