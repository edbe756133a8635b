"""Chapters of the tour about jobs, and about what follows a cluster by itself."""

from pathlib import Path
from typing import Final

from tests.boxes.act import Act, Chapter
from tests.boxes.cluster import Cluster

_USERS: Final = "/var/lib/ganeti/rapi/users"
_ADMINISTRATOR: Final = "tour secret write\n"
_CLIENT: Final = Path(__file__).with_name("rapi_client.py")


def _let_in(cluster: Cluster) -> str:
    """Let the remote API's client change things."""
    for box in cluster.nodes:
        box.ok("sh", "-c", f"mkdir -p {Path(_USERS).parent}; cat > {_USERS}", typed=_ADMINISTRATOR)
        box.ok("chown", "-R", "gnt-rapi:gnt-masterd", str(Path(_USERS).parent))
    return ""


def _delete_filters(cluster: Cluster) -> str:
    """Delete all rules for jobs."""
    box = cluster.nodes[0]
    for uuid in box.ok("gnt-filter", "list", "--no-headers", "-o", "uuid").split():
        box.ok("gnt-filter", "info", uuid)
        box.ok("gnt-filter", "delete", uuid)
    return ""


def _ask_remotely(cluster: Cluster) -> str:
    """Ask the remote API all that can be read, and for one job."""
    box = cluster.nodes[0]
    return box.ok("/usr/bin/python3", "-", typed=_CLIENT.read_text())


CHAPTERS: Final = (
    Chapter(
        "jobs",
        (
            Act("gnt-debug delay 0.1"),
            Act("gnt-debug delay --no-master -n node2 0.1"),
            Act("gnt-debug test-jobqueue", limit_s=240),
            Act("gnt-debug locks"),
            Act("gnt-job list", shows="success"),
            Act("gnt-job list-fields", shows="^status"),
            Act("gnt-job info 1", shows="Status: success"),
            Act("gnt-job archive 1"),
            Act("gnt-job info 1", shows="success"),
            Act("gnt-job autoarchive 1d"),
            Act(
                "gnt-filter add --priority=5 --action=REJECT"
                ' --predicates=\'[["opcode", ["=", "OP_ID", "OP_TEST_DELAY"]]]\''
                " --reason=tour"
            ),
            Act("gnt-filter list", shows="REJECT"),
            Act("gnt-debug delay 0.1", code=1),
            Act("filters are deleted", does=_delete_filters),
            Act("gnt-debug delay 0.1"),
        ),
    ),
    Chapter(
        "what runs by the clock, and clients of other kinds",
        (
            Act("gnt-cluster watcher continue"),
            Act("ganeti-watcher --ignore-pause"),
            Act("ganeti-cleaner node"),
            Act("ganeti-cleaner master"),
            Act("somebody is let in", does=_let_in),
            Act("the remote API", does=_ask_remotely, shows="success"),
            Act("hbal -L", shows="Cluster is empty"),
            Act("hspace -L", shows="Tiered allocation results"),
        ),
    ),
)
