"""A Ganeti cluster on the boxes, made with Debian's own commands."""

import re
from typing import Final

from tests.boxes.box import Box, BoxError
from tests.boxes.lab import Lab

#: Ganeti's own control of its daemons.
DAEMON_UTIL: Final = "/usr/lib/ganeti/daemon-util"

#: What the fake hypervisor's guests may be; small, so that anything fits.
GUEST_BOUNDS: Final = (
    "min:cpu-count=1,disk-count=0,disk-size=64,memory-size=64,nic-count=0,spindle-use=0"
    "/max:cpu-count=8,disk-count=16,disk-size=1048576,memory-size=32768,nic-count=8,spindle-use=12"
)

_LOG: Final = "/var/log/ganeti/master-daemon.log"
_LAST_LINES: Final = 12

_JOB_ID: Final = re.compile(r"JobID: (\d+)")


class Cluster:
    """Its commands, run where an administrator would: on a node."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    def node(self, name: str) -> Box:
        """Return a node by its short name."""
        return self.lab.boxes[name]

    @property
    def nodes(self) -> list[Box]:
        """All nodes, the first one made first."""
        return list(self.lab.boxes.values())

    def make(self) -> None:
        """Make the cluster: the first box is master, all are candidates."""
        first, *others = self.nodes
        first.ok(
            "gnt-cluster", "init", "--enabled-hypervisors=fake",
            "--enabled-disk-templates=diskless", f"--ipolicy-bounds-specs={GUEST_BOUNDS}",
            "--master-netdev=eth0", "--nic-parameters=mode=routed,link=main",
            f"--candidate-pool-size={len(self.nodes)}", self.lab.plan.cluster_name,
        )  # fmt: skip
        for box in others:
            first.ok("gnt-node", "add", "--no-ssh-key-check", box.plan.full_name)
        # Nothing runs by the clock here; the watcher's own start is what a cron daemon does.
        first.ok("gnt-cluster", "watcher", "continue")

    def daemons(self, box: Box, action: str, *names: str) -> None:
        """Let Debian's `daemon-util` act on a node."""
        box.ok(DAEMON_UTIL, action, *names)

    def boot(self, box: Box) -> None:
        """Switch a node on again after its power was cut; its daemons start as at any boot."""
        self.lab.start(box)
        # Ganeti's script of the boot; a node that is not the master says so, and that is well.
        box.run("/etc/init.d/ganeti", "start")

    def submit_delay(self, box: Box, duration_s: float) -> int:
        """Submit a job that runs for so long on the master; return its id."""
        told = box.ok("gnt-debug", "delay", "--submit", str(duration_s))
        found = _JOB_ID.search(told)
        if found is None:
            raise BoxError(f"{box.plan.name}: gnt-debug delay --submit told no job id:\n{told}")
        return int(found[1])

    def job_statuses(self, box: Box) -> dict[int, str]:
        """Return the status of every job that the master tells of."""
        told = box.ok("gnt-job", "list", "--no-headers", "--separator=:", "-o", "id,status")
        pairs = (line.split(":") for line in told.splitlines() if line)
        return {int(job_id): status for job_id, status in pairs}

    def last_words(self) -> str:
        """Return the last lines that each node's master daemon has logged, for a report."""
        return "".join(
            f"{box.plan.name}:\n{box.run('tail', f'-{_LAST_LINES}', _LOG).output}"
            for box in self.nodes
            if box.runs
        )

    def tags(self, box: Box) -> set[str]:
        """Return the cluster's tags."""
        return set(box.ok("gnt-cluster", "list-tags").split())
