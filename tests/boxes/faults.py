"""The story of what goes wrong around a master of ours: nodes, cables, processes, disks."""

import shlex
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from tests.boxes import installation, serving
from tests.boxes.box import Box, BoxError
from tests.boxes.story import Step, Story
from tests.boxes.tour_cluster import INIT

_DATA: Final = "/var/lib/ganeti"
#: Small enough to be filled, large enough for a store and its files.
_DATA_SIZE: Final = "96m"
_FILLER: Final = f"{_DATA}/filler"
_WITHOUT_ROOM: Final = "without-room"
_PID_FILE: Final = "/run/ganeti/ganeti-luxid.pid"

#: Seconds a job runs that must still run when something happens to it.
_LONG_S: Final = 60.0
#: Changes that are under way when the daemon is killed.
_CHANGES: Final = 6
#: Seconds until what was away has caught up, or until a daemon has learnt that it is not master.
_CATCH_UP_S: Final = 240.0
_LOOK_S: Final = 0.5


class Faults(Story):
    """One playing of it."""

    def begin(self) -> None:
        """A cluster begins, with ours on every node and little room for the master's files."""
        self._first.ok("mount", "-t", "tmpfs", "-o", f"size={_DATA_SIZE},mode=755", "data", _DATA)
        for box in self._cluster.nodes:
            installation.install(box, self._package)
        self._first.ok(*shlex.split(INIT))
        for box in (self._second, self._third):
            self._first.ok("gnt-node", "add", "--no-ssh-key-check", box.plan.full_name)
        self._first.ok("gnt-cluster", "watcher", "continue")
        self._ledger.after_id = max(self._cluster.job_statuses(self._first))

    def kill_node(self) -> None:
        """A node loses its power in the middle of a call."""
        name = self._third.plan.full_name
        told = self._first.ok(
            "gnt-debug", "delay", "--submit", "--no-master", "-n", name, str(_LONG_S)
        )
        job_id = int(told.rpartition(" ")[2])
        self._await_job(job_id, {"running"})
        self._third.kill()
        # Others are not held up by that, and the job hears of it.
        self._ledger.change(self._cluster, self._first)
        self._await_job(job_id, {"error"})
        self._cluster.boot(self._third)
        self._await_copy(self._third)

    def cut_off_candidate(self) -> None:
        """A candidate's cable is out for a while."""
        self._cluster.lab.cut_off(self._third)
        for _ in range(3):
            self._ledger.change(self._cluster, self._first)
        self._cluster.lab.connect(self._third)
        self._await_copy(self._third)

    def kill_daemon(self) -> None:
        """Ours is killed while jobs run and the configuration is being changed."""
        first = self._first
        running = self._ledger.submit(self._cluster, first, _LONG_S)
        self._await_job(running, {"running"})
        with ThreadPoolExecutor(_CHANGES) as pool:
            changes = [pool.submit(self._try_change, number) for number in range(_CHANGES)]
            self._await(lambda: any(each.done() for each in changes), "no change ends")
            first.ok("sh", "-c", f"kill -9 $(cat {_PID_FILE})")
            # The companion removes it; with it nothing of this name can be started.
            self._await(lambda: first.run("test", "-e", _PID_FILE).code != 0, "its pid file stays")
            first.ok("/usr/lib/ganeti/daemon-util", "start", "ganeti-luxid")
        # A tag whose command succeeded was acknowledged.
        self._ledger.tags |= {tag for each in changes if (tag := each.result())}
        self._await_job(running, {"error"})

    def fill_disk(self) -> None:
        """The disk of the master's files is full for a while."""
        first = self._first
        first.run("dd", "if=/dev/zero", f"of={_FILLER}", "bs=64k")
        # What the store has room for is acknowledged, and durable; nothing else can be written.
        if first.run("gnt-cluster", "add-tags", _WITHOUT_ROOM).code == 0:
            self._ledger.tags.add(_WITHOUT_ROOM)
        self._ledger.check(self._cluster, first)
        first.ok("rm", _FILLER)
        for box in (self._second, self._third):
            self._await_copy(box)
        # The simple files of nodes that could not write theirs are sent again after a pause.
        self._await(
            lambda: first.run("gnt-cluster", "verify").code == 0, "the cluster is not well again"
        )

    def cut_off_master(self) -> None:
        """The master's cable is out; a candidate takes over, and the cable is put in again."""
        with self._watch.suspended():
            self._cluster.lab.cut_off(self._first)
            self._second.ok("gnt-cluster", "master-failover")
            self._master = self._second
            self._ledger.change(self._cluster, self._second)
            self._cluster.lab.connect(self._first)
            self._await(
                lambda: serving.masters(self._cluster.nodes) == [self._second.plan.name],
                "the master that was cut off goes on",
            )

    # --- what the steps are made of -----------------------------------------------------------

    def _try_change(self, number: int) -> str:
        """Change the configuration; return the tag, empty where that was not acknowledged."""
        tag = f"under-way-{number}"
        return "" if self._first.run("gnt-cluster", "add-tags", tag).code else tag

    def _await_copy(self, box: Box) -> None:
        """Wait until a candidate has the configuration of the master."""
        self._await(
            lambda: self._config_of(box) == self._config_of(self._master),
            f"{box.plan.name} has not the configuration of the master",
        )

    def _config_of(self, box: Box) -> str:
        """Return a digest of the configuration that lies there."""
        return box.run("sha256sum", f"{_DATA}/config.data").output

    def _await(self, done: Callable[[], bool], complaint: str) -> None:
        deadline = time.monotonic() + _CATCH_UP_S
        while not done():
            if time.monotonic() > deadline:
                raise BoxError(f"{complaint} after {_CATCH_UP_S:g} s")
            time.sleep(_LOOK_S)


#: All steps in their order.
STEPS: Final[tuple[Step[Faults], ...]] = (
    Step("a cluster begins", Faults.begin),
    Step("a node loses its power in the middle of a call", Faults.kill_node),
    Step("a candidate is cut off", Faults.cut_off_candidate),
    Step("ours is killed during jobs and changes", Faults.kill_daemon),
    Step("the disk is full", Faults.fill_disk),
    Step("the master is cut off", Faults.cut_off_master),
)
