"""Kill the daemon again and again, and see that nothing is lost.

    python -m tests.crash.kill_loop [--kills N] [--minutes M] [--seed S]

Clients submit, wait, cancel and archive jobs without pause and write down what they were told. The
daemon is killed (SIGKILL) at a named failpoint or after a random time, started again on the same
store, and everything that was told is looked up. At the end the queue is let run dry, and store,
mirror and the simulated nodes are compared with each other.
"""

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import gevent
import msgspec

from exporter.layout import Layout
from exporter.rebuild import compare
from exporter.standing import look
from masterd.errors import GanetiError
from masterd.job import documents
from masterd.job.invariants import violations
from masterd.luxi.client import Client, ClientError
from masterd.testing.cluster import SimulatedCluster
from masterd.testing.control import NodeControl
from store import schema
from store.check import check
from store.failpoints import VARIABLE
from store.store import Store
from tests import system

#: Where the daemon is made to die, and how many hits are let pass at most; the number is drawn.
FAILPOINTS: Final = {
    "store.before-bodies": 80,
    "store.before-flush": 80,
    "store.before-commit": 80,
    "store.after-commit": 80,
    "store.before-tell": 80,
    "exporter.before-write": 60,
    "exporter.before-rename": 60,
    "exporter.before-sync": 12,
    "exporter.before-acknowledge": 1,
}

#: Seconds a daemon may take until it serves, and then live; a failpoint may end it sooner.
START_S_MAX: Final = 20.0
LIFE_S_MAX: Final = 0.6
#: Clients at work at once.
CLIENTS: Final = 6
#: Unfinished jobs above which clients only wait: the last run has to get through them.
BACKLOG_MAX: Final = 150

SETTINGS: Final = "vote_pause_s = 0.1\n"


@dataclass
class Told:
    """What clients were told, over all lives of the daemon."""

    #: Job id by the unique comment of its submission.
    ids: dict[str, int] = field(default_factory=dict)
    #: Final status by job id.
    ends: dict[int, str] = field(default_factory=dict)
    archived: set[int] = field(default_factory=set)
    #: Newest log serial seen, by job id.
    serials: dict[int, int] = field(default_factory=dict)
    #: Jobs whose opcode calls a node exactly once.
    calling: set[int] = field(default_factory=set)
    submissions: int = 0


class Crowd:
    """Clients of one life of the daemon; they end when it does."""

    def __init__(self, daemon: system.Daemon, told: Told, chance: random.Random) -> None:
        self._daemon = daemon
        self._told = told
        self._chance = chance
        self._greenlets = [gevent.spawn(self._client, i) for i in range(CLIENTS)]

    def join(self) -> None:
        """Wait until all clients have noticed that the daemon is gone."""
        gevent.joinall(self._greenlets, raise_error=True)

    def _client(self, number: int) -> None:
        try:
            with self._daemon.client() as client:
                while True:
                    self._step(client)
        except ClientError:
            return  # the daemon died; what was not answered is not known

    def _step(self, client: Client) -> None:
        open_ids = [i for i in self._told.ids.values() if i not in self._told.ends]
        what = self._chance.random()
        if what < 0.45 and len(open_ids) < BACKLOG_MAX:
            self._submit(client)
        elif what < 0.8 and open_ids:
            self._wait(client, self._chance.choice(open_ids[-20:]))
        elif what < 0.9 and open_ids:
            client.call("CancelJob", self._chance.choice(open_ids), False)
        elif self._told.ends:
            job_id = self._chance.choice(list(self._told.ends))
            if client.call("ArchiveJob", job_id):
                self._told.archived.add(job_id)

    def _submit(self, client: Client) -> None:
        told = self._told
        told.submissions += 1
        kind = self._chance.random()
        comment = f"submission {told.submissions}"
        if kind < 0.3:
            op = system.delay_op(comment=comment, on_nodes=[self._daemon.cluster.nodes[1].name])
        elif kind < 0.6:
            op = system.delay_op(comment=comment, repeat=3)
        else:
            op = system.delay_op(comment=comment)
        if told.ids and self._chance.random() < 0.2:
            op["depends"] = [[self._chance.choice(list(told.ids.values())), []]]
        job_id = client.call("SubmitJob", [op])
        assert isinstance(job_id, int), job_id
        assert job_id not in told.ids.values(), f"id {job_id} was given out twice"
        told.ids[comment] = job_id
        if kind < 0.3:
            told.calling.add(job_id)

    def _wait(self, client: Client, job_id: int) -> None:
        serial = self._told.serials.get(job_id)
        try:
            news = client.call("WaitForJobChange", job_id, ["status"], None, serial, 1)
        except ClientError:
            raise
        except GanetiError as error:
            raise AssertionError(f"job {job_id} was acknowledged and is gone: {error}") from error
        assert isinstance(news, list), news
        (status,), entries = news
        for entry in entries or ():
            self._told.serials[job_id] = max(self._told.serials.get(job_id, 0), entry[0])
        if status in system.FINAL:
            before = self._told.ends.setdefault(job_id, status)
            assert before == status, f"job {job_id} was told {before} and is {status}"


def inspect(daemon: system.Daemon, told: Told) -> None:
    """Compare the store of a dead daemon with what clients were told, and with its files."""
    if not daemon.paths.store_dir.exists():
        # It died while the first store was built beside, which moves into its place when whole.
        assert not told.ids, "jobs were taken in without a store"
        return
    store = Store.open(daemon.paths.store_dir, read_only=True)
    try:
        standing = look(store, Layout(daemon.paths.queue_dir))
        assert standing.is_ours, f"files of our own count as another master's: {standing}"
        with store.snapshot() as txn:
            problems = [str(problem) for problem in check(txn)]
            assert not problems, problems
            for comment, job_id in told.ids.items():
                row = schema.JOBS.get(txn, job_id)
                archived = row is None
                if archived:
                    row = schema.ARCHIVE.get(txn, job_id)
                assert isinstance(row, dict), f"job {job_id} ({comment}) is lost"
                job = documents.from_document(job_id, row, archived=archived)
                assert comment.encode() in job.ops[0].input, f"job {job_id} is another job"
                assert not violations(job), violations(job)
                assert job.log_serial >= told.serials.get(job_id, 0), f"log of {job_id} is lost"
                if job_id in told.ends:
                    assert str(job.status) == told.ends[job_id], f"end of {job_id} is lost"
                if job_id in told.archived:
                    assert archived, f"job {job_id} came back from the archive"
    finally:
        store.close()


def _wait(daemon: system.Daemon, timeout_s: float, seen: Callable[[], bool]) -> None:
    """Wait until something is seen, the daemon is dead, or the time is over. Switches."""
    deadline_s = time.monotonic() + timeout_s
    while daemon.process.poll() is None and not seen() and time.monotonic() < deadline_s:
        gevent.sleep(0.01)


def one_life(
    cluster: SimulatedCluster, told: Told, chance: random.Random
) -> tuple[system.Daemon, str]:
    """Run the daemon until it is killed; return how."""
    name = chance.choice((*FAILPOINTS, "any time", "any time"))
    environment = {}
    if name in FAILPOINTS:
        environment[VARIABLE] = f"{name}=kill:{chance.randint(1, FAILPOINTS[name])}"
    daemon = system.start(cluster, environment=environment)
    crowd = Crowd(daemon, told, chance)
    served = len(told.ids)
    _wait(daemon, START_S_MAX, lambda: len(told.ids) > served)
    _wait(daemon, chance.uniform(0.0, LIFE_S_MAX), lambda: False)
    if daemon.process.poll() is None:
        name = "any time"
    daemon.kill()
    crowd.join()
    return daemon, name


def last_life(cluster: SimulatedCluster, told: Told, control: NodeControl) -> system.Daemon:
    """Let the queue run dry, end the daemon in peace, and compare all that is left."""
    with system.running(cluster) as daemon:
        with daemon.client() as client:
            for job_id in sorted(told.ids.values()):
                status = system.wait_for_end(client, job_id)
                assert told.ends.setdefault(job_id, status) == status, job_id
        daemon.wait_replicated()
        assert "Traceback" not in daemon.log(), daemon.log()
    inspect(daemon, told)
    compare_mirror(daemon)
    compare_nodes(cluster, told, daemon, control)
    return daemon


def compare_mirror(daemon: system.Daemon) -> None:
    """The mirror shows what the store holds, file by file."""
    store = Store.open(daemon.paths.store_dir, read_only=True)
    try:
        found = compare(store, Layout(daemon.paths.queue_dir))
        assert not found.differences, found.differences
        assert found.removed == found.pending == 0, found
    finally:
        store.close()


def compare_nodes(
    cluster: SimulatedCluster, told: Told, daemon: system.Daemon, control: NodeControl
) -> None:
    """No opcode ran twice, and candidates hold the same files."""
    calls = control.counts()[cluster.nodes[1].name].get("test_delay", 0)
    store = Store.open(daemon.paths.store_dir, read_only=True)
    began = 0
    try:
        with store.snapshot() as txn:
            for table in (schema.JOBS, schema.ARCHIVE):
                for job_id, row in table.scan(txn):
                    assert isinstance(row, dict)
                    job = documents.from_document(job_id, row)
                    calling = b'"on_nodes":["' in job.ops[0].input
                    began += calling and job.ops[0].exec_us is not None
    finally:
        store.close()
    assert calls <= began, f"{calls} calls of nodes by {began} opcodes that began"
    replica = cluster.queue(cluster.nodes[1])
    paths = sorted(Path(daemon.paths.queue_dir).rglob("job-*"))
    names = {path.relative_to(daemon.paths.queue_dir) for path in paths}
    assert names == {path.relative_to(replica) for path in replica.rglob("job-*")}
    for path in paths:
        other = replica / path.relative_to(daemon.paths.queue_dir)
        ours, theirs = path.read_bytes(), other.read_bytes()
        assert msgspec.json.decode(ours) == msgspec.json.decode(theirs), path


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run of the loop did; as text, a line that tells it."""

    kills: int
    text: str

    def __str__(self) -> str:
        return self.text


def run(*, kills: int | None, minutes: float | None, seed: int) -> Outcome:
    """Run the loop until so many kills, or for so long, whichever comes first.

    The last life, in which the queue runs dry, comes on top of the minutes.

    Raises:
        AssertionError: something was lost, or ran twice.
    """
    chance = random.Random(seed)
    told = Told()
    ways: Counter[str] = Counter()
    until_s = None if minutes is None else time.monotonic() + minutes * 60
    with system.simulated_cluster(nodes=3, settings=SETTINGS) as (cluster, control):
        while kills is None or ways.total() < kills:
            if until_s is not None and time.monotonic() >= until_s:
                break
            daemon, way = one_life(cluster, told, chance)
            ways[way] += 1
            inspect(daemon, told)
        last_life(cluster, told, control)
    detail = ", ".join(f"{way} {count}" for way, count in sorted(ways.items()))
    return Outcome(
        ways.total(),
        f"{ways.total()} kills ({detail}); {len(told.ids)} jobs acknowledged, "
        f"{len(told.ends)} ends told, {len(told.archived)} archived: nothing lost (seed {seed})",
    )


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "--kills", type=int, default=None, help="at most so many (default 200 without --minutes)"
    )
    parser.add_argument("--minutes", type=float, default=None, help="go on for so long at most")
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(2**32)
    kills = options.kills
    if kills is None and options.minutes is None:
        kills = 200
    print(f"seed {seed}", flush=True)
    print(run(kills=kills, minutes=options.minutes, seed=seed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
