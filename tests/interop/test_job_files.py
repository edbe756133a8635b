"""Ganeti's own loader reads every job file that the daemon writes, and loses nothing of it."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from exporter.layout import Layout
from exporter.rebuild import compare
from masterd.luxi.client import Client
from store.store import Store
from tests import system
from tests.interop import debian
from tests.interop.debian import Commands
from tests.interop.luxid import as_luxid_tells, ask, give, luxid, needs_luxid
from tests.luxi_support import until

pytestmark = debian.needs_ganeti

#: Reads job files named on the command line; tells of each its status and what it would write.
LOADER = """
import json, sys
from ganeti import jqueue, serializer, utils
for path in sys.argv[1:]:
    state = serializer.LoadJson(utils.ReadFile(path))
    job = jqueue._QueuedJob.Restore(None, state, False, "archive" in path)
    written = json.loads(serializer.DumpJson(job.Serialize()))
    print(json.dumps([path, job.CalcStatus(), job.log_serial, written]))
"""


@dataclass(frozen=True, slots=True)
class Queue:
    """A mirror with jobs in every state; statuses by job id."""

    commands: Commands
    root: Path
    socket: Path
    layout: Layout
    live: dict[int, str]
    archived: dict[int, str]
    log_serials: dict[int, int]


def delay(**parameters: object) -> dict[str, object]:
    return system.delay_op(0.002, **parameters)


def talking(*messages: str, fail: bool = False) -> dict[str, object]:
    """Return an opcode that says something."""
    return {
        "OP_ID": "OP_TEST_DUMMY",
        "messages": list(messages),
        "fail": fail,
        "result": None,
        "submit_jobs": None,
        "reason": [],
    }


def holding_op() -> dict[str, object]:
    """Return an opcode that holds the master's lock until it is killed."""
    return system.delay_op(3600.0, on_master=True, interruptible=True, no_locks=False)


def submit_jobs(client: Client) -> dict[int, str]:
    """Bring a job into each state; return the statuses."""

    def ended(status: str, *ops: dict[str, object]) -> int:
        job_id = client.call("SubmitJob", list(ops))
        assert isinstance(job_id, int)
        assert system.wait_for_end(client, job_id) == status
        found[job_id] = status
        return job_id

    def held(status: str, *ops: dict[str, object]) -> int:
        job_id = client.call("SubmitJob", list(ops))
        assert isinstance(job_id, int)
        debian.wait_for_status(client, job_id, status)
        found[job_id] = status
        return job_id

    found: dict[int, str] = {}
    first = ended("success", delay())
    ended("success", delay(priority=-10, comment="ä€😀", debug_level=1), delay(repeat=2))
    ended("success", delay(depends=[[first, ["success"]]], reason=[["me", "why", 1]]))
    ended("success", talking("one", 'zwei ä€😀\n\t"\\\x7f'), delay())
    ended("success", {"OP_ID": "OP_CLUSTER_QUERY", "reason": []})
    ended("success", {"OP_ID": "OP_TAGS_SET", "kind": "cluster", "name": None, "tags": ["a:b"],
                      "reason": []})  # fmt: skip
    ended("success", delay(dry_run=True))
    ended("error", talking("before the end", fail=True), delay())
    ended("error", delay(on_nodes=["nosuch.example.com"]))
    running = held("running", talking("in front"), holding_op(), delay())
    # Not the first opcode, which needs no lock.
    debian.wait_for(client, running, "opstatus", lambda value: value == [
        "success", "running", "queued",
    ])  # fmt: skip
    waiting = held("waiting", holding_op())
    held("queued", delay(depends=[[running, []]]))
    assert client.call("CancelJob", held("waiting", holding_op()), False)
    canceled = max(found)
    assert system.wait_for_end(client, canceled) == "canceled"
    found[canceled] = "canceled"
    assert client.call("ChangeJobPriority", waiting, 5)
    return found


@pytest.fixture(scope="module")
def queue() -> Iterator[Queue]:
    with (
        system.simulated_cluster(nodes=2) as (cluster, _),
        system.running(cluster) as daemon,
        daemon.client() as client,
    ):
        # Twice, so that each state that ends is there live and archived.
        archived = {
            job_id: status
            for job_id, status in submit_jobs(client).items()
            if status in ("success", "error", "canceled")
        }
        for job_id in archived:
            assert client.call("ArchiveJob", job_id) is True
        end_jobs(client)
        live = submit_jobs(client)
        layout = Layout(cluster.queue(cluster.master))
        wait_for_mirror(daemon.paths.store_dir, layout)
        yield Queue(
            Commands(cluster.environment()),
            cluster.master_root,
            daemon.paths.query_socket,
            layout,
            live,
            archived,
            log_serials(client, live),
        )
        end_jobs(client)


def end_jobs(client: Client) -> None:
    """End what has not ended."""
    answer: Any = client.call("Query", "job", ["id", "status"], None)
    for (_, job_id), (_, status) in reversed(answer["data"]):
        if status not in system.FINAL:
            client.call("CancelJob", job_id, True)
            assert system.wait_for_end(client, job_id) in ("canceled", "error")


def wait_for_mirror(store_dir: Path, layout: Layout) -> None:
    """Wait until the files hold what the store holds."""
    store = Store.open(store_dir, read_only=True)
    try:
        until(lambda: compare(store, layout).pending == 0)
        assert compare(store, layout).differences == []
    finally:
        store.close()


def log_serials(client: Client, job_ids: dict[int, str]) -> dict[int, int]:
    rows: Any = client.call("QueryJobs", list(job_ids), ["id", "oplog"])
    return {
        job_id: max((entry[0] for log in logs for entry in log), default=0) for job_id, logs in rows
    }


def load(queue: Queue, paths: list[Path]) -> dict[int, tuple[str, int]]:
    """Let Ganeti read files; return what it says of status and log of each job.

    What Ganeti would write must be what it read.
    """
    output = queue.commands.ganeti_python(LOADER, *map(str, paths)).output
    found = {}
    for line in output.splitlines():
        path, status, log_serial, written = json.loads(line)
        stored = json.loads(Path(path).read_bytes())
        assert written == {"livelock": None, "process_id": None, **stored}, path
        assert Path(path).name == f"job-{stored['id']}"
        found[stored["id"]] = (status, log_serial)
    assert len(found) == len(paths)
    return found


def test_each_live_file_is_loaded_and_written_alike(queue: Queue) -> None:
    paths = sorted(queue.layout.directory.glob("job-*"))
    loaded = load(queue, paths)
    assert {job_id: status for job_id, (status, _) in loaded.items()}.items() >= queue.live.items()
    assert {job_id: loaded[job_id][1] for job_id in queue.live} == queue.log_serials
    assert set(queue.live.values()) == {
        "success", "error", "running", "waiting", "queued", "canceled",
    }  # fmt: skip


def test_each_archived_file_is_loaded_and_written_alike(queue: Queue) -> None:
    paths = sorted(queue.layout.archive.glob("*/job-*"))
    loaded = load(queue, paths)
    assert {job_id: status for job_id, (status, _) in loaded.items()} == queue.archived
    assert set(queue.archived.values()) == {"success", "error", "canceled"}


def test_the_library_finds_the_jobs_and_the_serial(queue: Queue) -> None:
    script = """
from ganeti import pathutils, jstore
from ganeti.utils import ReadFile
print(jstore._ReadNumericFile(pathutils.JOB_QUEUE_SERIAL_FILE))
print(jstore._ReadNumericFile(pathutils.JOB_QUEUE_VERSION_FILE))
"""
    output = queue.commands.ganeti_python(script).output
    assert output.split() == [str(max(queue.live)), "1"]


# --- Ganeti's Haskell ---------------------------------------------------------------------------

#: All fields of a job.
FIELDS = (
    "id", "status", "priority", "archived", "summary", "received_ts", "start_ts", "end_ts", "ops",
    "opresult", "opstatus", "oplog", "opstart", "opexec", "opend", "oppriority",
)  # fmt: skip


@pytest.fixture
def luxid_socket(queue: Queue) -> Iterator[Path]:
    """The socket of a luxid on a copy of the master's root, with our job files."""
    with system.short_directory() as base:
        # Its user has to come in.
        base.chmod(0o755)
        root = base / queue.root.name
        jobs = queue.layout.directory.relative_to(queue.root)
        shutil.copytree(
            queue.root,
            root,
            # It would run the jobs that it finds when it starts.
            ignore=shutil.ignore_patterns("job-*", "masterd-store", "socket", "*.pid", "lock"),
        )
        (root / "var/run/ganeti/socket").mkdir()
        give(root)
        config = json.loads((root / "var/lib/ganeti/config.data").read_bytes())
        with luxid(root, config_serial=config["serial_no"]) as path:
            shutil.copytree(queue.layout.directory, root / jobs, dirs_exist_ok=True)
            give(root / jobs)
            yield path


@needs_luxid
def test_luxid_tells_of_each_file_what_we_tell_of_its_job(queue: Queue, luxid_socket: Path) -> None:
    with Client(str(queue.socket)) as client:
        for job_id in [*queue.live, *queue.archived]:
            question = [[job_id], FIELDS]
            (theirs,) = ask(luxid_socket, "QueryJobs", question)
            ours = as_luxid_tells(client.call("QueryJobs", *question))[0]
            told = dict(zip(FIELDS, theirs, strict=True))
            expected = dict(zip(FIELDS, ours, strict=True))
            assert told == expected
