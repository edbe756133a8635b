"""What is measured, on the whole daemon: each scenario starts its own cluster.

The daemon is a process of its own with three simulated candidates in another, replication on, its
directory on the file system of the temporary directory; clients are a third process
(`load`). "Held" jobs depend on one that does not end meanwhile.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import lmdb

from masterd.config import document as config_document
from masterd.job import documents
from masterd.job.model import Job, Op, Peer
from masterd.job.status import OpStatus
from masterd.testing.cluster import SimulatedCluster
from store import outbox, serials
from store.schema import ARCHIVE, FINISHED, JOBS, UNFINISHED
from store.store import Store
from store.txn import WriteTxn
from tests import system
from tests.benchmarks.figure import Figure
from tests.interop import luxid_support
from tests.sample_config import sample
from tests.system import Daemon

#: Submissions do not wait for candidates, whose pace beside everything else on one machine is no
#: figure of the daemon; how far they are behind is measured instead.
SETTINGS: Final = "vote_pause_s = 0.1\njobs_live_max = 1000000\ncandidates_behind_max_s = 86400\n"
NODES: Final = 4
LOAD_S: Final = 300.0
ROOT: Final = Path(__file__).parents[2]

#: Lines of the daemon's log that are shown when a scenario fails.
LOG_LINES: Final = 40

#: Seconds of a job that holds others, longer than any scenario.
HOLD_S: Final = 600.0


#: How the daemon is run; the benchmark command puts a profiler around it on demand.
how_to_run: list[str] = ["masterd"]


@contextmanager
def cluster_with_daemon(
    prepare: Callable[[Store], None] | None = None, *, nodes: int = NODES
) -> Iterator[Daemon]:
    """Start a cluster; `prepare` may fill its store between a first and a second start."""
    with system.simulated_cluster(nodes=nodes, settings=SETTINGS) as (cluster, _):
        with system.running(cluster, module=how_to_run) as daemon:
            if prepare is None:
                with _noting_log(daemon):
                    yield daemon
                return
        store = Store.open(daemon.paths.store_dir)
        prepare(store)
        store.close()
        with system.running(cluster, module=how_to_run) as again, _noting_log(again):
            yield again


@contextmanager
def _noting_log(daemon: Daemon) -> Iterator[None]:
    """Add to an error how the daemon is and what it told last: its directory goes with it."""
    try:
        yield
    except Exception as error:
        lines = daemon.log().splitlines()[-LOG_LINES:]
        error.add_note("\n".join([f"daemon: exit code {daemon.process.poll()}, log:", *lines]))
        raise


def load(daemon: Daemon, kind: str, **spec: object) -> dict[str, Any]:
    """Let clients do something in a process of their own; return what they measured."""
    return load_at(daemon.paths.query_socket, kind, **spec)


def load_at(path: Path, kind: str, **spec: object) -> dict[str, Any]:
    """Do as `load` with whoever listens at `path`."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.load", str(path)],
        input=json.dumps({"kind": kind, **spec}),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        timeout=LOAD_S,
        check=True,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def cpu_s(daemon: Daemon) -> float:
    """Return the processor time that the daemon has used."""
    fields = Path(f"/proc/{daemon.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait_replicated(daemon: Daemon) -> float:
    """Wait until all candidates hold everything; return how many seconds that took."""
    begun = time.monotonic()
    daemon.wait_replicated()
    return time.monotonic() - begun


def hold(daemon: Daemon) -> int:
    """Submit a job that runs until the end; return its id."""
    with daemon.client() as client:
        job_id = client.call("SubmitJob", [system.delay_op(HOLD_S)])
    assert isinstance(job_id, int)
    return job_id


def held_op(job_id: int) -> dict[str, object]:
    """Return an opcode that waits for another job."""
    return system.delay_op(depends=[[job_id, []]])


# --- jobs ---------------------------------------------------------------------------------------


def jobs(quick: bool) -> list[Figure]:
    """Jobs from submission to the end."""
    count = 200 if quick else 6000
    ops = [system.delay_op()]
    with cluster_with_daemon() as daemon:
        load(daemon, "work", clients=4, jobs=40, ops=ops)
        alone = load(daemon, "work", clients=1, jobs=50 if quick else 400, ops=ops)
        wait_replicated(daemon)
        used = cpu_s(daemon)
        many = load(daemon, "work", clients=16, jobs=count, ops=ops)
        used = cpu_s(daemon) - used
        behind_s = wait_replicated(daemon)
        lag = daemon.status()["mirror"]["everywhere"]
    return [
        Figure("jobs", "submit to success, 16 clients", many["per_s"], "jobs/s", 400),
        Figure("jobs", "daemon's processor time per job", 1000 * used / count, "ms"),
        Figure("jobs", "submit to end, one client, median", alone["median_ms"], "ms", 15, True),
        Figure("jobs", "submit to end, one client, p99", alone["p99_ms"], "ms"),
        Figure("jobs", "end to its waiter's notice, one client, p99",
               alone["notice"]["p99_ms"], "ms", 10, True),
        Figure("jobs", "until all candidates hold a change, median", 1000 * lag["median_s"], "ms"),
        Figure("jobs", "until all candidates hold a change, p99", 1000 * lag["p99_s"], "ms"),
        Figure("jobs", "until all candidates hold everything, after the last job", behind_s, "s"),
    ]  # fmt: skip


def submissions(quick: bool) -> list[Figure]:
    """Durable submissions of jobs that stay in the queue."""
    count = 500 if quick else 20_000
    with cluster_with_daemon() as daemon:
        ops = [held_op(hold(daemon))]
        load(daemon, "submit", clients=8, jobs=100, ops=ops)
        before = daemon.status()["store"]["commits"]
        many = load(daemon, "submit", clients=64, jobs=count, ops=ops)
        commits = daemon.status()["store"]["commits"] - before
        bulk = load(
            daemon, "submit", clients=1, jobs=1 if quick else 3, method="SubmitManyJobs",
            ops=[ops] * (100 if quick else 1000),
        )  # fmt: skip
        daemon.kill()
    batch = count / max(1, commits)
    bare = bare_commits(quick, round(batch))
    return [
        Figure("submissions", "durable, 64 clients, held in the queue", many["per_s"], "jobs/s",
               4000),
        Figure("submissions", "answer, p99", many["p99_ms"], "ms"),
        Figure("submissions", "SubmitManyJobs of 1,000 jobs", bulk["median_ms"] / 1000, "s", 0.5,
               True),
        Figure("submissions", "jobs per commit", batch, "jobs"),
        Figure("submissions", "LMDB alone, the same batch, four rows each", bare, "jobs/s",
               note="the disk's limit for one sync per batch"),
        Figure("submissions", "our share of that", many["per_s"] / bare, "x"),
    ]  # fmt: skip


def bare_commits(quick: bool, batch: int) -> float:
    """Return jobs per second of LMDB alone: each batch four small rows per job and one sync."""
    batch = max(1, batch)
    rounds = 20 if quick else 300
    document = os.urandom(400)
    with (
        tempfile.TemporaryDirectory() as directory,
        lmdb.open(directory, max_dbs=4, map_size=1 << 30) as env,
    ):
        tables = [env.open_db(name) for name in (b"jobs", b"open", b"outbox", b"serial")]
        key = 0
        begun = time.monotonic()
        for _ in range(rounds):
            with env.begin(write=True) as txn:
                for _ in range(batch):
                    key += 1
                    raw = key.to_bytes(8, "big")
                    txn.put(raw, document, db=tables[0], append=True)
                    txn.put(raw, b"", db=tables[1], append=True)
                    txn.put(raw, b"\x92\xa3job\x01", db=tables[2], append=True)
                    txn.put(b"job", raw, db=tables[3])
        return rounds * batch / (time.monotonic() - begun)


# --- clients ------------------------------------------------------------------------------------


def clients(quick: bool) -> list[Figure]:
    """Thousands of waiting clients, hundreds that submit."""
    waiters, submitters = (100, 10) if quick else (5000, 200)
    with cluster_with_daemon() as daemon:
        blocker = hold(daemon)
        with daemon.client() as client:
            held = client.call("SubmitJob", [held_op(blocker)])
        found = load(
            daemon, "busy", pid=daemon.process.pid, waiters=waiters, job=held, clients=submitters,
            seconds=1 if quick else 8, ops=[held_op(blocker)],
        )  # fmt: skip
        daemon.kill()
    small, told = found["small"], found["submissions"]
    return [
        Figure("clients", f"small query's p99, {waiters} waiting, {submitters} submitting",
               small["p99_ms"], "ms", 50, True),
        Figure("clients", "small query's median meanwhile", small["median_ms"], "ms"),
        Figure("clients", "submissions meanwhile", told["per_s"], "jobs/s"),
        Figure("clients", "private memory per waiting client", found["bytes_per_waiter"] / 1024,
               "KiB", 5, True),
    ]  # fmt: skip


def queries(quick: bool) -> list[Figure]:
    """QueryClusterInfo from 16 connections, beside luxid where it is installed."""
    seconds = 0.5 if quick else 3.0
    spec: dict[str, Any] = {"clients": 16, "seconds": seconds, "method": "QueryClusterInfo",
                            "args": []}  # fmt: skip
    with cluster_with_daemon() as daemon:
        info = load(daemon, "rate", **spec)
    figures = [
        Figure("queries", "QueryClusterInfo, 16 connections", info["per_s"], "/s", 8000),
        Figure("queries", "QueryClusterInfo, p99", info["p99_ms"], "ms"),
    ]
    if not luxid_is_there():
        print("ganeti-luxid is not installed, or this is not root: no comparison", file=sys.stderr)
        return figures
    with luxid_support.running(config_document.split(sample(1))) as luxid:
        theirs = load_at(luxid.path, "rate", **spec)
    return [
        *figures,
        Figure("queries", "QueryClusterInfo of luxid", theirs["per_s"], "/s"),
        Figure("queries", "ours to luxid's", info["per_s"] / theirs["per_s"], "x", 1),
    ]


def luxid_is_there() -> bool:
    """Tell whether the reference can be started."""
    return shutil.which("ganeti-luxid") is not None and os.geteuid() == 0


# --- queue --------------------------------------------------------------------------------------


def cancels(quick: bool) -> list[Figure]:
    """Cancels of queued jobs."""
    count = 100 if quick else 5000
    with cluster_with_daemon() as daemon:
        blocker = hold(daemon)
        load(daemon, "submit", clients=16, jobs=count, ops=[held_op(blocker)])
        found = load(daemon, "cancel", clients=16, first=blocker + 1, jobs=count)
        daemon.kill()
    return [
        Figure("cancels", "of queued jobs, 16 clients", found["per_s"], "/s",
               note="luxid was seen at 400"),
    ]  # fmt: skip


def archiving(quick: bool) -> list[Figure]:
    """AutoArchiveJobs over many finished jobs."""
    count = 500 if quick else 10_000
    with cluster_with_daemon(lambda store: fill(store, finished=count)) as daemon:
        wait_replicated(daemon)
        with daemon.client() as client:
            begun = time.monotonic()
            answer = client.call("AutoArchiveJobs", -1, 60)
            took = time.monotonic() - begun
        assert answer == [count, 0], answer
        mirrored = wait_replicated(daemon)
    return [
        Figure("archiving", f"autoarchive of {count:,} finished jobs", took, "s", 5, True),
        Figure("archiving", "until files and candidates have followed", mirrored, "s"),
    ]


def starting(quick: bool) -> list[Figure]:
    """From starting the process to its first answer."""
    archived, live = (1000, 100) if quick else (100_000, 5000)
    with system.simulated_cluster(nodes=NODES, settings=SETTINGS) as (cluster, _):
        with system.running(cluster) as daemon:
            pass
        daemon, empty = first_answer(cluster)
        daemon.stop()
        store = Store.open(daemon.paths.store_dir)
        fill(store, archived=archived, queued=live)
        store.close()
        daemon, took = first_answer(cluster)
        daemon.kill()
    return [
        Figure(
            "starting", f"with {archived:,} archived and {live:,} live jobs", took, "s", 3, True
        ),
        Figure("starting", "with an empty queue", empty, "s"),
    ]  # fmt: skip


def first_answer(cluster: SimulatedCluster) -> tuple[Daemon, float]:
    """Start the daemon; return it, and the seconds until it has answered a question."""
    begun = time.monotonic()
    daemon = system.start(cluster)
    question = json.dumps({"method": "QueryConfigValues", "args": [["cluster_name"]]}).encode()
    while True:
        assert daemon.process.poll() is None, daemon.log()
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(str(daemon.paths.query_socket))
            except OSError:
                time.sleep(0.005)
                continue
            client.sendall(question + b"\x03")
            assert client.recv(4096).endswith(b"\x03")
            return daemon, time.monotonic() - begun


def fill(store: Store, *, finished: int = 0, archived: int = 0, queued: int = 0) -> None:
    """Put jobs into a store as if they had gone through it long ago, and been mirrored."""
    now_us = 1_795_456_800_000_000
    source = b'{"OP_ID":"OP_TEST_DELAY","duration":0.001,"on_master":false,"on_nodes":[]}'

    def job(job_id: int, ended: bool) -> Job:
        op = Op("OP_TEST_DELAY", source, "TEST_DELAY(1.0e-3)", 0)
        if ended:
            op = Op(
                op.op_id, op.input, op.summary, 0, (), OpStatus.SUCCESS, b"null",
                now_us + 1, now_us + 2, now_us + 3,
            )  # fmt: skip
        start, end = (now_us + 1, now_us + 3) if ended else (None, None)
        return Job(job_id, (op,), now_us, start, end, 0, 3 if ended else 0, Peer(0, 0, 1))

    with store.snapshot() as txn:
        first = serials.last(txn, "job") + 1
    total = archived + finished + queued
    # The queued ones wait for the first of them, which nobody lets run.
    for start in range(0, total, 1000):

        def body(txn: WriteTxn, start: int = start) -> None:
            for offset in range(start, min(start + 1000, total)):
                job_id = first + offset
                row = documents.to_document(job(job_id, offset < archived + finished))
                if offset < archived:
                    ARCHIVE.put(txn, job_id, {**row, "log": []}, append=True)
                    continue
                JOBS.put(txn, job_id, row, append=True)
                if offset < archived + finished:
                    FINISHED.put(txn, (now_us + 3, job_id), None)
                    outbox.append(txn, outbox.JOB, job_id)
                else:
                    UNFINISHED.put(txn, job_id, None, append=True)
            serials.raise_to(txn, "job", first + total - 1)

        store.update(body)


SCENARIOS: Final[Mapping[str, Callable[[bool], list[Figure]]]] = {
    "jobs": jobs,
    "submissions": submissions,
    "clients": clients,
    "queries": queries,
    "cancels": cancels,
    "archiving": archiving,
    "starting": starting,
}
